"""Points of a curve, from a file of two columns."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rl_lab.data.tables import lines_of, number_of
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
    rows = lines_of(path, "a CSV of points, two columns of numbers")
    if len(rows) > MOST + 1:
        raise LabError(f"{path} holds more than {MOST:,} points; give fewer")
    header = bool(rows) and all(number_of(cell) is None for cell in rows[0][1])
    points = np.array([_point(path, *row) for row in rows[header:]])
    if len(points) == 0:
        raise LabError(f"{path} holds no points; give a CSV with a line 'x,y' of two numbers for each")
    if np.ptp(points[:, 0]) == 0:
        raise LabError(f"every point of {path} lies at x={points[0, 0]:g}; a curve needs at least two places")
    return points[np.argsort(points[:, 0], kind="stable")]


def _point(path: Path, line: int, cells: list[str]) -> tuple[float, float]:
    if len(cells) != 2:
        raise LabError(f"line {line} of {path} has {len(cells)} columns; every line must have two, x and y")
    x, y = (number_of(cell) for cell in cells)
    for cell, number in zip(cells, (x, y), strict=True):
        if number is None or not math.isfinite(number):
            raise LabError(f"line {line} of {path} holds {cell!r}; every cell must be a finite number")
    assert x is not None
    assert y is not None
    return x, y
