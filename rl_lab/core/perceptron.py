"""The perceptron: one layer of units, forward and backward.

A layer computes `activation(inputs @ weights + bias)` with `weights` of shape `(inputs, units)`. The kernels
work on panels of 64 samples (`panels.py`) or, for a handful of samples, row by row.
"""

from rl_lab import jit
from rl_lab.core import activations, panels
from rl_lab.core.panels import LANES


@jit.fast
def forward(weights, bias, code, inputs, outputs):
    """One layer on a panel: fills the panel `outputs` from the panel `inputs`."""
    panels.spread(bias, outputs)
    panels.add_product(weights.T, inputs, outputs)
    activations.activate(code, outputs)


@jit.fast
def forward_row(weights, bias, code, inputs, outputs):
    """One layer on one sample: fills `outputs` `(units,)` from `inputs` `(inputs,)`."""
    units = weights.shape[1]
    rows = weights.shape[0]
    for unit in range(units):
        outputs[unit] = bias[unit]
    for row in range(0, rows - 3, 4):
        x0, x1, x2, x3 = inputs[row], inputs[row + 1], inputs[row + 2], inputs[row + 3]
        for unit in range(units):
            outputs[unit] += (
                x0 * weights[row, unit]
                + x1 * weights[row + 1, unit]
                + x2 * weights[row + 2, unit]
                + x3 * weights[row + 3, unit]
            )
    for row in range(rows - rows % 4, rows):
        x0 = inputs[row]
        for unit in range(units):
            outputs[unit] += x0 * weights[row, unit]
    activations.activate(code, outputs)


@jit.fast
def backward(inputs, delta, weight_gradient, bias_gradient):
    """Add one panel's part to the gradient of a layer's parameters.

    Args:
        inputs: panel of what the layer was given.
        delta: panel of the gradient of the loss before the activation.
        weight_gradient: float32 `(inputs, units)`, added to.
        bias_gradient: float32 `(units,)`, added to.
    """
    panels.add_outer(inputs, delta, weight_gradient)
    panels.add_sums(delta, bias_gradient)


@jit.fast
def backward_inputs(weights, delta, input_gradient):
    """Gradient of the loss with respect to a layer's inputs: fills the panel `input_gradient`."""
    for i in range(weights.shape[0] * LANES):
        input_gradient[i] = panels.ZERO
    panels.add_product(weights, delta, input_gradient)
