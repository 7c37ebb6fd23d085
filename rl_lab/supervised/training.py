"""Training a network on labelled samples: epochs of minibatches with Adam, compiled, and when to stop."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from rl_lab import jit
from rl_lab.core import activations, mlp, optim
from rl_lab.core.mlp import MLP
from rl_lab.core.optim import Adam, make_adam
from rl_lab.errors import LabError

CHUNK = 4096  # samples that are predicted at a time


class TrainingSamples(NamedTuple):
    """Labelled samples, a row each."""

    inputs: np.ndarray  # float32 (samples, inputs)
    targets: np.ndarray  # int64 (samples, 1) for classes, float32 (samples, outputs) for numbers
    weights: np.ndarray  # float32 (samples,)


class FitScratch(NamedTuple):
    """Memory for one minibatch."""

    minibatch: TrainingSamples
    hidden: np.ndarray  # float32, flat, for the forward pass
    flow: np.ndarray  # float32, flat, for the backward pass
    by_outputs: np.ndarray  # float32 (batch, outputs)
    gradient: np.ndarray  # float32 (parameters,)


@dataclass
class History:
    """How a training went, epoch by epoch."""

    losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    best_epoch: int = 0
    gradient_steps: int = 0


@dataclass(frozen=True)
class Schedule:
    """How a network is trained."""

    batch: int
    learning_rate: float
    alpha: float  # of the penalty on the squares of the weights, as scikit-learn has it
    epochs: int
    patience: int  # epochs without an improvement, after which training ends
    tolerance: float  # what counts as an improvement of the loss


@jit.fast
def epoch(loss, parameters, sizes, code, samples, order, batch, adam, scratch, learning_rate, alpha):
    """One pass over the samples, in `order`, int64; the last minibatch may have fewer than `batch`.

    `loss` is from `losses`, `code` the activation of the hidden layers. A minibatch pays `alpha / (2 count)` times the
    sum of the squared weights.

    Returns:
        The mean loss, penalty apart, of the minibatches as they were met.
    """
    total = 0.0
    for start in range(0, order.shape[0], batch):
        chosen = order[start : min(start + batch, order.shape[0])]
        count = chosen.shape[0]
        gather(samples, chosen, scratch.minibatch)
        inputs, by_outputs = scratch.minibatch.inputs[:count], scratch.by_outputs[:count]
        outputs = mlp.forward(parameters, sizes, code, inputs, scratch.hidden)
        total += loss(outputs, scratch.minibatch.targets, scratch.minibatch.weights, by_outputs)
        mlp.backward(parameters, sizes, code, inputs, scratch.hidden, by_outputs, scratch.gradient, scratch.flow)
        add_penalty(parameters, sizes, np.float32(alpha / count), scratch.gradient)
        adam.count[0] += 1
        moments = adam.first, adam.second
        optim.adam(parameters, scratch.gradient, *moments, adam.count[0], learning_rate, 0.9, 0.999, 1e-8)
    return total / order.shape[0]


@jit.fast
def gather(samples, chosen, minibatch):
    """Copy the chosen samples into the first rows of a minibatch."""
    for i in range(chosen.shape[0]):
        k = chosen[i]
        for j in range(samples.inputs.shape[1]):
            minibatch.inputs[i, j] = samples.inputs[k, j]
        for j in range(samples.targets.shape[1]):
            minibatch.targets[i, j] = samples.targets[k, j]
        minibatch.weights[i] = samples.weights[k]


@jit.fast
def add_penalty(parameters, sizes, scale, gradient):
    """Add the gradient of half the squared weights, biases apart, times `scale`."""
    begin = 0
    for layer in range(sizes.shape[0] - 1):
        end = begin + sizes[layer] * sizes[layer + 1]
        for i in range(begin, end):
            gradient[i] += scale * parameters[i]
        begin = end + sizes[layer + 1]


@functools.cache
def compiled(kernel: Callable[..., Any], name: str, **bound: Any) -> jit.Compiled:
    """A kernel, specialised once in a process."""
    return jit.specialize(kernel, name=name, **bound)


def train(
    network: MLP,
    loss: Callable[..., Any],
    samples: TrainingSamples,
    schedule: Schedule,
    rng: np.random.Generator,
    validation: TrainingSamples | None = None,
    score: Callable[[np.ndarray, TrainingSamples], float] | None = None,
    report: Callable[[History], None] | None = None,
) -> History:
    """Train a network in place, with a fresh optimiser and a loss from `losses`.

    `rng` is of the order of the samples. Where `validation` is given, its loss decides when to stop, and the best
    weights are kept; `score(outputs, validation)` goes to the history, with which `report` is called after each epoch.

    Raises:
        LabError: the loss is not finite any more.
    """
    name = loss.__name__.replace("_", " ")
    run = compiled(epoch, f"training by {name}", loss=loss)
    adam, scratch = make_adam(len(network.parameters)), make_scratch(network, samples, schedule.batch)

    def one_epoch(number: int) -> float:
        order = rng.permutation(len(samples.inputs))
        common = network.parameters, network.size_array, network.code, samples, order, schedule.batch
        return float(run(*common, adam, scratch, float(schedule.learning_rate), float(schedule.alpha)))

    def judge() -> tuple[float, float]:
        assert validation is not None
        outputs = predicted(network, validation.inputs)
        given = outputs, validation.targets, validation.weights, np.empty_like(outputs)
        judged = float(compiled(loss, name)(*given)) / len(outputs)
        return judged, score(outputs, validation) if score else -judged

    return descend(one_epoch, network.parameters, adam, schedule, judge if validation is not None else None, report)


def descend(
    one_epoch: Callable[[int], float],
    parameters: np.ndarray,
    adam: Adam,
    schedule: Schedule,
    judge: Callable[[], tuple[float, float]] | None = None,
    report: Callable[[History], None] | None = None,
) -> History:
    """Run epochs until there were enough, or the loss falls no more.

    `one_epoch(number)` trains the parameters for one epoch, from 1 on, and returns its mean loss. `judge` returns loss
    and score on held-out samples; where it is given, its loss decides when to stop, and the best parameters are kept.

    Raises:
        LabError: the loss is not finite any more.
    """
    history, best, kept, waited = History(), np.inf, parameters.copy(), 0
    for number in range(1, schedule.epochs + 1):
        mean = one_epoch(number)
        history.losses.append(mean)
        history.gradient_steps = int(adam.count[0])
        judged = mean
        if judge is not None:
            judged, score = judge()
            history.validation_losses.append(judged)
            history.validation_scores.append(score)
        if not np.isfinite([mean, judged]).all():
            raise LabError(
                f"the loss became {mean if not np.isfinite(mean) else judged} in epoch {number}; "
                f"lower the learning rate, which is {schedule.learning_rate:g}, or scale the inputs"
            )
        waited = 0 if judged < best - schedule.tolerance else waited + 1
        if judged < best:
            best, history.best_epoch = judged, number
            if judge is not None:
                kept[:] = parameters
        if report is not None:
            report(history)
        if waited >= schedule.patience:
            break
    if judge is not None:
        parameters[:] = kept
    return history


def activate(code: int, values: np.ndarray) -> None:
    """Replace float32 numbers, C-contiguous, by their activation, with the arithmetic that networks use inside."""
    compiled(activations.activate, "activations")(code, values.reshape(-1))


def predicted(network: MLP, inputs: np.ndarray) -> np.ndarray:
    """Outputs `(samples, outputs)`, some thousand samples at a time."""
    parts = [network(inputs[start : start + CHUNK]) for start in range(0, len(inputs), CHUNK)]
    return np.concatenate(parts) if parts else np.zeros((0, network.sizes[-1]), np.float32)


def make_scratch(network: MLP, samples: TrainingSamples, batch: int) -> FitScratch:
    """Memory for minibatches of so many samples."""
    return FitScratch(
        TrainingSamples(*(np.zeros((batch, *array.shape[1:]), array.dtype) for array in samples)),
        np.zeros(mlp.hidden_size(network.sizes, batch), np.float32),
        np.zeros(mlp.scratch_size(network.sizes, batch), np.float32),
        np.zeros((batch, network.sizes[-1]), np.float32),
        np.zeros(len(network.parameters), np.float32),
    )
