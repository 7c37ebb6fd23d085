"""Doors that open and close by themselves: each is open for half of a period, and shut for the other half.

`state.rooms` lists them: phase, three numbers that are not used, x and y; then NOWHERE. A door is open at a step if
`(steps + phase) % period` lies in the first half, so that the level is drawn at random and then goes like clockwork.
"""

import numpy as np

from rl_lab.envs.robot.cells import DOOR, LOCKED_DOOR, OPAQUE, YELLOW
from rl_lab.envs.robot.world import MOST_ROOMS, NOWHERE, put

LONGEST_PERIOD = 200  # steps
OPEN = np.int64(DOOR | YELLOW << 4)
SHUT = np.int64(LOCKED_DOOR | YELLOW << 4 | OPAQUE)  # no key fits: there is no yellow one


def forget_doors(state):
    """Have no doors on a clock."""
    for k in range(MOST_ROOMS):
        state.rooms[k, 4] = NOWHERE


def add_door(state, k, x, y, phase, config):
    """Put the k-th door on a clock into the world; after the last comes none."""
    state.rooms[k, 0] = phase
    state.rooms[k, 4] = x
    state.rooms[k, 5] = y
    put(state, x, y, OPEN if is_open(state, k, config) else SHUT, config.stride)


def is_open(state, k, config):
    """Whether the clock says that the k-th door is open now."""
    return (np.int64(state.steps) + np.int64(state.rooms[k, 0])) % config.period < config.period // 2


def turn_doors(state, config):
    """Open and close the doors as their clock says; one in which the robot stands stays open."""
    for k in range(MOST_ROOMS):
        x, y = np.int64(state.rooms[k, 4]), np.int64(state.rooms[k, 5])
        if x == NOWHERE:
            break
        if x != state.x or y != state.y:
            put(state, x, y, OPEN if is_open(state, k, config) else SHUT, config.stride)
