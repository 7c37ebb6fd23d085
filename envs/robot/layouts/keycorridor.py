"""KeyCorridor: rooms on both sides of a corridor, the ball behind a locked door and the key in another room."""

from rl_lab.envs.robot import tasks
from rl_lab.envs.robot.cells import BALL, KEY, NOTHING
from rl_lab.envs.robot.families import Layout, World, family
from rl_lab.envs.robot.layouts.building import (
    COLOUR_COUNT,
    DIRECTIONS,
    ONE,
    THREE,
    TWO,
    ZERO,
    below,
    closed_door,
    fill,
    locked_door,
    mention,
)
from rl_lab.envs.robot.layouts.rooms import build_rooms, place_robot_in_room, put_door, put_in_room
from rl_lab.envs.robot.world import CAPACITIES
from rl_lab.validation import whole_number

COLUMNS = 3


def reset(state, config):
    """Draw the locked room, the ball in it, the key on the other side, the robot, and doors until all is joined."""
    rows, step = config.rows, config.room_size - 1
    build_rooms(state, config)
    joined = 0  # bits of walls with a way through, four for each room
    for row in range(1, rows):
        fill(state, step + 1, row * step, step - 1, ONE, NOTHING, config)
        joined |= both_sides(row * COLUMNS + 1, THREE)
    locked = below(state, rows)
    colour = below(state, COLOUR_COUNT)
    put_door(state, TWO, locked, TWO, locked_door(colour), config)
    joined |= both_sides(locked * COLUMNS + 2, TWO)
    ball = BALL | below(state, COLOUR_COUNT) << 4
    put_in_room(state, TWO, locked, ball, config)
    put_in_room(state, ZERO, below(state, rows), KEY | colour << 4, config)
    place_robot_in_room(state, ONE, rows // 2, config)
    join_all(state, joined, locked * COLUMNS + 2, config)
    state.target = ball
    mention(state, ball, ball)


def join_all(state, joined, locked_room, config):
    """Add doors to walls drawn at random, none to the locked room, until the robot could reach every room."""
    rows = config.rows
    while not all_reached(joined, rows):
        column, row, side = below(state, COLUMNS), below(state, rows), below(state, DIRECTIONS)
        room = row * COLUMNS + column
        beyond = neighbour(column, row, side, rows)
        if beyond < 0 or joined >> (4 * room + side) & 1 or room == locked_room or beyond == locked_room:
            continue
        put_door(state, column, row, side, closed_door(below(state, COLOUR_COUNT)), config)
        joined |= both_sides(room, side)


def all_reached(joined, rows):
    """Whether every room is joined to every other."""
    every = (1 << COLUMNS * rows) - 1
    reached, before = 1, 0
    while reached != before:
        before = reached
        for room in range(COLUMNS * rows):
            for side in range(4):
                if reached >> room & 1 and joined >> (4 * room + side) & 1:
                    reached |= 1 << neighbour(room % COLUMNS, room // COLUMNS, side, rows)
    return reached == every


def neighbour(column, row, side, rows):
    """The number of the room beyond a wall; -1 for none."""
    if side & 1:
        row += 2 - side
    else:
        column += 1 - side
    if column < 0 or column >= COLUMNS or row < 0 or row >= rows:
        return -1
    return row * COLUMNS + column


def both_sides(room, side):
    """The bits of a wall, as seen from both of its rooms."""
    beyond = room + (1 - side) if side & 1 == 0 else room + COLUMNS * (2 - side)
    return 1 << (4 * room + side) | 1 << (4 * beyond + (side + 2) % 4)


@family
def key_corridor(room_size: int = 6, rows: int = 3) -> World:
    """Rooms along a corridor: find the key, unlock the door, pick up the ball (MiniGrid's KeyCorridor).

    Args:
        room_size: side of a room in cells with its walls, 3 to 14.
        rows: of rooms, 1 to 5, no more than 41 cells in all.
    """
    whole_number("room_size", room_size, 3, (CAPACITIES[-1] - 1) // COLUMNS + 1)
    whole_number("rows", rows, 1, min(5, (CAPACITIES[-1] - 1) // (room_size - 1)))
    return World(
        "Robot-KeyCorridor",
        reset,
        "pick up the {0} {1}",
        COLUMNS * (room_size - 1) + 1,
        rows * (room_size - 1) + 1,
        max_steps=30 * room_size**2,
        task=tasks.PICK_UP,
        layout=Layout(room_size=room_size, rows=rows, columns=COLUMNS),
    )
