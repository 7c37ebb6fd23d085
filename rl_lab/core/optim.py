"""Optimisers on the flat buffer, with the arithmetic of `torch.optim` and `torch.nn.utils.clip_grad_norm_`.

All arrays are float32 of one shape `(parameters,)` and are updated in place. `ADAM` and `RMSPROP` train named segments
of a buffer (`core.parameters`), each at a learning rate of its own, and say what torch calls them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rl_lab import jit

ONE = np.float32(1)


class Adam(NamedTuple):
    """State of the optimiser."""

    first: np.ndarray  # float32 (parameters,)
    second: np.ndarray  # float32 (parameters,)
    count: np.ndarray  # type: ignore[assignment]  # int64 (parts,), steps that each part of the parameters has taken


def make_adam(parameters: int, parts: int = 1) -> Adam:
    """An optimiser that has taken no step, for parameters that are trained in so many parts."""
    return Adam(np.zeros(parameters, np.float32), np.zeros(parameters, np.float32), np.zeros(parts, np.int64))


class RMSprop(NamedTuple):
    """State of the optimiser."""

    square: np.ndarray  # float32 (parameters,)
    count: np.ndarray  # type: ignore[assignment]  # int64 (parts,), steps that each part of the parameters has taken


def make_rmsprop(parameters: int, parts: int = 1) -> RMSprop:
    """An optimiser that has taken no step, for parameters that are trained in so many parts."""
    return RMSprop(np.zeros(parameters, np.float32), np.zeros(parts, np.int64))


class Optimizer(NamedTuple):
    """What trains the segments of a flat buffer."""

    torch: str  # its class in `torch.optim`
    moments: dict[str, str]  # fields of its state, and torch's names for them
    make: Callable[[int, int], Any]  # its state, for a number of parameters and of segments
    step: Callable[..., None]  # step(parameters, gradient, state, ends, rates, epsilon)


@jit.fast
def clip_norm(gradient, maximum):
    """Scale a gradient down to the Euclidean norm `maximum` where it is longer; returns the norm it had."""
    total = np.float32(0)
    for i in range(gradient.shape[0]):
        total += gradient[i] * gradient[i]
    norm = math.sqrt(total)
    scale = np.float32(maximum / (norm + 1e-6))
    if scale < ONE:
        for i in range(gradient.shape[0]):
            gradient[i] *= scale
    return norm


@jit.fast
def adam(parameters, gradient, first, second, count, learning_rate, beta1, beta2, epsilon):
    """One step of Adam (Kingma and Ba, 2015, algorithm 1), as `torch.optim.Adam` takes it.

    Args:
        parameters: what is trained.
        gradient: gradient of the loss.
        first: running mean of the gradient, zeros at first.
        second: running mean of its square, zeros at first.
        count: number of this step, from 1.
        learning_rate: step size.
        beta1: decay of `first`.
        beta2: decay of `second`.
        epsilon: added to the root of the second moment; SB3's PPO uses 1e-5.
    """
    keep1, take1 = np.float32(beta1), np.float32(1.0 - beta1)
    keep2, take2 = np.float32(beta2), np.float32(1.0 - beta2)
    rate = np.float32(learning_rate / (1.0 - beta1**count))
    correction = np.float32(1.0 / math.sqrt(1.0 - beta2**count))
    offset = np.float32(epsilon)
    for i in range(parameters.shape[0]):
        g = gradient[i]
        first[i] = keep1 * first[i] + take1 * g
        second[i] = keep2 * second[i] + take2 * g * g
        parameters[i] -= rate * first[i] / (np.sqrt(second[i]) * correction + offset)


@jit.fast
def sgd(parameters, gradient, velocity, learning_rate, momentum):
    """One step of gradient descent with heavy-ball momentum, as `torch.optim.SGD` takes it.

    Args:
        parameters: what is trained.
        gradient: gradient of the loss.
        velocity: decaying sum of gradients, zeros at first.
        learning_rate: step size.
        momentum: decay of `velocity`; 0 is plain gradient descent.
    """
    rate, keep = np.float32(learning_rate), np.float32(momentum)
    for i in range(parameters.shape[0]):
        velocity[i] = keep * velocity[i] + gradient[i]
        parameters[i] -= rate * velocity[i]


@jit.fast
def rmsprop(parameters, gradient, square, learning_rate, decay, epsilon):
    """One step of RMSprop (Tieleman and Hinton, 2012, lecture 6e), as `torch.optim.RMSprop` takes it.

    Args:
        parameters: what is trained.
        gradient: gradient of the loss.
        square: running mean of the gradient's square, zeros at first.
        learning_rate: step size.
        decay: of `square`.
        epsilon: added to its root; SB3's A2C uses 1e-5.
    """
    keep, take = np.float32(decay), np.float32(1.0 - decay)
    rate, offset = np.float32(learning_rate), np.float32(epsilon)
    for i in range(parameters.shape[0]):
        g = gradient[i]
        square[i] = keep * square[i] + take * g * g
        parameters[i] -= rate * g / (np.sqrt(square[i]) + offset)


@jit.fast
def adam_segments(parameters, gradient, state, ends, rates, epsilon):
    """One step of Adam for every segment that is trained.

    Segments count their steps apart, as torch's Adam does for each parameter: one that begins to move after the others
    begins with steps of the right length.

    Args:
        parameters: float32 `(parameters,)`.
        gradient: float32 `(parameters,)`.
        state: `Adam`.
        ends: int64 `(segments,)`, where each segment ends.
        rates: float64 `(segments,)`, learning rates; negative where a segment is not trained.
        epsilon: see `adam`.
    """
    begin = 0
    for part in range(ends.shape[0]):
        end = ends[part]
        if rates[part] >= 0.0:
            state.count[part] += 1
            moments = state.first[begin:end], state.second[begin:end]
            step = state.count[part]
            values, slopes = parameters[begin:end], gradient[begin:end]
            adam(values, slopes, moments[0], moments[1], step, rates[part], 0.9, 0.999, epsilon)
        begin = end


@jit.fast
def rmsprop_segments(parameters, gradient, state, ends, rates, epsilon):
    """One step of RMSprop for every segment that is trained; see `adam_segments`."""
    begin = 0
    for part in range(ends.shape[0]):
        end = ends[part]
        if rates[part] >= 0.0:
            state.count[part] += 1
            values, slopes = parameters[begin:end], gradient[begin:end]
            rmsprop(values, slopes, state.square[begin:end], rates[part], 0.99, epsilon)
        begin = end


ADAM = Optimizer("Adam", {"first": "exp_avg", "second": "exp_avg_sq"}, make_adam, adam_segments)
RMSPROP = Optimizer("RMSprop", {"square": "square_avg"}, make_rmsprop, rmsprop_segments)
