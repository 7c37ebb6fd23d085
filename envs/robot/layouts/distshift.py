"""DistShift: two strips of lava, the second in another row when it counts."""

from rl_lab.envs.robot.cells import GREEN_GOAL, RED_LAVA
from rl_lab.envs.robot.families import Layout, World, family
from rl_lab.envs.robot.layouts.building import ONE, THREE, build_room, fill, start_in_corner
from rl_lab.envs.robot.world import put
from rl_lab.validation import whole_number

WIDTH, HEIGHT = 9, 7


def reset(state, config):
    """Nothing is drawn at random."""
    build_room(state, config)
    put(state, config.width - 2, ONE, GREEN_GOAL, config.stride)
    fill(state, THREE, ONE, config.width - 6, ONE, RED_LAVA, config)
    fill(state, THREE, config.strip, config.width - 6, ONE, RED_LAVA, config)
    start_in_corner(state)


@family
def dist_shift(strip: int = 2) -> World:
    """A 9x7 room with lava in the first row and in another: walk around it to the goal (MiniGrid's DistShift).

    Args:
        strip: the row of the second strip, 2 to 5; 2 in DistShift1, 5 in DistShift2.
    """
    whole_number("strip", strip, 2, HEIGHT - 2)
    return World(
        "Robot-DistShift",
        reset,
        "get to the green goal square",
        WIDTH,
        HEIGHT,
        max_steps=4 * WIDTH * HEIGHT,
        see_through_walls=True,
        layout=Layout(strip=strip),
    )
