"""Two rooms with a locked door between them: the key and the robot in one, the goal in the other."""

from __future__ import annotations

from rl_lab import random
from rl_lab.envs.robot.cells import GREEN_GOAL, GREY_WALL, KEY, LOCKED_DOOR, OPAQUE, YELLOW
from rl_lab.envs.robot.world import build_room, put

YELLOW_KEY = KEY | YELLOW << 4
YELLOW_LOCKED_DOOR = LOCKED_DOOR | YELLOW << 4 | OPAQUE


def reset(state, config):
    """Draw the dividing wall, the door in it, and where robot and key are; like MiniGrid, never the lowest door.

    MiniGrid draws positions until one is free; drawing among the free ones alone is the same distribution.
    """
    width, height, stride = config.width, config.height, config.stride
    build_room(state, config)
    put(state, width - 2, height - 2, GREEN_GOAL, stride)
    split = random.integers(state.random, 2, width - 2)
    for y in range(1, height - 1):
        put(state, split, y, GREY_WALL, stride)
    put(state, split, random.integers(state.random, 1, height - 2), YELLOW_LOCKED_DOOR, stride)
    columns = split - 1
    cells = columns * (height - 2)
    robot = random.integers(state.random, 0, cells)
    key = random.integers(state.random, 0, cells - 1)
    if key >= robot:
        key += 1
    state.x = 1 + robot % columns
    state.y = 1 + robot // columns
    state.direction = random.integers(state.random, 0, 4)
    put(state, 1 + key % columns, 1 + key // columns, YELLOW_KEY, stride)
