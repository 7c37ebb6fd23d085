"""What the camera shows where it is not seven by seven cells: any odd number of cells ahead and as many across.

The image lies in `state.seen` as with the usual camera, [column * size + row]. A row of it is lit as one word with a
bit a column, by the rule that `camera.spread` has in its table.
"""

import numpy as np

from rl_lab.envs.robot.cells import AGENT, GREY_WALL, OPAQUE, UNSEEN
from rl_lab.envs.robot.world import FORWARD_X, FORWARD_Y, place

LARGEST_VIEW = 63  # cells, and bits of a word


def look(state, config):
    """Fill `state.seen` with the bytes of what is seen, `(view_size, view_size)`."""
    size, direction = config.view_size, np.int64(state.direction)
    ahead_x, ahead_y = FORWARD_X[direction], FORWARD_Y[direction]
    for column in range(size):
        right = column - size // 2
        for row in range(size):
            ahead = size - 1 - row
            x = np.int64(state.x) + ahead * ahead_x - right * ahead_y
            y = np.int64(state.y) + ahead * ahead_y + right * ahead_x
            inside = 0 <= x < config.capacity and 0 <= y < config.capacity
            state.seen[column * size + row] = state.cells[place(x, y, config.stride)] if inside else GREY_WALL
    if not config.see_through_walls:
        occlude(state, size)
    state.seen[size // 2 * size + size - 1] = state.carrying


def occlude(state, size):
    """Make unseen what no light reaches."""
    reached = np.uint64(1) << np.uint64(size // 2)
    columns = ~np.uint64(0) >> np.uint64(64 - size)
    for row in range(size - 1, -1, -1):
        clear = np.uint64(0)
        for column in range(size):
            if state.seen[column * size + row] & OPAQUE == 0:
                clear |= np.uint64(1) << np.uint64(column)
        runs = reached & clear
        for _ in range(size):
            runs |= (runs << np.uint64(1) | runs >> np.uint64(1)) & clear
        beyond = (runs | runs << np.uint64(1) | runs >> np.uint64(1)) & columns
        lit = reached | beyond
        for column in range(size):
            if lit >> np.uint64(column) & np.uint64(1) == 0:
                state.seen[column * size + row] = UNSEEN
        reached = beyond


def survey(state, config):
    """Fill `state.seen` with the bytes of the whole world, [x * height + y]; the robot's place has its direction."""
    width, height = config.width, config.height
    for x in range(width):
        for y in range(height):
            state.seen[x * height + y] = state.cells[place(x, y, config.stride)]
    state.seen[np.int64(state.x) * height + np.int64(state.y)] = AGENT | np.int64(state.direction) << 4
