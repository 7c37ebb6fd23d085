"""FourRooms: four rooms with gaps between them, the robot and the goal anywhere."""

from rl_lab.envs.robot.cells import GREEN_GOAL, GREY_WALL, NOTHING
from rl_lab.envs.robot.families import World, family
from rl_lab.envs.robot.layouts.building import ONE, below, build_room, fill, place_robot_anywhere, put_anywhere
from rl_lab.envs.robot.world import put

SIZE = 19


def reset(state, config):
    """Draw a gap in each of the four walls, then where the robot and the goal are."""
    middle, stride = config.width // 2, config.stride
    build_room(state, config)
    fill(state, middle, ONE, ONE, config.height - 2, GREY_WALL, config)
    fill(state, ONE, middle, config.width - 2, ONE, GREY_WALL, config)
    for half in range(2):
        put(state, middle, middle * half + 1 + below(state, middle - 1), NOTHING, stride)
        put(state, middle * half + 1 + below(state, middle - 1), middle, NOTHING, stride)
    place_robot_anywhere(state, config)
    put_anywhere(state, GREEN_GOAL, config)


@family
def four_rooms() -> World:
    """Four rooms of a 19x19 world: walk to the goal (MiniGrid's FourRooms)."""
    return World("Robot-FourRooms", reset, "reach the goal", SIZE, max_steps=100)
