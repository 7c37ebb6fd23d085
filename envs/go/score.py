"""Tromp and Taylor's area scoring: stones, and empty regions that touch one colour only (tromp.github.io/go.html)."""

import numpy as np

from rl_lab.envs.go.board import around
from rl_lab.envs.go.layout import BLACK, EMPTY, WHITE

REACHES_BLACK, REACHES_WHITE = 1 << BLACK, 1 << WHITE


def area(state, config):
    """Black's area and White's, in points.

    Leaves in `state.work` which colours each empty point reaches, as bits, 0 to 3.
    """
    spread(state, config)
    black, white = 0, 0
    for index in range(state.empties):
        reached = state.work[state.empty[index]]
        black += reached == REACHES_BLACK
        white += reached == REACHES_WHITE
    for row in range(config.width):
        first = (row + 1) * (config.width + 1) + 1
        for point in range(first, first + config.width):
            black += state.stones[point] == BLACK
            white += state.stones[point] == WHITE
    return black, white


def spread(state, config):
    """Mark what each empty point reaches: first beside it, then through its empty neighbours until nothing changes."""
    stride, touching = config.width + 1, False  # whether an empty point lies beside another
    for index in range(state.empties):
        point = np.int64(state.empty[index])
        reached = np.int64(0)
        for beside in around(point, stride):
            stone = np.int64(state.stones[beside])
            if stone < EMPTY:
                reached |= np.int64(1) << stone
            touching |= stone == EMPTY
        state.work[point] = reached
    while touching:
        touching = False
        for index in range(state.empties):
            point = np.int64(state.empty[index])
            before = reached = np.int64(state.work[point])
            for beside in around(point, stride):
                if state.stones[beside] == EMPTY:
                    reached |= np.int64(state.work[beside])
            state.work[point] = reached
            touching |= reached != before


def margin(state, config):
    """Black's area less White's and komi."""
    black, white = area(state, config)
    return black - white - config.komi
