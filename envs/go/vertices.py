"""Points as people and GTP write them: a letter for the column, without I, and a number for the row from below."""

import math

from rl_lab.errors import LabError
from rl_lab.validation import whole

COLUMNS = "ABCDEFGHJKLMNOPQRST"


def vertex(action: int, size: int) -> str:
    """The name of an action, such as "C3" or "pass".

    Actions number the points by rows from the upper left, `row * size + column`; `size * size` passes.

    Example:
        >>> vertex(0, 5), vertex(12, 5), vertex(25, 5)
        ('A5', 'C3', 'pass')
    """
    row, column = divmod(int(action), size)
    return "pass" if action == size * size else f"{COLUMNS[column]}{size - row}"


def action_at(name: str, size: int) -> int:
    """The action of a vertex, in any case; a `LabError` if it is none, or not on this board."""
    text = name.strip().upper()
    if text == "PASS":
        return size * size
    letter, number = text[:1], text[1:]
    if letter == "I" and number.isdecimal():
        raise LabError(f"{name!r} is no point: the columns leave out I; did you mean J{number} or H{number}?")
    if letter not in COLUMNS or not letter or not (number.isascii() and number.isdecimal()):
        raise LabError(f"{name!r} is no move; write a letter and a number such as 'C3', or 'pass'")
    row, column = size - int(number), COLUMNS.index(letter)
    if not (0 <= row < size and column < size):
        raise LabError(f"{name!r} is off the board of {size}x{size}, which goes from A1 to {COLUMNS[size - 1]}{size}")
    return row * size + column


def checked_action(move: str | int | None, size: int) -> int:
    """The action of a vertex, of an action, or of None for a pass; a `LabError` for anything else."""
    if move is None:
        return size * size
    if isinstance(move, str):
        return action_at(move, size)
    if not whole(move, -math.inf):
        raise LabError(f"{move!r} is no move; give a vertex such as 'C3', an index from 0 to {size * size}, or None")
    if not 0 <= move <= size * size:
        raise LabError(
            f"move {move} is off the board of {size}x{size}; points are 0 to {size * size - 1} by rows from "
            f"the upper left, and {size * size} or None passes"
        )
    return int(move)


def handicap_vertices(size: int, stones: int) -> list[str]:
    """Where GTP's fixed handicap stands (GTP 2, 4.1.1).

    Args:
        size: of the board, at least 7.
        stones: 2 to 9 on odd boards from 9x9, 2 to 4 on the others; 0 for none.

    Raises:
        LabError: a board of this size has no such handicap.

    Example:
        >>> handicap_vertices(9, 5)
        ['C3', 'G7', 'C7', 'G3', 'E5']
    """
    most = 0 if size < 7 else 9 if size % 2 and size > 7 else 4
    if not whole(stones, 0, most) or stones == 1:
        allowed = f"0 or 2 to {most}" if most else "0: a fixed handicap needs a board of 7x7 or more"
        raise LabError(f"handicap={stones!r} is not allowed on {size}x{size}; it must be {allowed}")
    line = 4 if size > 11 else 3  # as GNU Go has it, which the specification names as its reference
    low, high, middle = line, size + 1 - line, (size + 1) // 2
    corners = [(low, low), (high, high), (low, high), (high, low)]
    sides = [(low, middle), (high, middle), (middle, low), (middle, high)]
    centre = [(middle, middle)] if stones in (5, 7, 9) else []
    return [f"{COLUMNS[x - 1]}{y}" for x, y in [*corners[:stones], *sides[: max(0, stones - 4 - len(centre))], *centre]]
