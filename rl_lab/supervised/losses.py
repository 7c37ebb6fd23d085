"""Losses of a minibatch and their gradients with respect to the network's outputs, in closed form.

Each is the mean over the minibatch, each sample times its weight. A loss is a function
`(outputs, targets, weights, by_outputs) -> sum of the weighted losses`, where all arrays have a row for each sample
and `by_outputs` is filled with the gradient of the mean.
"""

import numpy as np

from rl_lab import jit
from rl_lab.core.activations import exp

ONE, ZERO = np.float32(1), np.float32(0)


@jit.fast
def cross_entropy(outputs, targets, weights, by_outputs):
    """Minus the log-probability that a softmax over the outputs gives to the label; targets are int64 `(batch, 1)`."""
    count, classes = outputs.shape
    each, total = ONE / np.float32(count), ZERO
    for i in range(count):
        top = outputs[i, 0]
        for j in range(1, classes):
            top = max(top, outputs[i, j])
        mass = ZERO
        for j in range(classes):
            by_outputs[i, j] = exp(outputs[i, j] - top)
            mass += by_outputs[i, j]
        label = targets[i, 0]
        total += weights[i] * (np.log(mass) + top - outputs[i, label])
        scale = weights[i] * each
        for j in range(classes):
            by_outputs[i, j] *= scale / mass
        by_outputs[i, label] -= scale
    return total


@jit.fast
def squared_error(outputs, targets, weights, by_outputs):
    """Half the squared distance to the targets, float32 `(batch, outputs)`."""
    count, width = outputs.shape
    each, total = ONE / np.float32(count), ZERO
    for i in range(count):
        for j in range(width):
            error = outputs[i, j] - targets[i, j]
            total += weights[i] * np.float32(0.5) * error * error
            by_outputs[i, j] = weights[i] * each * error
    return total
