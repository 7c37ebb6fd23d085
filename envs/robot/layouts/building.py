"""What layouts are built with: walls, draws, things put where there is room, and the words of a mission.

Draws follow MiniGrid's generators in distribution. Numbers that are handed on are np.int64, since Numba compiles a
function again for every plain int that it is given.
"""

import numpy as np

from rl_lab import random
from rl_lab.envs.robot.cells import CLOSED_DOOR, COLOURS, EMPTY, GREY_WALL, KIND, LOCKED_DOOR, NOTHING, OPAQUE
from rl_lab.envs.robot.missions import COLOUR_WORDS, KIND_WORDS, SLOT
from rl_lab.envs.robot.world import MISSION_LENGTH, NOWHERE, place, put

ZERO, ONE, TWO, THREE, DIRECTIONS = np.int64(0), np.int64(1), np.int64(2), np.int64(3), np.int64(4)
COLOUR_COUNT = np.int64(len(COLOURS))


def below(state, count):
    """A random number from 0 to `count - 1`."""
    return random.integers(state.random, ZERO, count)


def build_solid(state, config):
    """Make a world of `config.width` by `config.height`, all of it wall; no robot, empty hands, the mission's words."""
    stride = config.stride
    state.variant = config.variant
    state.width = config.width
    state.height = config.height
    for k in range(2 * stride * stride):
        state.cells[k] = GREY_WALL
    for k in range(stride * stride):
        state.contents[k] = EMPTY
    state.x = NOWHERE
    state.y = NOWHERE
    state.carrying = EMPTY
    state.carrying_contents = EMPTY
    state.target = EMPTY
    state.target_x = NOWHERE
    state.target_y = NOWHERE
    state.other_x = NOWHERE
    state.other_y = NOWHERE
    for k in range(MISSION_LENGTH):
        state.mission[k] = config.mission[k]


def build_room(state, config):
    """Make an empty world with walls around it."""
    build_solid(state, config)
    fill(state, ONE, ONE, config.width - 2, config.height - 2, NOTHING, config)


def fill(state, left, top, width, height, cell, config):
    """Write a cell all over a rectangle."""
    stride = config.stride
    for y in range(top, top + height):
        first = place(left, y, stride)
        for k in range(width):
            state.cells[first + np.uint64(k)] = cell
    for x in range(left, left + width):
        first = place(top, x, stride) + np.uint64(stride * stride)
        for k in range(height):
            state.cells[first + np.uint64(k)] = cell


def enclose(state, left, top, width, height, config):
    """Draw walls along the border of a rectangle."""
    fill(state, left, top, width, ONE, GREY_WALL, config)
    fill(state, left, top + height - 1, width, ONE, GREY_WALL, config)
    fill(state, left, top, ONE, height, GREY_WALL, config)
    fill(state, left + width - 1, top, ONE, height, GREY_WALL, config)


def free_place(state, left, top, width, height, config):
    """Draw one of the cells of a rectangle that hold nothing, the robot's excepted; there must be one."""
    while True:
        x = left + below(state, width)
        y = top + below(state, height)
        if state.cells[place(x, y, config.stride)] == EMPTY and (x != state.x or y != state.y):
            return x, y


def put_anywhere(state, thing, config):
    """Put a thing on any free cell of a world with walls around it; returns where."""
    x, y = free_place(state, ONE, ONE, config.width - 2, config.height - 2, config)
    put(state, x, y, thing, config.stride)
    return x, y


def place_robot(state, left, top, width, height, config):
    """Put the robot on any free cell of a rectangle, facing anywhere."""
    state.x = NOWHERE
    x, y = free_place(state, left, top, width, height, config)
    state.x = x
    state.y = y
    state.direction = below(state, DIRECTIONS)


def place_robot_anywhere(state, config):
    """The same in a whole world with walls around it."""
    place_robot(state, ONE, ONE, config.width - 2, config.height - 2, config)


def start_in_corner(state):
    """Put the robot in the upper left corner, facing right."""
    state.x = ONE
    state.y = ONE
    state.direction = ZERO


def closed_door(colour):
    """The byte of a door that no key is needed for."""
    return CLOSED_DOOR | colour << 4 | OPAQUE


def locked_door(colour):
    """The byte of a door that needs the key of its colour."""
    return LOCKED_DOOR | colour << 4 | OPAQUE


def unused(state, count, used):
    """Draw a number below `count` whose bit is not set in `used`; there must be one."""
    while True:
        number = below(state, count)
        if used >> number & 1 == 0:
            return number


def mention(state, first, second):
    """Fill the mission's slots with the words for two things; see `missions.template`."""
    for k in range(MISSION_LENGTH):
        slot = np.int64(state.mission[k]) - SLOT
        if slot >= 0:
            thing = first if slot < 2 else second
            state.mission[k] = KIND_WORDS[thing & KIND] if slot & 1 else COLOUR_WORDS[thing >> 4 & 7]
