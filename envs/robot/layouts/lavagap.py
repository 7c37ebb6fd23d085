"""LavaGap: a wall of lava with one gap between the robot and the goal."""

from rl_lab.envs.robot.cells import GREEN_GOAL, NOTHING, RED_LAVA
from rl_lab.envs.robot.families import World, family
from rl_lab.envs.robot.layouts.building import ONE, below, build_room, fill, start_in_corner
from rl_lab.envs.robot.world import CAPACITIES, put
from rl_lab.validation import whole_number


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
def lava_gap(size: int = 7) -> World:
    """A room with a column of lava: find its gap and walk to the goal (MiniGrid's LavaGap).

    Args:
        size: side of the world in cells with its walls, 5 to 41.
    """
    whole_number("size", size, 5, CAPACITIES[-1])
    mission = "avoid the lava and get to the green goal square"
    return World("Robot-LavaGap", reset, mission, size, max_steps=4 * size**2)
