"""Frames of an environment: the board as a picture, or as text."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.go import picture
from rl_lab.envs.go.diagram import write
from rl_lab.envs.go.layout import KO, PASS, on_board, stones_of


def render(state: Any, config: Any, mode: str) -> NDArray[np.uint8] | str:
    """A frame.

    Args:
        state: record of a lane, as last observed.
        config: record of the environment.
        mode: "rgb_array" or "ansi".

    Returns:
        uint8 `(height, width, 3)` with a ring on the last move and squares where ko or superko forbids a move, see
        `picture.draw`; or a text, see `diagram.write`.
    """
    if mode == "ansi":
        return write(state, config)
    size = int(config.width)
    verdicts = on_board(np.asarray(state.verdicts), size)
    last = int(state.last[0])
    row, column = divmod(last, size + 1)
    played = None if last == PASS else (row - 1) * size + column - 1
    return picture.draw(stones_of(state, config), played, np.flatnonzero(verdicts >= KO).tolist())
