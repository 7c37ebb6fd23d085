"""The perceptron: one layer of units, forward and backward.

A layer computes `activation(inputs @ weights + bias)` with `weights` of shape `(inputs, units)`. The kernels
work on panels of 64 samples (`panels.py`) or, for a handful of samples, row by row.
"""

from rl_lab import jit
from rl_lab.core import activations, panels
from rl_lab.core.panels import LANES

NARROW = 16  # up to so many units, dot products over the inputs are quicker than sums over the units


@jit.fast
def forward(weights, bias, code, inputs, outputs):
    """One layer on a panel: fills the panel `outputs` from the panel `inputs`."""
    panels.spread(bias, outputs)
    panels.add_product(weights.T, inputs, outputs)
    activations.activate(code, outputs)


@jit.fast
def forward_few(weights, bias, code, inputs, column, outputs):
    """One layer on a few samples: fills `outputs` `(batch, units)` from `inputs` `(batch, inputs)`.

    With 64 units, the most usual number, the weights are themselves a panel, whose lanes are the units.

    Args:
        weights: float32 `(inputs, units)`.
        bias: float32 `(units,)`.
        code: the activation.
        inputs: float32 `(batch, inputs)`.
        column: float32 workspace of at least `inputs`.
        outputs: float32 `(batch, units)`, filled.
    """
    batch, units = outputs.shape
    for sample in range(batch):
        for unit in range(units):
            outputs[sample, unit] = bias[unit]
    if units == LANES:
        panels.add_product(inputs, weights.reshape(weights.size), outputs.reshape(outputs.size))
    elif units > NARROW:
        for sample in range(batch):
            for row in range(weights.shape[0]):
                x = inputs[sample, row]
                for unit in range(units):
                    outputs[sample, unit] += x * weights[row, unit]
    else:
        for unit in range(units):
            for row in range(weights.shape[0]):
                column[row] = weights[row, unit]
            for sample in range(batch):
                total = outputs[sample, unit]
                for row in range(weights.shape[0]):
                    total += inputs[sample, row] * column[row]
                outputs[sample, unit] = total
    activations.activate(code, outputs.reshape(outputs.size))


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
