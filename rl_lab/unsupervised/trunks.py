"""Training a trunk on what an agent saw and did, without labels: kernels.

The trunk turns an observation into features. Heads on top of it ask it something: what is seen, what will be seen
after an action, which action lay between two observations, what a fixed random network answers. Trunk and heads lie
one behind the other in one flat float32 buffer; the heads' gradients with respect to features train the trunk.
"""

from typing import NamedTuple

import numpy as np

from rl_lab import jit
from rl_lab.core import activations, mlp, optim
from rl_lab.supervised import losses

NOTHING, THIS, NEXT, FIXED = range(4)  # what the predictor predicts
ZERO, ONE = np.float32(0), np.float32(1)


class Objective(NamedTuple):
    """Targets of the heads."""

    prediction: int  # NOTHING, THIS observation, the NEXT one, or the answer of a FIXED network
    inverse: bool  # whether the action is to be told from two observations
    actions: int  # number of actions; 0 where they are continuous


class TrunkLayout(NamedTuple):
    """How the buffer is laid out."""

    trunk: np.ndarray  # int64 (layers + 1,), sizes
    predictor: np.ndarray
    inverse: np.ndarray
    trunk_end: int
    predictor_end: int


class Transitions(NamedTuple):
    """What was seen and done; row `k + lanes` follows row `k`."""

    rows: np.ndarray  # (samples, size)
    actions: np.ndarray  # int64 (samples, 1), or float32 (samples, width)
    lanes: int
    scale: np.float32  # of the rows
    mean: np.ndarray  # float32 (outputs,), of what is predicted
    deviation: np.ndarray  # float32 (outputs,)
    fixed: np.ndarray  # float32, parameters of the fixed network
    fixed_sizes: np.ndarray  # int64


class TrunkScratch(NamedTuple):
    """Memory for one minibatch; float32 but for the labels."""

    inputs: np.ndarray  # (2 * batch, size)
    by_features: np.ndarray  # (2 * batch, features)
    head_inputs: np.ndarray  # flat
    by_head_inputs: np.ndarray  # flat
    targets: np.ndarray  # flat
    by_outputs: np.ndarray  # flat
    labels: np.ndarray  # int64 (batch, 1)
    weights: np.ndarray  # (batch,)
    hidden: np.ndarray  # flat, of the trunk
    head_hidden: np.ndarray  # flat, of a head
    fixed_hidden: np.ndarray  # flat, of the fixed network
    flow: np.ndarray  # flat, for backward passes
    gradient: np.ndarray  # (parameters,)


def epoch(task, parameters, layout, code, seen, order, batch, adam, scratch, learning_rate):
    """One pass over the rows `order`, int64, in minibatches; the mean loss as they were met.

    `task` is an `Objective`, `code` the activation of the trunk and of the heads' hidden layers.
    """
    total = 0.0
    for start in range(0, order.shape[0], batch):
        chosen = order[start : min(start + batch, order.shape[0])]
        total += loss_gradient(task, parameters, layout, code, seen, chosen, scratch)
        adam.count[0] += 1
        moments = adam.first, adam.second
        optim.adam(parameters, scratch.gradient, *moments, adam.count[0], learning_rate, 0.9, 0.999, 1e-8)
    return total / order.shape[0]


@jit.fast
def loss_gradient(task, parameters, layout, code, seen, chosen, scratch):
    """Sum of the losses of a minibatch; the gradient of their mean is left in the scratch."""
    count, width = chosen.shape[0], layout.trunk[layout.trunk.shape[0] - 1]
    rows = 2 * count if task.inverse else count
    inputs, by_features = scratch.inputs[:rows], scratch.by_features[:rows]
    gather(seen, chosen, inputs)
    trunk = parameters[: layout.trunk_end]
    features = mlp.forward(trunk, layout.trunk, code, inputs, scratch.hidden)
    activations.activate(code, features.reshape(features.size))
    for i in range(rows):
        for j in range(width):
            by_features[i, j] = ZERO
    total = 0.0
    if task.prediction != NOTHING:
        total += predict(task, parameters, layout, code, seen, chosen, features, scratch)
    if task.inverse:
        total += inverse_dynamics_loss(task, parameters, layout, code, seen, chosen, features, scratch)
    flat = by_features.reshape(by_features.size)
    activations.scale_by_derivative(code, features.reshape(features.size), flat)
    gradient = scratch.gradient[: layout.trunk_end]
    mlp.backward(trunk, layout.trunk, code, inputs, scratch.hidden, by_features, gradient, scratch.flow)
    return total


def losses_of(task, parameters, layout, code, seen, samples, scratch, found):
    """The loss of each sample by itself, into `found`, float64 `(samples,)`."""
    for i in range(samples.shape[0]):
        found[i] = loss_gradient(task, parameters, layout, code, seen, samples[i : i + 1], scratch)


