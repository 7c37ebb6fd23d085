"""Dynamic-Obstacles: an empty room in which balls move by themselves."""

from rl_lab.envs.robot import tasks
from rl_lab.envs.robot.cells import GREEN_GOAL
from rl_lab.envs.robot.dynamics import FORWARD
from rl_lab.envs.robot.families import Layout, World, family
from rl_lab.envs.robot.layouts.building import build_room, place_robot_anywhere, put_anywhere, start_in_corner
from rl_lab.envs.robot.world import CAPACITIES, MOST_OBSTACLES, NOWHERE, put
from rl_lab.validation import switches, whole_number


def reset(state, config):
    """Start in the corner opposite to the goal, or, with `random_start`, anywhere; then draw where the balls are."""
    build_room(state, config)
    put(state, config.width - 2, config.height - 2, GREEN_GOAL, config.stride)
    if config.random_start:
        place_robot_anywhere(state, config)
    else:
        start_in_corner(state)
    for k in range(MOST_OBSTACLES):
        state.obstacles[k, 0] = NOWHERE
        state.obstacles[k, 1] = NOWHERE
    for k in range(config.obstacles):
        x, y = put_anywhere(state, tasks.BLUE_BALL, config)
        state.obstacles[k, 0] = x
        state.obstacles[k, 1] = y


@family
def dynamic_obstacles(size: int = 8, obstacles: int = 4, random_start: bool = False) -> World:
    """A room with moving balls: walk to the goal and into nothing else (MiniGrid's Dynamic-Obstacles).

    Every step the balls move first. Walking into anything but the goal costs 1 and ends the episode, even where a
    ball has just left. There are three actions: left, right and forward.

    Args:
        size: side of the world in cells with its walls, 5 to 41.
        obstacles: how many balls there are, up to half the size and one more.
        random_start: start anywhere, facing anywhere, instead of in the upper left corner facing right.
    """
    whole_number("size", size, 5, CAPACITIES[-1])
    whole_number("obstacles", obstacles, 0, size // 2 + 1)
    switches(random_start=random_start)
    return World(
        "Robot-Dynamic-Obstacles",
        reset,
        "get to the green goal square",
        size,
        max_steps=4 * size**2,
        task=tasks.DODGE,
        see_through_walls=True,
        layout=Layout(random_start=random_start, obstacles=obstacles),
        actions=FORWARD + 1,
    )
