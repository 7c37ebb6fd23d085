"""Networks that approximate a function without any learning: steep sigmoids, set by hand, stand as towers.

This is the constructive half of the universal approximation theorem (Cybenko 1989; as towers in Nielsen,
*Neural Networks and Deep Learning*, 2015, chapter 4). A steep sigmoid is a step. In one dimension, a pair of steps of
opposite sign is a tower, and a tower stands on each piece of the range, halfway between the function's lowest and
highest value there, where the largest error is least. In two,
a step in `x` and a step in `y`, added and held against a threshold by a second hidden layer, fire in a quadrant, and
four quadrants of alternating sign are a tower.

Nielsen adds the four steps of a tower first and puts the threshold on their sum. Where four such towers meet, none of
them fires, and the hole in the corner is as deep as the function is high, however many towers there are. Quadrants
leave no hole: the heights around any point are averaged with weights that add up to one, so that the largest error
falls as the pieces shrink, everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError

STEEPNESS = 60.0  # of a step, over one piece: it rises from 5 to 95 % within a tenth of it
SAMPLES, SAMPLES_OF_CELL = 65, 9  # of the function on a piece, and along each side of a cell
THRESHOLD = 1.5  # of the sum of two steps: both have to fire

Function = Callable[..., NDArray[np.float64]]


def in_one_dimension(
    function: Function, low: float, high: float, units: int, steepness: float = STEEPNESS
) -> tuple[MLP, NDArray[np.float64]]:
    """Towers side by side: a network `(1, units, 1)` of sigmoids whose weights are set, not learnt.

    Two units make a tower, and an odd one is left silent, so that one unit alone gives the best constant. Towers rise
    and fall from that constant.

    Args:
        function: of an array of places, float64, to an array of values.
        low: where the range begins.
        high: where it ends.
        units: of the hidden layer, at least 1.
        steepness: of the sigmoids, over the width of a tower.

    Returns:
        The network, and the edges of its towers, float64 `(units // 2 + 1,)`.

    Raises:
        LabError: there is no unit, or no range.
    """
    _check(low, high, units)
    pieces = units // 2
    edges = np.linspace(low, high, max(pieces, 1) + 1)
    width = edges[1] - edges[0]
    base = float(_halfway(function(_inside(edges[[0, -1]])), axis=-1)[0])
    network = MLP([1, units, 1], "sigmoid")
    (weights, bias), (head, head_bias) = network.layers()
    head_bias[:] = base
    if pieces:
        heights = _halfway(function(_inside(edges)), axis=-1) - base
        up, down = _spread(edges)
        weights[0, : 2 * pieces] = steepness / width
        bias[0 : 2 * pieces : 2], bias[1 : 2 * pieces : 2] = -steepness / width * up, -steepness / width * down
        head[0 : 2 * pieces : 2, 0], head[1 : 2 * pieces : 2, 0] = heights, -heights
    return network, edges if pieces else edges[[0, -1]]


def in_two_dimensions(function: Function, low: float, high: float, pieces: int, steepness: float = STEEPNESS) -> MLP:
    """Towers on a chessboard: a network `(2, 2 pieces, pieces², 1)` of sigmoids whose weights are set, not learnt.

    The first hidden layer holds a step at the left edge of each column and one at the lower edge of each row. A unit
    of the second adds one of each and fires where both do, in a quadrant. The output weighs each quadrant by what the
    function gains there over the three cells before it, so that a tower, four quadrants of alternating sign, stands
    on each cell; neighbours share their quadrants.

    Args:
        function: of two arrays of places to an array of values.
        low: where the range of both variables begins.
        high: where it ends.
        pieces: cells along each side, at least 1.
        steepness: of the steps, over the width of a cell, and of the second layer's, over the sum of two steps.

    Raises:
        LabError: there is no piece, or no range.
    """
    _check(low, high, pieces)
    edges = np.linspace(low, high, pieces + 1)
    width = edges[1] - edges[0]
    inside = _inside(edges, SAMPLES_OF_CELL)
    columns, rows = np.broadcast_arrays(inside[:, None, :, None], inside[None, :, None, :])
    heights = _halfway(np.asarray(function(columns, rows), np.float64), axis=(-2, -1))
    gains = np.diff(np.diff(np.pad(heights, ((1, 0), (1, 0))), axis=0), axis=1)
    network = MLP([2, 2 * pieces, pieces**2, 1], "sigmoid")
    (steps, step_bias), (sums, sum_bias), (head, _) = network.layers()
    starts = _spread(edges)[0]
    steps[0, :pieces] = steps[1, pieces:] = steepness / width
    step_bias[:pieces] = step_bias[pieces:] = -steepness / width * starts
    cell = np.arange(pieces**2)
    sums[cell // pieces, cell] = sums[pieces + cell % pieces, cell] = steepness
    sum_bias[:] = -THRESHOLD * steepness
    head[:, 0] = gains.ravel()
    return network


def _spread(edges: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where towers begin and end; the outermost edges lie a piece further out, since a step is half up on its edge."""
    width = edges[1] - edges[0]
    moved = edges.copy()
    moved[0] -= width
    moved[-1] += width
    return moved[:-1], moved[1:]


def _inside(edges: NDArray[np.float64], samples: int = SAMPLES) -> NDArray[np.float64]:
    """Places in each piece, `(pieces, samples)`, from edge to edge."""
    return np.linspace(edges[:-1], edges[1:], samples, axis=-1)


def _halfway(values: NDArray[np.float64], axis: int | tuple[int, int]) -> NDArray[np.float64]:
    return (values.min(axis=axis) + values.max(axis=axis)) / 2


def _check(low: float, high: float, units: int) -> None:
    if units < 1:
        raise LabError(f"{units} units cannot make a tower; give at least 1")
    if not low < high:
        raise LabError(f"the range from {low:g} to {high:g} is empty; its low end must be below its high end")
