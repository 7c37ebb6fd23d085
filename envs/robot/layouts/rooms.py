"""Grids of rooms of one size, as MiniGrid's RoomGrid makes them. Sides of a room are right 0, down 1, left 2, up 3."""

from rl_lab.envs.robot.cells import GREY_WALL, KIND, WALL
from rl_lab.envs.robot.dynamics import ahead_of
from rl_lab.envs.robot.layouts.building import ONE, ZERO, below, build_room, fill, free_place, place_robot
from rl_lab.envs.robot.tasks import distance
from rl_lab.envs.robot.world import place, put


def build_rooms(state, config):
    """Make `config.columns` by `config.rows` rooms without doors, with the robot in the middle of the middle one.

    It stays there until `place_robot_in_room`; until then things keep away from it, here as in MiniGrid.
    """
    step = config.room_size - 1
    build_room(state, config)
    for column in range(1, config.columns):
        fill(state, column * step, ZERO, ONE, config.height, GREY_WALL, config)
    for row in range(1, config.rows):
        fill(state, ZERO, row * step, config.width, ONE, GREY_WALL, config)
    state.x = config.columns // 2 * step + config.room_size // 2
    state.y = config.rows // 2 * step + config.room_size // 2
    state.direction = 0


def put_door(state, column, row, side, door, config):
    """Draw a place in the wall on one side of a room and put a door there; returns where."""
    step = config.room_size - 1
    along = 1 + below(state, config.room_size - 2)
    if side & 1:
        x, y = column * step + along, (row + (side == 1)) * step
    else:
        x, y = (column + (side == 0)) * step, row * step + along
    put(state, x, y, door, config.stride)
    return x, y


def put_in_room(state, column, row, thing, config):
    """Put a thing on any free cell of a room that is not next to the robot; returns where."""
    step, size = config.room_size - 1, config.room_size
    while True:
        x, y = free_place(state, column * step, row * step, size, size, config)
        if distance(x, y, state.x, state.y) >= 2:
            put(state, x, y, thing, config.stride)
            return x, y


def place_robot_in_room(state, column, row, config):
    """Put the robot on any free cell of a room, facing nothing or a wall."""
    step, size = config.room_size - 1, config.room_size
    while True:
        place_robot(state, column * step, row * step, size, size, config)
        x, y = ahead_of(state)
        kind = state.cells[place(x, y, config.stride)] & KIND
        if kind <= WALL:  # nothing, or a wall
            return
