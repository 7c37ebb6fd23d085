"""LockedRoom: six rooms along a hall, the goal in the locked one and its key in another."""

import numpy as np

from rl_lab.envs.robot.cells import GREEN_GOAL, GREY_WALL, KEY
from rl_lab.envs.robot.families import World, family
from rl_lab.envs.robot.layouts.building import (
    COLOUR_COUNT,
    ONE,
    ZERO,
    below,
    build_room,
    closed_door,
    fill,
    locked_door,
    mention,
    place_robot,
    unused,
)
from rl_lab.envs.robot.world import put

SIZE, ROOM_HEIGHT, DOOR = 19, 6, 3
LEFT_WALL, RIGHT_WALL, HALL = np.int64(7), np.int64(11), np.int64(4)


def reset(state, config):
    """Draw the rooms' colours, which is locked, which has the key, and where goal, key and robot are."""
    stride, height = config.stride, config.height
    build_room(state, config)
    fill(state, LEFT_WALL, ZERO, ONE, height, GREY_WALL, config)
    fill(state, RIGHT_WALL, ZERO, ONE, height, GREY_WALL, config)
    for row in range(1, 3):
        fill(state, ZERO, row * ROOM_HEIGHT, LEFT_WALL, ONE, GREY_WALL, config)
        fill(state, RIGHT_WALL, row * ROOM_HEIGHT, config.width - RIGHT_WALL, ONE, GREY_WALL, config)
    locked, with_key = below(state, COLOUR_COUNT), below(state, COLOUR_COUNT - 1)  # as many rooms as colours
    if with_key >= locked:
        with_key += 1
    used, key, key_door = 0, 0, 0
    for number in range(COLOUR_COUNT):  # row by row, the left room first
        colour = unused(state, COLOUR_COUNT, used)
        used |= 1 << colour
        x, y = RIGHT_WALL if number & 1 else LEFT_WALL, (number >> 1) * ROOM_HEIGHT + DOOR
        put(state, x, y, locked_door(colour) if number == locked else closed_door(colour), stride)
        if number == locked:
            key = KEY | colour << 4
        elif number == with_key:
            key_door = closed_door(colour)
    put_inside(state, locked, GREEN_GOAL, config)
    put_inside(state, with_key, key, config)
    place_robot(state, LEFT_WALL, ZERO, HALL, height, config)
    mention(state, key, key_door)


def put_inside(state, number, thing, config):
    """Put a thing anywhere in a room, which is empty."""
    left = RIGHT_WALL if number & 1 else 0
    x = left + 1 + below(state, LEFT_WALL - ONE)
    y = (number >> 1) * ROOM_HEIGHT + 1 + below(state, ROOM_HEIGHT - ONE)
    put(state, x, y, thing, config.stride)


@family
def locked_room() -> World:
    """Six rooms along a hall: fetch the key from the room that the mission names, unlock, walk to the goal."""
    mission = "get the {0} key from the {2} room, unlock the {0} door and go to the goal"
    return World("Robot-LockedRoom", reset, mission, SIZE, max_steps=10 * SIZE)
