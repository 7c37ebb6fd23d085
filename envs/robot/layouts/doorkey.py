"""DoorKey: two rooms with a locked door between them, the key and the robot in one, the goal in the other."""

import numpy as np

from rl_lab.envs.robot.cells import GREEN_GOAL, GREY_WALL, KEY, LOCKED_DOOR, OPAQUE, YELLOW
from rl_lab.envs.robot.families import World, family
from rl_lab.envs.robot.layouts.building import DIRECTIONS, ONE, below, build_room, fill
from rl_lab.envs.robot.world import CAPACITIES, put
from rl_lab.validation import whole_number

YELLOW_KEY = np.int64(KEY | YELLOW << 4)
YELLOW_LOCKED_DOOR = np.int64(LOCKED_DOOR | YELLOW << 4 | OPAQUE)


def reset(state, config):
    """Draw the dividing wall, the door in it, and where robot and key are; like MiniGrid, never the lowest door.

    MiniGrid draws positions until one is free; drawing among the free ones alone is the same distribution.
    """
    width, height, stride = config.width, config.height, config.stride
    build_room(state, config)
    put(state, width - 2, height - 2, GREEN_GOAL, stride)
    split = 2 + below(state, width - 4)
    fill(state, split, ONE, ONE, height - 2, GREY_WALL, config)
    put(state, split, 1 + below(state, height - 3), YELLOW_LOCKED_DOOR, stride)
    columns = split - 1
    cells = columns * (height - 2)
    robot = below(state, cells)
    key = below(state, cells - 1)
    if key >= robot:
        key += 1
    state.x = 1 + robot % columns
    state.y = 1 + robot // columns
    state.direction = below(state, DIRECTIONS)
    put(state, 1 + key % columns, 1 + key // columns, YELLOW_KEY, stride)


@family
def door_key(size: int = 8) -> World:
    """Two rooms: fetch the key, unlock the door, walk to the goal (MiniGrid's DoorKey).

    Args:
        size: side of the world in cells with its walls, 5 to 41.
    """
    whole_number("size", size, 5, CAPACITIES[-1])
    mission = "use the key to open the door and then get to the goal"
    return World("Robot-DoorKey", reset, mission, size, max_steps=10 * size**2)
