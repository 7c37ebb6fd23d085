"""MiniGrid's own package as the oracle of the robot gridworld; the proofs in `benchmarks` use the same functions."""

import dataclasses
import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
from minigrid.core.grid import Grid
from minigrid.core.mission import MissionSpace
from minigrid.core.world_object import Wall
from minigrid.minigrid_env import MiniGridEnv

from rl_lab.envs.batch import BatchVectorEnv
from rl_lab.envs.definition import Definition
from rl_lab.envs.registration import resolve
from rl_lab.envs.robot.layouts import empty
from rl_lab.envs.robot.options import inject
from rl_lab.envs.robot.registration import ENVIRONMENTS, FAMILIES, OWN, PREFIX
from rl_lab.envs.single import BatchEnv

sys.path.insert(0, str(Path(__file__).parents[2]))
oracle = importlib.import_module("benchmarks.proofs.robot_oracle")
pilots = importlib.import_module("benchmarks.proofs.robot_pilot")
LEFT, RIGHT, FORWARD, PICKUP, DROP, TOGGLE, DONE = range(7)
numbers, play, position, theirs_of = oracle.numbers, oracle.play, oracle.position, oracle.theirs_of
Pilot, at_random = pilots.Pilot, pilots.at_random
ONE_EACH = [PREFIX + next(iter(names)) for names in FAMILIES.values()]  # an id of every family
MINIGRIDS = [id for id in ENVIRONMENTS if not id.startswith(OWN)]  # both have


class RandomWorld(MiniGridEnv):
    """A walled world in which anything may lie anywhere, boxes with things in them among it."""

    def __init__(self, width: int, height: int, see_through_walls: bool, max_steps: int) -> None:
        super().__init__(
            mission_space=MissionSpace(mission_func=lambda: "open the box"),
            width=width,
            height=height,
            see_through_walls=see_through_walls,
            max_steps=max_steps,
        )

    def _gen_grid(self, width: int, height: int) -> None:
        self.mission = "open the box"
        self.grid = Grid(width, height)
        density = self.np_random.uniform(0.1, 0.6)
        palette = self.np_random.choice(6, 2)  # few colours, so that keys fit doors
        for x in range(width):
            for y in range(height):
                if x in (0, width - 1) or y in (0, height - 1):
                    self.grid.set(x, y, Wall())
                elif self.np_random.random() < density:
                    self.grid.set(x, y, oracle.any_thing(self.np_random, palette))
        self.place_agent()


def with_shared_layout(id: str, **arguments: Any) -> Definition:
    """The definition of an id with another family's layout: then all ids of a capacity share their machine code."""
    place, defaults = ENVIRONMENTS[id]
    return dataclasses.replace(resolve(place, defaults | arguments), reset=empty.reset)


class Ours(BatchEnv):
    """The single environment of an id, whose step was compiled with another family's; levels are its own."""

    def __init__(self, id: str, **arguments: Any) -> None:
        super().__init__(with_shared_layout(id, observation="dict", **arguments))
        self.levels = BatchVectorEnv(ENVIRONMENTS[id][0], observation="dict", **ENVIRONMENTS[id][1] | arguments)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """A level of the family, or what the options make of it."""
        self.levels.reset(seed=seed)
        self.load_state(self.levels.save_state())
        if options:
            states, config = self.lanes.states.view(np.recarray), self.lanes.config.view(np.recarray)
            inject(states[0], config[0], options)
            self.lanes.observe()
        return self._observation(), {}
