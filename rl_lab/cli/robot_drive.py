"""Steering the robot by hand: keys, messages, and when a level is over."""

import difflib
import re
from typing import Any, NamedTuple, Protocol

import gymnasium as gym

from rl_lab.envs.robot import cells, missions
from rl_lab.envs.robot.looking import ACTIONS
from rl_lab.envs.robot.registration import ENVIRONMENTS, PREFIX
from rl_lab.envs.single import BatchEnv
from rl_lab.errors import LabError

KEYS = {
    **{"a": "left", "left": "left", "d": "right", "right": "right", "w": "forward", "up": "forward"},
    **{"p": "pickup", "s": "drop", "down": "drop", "t": "toggle", "blank": "toggle", "e": "done", "enter": "done"},
    **{"l": "look", "h": "hint", "r": "reset", "q": "quit"},
}
ACTION_KEYS = ("arrows or w a d: drive", "p: pick up", "s: put down", "t: toggle", "e: done", "l: look")
TURNS = 2  # actions that share a key line with the way ahead
ALWAYS = ("h: hint", "r: new level", "q: quit")
ALIKE = 0.6  # how much of an id must be right for a guess at what was meant


class Scene(NamedTuple):
    """What the user sees."""

    state: Any
    """Record of the lane."""
    config: Any
    """Record of the environment."""
    lines: list[str]
    """Mission, status, and message."""


class DriveScreen(Protocol):
    """Output of scenes, and input of keys."""

    def show(self, scene: Scene) -> None:
        """Show a scene."""

    def key(self) -> str | None:
        """The next key, a character or one of the names in `KEYS`; None at the end of the input."""

    def say(self, text: str) -> None:
        """Print a line after the last scene."""


def world(id: str, arguments: dict[str, Any]) -> BatchEnv:
    """A robot environment in plain Python, which is fast enough for the keyboard and needs no compilation."""
    from rl_lab.compare.environments import Maker
    from rl_lab.compare.plan import Environment

    if ":" not in id and id not in gym.registry:
        raise LabError(f"unknown environment {id!r}; {meant(id)}")
    maker = Maker.of(Environment(id, None, arguments))
    made = maker.single(debug=True).unwrapped if maker.batched else None
    if not isinstance(made, BatchEnv) or "cells" not in (made.lanes.states.dtype.names or ()):
        raise LabError(f"{id} is not a robot environment; {meant(id)}")
    return made


def meant(id: str) -> str:
    """Which robot environment was probably meant, or which there are."""
    plain = re.sub(r"^(rl_lab/)?(Robot-|MiniGrid-)?", "", id)
    if PREFIX + plain in ENVIRONMENTS:
        return f"did you mean {PREFIX + plain}?"
    known = {re.sub(r"-v\d+$", "", name.removeprefix(PREFIX)): name for name in ENVIRONMENTS}
    close = difflib.get_close_matches(re.sub(r"-v\d+$", "", plain), known, 1, ALIKE)
    if close:
        return f"did you mean {known[close[0]]}?"
    return (
        "rl-lab drive takes rl_lab/Robot-... ids: Custom, Maze, Scout and the names of MiniGrid's environments, such "
        f"as {PREFIX}DoorKey-6x6-v0"
    )


class Drive:
    """A sequence of levels that the user drives.

    Attributes:
        actions: of the environment, by number.
        solved: how many levels were solved.
        levels: how many were started.
    """

    def __init__(self, env: BatchEnv, screen: DriveScreen) -> None:
        self.env, self.screen = env, screen
        self.actions = ACTIONS[: int(env.action_space.n)]  # type: ignore[attr-defined]  # a Discrete
        self.levels = self.solved = 0
        self._return, self._over = 0.0, False
        self._fewest: int | None = None

    @property
    def keys(self) -> str:
        """What the keys do in this environment."""
        return "   ".join((*ACTION_KEYS[: len(self.actions) - TURNS], *ALWAYS))

    def run(self, seed: int | None = None) -> None:
        """Drive until the user quits or the input ends."""
        message = self._begin(seed)
        while True:
            self.screen.show(self._scene(message))
            key = self.screen.key()
            done = "quit" if key is None else KEYS.get(key)
            if done == "quit":
                ended = "the input ended; " if key is None else ""
                plural = "" if self.levels == 1 else "s"
                self.screen.say(f"{ended}{self.levels} level{plural}, {self.solved} solved")
                return
            if done is None:
                message = f"{key!r} has no action; {self.keys}"
            elif done == "reset":
                message = self._begin(None)
            elif self._over:
                message = "this level is over: r starts a new one, q quits"
            else:
                message = self._hint() if done == "hint" else self._act(done)

    def _begin(self, seed: int | None) -> str:
        _, info = self.env.reset(seed=seed)
        self.levels, self._return, self._over = self.levels + 1, 0.0, False
        self._fewest = self._optimum(info)
        return self.keys

    def _act(self, name: str) -> str:
        if name not in self.actions:
            return f"this environment has no action {name}"
        _, reward, terminated, truncated, _ = self.env.step(self.actions.index(name))
        self._return += reward
        self._over = terminated or truncated
        if not self._over:
            return name
        self.solved += terminated and reward > 0
        how = "solved" if terminated and reward > 0 else "mission failed" if terminated else "step limit reached"
        state, _ = self.env.lanes.record(0)
        steps = f"{int(state.steps)} steps ({self._known})"
        return f"{name}: {how} after {steps}, reward {reward:.3g}; r starts a new level, q quits"

    def _hint(self) -> str:
        try:
            plan = self._plan()
        except LabError as error:
            return str(error)
        return f"the planner would choose {ACTIONS[plan[0]]}; {len(plan)} steps left" if plan else "mission complete"

    def _optimum(self, info: dict[str, Any]) -> int | None:
        """The fewest steps from here, where they are known."""
        if "optimal_steps" in info:
            known = int(info["optimal_steps"])
            return known if known >= 0 else None
        try:
            return len(self._plan())
        except LabError:
            return None

    def _plan(self) -> list[int]:
        from rl_lab.envs.robot.planner import plan

        return plan(self.env)

    @property
    def _known(self) -> str:
        return f"optimum: {'unknown' if self._fewest is None else self._fewest}"

    def _scene(self, message: str) -> Scene:
        state, config = self.env.lanes.record(0)
        hands = f"carrying {cells.describe(int(state.carrying))}"
        stand = (
            f"{hands}, step {int(state.steps)} of {int(config.max_steps)} ({self._known}), return {self._return:.3g}"
        )
        return Scene(state, config, [missions.text(state.mission) or "no mission", stand, message])
