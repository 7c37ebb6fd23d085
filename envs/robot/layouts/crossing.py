"""Crossing: rivers of lava or walls across the room, each with one opening on the way to the goal."""

from rl_lab.envs.robot.cells import GREEN_GOAL, GREY_WALL, NOTHING, RED_LAVA
from rl_lab.envs.robot.families import Layout, World, family
from rl_lab.envs.robot.layouts.building import ONE, below, build_room, fill, start_in_corner
from rl_lab.envs.robot.world import CAPACITIES, put
from rl_lab.errors import LabError
from rl_lab.validation import switches, whole_number

RIVER = 2  # the first line that may be one, and the distance to the next


def reset(state, config):
    """Draw which of the even lines are rivers, and one opening in each, along a way that goes right and down only."""
    size, candidates, left = config.width, 2 * ((config.width - 3) // RIVER), config.crossings
    build_room(state, config)
    put(state, size - 2, size - 2, GREEN_GOAL, config.stride)
    start_in_corner(state)
    columns, rows, column_count = 0, 0, 0  # rivers as bits
    for k in range(candidates):
        if below(state, candidates - k) < left:
            left -= 1
            line = RIVER + RIVER * (k >> 1)
            if k & 1:
                columns |= 1 << line
                column_count += 1
                fill(state, line, ONE, ONE, size - 2, config.barrier, config)
            else:
                rows |= 1 << line
                fill(state, ONE, line, size - 2, ONE, config.barrier, config)
    open_way(state, columns, rows, column_count, config)


def open_way(state, columns, rows, column_count, config):
    """Cross every river once, in any order."""
    left, top, size = 0, 0, config.width
    for remaining in range(config.crossings, 0, -1):
        right, bottom = next_river(columns, left, size), next_river(rows, top, size)
        if below(state, remaining) < column_count:
            put(state, right, top + 1 + below(state, bottom - top - 1), NOTHING, config.stride)
            left = right
            column_count -= 1
        else:
            put(state, left + 1 + below(state, right - left - 1), bottom, NOTHING, config.stride)
            top = bottom


def next_river(rivers, line, size):
    """The first river after a line, or the wall."""
    line += 1
    while line < size - 1 and rivers >> line & 1 == 0:
        line += 1
    return line


@family
def crossing(size: int = 9, crossings: int = 1, lava: bool = True) -> World:
    """A room with rivers to cross on the way to the goal (MiniGrid's LavaCrossing and SimpleCrossing).

    Args:
        size: side of the world in cells with its walls, odd, 5 to 41.
        crossings: how many rivers there are, 1 to `size - 3`.
        lava: whether they are of lava, or walls.
    """
    whole_number("size", size, 5, CAPACITIES[-1])
    if size % 2 == 0:
        raise LabError(f"size={size} is not allowed; rivers run on even lines, so it must be odd")
    whole_number("crossings", crossings, 1, size - 3)
    switches(lava=lava)
    name, search, barrier = ("Lava", "avoid the lava", RED_LAVA) if lava else ("Simple", "find the opening", GREY_WALL)
    return World(
        f"Robot-{name}Crossing",
        reset,
        f"{search} and get to the green goal square",
        size,
        max_steps=4 * size**2,
        layout=Layout(crossings=crossings, barrier=int(barrier)),
    )
