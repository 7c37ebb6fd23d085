"""LavaGap: a wall of lava with one gap between the robot and the goal."""

from __future__ import annotations

from rl_lab.envs import Definition
from rl_lab.envs.robot.cells import GREEN_GOAL, NOTHING, RED_LAVA
from rl_lab.envs.robot.families import Settings, check_number, family, robot_world
from rl_lab.envs.robot.layouts.building import ONE, below, build_room, fill, start_in_corner
from rl_lab.envs.robot.world import CAPACITIES, put


def reset(state, config):
    """Draw where the lava runs down and where its gap is."""
    width, height, stride = config.width, config.height, config.stride
    build_room(state, config)
    put(state, width - 2, height - 2, GREEN_GOAL, stride)
    start_in_corner(state)
    x = 2 + below(state, width - 4)
    fill(state, x, ONE, ONE, height - 2, RED_LAVA, config)
    put(state, x, 1 + below(state, height - 2), NOTHING, stride)


@family
def lava_gap(size: int = 7, *, settings: Settings) -> Definition:
    """A room with a column of lava: find its gap and walk to the goal (MiniGrid's LavaGap).

    Args:
        size: side of the world in cells with its walls, 5 to 41.
        settings: what all robot worlds take.

    Raises:
        LabError: an argument is not allowed.
    """
    check_number("size", size, 5, CAPACITIES[-1])
    return robot_world(
        "Robot-LavaGap",
        reset,
        mission="avoid the lava and get to the green goal square",
        width=size,
        max_steps=4 * size**2,
        settings=settings,
    )
