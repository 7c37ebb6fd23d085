"""ObstructedMaze: locked doors with balls before them, keys in boxes, and a blue ball in a far room."""

import numpy as np

from rl_lab.envs.robot import tasks
from rl_lab.envs.robot.cells import BALL, BLUE, BOX, EMPTY, GREEN, GREY, KEY
from rl_lab.envs.robot.families import Layout, World, family
from rl_lab.envs.robot.layouts.building import COLOUR_COUNT, ONE, ZERO, below, closed_door, locked_door, mention, unused
from rl_lab.envs.robot.layouts.rooms import build_rooms, place_robot_in_room, put_door, put_in_room
from rl_lab.envs.robot.world import FORWARD_X, FORWARD_Y, place, put
from rl_lab.validation import switches, whole_number

ROOM_SIZE = 6
BLUE_BALL, GREEN_BALL, GREY_BOX = np.int64(BALL | BLUE << 4), np.int64(BALL | GREEN << 4), np.int64(BOX | GREY << 4)
ROOMS_VISITED = {1: 5, 2: 11, 3: 18, 4: 25}  # by quarters, starting in the middle; MiniGrid has 1, 2 and 4


def reset_pair(state, config):
    """Two rooms with one locked door between them, the ball behind it."""
    build_rooms(state, config)
    colour = below(state, COLOUR_COUNT)
    put_locked_door(state, ZERO, ZERO, ZERO, colour, config)
    put_key(state, ZERO, ZERO, colour, config)
    finish(state, ONE, ZERO, config)


def reset_maze(state, config):
    """Nine rooms: the middle one has doors to side rooms, these have locked doors to corners, one holds the ball."""
    build_rooms(state, config)
    colours = permuted_colours(state)
    for quarter in range(config.quarters):
        column, row = 1 + FORWARD_X[quarter], 1 + FORWARD_Y[quarter]
        put_door(state, ONE, ONE, quarter, closed_door(colours >> 4 * quarter & 7), config)
        for side in range(quarter + 3, quarter + 6, 2):  # the two at right angles to the way out, modulo 4
            colour = colours >> 4 * ((side - 4) % 6) & 7
            put_locked_door(state, column, row, side % 4, colour, config)
            if not config.keys_last:
                put_key(state, column, row, colour, config)
        if config.keys_last:
            for side in range(quarter + 3, quarter + 6, 2):
                put_key(state, column, row, colours >> 4 * ((side - 4) % 6) & 7, config)
    corner = below(state, config.quarters)  # upper right, lower right, lower left, upper left
    finish(state, 2 * (corner < 2), 2 * (corner == 1 or corner == 2), config)


def permuted_colours(state):
    """All colours in any order, four bits each."""
    colours, used = 0, 0
    for k in range(COLOUR_COUNT):
        colour = unused(state, COLOUR_COUNT, used)
        used |= 1 << colour
        colours |= colour << 4 * k
    return colours


def put_locked_door(state, column, row, side, colour, config):
    """Put a locked door into the wall of a room and, with `blocked`, a ball before it, whatever was there."""
    x, y = put_door(state, column, row, side, locked_door(colour), config)
    if config.blocked:
        before_x, before_y = x - FORWARD_X[side], y - FORWARD_Y[side]
        put(state, before_x, before_y, GREEN_BALL, config.stride)
        state.contents[place(before_x, before_y, config.stride)] = EMPTY


def put_key(state, column, row, colour, config):
    """Put a key into a room, with `boxed` in a box."""
    key = KEY | colour << 4
    x, y = put_in_room(state, column, row, GREY_BOX if config.boxed else key, config)
    if config.boxed:
        state.contents[place(x, y, config.stride)] = key


def finish(state, column, row, config):
    """Put the ball into a room, and the robot where it starts."""
    put_in_room(state, column, row, BLUE_BALL, config)
    place_robot_in_room(state, config.start_column, config.rows // 2, config)
    state.target = BLUE_BALL
    mention(state, BLUE_BALL, BLUE_BALL)


@family
def obstructed_pair(boxed: bool = True, blocked: bool = True) -> World:
    """Two rooms with a locked door (MiniGrid's ObstructedMaze-1Dl, -1Dlh and -1Dlhb).

    Args:
        boxed: whether the key is in a box.
        blocked: whether a ball lies before the door.
    """
    switches(boxed=boxed, blocked=blocked)
    layout = Layout(room_size=ROOM_SIZE, columns=2, rows=1, boxed=boxed, blocked=blocked)
    return obstructed(reset_pair, 2, layout)


@family
def obstructed_maze(
    quarters: int = 4, boxed: bool = True, blocked: bool = True, start_in_middle: bool = True, keys_last: bool = True
) -> World:
    """Nine rooms with locked doors (MiniGrid's ObstructedMaze-2Dl to -Full).

    Args:
        quarters: how many of the side rooms have doors, 1 to 4.
        boxed: whether keys are in boxes.
        blocked: whether balls lie before locked doors.
        start_in_middle: whether the robot starts in the middle, or in the room on the right.
        keys_last: whether keys come after all doors and balls, as in MiniGrid's v1. In its v0 a ball may replace a
            key, and some levels cannot be solved.
    """
    whole_number("quarters", quarters, 1, 4)
    switches(boxed=boxed, blocked=blocked, start_in_middle=start_in_middle, keys_last=keys_last)
    layout = Layout(
        room_size=ROOM_SIZE,
        columns=3,
        rows=3,
        boxed=boxed,
        blocked=blocked,
        quarters=quarters,
        keys_last=keys_last,
        start_column=1 if start_in_middle else 2,
    )
    return obstructed(reset_maze, 4 if quarters == 1 and not start_in_middle else ROOMS_VISITED[quarters], layout)


def obstructed(reset, rooms_visited: int, layout: Layout) -> World:
    """What both share."""
    return World(
        "Robot-ObstructedMaze",
        reset,
        "pick up the {0} {1}",
        layout.columns * (ROOM_SIZE - 1) + 1,
        layout.rows * (ROOM_SIZE - 1) + 1,
        max_steps=4 * rooms_visited * ROOM_SIZE**2,
        task=tasks.PICK_UP,
        layout=layout,
    )