@jit.fast
def gather(seen, chosen, inputs):
    """Observations as the trunk takes them, and those that followed, where there is room."""
    count = chosen.shape[0]
    for i in range(count):
        for j in range(inputs.shape[1]):
            inputs[i, j] = np.float32(seen.rows[chosen[i], j]) * seen.scale
    for i in range(count, inputs.shape[0]):
        for j in range(inputs.shape[1]):
            inputs[i, j] = np.float32(seen.rows[chosen[i - count] + seen.lanes, j]) * seen.scale


@jit.fast
def predict(task, parameters, layout, code, seen, chosen, features, scratch):
    """The predictor's loss; its gradients go to its own parameters and are added to those by features."""
    count, width = chosen.shape[0], features.shape[1]
    sizes = layout.predictor
    head_inputs = scratch.head_inputs[: count * sizes[0]].reshape((count, sizes[0]))
    for i in range(count):
        for j in range(width):
            head_inputs[i, j] = features[i, j]
        if task.prediction == NEXT:
            put_action(task, seen.actions, chosen[i], head_inputs[i, width:])
    outputs_width = sizes[sizes.shape[0] - 1]
    targets = scratch.targets[: count * outputs_width].reshape((count, outputs_width))
    if task.prediction == FIXED:
        answers = mlp.forward(seen.fixed, seen.fixed_sizes, code, scratch.inputs[:count], scratch.fixed_hidden)
        for i in range(count):
            for j in range(outputs_width):
                targets[i, j] = (answers[i, j] - seen.mean[j]) / seen.deviation[j]
    else:
        ahead = seen.lanes if task.prediction == NEXT else 0
        for i in range(count):
            for j in range(outputs_width):
                value = np.float32(seen.rows[chosen[i] + ahead, j]) * seen.scale
                targets[i, j] = (value - seen.mean[j]) / seen.deviation[j]
    weights = scratch.weights[:count]
    for i in range(count):
        weights[i] = ONE / np.float32(outputs_width)  # of a sample's mean over what is predicted
    head = parameters[layout.trunk_end : layout.predictor_end]
    outputs = mlp.forward(head, sizes, code, head_inputs, scratch.head_hidden)
    by_outputs = scratch.by_outputs[: count * outputs_width].reshape((count, outputs_width))
    total = losses.squared_error(outputs, targets, weights, by_outputs)
    gradient = scratch.gradient[layout.trunk_end : layout.predictor_end]
    by_inputs = pull(head, sizes, code, head_inputs, by_outputs, gradient, scratch)
    for i in range(count):
        for j in range(width):
            scratch.by_features[i, j] += by_inputs[i, j]
    return total


@jit.fast
def inverse_dynamics_loss(task, parameters, layout, code, seen, chosen, features, scratch):
    """The loss of telling which action lay between two observations; gradients as in `predict`."""
    count, width = chosen.shape[0], features.shape[1]
    sizes = layout.inverse
    head_inputs = scratch.head_inputs[: count * sizes[0]].reshape((count, sizes[0]))
    for i in range(count):
        for j in range(width):
            head_inputs[i, j] = features[i, j]
            head_inputs[i, width + j] = features[count + i, j]
    head = parameters[layout.predictor_end :]
    outputs = mlp.forward(head, sizes, code, head_inputs, scratch.head_hidden)
    outputs_width = outputs.shape[1]
    by_outputs = scratch.by_outputs[: count * outputs_width].reshape((count, outputs_width))
    weights = scratch.weights[:count]
    for i in range(count):
        weights[i] = ONE
    if task.actions > 0:
        labels = scratch.labels[:count]
        for i in range(count):
            labels[i, 0] = np.int64(seen.actions[chosen[i], 0])
        total = losses.cross_entropy(outputs, labels, weights, by_outputs)
    else:
        targets = scratch.targets[: count * outputs_width].reshape((count, outputs_width))
        for i in range(count):
            for j in range(outputs_width):
                targets[i, j] = np.float32(seen.actions[chosen[i], j])
        total = losses.squared_error(outputs, targets, weights, by_outputs)
    by_inputs = pull(head, sizes, code, head_inputs, by_outputs, scratch.gradient[layout.predictor_end :], scratch)
    for i in range(count):
        for j in range(width):
            scratch.by_features[i, j] += by_inputs[i, j]
            scratch.by_features[count + i, j] += by_inputs[i, width + j]
    return total


@jit.fast
def pull(head, sizes, code, inputs, by_outputs, gradient, scratch):
    """A head's backward pass: fills the gradient of its parameters, and returns that by its inputs."""
    by_inputs = scratch.by_head_inputs[: inputs.size].reshape(inputs.shape)
    given = head, sizes, code, inputs, scratch.head_hidden, by_outputs, gradient, by_inputs
    mlp.backward_through(*given, scratch.flow)
    return by_inputs


@jit.fast
def put_action(task, actions, place, into):
    """An action as numbers: one-hot, or as it is."""
    if task.actions > 0:
        chosen = np.int64(actions[place, 0])
        for j in range(into.shape[0]):
            into[j] = ONE if j == chosen else ZERO
    else:
        for j in range(into.shape[0]):
            into[j] = np.float32(actions[place, j])
