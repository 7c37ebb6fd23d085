"""Maze: passages one cell wide, perfect (one way between any two places) or braided (with dead ends opened)."""

import numpy as np

from rl_lab import random
from rl_lab.envs.robot.cells import EMPTY, GREEN_GOAL, NOTHING
from rl_lab.envs.robot.families import Layout, World, family
from rl_lab.envs.robot.layouts.building import DIRECTIONS, ZERO, below, build_solid
from rl_lab.envs.robot.world import CAPACITIES, FORWARD_X, FORWARD_Y, place, put
from rl_lab.errors import LabError
from rl_lab.validation import share, whole_number

NO_SIDE = np.int64(-1)


def reset(state, config):
    """Dig the maze, open dead ends, and draw two of its rooms, which are the odd cells, for the robot and the goal."""
    build_solid(state, config)
    dig(state, config)
    if config.braid > 0:
        open_dead_ends(state, config)
    across = config.width // 2
    count = across * (config.height // 2)
    robot, goal = below(state, count), below(state, count - 1)
    if goal >= robot:
        goal += 1
    put(state, 1 + goal % across * 2, 1 + goal // across * 2, GREEN_GOAL, config.stride)
    state.x = 1 + robot % across * 2
    state.y = 1 + robot // across * 2
    state.direction = below(state, DIRECTIONS)


def dig(state, config):
    """Walk from room to room through walls to rooms not dug yet, and back where there is none (depth first).

    Nothing lies in boxes yet: `state.contents` holds for each room the side that it was entered from, and is
    emptied again on the way back.
    """
    stride = config.stride
    x = 1 + 2 * below(state, config.width // 2)
    y = 1 + 2 * below(state, config.height // 2)
    first = place(x, y, stride)
    put(state, x, y, NOTHING, stride)
    while True:
        side = undug_side(state, x, y, config)
        here = place(x, y, stride)
        if side >= 0:
            for _ in range(2):
                x += FORWARD_X[side]
                y += FORWARD_Y[side]
                put(state, x, y, NOTHING, stride)
            state.contents[place(x, y, stride)] = side
        elif here == first:
            break
        else:
            side = np.int64(state.contents[here])
            state.contents[here] = EMPTY
            x -= 2 * FORWARD_X[side]
            y -= 2 * FORWARD_Y[side]


def undug_side(state, x, y, config):
    """Draw a side of a room with a room beyond that is not dug yet; -1 if there is none."""
    found, chosen = ZERO, NO_SIDE
    for side in range(4):
        to_x, to_y = x + 2 * FORWARD_X[side], y + 2 * FORWARD_Y[side]
        if is_room(to_x, to_y, config) and state.cells[place(to_x, to_y, config.stride)] != EMPTY:
            found += 1
            if below(state, found) == 0:
                chosen = np.int64(side)
    return chosen


def open_dead_ends(state, config):
    """Open a second side of rooms that have one, each with the probability `config.braid`."""
    for y in range(1, config.height, 2):
        for x in range(1, config.width, 2):
            found, chosen, ways = ZERO, NO_SIDE, 0
            for side in range(4):
                if state.cells[place(x + FORWARD_X[side], y + FORWARD_Y[side], config.stride)] == EMPTY:
                    ways += 1
                elif is_room(x + 2 * FORWARD_X[side], y + 2 * FORWARD_Y[side], config):
                    found += 1
                    if below(state, found) == 0:
                        chosen = np.int64(side)
            if ways == 1 and chosen >= 0 and random.random(state.random) < config.braid:
                put(state, x + FORWARD_X[chosen], y + FORWARD_Y[chosen], NOTHING, config.stride)


def is_room(x, y, config):
    """Whether an odd cell lies inside."""
    return 0 < x < config.width and 0 < y < config.height


@family
def maze(size: int = 15, braid: float = 0.0) -> World:
    """A maze: find the goal. Robot and goal are anywhere.

    Args:
        size: side of the world in cells with its walls, odd, 9 to 41.
        braid: the share of dead ends that get a second way out, 0.0 to 1.0; 0 leaves one way between two places.
    """
    whole_number("size", size, 9, CAPACITIES[-1])
    if size % 2 == 0:
        raise LabError(f"size={size} is not allowed; a maze has walls on even lines, so it must be odd")
    share("braid", braid)
    return World(
        "Robot-Maze",
        reset,
        "get to the green goal square",
        size,
        max_steps=4 * size**2,
        layout=Layout(braid=float(braid)),
    )
