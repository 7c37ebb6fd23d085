"""The perceptron: a layer of units, forward and backward, and the single unit's own learning rule.

A layer computes `activation(inputs @ weights + bias)` with `weights` of shape `(inputs, units)`. Its kernels
work on panels of 64 samples (`gemm.py`) or, for a few samples, row by row. `Perceptron` is Rosenblatt's:
one unit with a step, which learns from its mistakes alone and needs no derivative.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_lab import jit
from rl_lab.core import activations, gemm
from rl_lab.core.gemm import LANES
from rl_lab.errors import LabError
from rl_lab.memory import check_memory
from rl_lab.validation import real_array, whole

FEW_ROWS = 16  # inputs from which turning a panel round pays
NARROW = 16  # up to so many units, dot products over the inputs are quicker than sums over the units


@jit.fast
def forward(weights, bias, code, inputs, outputs):
    """One layer on a panel: fills the panel `outputs` from the panel `inputs`; `weights` are flat, row by row."""
    gemm.spread(bias, outputs)
    gemm.add_product(weights, 1, bias.shape[0], inputs, outputs)
    activations.activate(code, outputs)


@jit.fast
def forward_few(weights, bias, code, inputs, column, outputs):
    """One layer on a few samples.

    With 64 units, the most usual number, the weights are themselves a panel, whose lanes are the units.

    Args:
        weights: float32, `(inputs, units)` row by row.
        bias: float32 `(units,)`.
        code: the activation.
        inputs: float32, `(batch, inputs)` row by row.
        column: float32 workspace of at least the number of inputs.
        outputs: float32, `(batch, units)` row by row, filled.
    """
    units = bias.shape[0]
    rows, batch = weights.shape[0] // units, outputs.shape[0] // units
    for sample in range(batch):
        for unit in range(units):
            outputs[sample * units + unit] = bias[unit]
    if units == LANES:
        gemm.add_product(inputs, rows, 1, weights, outputs)
    elif units > NARROW:
        _add_rows(weights, inputs, outputs, units)
    else:
        _add_columns(weights, inputs, column[:rows], outputs, units)
    activations.activate(code, outputs)


@jit.fast
def _add_rows(weights, inputs, outputs, units):
    """Add the product of `inputs` and `weights`, one row of weights at a time."""
    rows = weights.shape[0] // units
    for sample in range(outputs.shape[0] // units):
        above = outputs[sample * units : (sample + 1) * units]
        for row in range(rows):
            x = inputs[sample * rows + row]
            w = weights[row * units : (row + 1) * units]
            for unit in range(units):
                above[unit] += x * w[unit]


@jit.fast
def _add_columns(weights, inputs, column, outputs, units):
    """Add the product of `inputs` and `weights`, one column of weights, copied to `column`, at a time."""
    rows = column.shape[0]
    for unit in range(units):
        for row in range(rows):
            column[row] = weights[row * units + unit]
        for sample in range(outputs.shape[0] // units):
            x = inputs[sample * rows : (sample + 1) * rows]
            total = gemm.ZERO
            for row in range(rows):
                total += x[row] * column[row]
            outputs[sample * units + unit] += total


@jit.fast
def backward(inputs, delta, flipped, weight_gradient, bias_gradient):
    """Add one panel's part to the gradient of a layer's parameters.

    With 64 units the gradient is itself a panel, whose lanes are the units: a product that adds to whole rows is
    quicker than one that sums over lanes.

    Args:
        inputs: panel of what the layer was given.
        delta: panel of the gradient of the loss before the activation.
        flipped: float32 workspace of `LANES * LANES`.
        weight_gradient: float32, `(inputs, units)` row by row, added to.
        bias_gradient: float32 `(units,)`, added to.
    """
    if bias_gradient.shape[0] == LANES and inputs.shape[0] >= FEW_ROWS * LANES:
        gemm.flip(delta, flipped)
        gemm.add_product(inputs, LANES, 1, flipped, weight_gradient)
    else:
        gemm.add_outer(inputs, delta, weight_gradient)
    gemm.add_sums(delta, bias_gradient)


@jit.fast
def backward_inputs(weights, delta, input_gradient):
    """Gradient of the loss with respect to a layer's inputs: fills the panel `input_gradient`."""
    input_gradient[:] = gemm.ZERO
    gemm.add_product(weights, delta.shape[0] // LANES, 1, delta, input_gradient)


@jit.fast
def correct(parameters, inputs, labels):
    """One pass of Rosenblatt's rule: after each mistake, move the weights towards the input or away from it.

    Args:
        parameters: float32 `(inputs + 1,)`, weights and then the bias, updated.
        inputs: float32 `(samples, inputs)`, taken in order.
        labels: bool `(samples,)`.

    Returns:
        The number of mistakes.
    """
    width = inputs.shape[1]
    mistakes = 0
    for sample in range(inputs.shape[0]):
        total = parameters[width]
        for i in range(width):
            total += parameters[i] * inputs[sample, i]
        if (total > gemm.ZERO) != labels[sample]:
            mistakes += 1
            sign = np.float32(1) if labels[sample] else np.float32(-1)
            for i in range(width):
                parameters[i] += sign * inputs[sample, i]
            parameters[width] += sign
    return mistakes


class Perceptron:
    """One unit that answers yes or no (Rosenblatt 1958).

    If a hyperplane separates the labels with margin `g` and no input, with a 1 appended for the bias, is
    longer than `r`, learning ends after at most `(r / g)²` mistakes (Novikoff 1962). If none does, it never ends.

    Args:
        inputs: how many numbers a sample has.

    Attributes:
        parameters: float32 `(inputs + 1,)`, weights and then the bias; zeros at first.

    Example:
        >>> unit = Perceptron(2)
        >>> samples = [[0, 0], [0, 1], [1, 0], [1, 1]]
        >>> unit.fit(samples, [False, True, True, True])  # mistakes before it knows OR
        4
        >>> unit.predict(samples)
        array([False,  True,  True,  True])
    """

    def __init__(self, inputs: int) -> None:
        if not whole(inputs, 1):
            raise LabError(f"inputs={inputs!r} is not allowed; it must be a whole number of at least 1")
        check_memory(4.0 * inputs, f"a perceptron of inputs={inputs}", "give fewer")
        self.parameters = np.zeros(inputs + 1, np.float32)

    def fit(self, inputs: ArrayLike, labels: ArrayLike, passes: int = 1000) -> int:
        """Learn until a whole pass over the samples brings no mistake, or `passes` have been made.

        Args:
            inputs: `(samples, inputs)`, taken in order.
            labels: `(samples,)`, true or false, 1 or 0.
            passes: the most that are made.

        Returns:
            The number of mistakes made while learning.

        Raises:
            LabError: a shape is wrong, a number is not finite, or a label is neither true nor false.
        """
        if not whole(passes, 1):
            raise LabError(f"passes={passes!r} is not allowed; it must be a whole number of at least 1")
        rows, given = self._rows(inputs), real_array("labels", labels, "give true or false for each sample")
        if given.shape != (len(rows),):
            raise LabError(f"labels have shape {given.shape}; {len(rows)} samples need ({len(rows)},)")
        answers = given == 1
        if not (answers | (given == 0)).all():
            other = given[~answers & (given != 0)][0]
            raise LabError(f"labels hold {other:g}; give true or false, or 1 or 0, such as labels > 0")
        total = 0
        for _ in range(passes):
            mistakes = _compiled_correct()(self.parameters, rows, answers)
            total += mistakes
            if mistakes == 0:
                break
        return total

    def predict(self, inputs: ArrayLike) -> NDArray[np.bool_]:
        """Answers `(samples,)` for inputs `(samples, inputs)`."""
        return self._rows(inputs) @ self.parameters[:-1] + self.parameters[-1] > 0

    def _rows(self, inputs: ArrayLike) -> NDArray[np.float32]:
        rows = real_array("inputs", inputs, f"this unit takes (samples, {len(self.parameters) - 1})")
        if rows.ndim != 2 or rows.shape[1] != len(self.parameters) - 1:
            raise LabError(f"inputs have shape {rows.shape}; this unit takes (samples, {len(self.parameters) - 1})")
        if not np.isfinite(rows).all():
            raise LabError("inputs hold a number that is not finite; a perceptron can learn nothing from it")
        return rows


@functools.cache
def _compiled_correct() -> Callable[..., int]:
    return jit.specialize(correct, name="the perceptron's learning rule")
