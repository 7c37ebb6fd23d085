"""RedBlueDoors: a room with a red door on one side and a blue door on the other, to be opened in this order."""

import numpy as np

from rl_lab.envs.robot import tasks
from rl_lab.envs.robot.cells import BLUE, CLOSED_DOOR, OPAQUE, RED
from rl_lab.envs.robot.families import World, family
from rl_lab.envs.robot.layouts.building import ZERO, below, build_room, enclose, place_robot
from rl_lab.envs.robot.world import CAPACITIES, put
from rl_lab.validation import whole_number

RED_DOOR, BLUE_DOOR = np.int64(CLOSED_DOOR | RED << 4 | OPAQUE), np.int64(CLOSED_DOOR | BLUE << 4 | OPAQUE)


def reset(state, config):
    """Draw where the doors and the robot are."""
    size = config.height
    left, right = size // 2, size // 2 + size - 1
    build_room(state, config)
    enclose(state, left, ZERO, size, size, config)
    place_robot(state, left, ZERO, size, size, config)
    red, blue = 1 + below(state, size - 2), 1 + below(state, size - 2)
    put(state, left, red, RED_DOOR, config.stride)
    put(state, right, blue, BLUE_DOOR, config.stride)
    state.target_x = left
    state.target_y = red
    state.other_x = right
    state.other_y = blue


@family
def red_blue_doors(size: int = 8) -> World:
    """A room with two doors: open the red one, then the blue one (MiniGrid's RedBlueDoors).

    Args:
        size: the height of the world in cells with its walls, and half its width, 5 to 20.
    """
    whole_number("size", size, 5, CAPACITIES[-1] // 2)
    mission = "open the red door then the blue door"
    return World("Robot-RedBlueDoors", reset, mission, 2 * size, size, max_steps=20 * size**2, task=tasks.IN_ORDER)
