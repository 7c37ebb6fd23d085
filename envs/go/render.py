"""What people look at: the board as a picture, and as text, written and read."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.go import picture
from rl_lab.envs.go.layout import KO, PASS
from rl_lab.envs.go.vertices import COLUMNS
from rl_lab.errors import LabError

COLOURS = ("black", "white")


def render(state: Any, config: Any, mode: str) -> NDArray[np.uint8] | str:
    """A frame.

    Args:
        state: record of a lane, as last observed.
        config: record of the environment.
        mode: "rgb_array" or "ansi".

    Returns:
        uint8 `(height, width, 3)` with a ring on the last move and squares where ko or superko forbids a move, see
        `picture.draw`; or a text, see `write`.
    """
    if mode == "ansi":
        return write(state, config)
    size = int(config.width)
    verdicts = on_board(np.asarray(state.verdicts), size)
    last = int(state.last[0])
    row, column = divmod(last, size + 1)
    played = None if last == PASS else (row - 1) * size + column - 1
    return picture.draw(stones_of(state, config), played, np.flatnonzero(verdicts >= KO).tolist())


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
    values = np.array([1, -1, 0, 0], np.int8)  # by BLACK, WHITE, EMPTY, OFF
    return values[on_board(np.asarray(state.stones), int(config.width))]


def on_board(points: NDArray[Any], size: int) -> NDArray[Any]:
    """What a record keeps by point, `(size, size)` without the border."""
    stride = size + 1
    return points[: stride * (stride + 1)].reshape(-1, stride)[1:stride, 1:]


class Position(NamedTuple):
    """What a text says of a board."""

    stones: NDArray[np.int8]
    """As `stones_of` has them."""
    to_play: str
    captures: tuple[int, int]


def read(text: Any) -> Position:
    """What `write` wrote; the rows alone will do, with or without numbers and blanks.

    Raises:
        LabError: a line is something else, or the rows are no square.
    """
    if not isinstance(text, str):
        raise LabError(f"position={text!r} is not allowed; it must be a text with a row of X, O and . for every line")
    rows, to_play, captures = list[str](), "black", (0, 0)
    for line in filter(None, map(str.strip, text.splitlines())):
        cells = re.sub(r"^\d+\s|\s\d+$|\s", "", line.upper())
        last = re.fullmatch(r"(black|white|over|broken off)(?: to play)?, captures (\d{1,9})-(\d{1,9})", line)
        if last:
            to_play, captures = "white" if last[1] == "white" else "black", (int(last[2]), int(last[3]))
        elif set(cells) <= set("XO."):
            rows.append(cells)
        elif cells != COLUMNS[: len(cells)]:
            raise LabError(f"the line {line[:80]!r} is no row of a board; write X, O or . for every point")
    if any(len(row) != len(rows) for row in rows):
        widths = ", ".join(sorted({str(len(row)) for row in rows}))
        raise LabError(f"a position of {len(rows)} rows with {widths} points each is no board; it must be square")
    stones = [[{"X": 1, "O": -1, ".": 0}[cell] for cell in row] for row in rows]
    return Position(np.array(stones, np.int8).reshape(len(rows), len(rows)), to_play, captures)
