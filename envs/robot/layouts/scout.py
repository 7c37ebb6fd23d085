"""Scout: chambers with hazards, and doors that open and close by themselves, so that it matters when the robot looks.

The chambers lie side by side. In each wall between two of them are two doors on a clock, one of which is open while
the other is shut. Safe ways, drawn for each level, join the robot, the doors and the goal, the only beacon; of the
other cells a share is lava.
"""

import numpy as np

from rl_lab import random
from rl_lab.envs.robot import tasks
from rl_lab.envs.robot.cells import EMPTY, GREEN_GOAL, GREY_WALL, KEY, RED_LAVA
from rl_lab.envs.robot.clocks import LONGEST_PERIOD, add_door, forget_doors
from rl_lab.envs.robot.families import Layout, World, family
from rl_lab.envs.robot.layouts.building import DIRECTIONS, ONE, THREE, TWO, below, build_room, fill
from rl_lab.envs.robot.world import CAPACITIES, MOST_ROOMS, place, put
from rl_lab.errors import LabError
from rl_lab.validation import share, whole_number

NARROWEST = 4  # cells from one wall to the next, about
MOST_CHAMBERS = 1 + MOST_ROOMS // 2  # since there are two doors between two of them
SAFE = KEY  # marks the cells of safe ways in `state.contents`, where nothing else is yet


def reset(state, config):
    """Draw walls and their doors, a hub in each chamber, safe ways from it to the doors, and lava beside them."""
    build_room(state, config)
    forget_doors(state)
    robot_in_last = below(state, TWO)
    left = np.int64(0)
    for chamber in range(config.rooms):
        right = config.width - 1
        if chamber < config.rooms - 1:
            right = (chamber + 1) * config.width // config.rooms - 1 + below(state, THREE)
            draw_wall(state, chamber, right, config)
        x = left + 1 + below(state, right - left - 1)
        y = 1 + below(state, config.height - 2)
        draw_ways(state, chamber, x, y, config)
        if chamber == (config.rooms - 1) * robot_in_last:
            state.x = x
            state.y = y
        elif chamber == (config.rooms - 1) * (1 - robot_in_last):
            put(state, x, y, GREEN_GOAL, config.stride)
        left = right
    state.direction = below(state, DIRECTIONS)
    draw_lava(state, config)


def draw_wall(state, wall, x, config):
    """Draw a wall and its two doors, half a period apart."""
    rows = config.height - 2
    fill(state, x, ONE, ONE, rows, GREY_WALL, config)
    first, second = below(state, rows), below(state, rows - 1)
    if second >= first:
        second += 1
    phase = below(state, config.period)
    add_door(state, 2 * wall, x, 1 + first, phase, config)
    add_door(state, 2 * wall + 1, x, 1 + second, (phase + config.period // 2) % config.period, config)


def draw_ways(state, chamber, x, y, config):
    """Draw safe ways from a hub to the doors of its chamber."""
    for k in range(max(2 * chamber - 2, 0), min(2 * chamber + 2, 2 * config.rooms - 2)):
        before_door = np.int64(state.rooms[k, 4]) + (1 if k < 2 * chamber else -1)
        draw_way(state, x, y, before_door, np.int64(state.rooms[k, 5]), config)


def draw_way(state, x, y, to_x, to_y, config):
    """Mark the cells of one of the shortest ways between two cells, drawn at random."""
    state.contents[place(x, y, config.stride)] = SAFE
    while x != to_x or y != to_y:
        across, down = abs(to_x - x), abs(to_y - y)
        if below(state, across + down) < across:
            x += 1 if to_x > x else -1
        else:
            y += 1 if to_y > y else -1
        state.contents[place(x, y, config.stride)] = SAFE


def draw_lava(state, config):
    """Put lava on a share of the empty cells off the safe ways, and take the marks of these away."""
    for y in range(1, config.height - 1):
        for x in range(1, config.width - 1):
            here = place(x, y, config.stride)
            is_off_ways = state.cells[here] == EMPTY and state.contents[here] != SAFE
            if is_off_ways and random.random(state.random) < config.hazards:
                put(state, x, y, RED_LAVA, config.stride)
            state.contents[here] = EMPTY


@family
def scout(size: int = 9, chambers: int = 2, hazards: float = 0.5, period: int = 16) -> World:
    """Chambers with lava, and doors that open and close by themselves: find the goal, and do not walk blindly.

    Args:
        size: side of the world in cells with its walls, 7 to 41.
        chambers: how many there are, 2 to 5 and at most `(size + 1) // 4`.
        hazards: the share of cells off the safe ways that are lava, 0.0 to 1.0.
        period: steps in which a door is open once and shut once, even, 2 to 200.
    """
    whole_number("size", size, 2 * NARROWEST - 1, CAPACITIES[-1])
    whole_number("chambers", chambers, 2, MOST_CHAMBERS)
    room = (size + 1) // NARROWEST
    if chambers > room:
        raise LabError(f"chambers={chambers} is not allowed; size={size} has room for {room}, make it larger for more")
    share("hazards", hazards)
    whole_number("period", period, 2, LONGEST_PERIOD)
    if period % 2:
        raise LabError(f"period={period} is not allowed; a door is open for half of it, so it must be even")
    return World(
        "Robot-Scout",
        reset,
        "avoid the lava and get to the green goal square",
        size,
        max_steps=size**2,
        task=tasks.SCOUT,
        layout=Layout(rooms=chambers, hazards=float(hazards), period=period),
    )
