"""The gradient of a loss, layer by layer, and plain gradient descent along it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab import jit
from rl_lab.core import mlp, optim
from rl_lab.core.mlp import MLP
from rl_lab.supervised.training import TrainingSamples, compiled, gather, make_scratch


class Step(NamedTuple):
    """How gradient descent walks."""

    batch: int
    learning_rate: float
    momentum: float


def gradient(
    network: MLP, loss: Callable[..., Any], samples: TrainingSamples
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Gradient of the mean loss: for each layer that of its weights `(inputs, units)` and of its bias `(units,)`."""
    scratch, name = make_scratch(network, samples, len(samples.inputs)), loss.__name__.replace("_", " ")
    run = compiled(whole, f"the gradient of {name}", loss=loss)
    run(network.parameters, network.size_array, network.code, samples, scratch)
    return MLP(network.sizes, network.activation, scratch.gradient).layers()


def norms_by_layer(network: MLP, loss: Callable[..., Any], samples: TrainingSamples) -> NDArray[np.float64]:
    """Root mean square of the gradient of each layer's weights, `(layers,)`: sizes of layers do not count."""
    return np.array(
        [np.sqrt(np.mean(np.square(weights, dtype=np.float64))) for weights, _ in gradient(network, loss, samples)]
    )


def descend(
    network: MLP,
    loss: Callable[..., Any],
    samples: TrainingSamples,
    step: Step,
    epochs: int,
    rng: np.random.Generator,
    report: Callable[[], None] | None = None,
) -> list[float]:
    """Train a network in place by gradient descent with momentum, as deep networks were trained before Adam.

    `rng` is of the order of the samples; `report` is called after each epoch.

    Returns:
        Mean loss of each epoch, as the minibatches were met; not a number where the steps were too long.
    """
    run = compiled(descent, f"gradient descent by {loss.__name__.replace('_', ' ')}", loss=loss)
    batch = min(step.batch, len(samples.inputs))
    velocity, scratch = np.zeros(len(network.parameters), np.float32), make_scratch(network, samples, batch)
    means = []
    for _ in range(epochs):
        order = rng.permutation(len(samples.inputs))
        common = network.parameters, network.size_array, network.code, samples, order, batch
        means.append(float(run(*common, velocity, scratch, float(step.learning_rate), float(step.momentum))))
        if report is not None:
            report()
    return means


@jit.fast
def descent(loss, parameters, sizes, code, samples, order, batch, velocity, scratch, learning_rate, momentum):
    """One pass over the samples; arguments as `training.epoch` has them, with `velocity` in place of Adam's moments."""
    total = 0.0
    for start in range(0, order.shape[0], batch):
        chosen = order[start : min(start + batch, order.shape[0])]
        count = chosen.shape[0]
        gather(samples, chosen, scratch.minibatch)
        inputs, by_outputs = scratch.minibatch.inputs[:count], scratch.by_outputs[:count]
        outputs = mlp.forward(parameters, sizes, code, inputs, scratch.hidden)
        total += loss(outputs, scratch.minibatch.targets, scratch.minibatch.weights, by_outputs)
        mlp.backward(parameters, sizes, code, inputs, scratch.hidden, by_outputs, scratch.gradient, scratch.flow)
        optim.sgd(parameters, scratch.gradient, velocity, learning_rate, momentum)
    return total / order.shape[0]


@jit.fast
def whole(loss, parameters, sizes, code, samples, scratch):
    """The gradient of the mean loss over all samples, into `scratch.gradient`."""
    outputs = mlp.forward(parameters, sizes, code, samples.inputs, scratch.hidden)
    loss(outputs, samples.targets, samples.weights, scratch.by_outputs)
    by_outputs = scratch.by_outputs
    mlp.backward(parameters, sizes, code, samples.inputs, scratch.hidden, by_outputs, scratch.gradient, scratch.flow)
