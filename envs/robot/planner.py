"""The fewest actions from a state to the goal, exactly, for worlds with at most one key and one door.

A breadth-first search over what can change: the robot's pose, whether the key was taken and whether the door is
open. Nothing else needs to change on a shortest way: a robot that carries the key loses nothing by it, and an open
door is in nobody's way.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_lab import jit
from rl_lab.envs.robot.cells import (
    CLOSED_DOOR,
    COLOUR,
    DOOR,
    EMPTY,
    FLOOR,
    GOAL,
    KEY,
    KIND,
    LOCKED_DOOR,
    PORTABLE,
)
from rl_lab.envs.robot.dynamics import FORWARD, PICKUP, TOGGLE, TURN_LEFT, TURN_RIGHT
from rl_lab.envs.robot.tasks import REACH
from rl_lab.envs.robot.world import FORWARD_X, FORWARD_Y, place
from rl_lab.errors import LabError

TAKEN, OPENED = 1, 2  # bits of a phase
PHASES = 4
NO_WAY = -1


def search(state, config, before, queue, actions):
    """Find a shortest plan.

    Args:
        state: the lane's record.
        config: the environment's record.
        before: int32 `(width * height * 4 * PHASES,)`, workspace: for each node 1 + 8 * (the node before) + the action.
        queue: int32, workspace as long as `before`.
        actions: uint8 `(actions,)`, filled from the start; as long as `before` is always enough.

    Returns:
        The number of actions, or NO_WAY.
    """
    width, height, stride = np.int64(state.width), np.int64(state.height), config.stride
    before[:] = -1
    phase = np.int64(TAKEN if state.carrying & KIND == KEY else 0)
    start = (((phase * height) + np.int64(state.y)) * width + np.int64(state.x)) * 4 + np.int64(state.direction)
    before[start] = 0
    queue[0] = start
    head, tail = 0, 1
    while head < tail:
        node = np.int64(queue[head])
        head += 1
        direction, cell = node & 3, node >> 2
        x, y, phase = cell % width, cell // width % height, cell // (width * height)
        ahead_x, ahead_y = x + FORWARD_X[direction], y + FORWARD_Y[direction]
        ahead = np.int64(state.cells[place(ahead_x, ahead_y, stride)])
        kind = ahead & KIND
        forward = ((phase * height + ahead_y) * width + ahead_x) * 4 + direction
        for action in range(TOGGLE + 1):
            after = node
            if action == TURN_LEFT:
                after = (cell << 2) | ((direction + 3) & 3)
            elif action == TURN_RIGHT:
                after = (cell << 2) | ((direction + 1) & 3)
            elif action == FORWARD and passable(kind, phase):
                after = forward
            elif action == PICKUP and kind == KEY and phase & TAKEN == 0:
                after = node + TAKEN * width * height * 4
            elif action == TOGGLE and opens(state, ahead, phase):
                after = node + OPENED * width * height * 4
            if before[after] < 0:
                before[after] = 1 + 8 * node + action
                if action == FORWARD and kind == GOAL:
                    return trace(before, start, after, actions)
                queue[tail] = after
                tail += 1
    return NO_WAY


def passable(kind, phase):
    """Whether the robot can walk onto a cell of this kind, and lives."""
    if kind == KEY:
        return phase & TAKEN != 0
    if kind in (CLOSED_DOOR, LOCKED_DOOR):
        return phase & OPENED != 0
    return kind in (EMPTY, FLOOR, DOOR, GOAL)


def opens(state, ahead, phase):
    """Whether toggling opens what is ahead."""
    kind = ahead & KIND
    if phase & OPENED != 0:
        return False
    if kind == LOCKED_DOOR:
        return phase & TAKEN != 0 and key_colour(state) == ahead & COLOUR
    return kind == CLOSED_DOOR


def key_colour(state):
    """The colour of the only key, wherever it is; -1 without one."""
    if state.carrying & KIND == KEY:
        return np.int64(state.carrying) & COLOUR
    for k in range(state.cells.shape[0]):
        if state.cells[k] & KIND == KEY:
            return np.int64(state.cells[k]) & COLOUR
    return np.int64(-1)


def trace(before, start, node, actions):
    """Write the way to a node; returns its length."""
    length = 0
    at = node
    while at != start:
        at = (np.int64(before[at]) - 1) >> 3
        length += 1
    at = node
    for k in range(length - 1, -1, -1):
        step = np.int64(before[at]) - 1
        actions[k] = step & 7
        at = step >> 3
    return length


def plan(env: Any) -> list[int]:
    """A shortest sequence of actions that reaches the goal from where the environment stands.

    Args:
        env: a single robot environment, in wrappers or not, after its reset.

    Raises:
        LabError: it is no robot world, it holds more than one key or door, or the goal cannot be reached.
    """
    lanes = getattr(env.unwrapped, "lanes", None)
    if lanes is None or "cells" not in (lanes.states.dtype.names or ()):
        raise LabError(f"{env} is no robot world; the planner knows rl_lab/Robot-... environments only")
    found = plan_state(lanes.states[0], lanes.config[0])
    if found is None:
        raise LabError("the goal cannot be reached from here; reset the environment, or mend its grid")
    return found


def plan_state(state: np.void, config: np.void) -> list[int] | None:
    """A shortest plan from a saved state, or None where there is none; see `plan`."""
    if config["task"] != REACH:
        raise LabError("this mission is about more than a goal, and is not planned; only ways to a goal are")
    _check_known(state)
    size = int(state["width"]) * int(state["height"]) * 4 * PHASES
    before, queue, actions = np.zeros(size, np.int32), np.zeros(size, np.int32), np.zeros(size, np.uint8)
    length = _search()(state, config, before, queue, actions)
    return None if length == NO_WAY else actions[:length].tolist()


def _check_known(state: np.void) -> None:
    kinds: NDArray[np.uint8] = state["cells"][: len(state["cells"]) // 2] & KIND
    doors = int(np.isin(kinds, (DOOR, CLOSED_DOOR, LOCKED_DOOR)).sum())
    things = int(PORTABLE[kinds].sum()) + int(PORTABLE[state["carrying"] & KIND])
    keys = int((kinds == KEY).sum()) + int(state["carrying"] & KIND == KEY)
    if doors > 1 or things > 1 or things != keys:
        raise LabError(
            f"a world with {doors} doors, {keys} keys and {things - keys} other things is not planned exactly; "
            "one door, one key and nothing else is the most"
        )


@functools.cache
def _search() -> jit.Compiled:
    return jit.specialize(search, name="the robot's planner", exact=True)


class Planner:
    """An expert that knows the whole world and walks a shortest way: `expert(observation, info) -> action`."""

    def __init__(self) -> None:
        self._left: list[int] = []

    def reset(self, env: Any) -> None:
        """Plan an episode, from where the environment stands.

        Raises:
            LabError: see `plan`.
        """
        self._left = plan(env)[::-1]

    def __call__(self, observation: Any, info: dict[str, Any] | None = None) -> int:
        """The next action of the plan."""
        if not self._left:
            raise LabError("the plan is at its end; call reset(env) at the start of each episode")
        return self._left.pop()
