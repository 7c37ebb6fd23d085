"""MultiRoom: rooms strung together by doors, the robot in the first and the goal in the last."""

import numpy as np

from rl_lab.envs.robot.cells import GREEN_GOAL, NOTHING
from rl_lab.envs.robot.families import Layout, World, family
from rl_lab.envs.robot.layouts.building import (
    COLOUR_COUNT,
    THREE,
    ZERO,
    below,
    build_solid,
    closed_door,
    enclose,
    fill,
    free_place,
    place_robot,
)
from rl_lab.envs.robot.world import MOST_ROOMS, put
from rl_lab.validation import whole_number

SIZE, SMALLEST, TRIES = 25, 4, 8


def reset(state, config):
    """Draw chains of rooms until one is long enough; then the doors' colours, and where robot and goal are."""
    build_solid(state, config)
    fill(state, ZERO, ZERO, config.width, config.height, NOTHING, config)  # around the rooms, too
    while draw_chain(state, config) < config.rooms:
        pass
    colour = below(state, COLOUR_COUNT)
    for k in range(config.rooms):
        left, top, width, height = room(state, k)
        enclose(state, left, top, width, height, config)
        if k > 0:
            door_x, door_y = np.int64(state.rooms[k, 4]), np.int64(state.rooms[k, 5])
            put(state, door_x, door_y, closed_door(colour), config.stride)
            colour = (colour + 1 + below(state, COLOUR_COUNT - 1)) % COLOUR_COUNT  # another one
    left, top, width, height = room(state, ZERO)
    place_robot(state, left, top, width, height, config)
    left, top, width, height = room(state, config.rooms - 1)
    x, y = free_place(state, left, top, width, height, config)
    put(state, x, y, GREEN_GOAL, config.stride)


def room(state, k):
    """Left, top, width and height of a room."""
    rooms = state.rooms
    return np.int64(rooms[k, 0]), np.int64(rooms[k, 1]), np.int64(rooms[k, 2]), np.int64(rooms[k, 3])


def draw_chain(state, config):
    """Draw rooms, each at a door in a wall of the one before, with eight tries for each; returns how many fit."""
    entry = np.int64(2)  # the wall with the door that leads in: right 0, down 1, left 2, up 3
    for k in range(config.rooms):
        fits = False
        for _ in range(TRIES if k > 0 else 1):
            wall = entry
            if k > 0:
                leaving = below(state, THREE)
                leaving += leaving >= entry
                draw_door(state, k, leaving)
                wall = (leaving + 2) % 4
            else:
                state.rooms[0, 4] = below(state, config.width - 2)
                state.rooms[0, 5] = below(state, config.width - 2)
            fits = draw_room(state, k, wall, config)
            if fits:
                entry = wall
                break
        if not fits:
            return k
    return config.rooms


def draw_door(state, k, wall):
    """Draw the door of room k in a wall of the room before."""
    left, top, width, height = room(state, k - 1)
    if wall & 1:
        state.rooms[k, 4] = left + 1 + below(state, width - 2)
        state.rooms[k, 5] = top + height - 1 if wall == 1 else top
    else:
        state.rooms[k, 4] = left + width - 1 if wall == 0 else left
        state.rooms[k, 5] = top + 1 + below(state, height - 2)


def draw_room(state, k, wall, config):
    """Draw the size of room k and where it lies with its door in a wall; tells whether it fits."""
    x, y = np.int64(state.rooms[k, 4]), np.int64(state.rooms[k, 5])
    width = SMALLEST + below(state, config.room_size - SMALLEST + 1)
    height = SMALLEST + below(state, config.room_size - SMALLEST + 1)
    if k == 0:
        left, top = x, y
    elif wall & 1:
        left = x - width + 2 + below(state, width - 2)
        top = y - height + 1 if wall == 1 else y
    else:
        left = x - width + 1 if wall == 0 else x
        top = y - height + 2 + below(state, height - 2)
    if left < 0 or top < 0 or left + width > config.width or top + height >= config.height:
        return False
    for other in range(k - 1):  # all but the room before
        its_left, its_top, its_width, its_height = room(state, other)
        beside = left + width < its_left or its_left + its_width <= left
        if not beside and not (top + height < its_top or its_top + its_height <= top):
            return False
    state.rooms[k, 0] = left
    state.rooms[k, 1] = top
    state.rooms[k, 2] = width
    state.rooms[k, 3] = height
    return True


@family
def multi_room(rooms: int = 6, room_size: int = 10) -> World:
    """Rooms strung together in a 25x25 world: walk through all of them to the goal (MiniGrid's MultiRoom).

    Args:
        rooms: how many there are, 1 to 8.
        room_size: the longest side of a room in cells with its walls, 4 to 10.
    """
    whole_number("rooms", rooms, 1, MOST_ROOMS)
    whole_number("room_size", room_size, SMALLEST, 10)
    mission, layout = "traverse the rooms to get to the goal", Layout(rooms=rooms, room_size=room_size)
    return World("Robot-MultiRoom", reset, mission, SIZE, max_steps=20 * rooms, layout=layout)
