"""Empty: a room with a goal in the far corner."""

from rl_lab.envs.robot.cells import GREEN_GOAL
from rl_lab.envs.robot.families import Layout, World, family
from rl_lab.envs.robot.layouts.building import DIRECTIONS, below, build_room, start_in_corner
from rl_lab.envs.robot.world import CAPACITIES, put
from rl_lab.validation import switches, whole_number


def reset(state, config):
    """Start in the corner opposite to the goal, facing right, or, with `random_start`, anywhere else."""
    width, height = config.width, config.height
    build_room(state, config)
    put(state, width - 2, height - 2, GREEN_GOAL, config.stride)
    start_in_corner(state)
    if config.random_start:
        cell = below(state, (width - 2) * (height - 2) - 1)  # all but the last, which is the goal
        state.x = 1 + cell % (width - 2)
        state.y = 1 + cell // (width - 2)
        state.direction = below(state, DIRECTIONS)


@family
def empty(size: int = 8, random_start: bool = False) -> World:
    """An empty room: walk to the goal in the lower right corner (MiniGrid's Empty).

    Args:
        size: side of the world in cells with its walls, 4 to 41.
        random_start: start anywhere, facing anywhere, instead of in the upper left corner facing right.
    """
    whole_number("size", size, 4, CAPACITIES[-1])
    switches(random_start=random_start)
    return World(
        "Robot-Empty",
        reset,
        "get to the green goal square",
        size,
        max_steps=4 * size**2,
        see_through_walls=True,
        layout=Layout(random_start=random_start),
    )
