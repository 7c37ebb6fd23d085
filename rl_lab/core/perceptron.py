"""The perceptron: one layer of units, forward and backward.

A layer computes `outputs = activation(inputs @ weights + bias)` with `weights` of shape `(inputs, units)`.
"""

import numpy as np

from rl_lab import jit
from rl_lab.core import activations


@jit.fast
def forward(inputs, weights, bias, code, outputs):
    """One layer on a batch: fills `outputs` `(batch, units)` from `inputs` `(batch, inputs)`, all float32."""
    np.dot(inputs, weights, outputs)
    for i in range(outputs.shape[0]):
        for j in range(outputs.shape[1]):
            outputs[i, j] += bias[j]
    activations.activate(code, outputs)


@jit.fast
def backward(inputs, delta, weight_gradient, bias_gradient):
    """Gradients of one layer's parameters, overwritten.

    Args:
        inputs: float32 `(batch, inputs)`, what the layer was given.
        delta: float32 `(batch, units)`, gradient of the loss before the activation.
        weight_gradient: float32 `(inputs, units)`, filled.
        bias_gradient: float32 `(units,)`, filled.
    """
    np.dot(inputs.T, delta, weight_gradient)
    bias_gradient[:] = 0
    for i in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            bias_gradient[j] += delta[i, j]


@jit.fast
def backward_inputs(weights, delta, input_gradient):
    """Gradient of the loss with respect to a layer's inputs: fills `input_gradient` `(batch, inputs)`."""
    np.dot(delta, weights.T, input_gradient)
