"""Points of a curve, from a file of two columns."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rl_lab.errors import LabError

MOST = 100_000  # points; more would teach a curve nothing


def read(path: Path) -> NDArray[np.float64]:
    """Read a CSV of two columns, `x` and `y`; a first line that is no numbers is taken for names.

    Returns:
        float64 `(points, 2)`, sorted by `x`.

    Raises:
        LabError: the file is missing, empty or no text, a line has not two columns, a cell is no finite number,
            there are too many points, or all lie at one `x`.
    """
    rows = _rows(path)
    header = bool(rows) and all(not _is_number(cell) for cell in rows[0][1])
    points = np.array([_point(path, *row) for row in rows[header:]])
    if len(points) == 0:
        raise LabError(f"{path} holds no points; give a CSV with a line 'x,y' of two numbers for each")
    if np.ptp(points[:, 0]) == 0:
        raise LabError(f"every point of {path} lies at x={points[0, 0]:g}; a curve needs at least two places")
    return points[np.argsort(points[:, 0], kind="stable")]


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Lines that are not empty, each with its number."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = []
            for line, cells in enumerate(csv.reader(file), 1):
                if cells:
                    rows.append((line, cells))
                if len(rows) > MOST + 1:
                    raise LabError(f"{path} holds more than {MOST:,} points; give fewer")
            return rows
    except OSError as error:
        raise LabError(f"{path} cannot be read ({error.strerror}); give a CSV of points") from None
    except LabError:
        raise
    except (ValueError, csv.Error):  # bytes that are no text, or a name that no file can have
        raise LabError(f"{path} is no text; give a CSV of points, two columns of numbers") from None


def _point(path: Path, line: int, cells: list[str]) -> tuple[float, float]:
    if len(cells) != 2:
        raise LabError(f"line {line} of {path} has {len(cells)} columns; every line must have two, x and y")
    for cell in cells:
        if not _is_number(cell) or not np.isfinite(float(cell)):
            raise LabError(f"line {line} of {path} holds {cell!r}; every cell must be a finite number")
    return float(cells[0]), float(cells[1])


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
