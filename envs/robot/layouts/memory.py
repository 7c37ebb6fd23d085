"""Memory: a thing in the first room, a hallway, and two things at its end, of which the same one is right."""

import numpy as np

from rl_lab.envs.robot import tasks
from rl_lab.envs.robot.cells import BALL, GREEN, GREY_WALL, KEY
from rl_lab.envs.robot.families import Layout, World, family
from rl_lab.envs.robot.layouts.building import ONE, TWO, ZERO, below, build_room, fill
from rl_lab.envs.robot.world import CAPACITIES, put
from rl_lab.errors import LabError
from rl_lab.validation import switches, whole_number

GREEN_KEY, GREEN_BALL = np.int64(KEY | GREEN << 4), np.int64(BALL | GREEN << 4)


def reset(state, config):
    """Draw where the hallway ends, with `random_length`, the thing, the side of its twin, and where the robot is."""
    size, middle, stride = config.width, config.height // 2, config.stride
    end = 4 + below(state, size - 6) if config.random_length else size - 3
    build_room(state, config)
    build_hallway(state, middle, end, config)
    key_first, key_above = below(state, TWO), below(state, TWO)
    put(state, ONE, middle - 1, GREEN_KEY if key_first else GREEN_BALL, stride)
    put(state, end + 1, middle - 2, GREEN_KEY if key_above else GREEN_BALL, stride)
    put(state, end + 1, middle + 2, GREEN_BALL if key_above else GREEN_KEY, stride)
    side = -1 if key_first == key_above else 1
    state.target_x = end + 1
    state.target_y = middle + side
    state.other_x = end + 1
    state.other_y = middle - side
    state.x = 1 + below(state, end)
    state.y = middle
    state.direction = 0


def build_hallway(state, middle, end, config):
    """Draw the walls of the first room, the hallway, and the place at its end."""
    height = config.height
    for side in range(-1, 2, 2):
        fill(state, ONE, middle + 2 * side, np.int64(4), ONE, GREY_WALL, config)
        fill(state, np.int64(4), middle + side, end - 4, ONE, GREY_WALL, config)
    fill(state, end, ZERO, ONE, middle, GREY_WALL, config)
    fill(state, end, middle + 1, ONE, height - middle - 1, GREY_WALL, config)
    fill(state, end + 2, ZERO, ONE, height, GREY_WALL, config)


@family
def memory(size: int = 13, random_length: bool = False) -> World:
    """A hallway: look at the thing in the first room, then go to its twin at the end (MiniGrid's Memory).

    Args:
        size: side of the world in cells with its walls, odd, 7 to 41.
        random_length: whether the hallway ends anywhere.
    """
    whole_number("size", size, 7, CAPACITIES[-1])
    if size % 2 == 0:
        raise LabError(f"size={size} is not allowed; the hallway is in the middle, so it must be odd")
    switches(random_length=random_length)
    return World(
        "Robot-Memory",
        reset,
        "go to the matching object at the end of the hallway",
        size,
        max_steps=5 * size**2,
        task=tasks.MATCH,
        layout=Layout(random_length=random_length),
    )
