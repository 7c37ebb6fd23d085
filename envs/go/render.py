"""What people look at: the board as text."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.go.vertices import COLUMNS

COLOURS = ("black", "white")


def render(state: Any, config: Any, mode: str) -> str:
    """A frame; "ansi" is the only mode."""
    return write(state, config)


def write(state: Any, config: Any) -> str:
    """The board as text, Black `X` and White `O`, with coordinates, whose turn it is and what was taken."""
    size = int(config.width)
    width = len(str(size))
    letters, rows = f"{'':{width}} {' '.join(COLUMNS[:size])}", []
    for row, stones in enumerate(stones_of(state, config)):
        number = size - row
        rows.append(f"{number:{width}} {' '.join('.XO'[stone] for stone in stones)} {number}")
    turn = f"{COLOURS[int(state.to_play)]} to play"
    now = "over" if state.passes >= 2 else "broken off" if state.moves >= config.max_moves else turn
    return "\n".join([letters, *rows, letters, f"{now}, captures {state.captures[0]}-{state.captures[1]}"])


def stones_of(state: Any, config: Any) -> NDArray[np.int8]:
    """What stands where, `(size, size)` from the upper left: 1 black, -1 white, 0 nothing."""
    values, stride = np.array([1, -1, 0, 0], np.int8), int(config.width) + 1  # by BLACK, WHITE, EMPTY, OFF
    grid = np.asarray(state.stones)[: stride * (stride + 1)].reshape(-1, stride)
    return values[grid[1:stride, 1:]]
