"""What is to be approximated: a function written as text, or points from a file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.data import expressions, tables
from rl_lab.errors import LabError
from rl_lab.supervised.curves import RIDGE

LEARNED, TESTED = 1024, 4001  # places along a line
LEARNED_SIDE, TESTED_SIDE = 48, 121  # and along each side of a square
RIDGE_OF_POINTS = 1e-6  # measured values may be noisy
LOW, HIGH = -3.0, 3.0
GROWTH = 100  # of the largest value as the view closes in; only at a pole


class Target(NamedTuple):
    """A function, and the places where it is learnt and where the error is measured."""

    text: str
    variables: tuple[str, ...]
    function: Callable[..., NDArray[np.float64]]
    low: float
    high: float
    learned: NDArray[np.float64]  # (samples, variables)
    tested: NDArray[np.float64]  # (places, variables)
    ridge: float

    def values(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """The function's values `(places,)` at places `(places, variables)`."""
        return self.function(*places.T)


@dataclass(frozen=True)
class Points:
    """A function through points: straight lines between them, and the mean of those at one place."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]

    def __call__(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values at places."""
        return np.interp(places, self.x, self.y)


def target(source: str, low: float | None = None, high: float | None = None) -> Target:
    """An expression from `low` to `high`, by default -3 to 3, or the points of a CSV where the source ends with `.csv`.

    Raises:
        LabError: the source cannot be read, the range is none, or the function has no finite value somewhere in it.
    """
    if source.lower().endswith(".csv"):
        if low is not None or high is not None:
            raise LabError(f"{source} has a range of its own; leave --low and --high out")
        return of_points(Path(source))
    return of_expression(source, LOW if low is None else low, HIGH if high is None else high)


def of_points(path: Path) -> Target:
    """Points of a CSV, learnt and tested where they are."""
    table = tables.points(path)
    low, high = float(table[0, 0]), float(table[-1, 0])
    _check_range(low, high)
    _check_size(table[:, 1])
    x, place = np.unique(table[:, 0], return_inverse=True)
    y = np.bincount(place, table[:, 1]) / np.bincount(place)
    return Target(path.name, ("x",), Points(x, y), low, high, x[:, None], x[:, None], RIDGE_OF_POINTS)


def of_expression(text: str, low: float, high: float) -> Target:
    """An expression on a range, or on a square with both sides of that range where it names `y`."""
    function = expressions.parse(text)
    _check_range(low, high)
    if len(function.variables) == 1:
        learned = _nodes(low, high, LEARNED)[:, None]
        tested = np.linspace(low, high, TESTED)[:, None]
    else:
        side = _nodes(low, high, LEARNED_SIDE)
        learned = square(side)
        tested = square(np.linspace(low, high, TESTED_SIDE))
    for places in (learned, tested):
        values = function(*places.T)
        if not np.isfinite(values).all():
            raise LabError(_no_value(function, places[~np.isfinite(values)][0]))
        _check_size(values)
    if len(function.variables) == 1:
        _check_poles(function, tested[:, 0])
    return Target(function.text, function.variables, function, low, high, learned, tested, RIDGE)


def square(side: NDArray[np.float64]) -> NDArray[np.float64]:
    """All pairs of places `(side², 2)`, the second variable running faster."""
    return np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)


def _nodes(low: float, high: float, count: int) -> NDArray[np.float64]:
    """Chebyshev's nodes, closer together towards the ends, where fits are worst."""
    turns = np.pi * (np.arange(count) + 0.5) / count
    return (low + high) / 2 - (high - low) / 2 * np.cos(turns)


def _check_range(low: float, high: float) -> None:
    if not (np.isfinite([low, high]).all() and low < high):
        raise LabError(f"the range from {low:g} to {high:g} is none; low must be below high, and both finite")
    largest = max(abs(low), abs(high))
    if not (1e-6 <= high - low <= 1e9 and high - low >= 1e-3 * largest):
        raise LabError(
            f"the range from {low:.9g} to {high:.9g} is too narrow or too wide for float32; "
            "it must span 1e-6 to 1e9, and a thousandth of its largest number at least"
        )


def _check_size(values: NDArray[np.float64]) -> None:
    if np.abs(values).max() > 1e30:
        raise LabError(f"a value of {np.abs(values).max():.3g} is too large for float32; scale it to at most 1e30")


def _check_poles(function: expressions.Expression, places: NDArray[np.float64]) -> None:
    """Refuse a pole that lies between the places: close in on the largest value and see whether it keeps growing."""
    first = np.abs(function(places)).max()
    for _ in range(3):
        values = np.abs(function(places))
        top = int(values.argmax()) if np.isfinite(values).all() else int(np.argmin(np.isfinite(values)))
        if not values[top] <= GROWTH * first:
            raise LabError(_no_value(function, places[top : top + 1]))
        around = places[max(top - 1, 0)], places[min(top + 1, len(places) - 1)]
        places = np.linspace(*around, len(places))


def _no_value(function: expressions.Expression, place: NDArray[np.float64]) -> str:
    where = ", ".join(f"{name}={value:.4g}" for name, value in zip(function.variables, place, strict=True))
    return f"{function.text!r} has no finite value at {where}; choose a range without that place, with --low and --high"
