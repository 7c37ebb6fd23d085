"""What the actions do in every family, as MiniGrid 3.2 defines it; `tasks` has the step."""

import numpy as np

from rl_lab.envs.robot import cells
from rl_lab.envs.robot.cells import CLOSED_DOOR, COLOUR, DOOR, EMPTY, KIND, NOTHING, PORTABLE, STANDABLE
from rl_lab.envs.robot.world import FORWARD_X, FORWARD_Y, place, put

TURN_LEFT, TURN_RIGHT, FORWARD, PICKUP, DROP, TOGGLE, DONE = range(7)
ACTIONS = ("left", "right", "forward", "pickup", "drop", "toggle", "done")


def ahead_of(state):
    """The place of the cell ahead of the robot."""
    direction = np.int64(state.direction)
    return np.int64(state.x) + FORWARD_X[direction], np.int64(state.y) + FORWARD_Y[direction]


def success(state, config):
    """The reward for doing in this step what was asked for."""
    return 1 - config.haste * (np.int64(state.steps) / config.max_steps)


def act(state, action, x, y, config):
    """Act on the cell ahead, which is (x, y); a goal ends the episode with success, lava without."""
    direction, here = np.int64(state.direction), place(x, y, config.stride)
    ahead = np.int64(state.cells[here])
    kind = ahead & KIND
    if action == TURN_LEFT:
        state.direction = (direction + 3) & 3
    elif action == TURN_RIGHT:
        state.direction = (direction + 1) & 3
    elif action == FORWARD:
        if STANDABLE[kind]:
            state.x = x
            state.y = y
        if kind == cells.GOAL:
            return success(state, config), True
        if kind == cells.LAVA:
            return 0.0, True
    elif action == PICKUP:
        if PORTABLE[kind] and state.carrying == EMPTY:
            state.carrying = ahead
            state.carrying_contents = state.contents[here]
            state.contents[here] = EMPTY
            put(state, x, y, NOTHING, config.stride)
    elif action == DROP:
        if kind == EMPTY and state.carrying != EMPTY:
            put(state, x, y, np.int64(state.carrying), config.stride)
            state.contents[here] = state.carrying_contents
            state.carrying = EMPTY
            state.carrying_contents = EMPTY
    elif action == TOGGLE:
        toggle(state, x, y, ahead, config)
    return 0.0, False


def toggle(state, x, y, thing, config):
    """Open or close a door, unlock one with the key of its colour, or turn a box into what it contains."""
    kind, colour = thing & KIND, thing & COLOUR
    if kind == DOOR:
        put(state, x, y, CLOSED_DOOR | colour | cells.OPAQUE, config.stride)
    elif kind == CLOSED_DOOR or (kind == cells.LOCKED_DOOR and state.carrying == cells.KEY | colour):
        put(state, x, y, DOOR | colour, config.stride)
    elif kind == cells.BOX:
        here = place(x, y, config.stride)
        put(state, x, y, np.int64(state.contents[here]), config.stride)
        state.contents[here] = EMPTY
