"""MiniGrid's own package as the oracle of the robot gridworld: the same position in both, then step by step."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX
from minigrid.core.grid import Grid
from minigrid.core.mission import MissionSpace
from minigrid.core.world_object import WorldObj
from minigrid.minigrid_env import MiniGridEnv

LEFT, RIGHT, FORWARD, PICKUP, DROP, TOGGLE, DONE = range(7)
Policy = Callable[[Any, np.random.Generator], int]


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
        self.palette = self.np_random.choice(6, 2)  # few colours, so that keys fit doors
        for x in range(width):
            for y in range(height):
                border = x in (0, width - 1) or y in (0, height - 1)
                if border or self.np_random.random() < density:
                    self.grid.set(x, y, self._thing("wall" if border else None))
        self.place_agent()

    def _thing(self, name: str | None) -> WorldObj:
        names = ["wall", "floor", "door", "door", "door", "key", "key", "key", "ball", "box", "goal", "lava"]
        name = name or names[self.np_random.integers(len(names))]
        colour, state = self.np_random.choice(self.palette), self.np_random.integers(3)
        thing = WorldObj.decode(OBJECT_TO_IDX[name], colour, state)
        assert thing is not None
        if name == "box" and self.np_random.random() < 0.7:
            inside = ["key", "ball", "box", "floor", "goal", "lava"][self.np_random.integers(6)]
            thing.contains = WorldObj.decode(OBJECT_TO_IDX[inside], self.np_random.integers(6), 0)
        return thing


def numbers(thing: WorldObj) -> tuple[int, int]:
    return OBJECT_TO_IDX[thing.type], COLOR_TO_IDX[thing.color]


def position(theirs: MiniGridEnv) -> dict[str, Any]:
    """Reset options for ours that make it what theirs is."""
    filled = {
        (index % theirs.width, index // theirs.width): thing.contains
        for index, thing in enumerate(theirs.grid.grid)
        if thing is not None and thing.contains is not None
    }
    return {
        "grid": theirs.grid.encode(),
        "agent": (*(int(n) for n in theirs.agent_pos), int(theirs.agent_dir)),
        "carrying": numbers(theirs.carrying) if theirs.carrying else None,
        "mission": theirs.mission,
        "contents": {place: numbers(thing) for place, thing in filled.items()},
        "step": theirs.step_count,
    }


def assert_equal(theirs: dict[str, Any], ours: dict[str, Any], where: str) -> None:
    assert np.array_equal(theirs["image"], ours["image"]), where
    assert theirs["direction"] == ours["direction"], where
    assert theirs["mission"] == ours["mission"], where


def play(theirs: MiniGridEnv, ours: gym.Env, policy: Policy, seed: int) -> Counter:
    """One episode in lock-step from a level of MiniGrid's; counts what happened in it."""
    rng, seen = np.random.default_rng(seed), Counter()
    observation, _ = theirs.reset(seed=seed)
    assert_equal(observation, ours.reset(options=position(theirs))[0], f"seed {seed}, start")
    while True:
        action, before = policy(theirs, rng), theirs.carrying
        ahead = theirs.grid.get(*theirs.front_pos)
        locked = ahead is not None and ahead.type == "door" and ahead.is_locked
        observation, reward, terminated, truncated, _ = theirs.step(action)
        image, *same = ours.step(action)[:4]
        where = f"seed {seed}, step {theirs.step_count}, action {action}"
        assert same == [reward, terminated, truncated], where
        assert_equal(observation, image, where)
        seen["steps"] += 1
        seen["pickups"] += before is None and theirs.carrying is not None
        seen["unlocked"] += locked and not ahead.is_locked
        seen["drops"] += before is not None and theirs.carrying is None
        if terminated or truncated:
            return seen + Counter(successes=int(reward > 0), terminated=int(terminated), truncated=int(truncated))
        hidden = theirs.carrying is not None and theirs.carrying.contains is not None  # what options cannot say
        if rng.random() < 0.02 and not hidden:
            assert_equal(observation, ours.reset(options=position(theirs))[0], where + ", moved over")


def at_random(theirs: MiniGridEnv, rng: np.random.Generator) -> int:
    """Every action often, and those often that do something to what is ahead."""
    ahead = theirs.grid.get(*theirs.front_pos)
    if ahead is not None and rng.random() < 0.4:
        if ahead.can_pickup() and theirs.carrying is None:
            return PICKUP
        if ahead.type in ("door", "box"):
            return TOGGLE
    return int(rng.choice(7, p=(0.16, 0.16, 0.36, 0.12, 0.05, 0.12, 0.03)))


def pilot(theirs: MiniGridEnv, rng: np.random.Generator) -> int:
    """Head for the key, the door and the goal, and do something else now and then; one episode in four at random."""
    if theirs.step_count == 0:
        theirs.care = rng.choice((0.0, 0.75, 0.75, 0.75))
    if rng.random() > theirs.care:
        return at_random(theirs, rng)
    target, action = next_target(theirs)
    if tuple(theirs.front_pos) == target:
        return action
    offset = np.subtract(target, theirs.agent_pos)
    axis = int(offset[1] != 0) if action != FORWARD else int(offset[0] == 0)
    wanted = axis if offset[axis] > 0 else axis + 2
    turn = (wanted - theirs.agent_dir) % 4
    return (FORWARD, RIGHT, RIGHT, LEFT)[turn]


def next_target(theirs: MiniGridEnv) -> tuple[tuple[int, int], int]:
    """Where to go in Empty and DoorKey, and what to do there."""
    things = {
        thing.type: ((index % theirs.width, index // theirs.width), thing)
        for index, thing in enumerate(theirs.grid.grid)
        if thing is not None
    }
    if "door" not in things or theirs.agent_pos[0] >= things["door"][0][0]:
        return things["goal"][0], FORWARD
    place, door = things["door"]
    if door.is_locked and "key" in things and theirs.carrying is None:
        return things["key"][0], PICKUP
    return place, FORWARD if door.is_open and theirs.agent_pos[1] == place[1] else TOGGLE
