"""GoToDoor: a room with a door in every wall, one of them to stand by."""

from rl_lab.envs.robot import tasks
from rl_lab.envs.robot.cells import NOTHING
from rl_lab.envs.robot.families import World, family
from rl_lab.envs.robot.layouts.building import (
    COLOUR_COUNT,
    DIRECTIONS,
    ZERO,
    below,
    build_solid,
    closed_door,
    enclose,
    fill,
    mention,
    place_robot,
    unused,
)
from rl_lab.envs.robot.world import CAPACITIES, put
from rl_lab.validation import whole_number


def reset(state, config):
    """Draw the size of the room, the doors, their colours, which all differ, and where the robot is."""
    build_solid(state, config)
    fill(state, ZERO, ZERO, config.width, config.height, NOTHING, config)  # around the room, too
    width, height = 5 + below(state, config.width - 4), 5 + below(state, config.height - 4)
    enclose(state, ZERO, ZERO, width, height, config)
    chosen, used = below(state, DIRECTIONS), 0
    for side in range(4):
        x, y = 2 + below(state, width - 4), 2 + below(state, height - 4)
        if side < 2:
            y = side * (height - 1)
        else:
            x = (side - 2) * (width - 1)
        colour = unused(state, COLOUR_COUNT, used)
        used |= 1 << colour
        door = closed_door(colour)
        put(state, x, y, door, config.stride)
        if side == chosen:
            state.target_x = x
            state.target_y = y
            mention(state, door, door)
    place_robot(state, ZERO, ZERO, width, height, config)


@family
def go_to_door(size: int = 5) -> World:
    """A room with four doors: stand next to the one that the mission names, and say `done` (MiniGrid's GoToDoor).

    Args:
        size: the longest side of the room in cells with its walls, 5 to 41.
    """
    whole_number("size", size, 5, CAPACITIES[-1])
    return World(
        "Robot-GoToDoor",
        reset,
        "go to the {0} door",
        size,
        max_steps=4 * size**2,
        task=tasks.GO_TO,
        see_through_walls=True,
    )
