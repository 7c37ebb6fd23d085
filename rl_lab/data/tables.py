"""Tables of numbers, and points of curves, from people's own CSV files."""

import csv
import io
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.errors import LabError
from rl_lab.files import read_bytes

MOST = 100_000  # points; more would teach a curve nothing


class Table(NamedTuple):
    """Numbers, a row for each line of a file."""

    names: list[str]  # of the columns
    rows: NDArray[np.float64]  # (rows, columns)


def read(path: Path) -> Table:
    """Read a CSV file of numbers; a first line without any number is taken for the names of its columns.

    Raises:
        LabError: the file is missing, empty or no text, a line is longer or shorter than the first, or a cell is no
            finite number.
    """
    lines = lines_of(path, "a CSV file of numbers")
    if not lines:
        raise LabError(f"{path} is empty; give a CSV file with a line of numbers for each row")
    first = [cell.strip() for cell in lines[0][1]]
    header = all(number_of(cell) is None for cell in first)
    names = first if header else [str(place) for place in range(1, len(first) + 1)]
    rows = [_row(path, line, cells, names) for line, cells in lines[header:]]
    if not rows:
        raise LabError(f"{path} holds names of columns and no row; give a line of numbers for each row")
    return Table(names, np.array(rows))


def lines_of(path: Path, wanted: str) -> list[tuple[int, list[str]]]:
    """The cells of the lines of a CSV file that are not empty, each line with its number."""
    content = read_bytes(path, wanted)
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except UnicodeDecodeError:
        raise LabError(f"{path} is no UTF-8 text; give {wanted}") from None
    except csv.Error as error:
        raise LabError(f"{path} is no CSV ({error}); give {wanted}") from None


def _row(path: Path, line: int, cells: list[str], names: list[str]) -> list[float]:
    if len(cells) != len(names):
        raise LabError(f"line {line} of {path} has {len(cells)} cells and the first {len(names)}; they must be as many")
    numbers = []
    for name, cell in zip(names, cells, strict=True):
        number = number_of(cell)
        if number is None:
            what = f"holds {cell.strip()!r}" if cell.strip() else "is empty"
            raise LabError(f"column {name} {what} in line {line} of {path}; leave out text, and fill or drop gaps")
        if not math.isfinite(number):
            raise LabError(f"column {name} holds {cell.strip()} in line {line} of {path}; every number must be finite")
        numbers.append(number)
    return numbers


def number_of(cell: str) -> float | None:
    """What a cell says, or None where that is no number."""
    try:
        return None if "_" in cell else float(cell)  # Python alone takes 1_000 for a number
    except ValueError:
        return None


def points(path: Path) -> NDArray[np.float64]:
    """Points of a curve, float64 `(points, 2)`, from a CSV of two columns, sorted by `x`; a first line may name them.

    Raises:
        LabError: the file is missing, empty or no text, a line has not two columns, a cell is no finite number,
            there are too many points, or all lie at one `x`.
    """
    rows = lines_of(path, "a CSV of points, two columns of numbers")
    if len(rows) > MOST + 1:
        raise LabError(f"{path} holds more than {MOST:,} points; give fewer")
    header = bool(rows) and all(number_of(cell) is None for cell in rows[0][1])
    found = np.array([_point(path, *row) for row in rows[header:]])
    if len(found) == 0:
        raise LabError(f"{path} holds no points; give a CSV with a line 'x,y' of two numbers for each")
    if np.ptp(found[:, 0]) == 0:
        raise LabError(f"every point of {path} lies at x={found[0, 0]:g}; a curve needs at least two places")
    return found[np.argsort(found[:, 0], kind="stable")]


def _point(path: Path, line: int, cells: list[str]) -> tuple[float, float]:
    if len(cells) != 2:
        raise LabError(f"line {line} of {path} has {len(cells)} columns; every line must have two, x and y")
    x, y = (number_of(cell) for cell in cells)
    for cell, number in zip(cells, (x, y), strict=True):
        if number is None or not math.isfinite(number):
            raise LabError(f"line {line} of {path} holds {cell!r}; every cell must be a finite number")
    return x, y  # type: ignore[return-value]  # which are none no more
