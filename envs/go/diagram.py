"""The board as text with coordinates, written and read."""

import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.go.layout import COLOURS, stones_of
from rl_lab.envs.go.vertices import COLUMNS
from rl_lab.errors import LabError


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


class Position(NamedTuple):
    """What a text says of a board."""

    stones: NDArray[np.int8]
    """As `stones_of` has them."""
    to_play: str
    captures: tuple[int, int]


def read(text: Any) -> Position:
    """What `write` wrote; the rows alone will do, with or without numbers and blanks."""
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
