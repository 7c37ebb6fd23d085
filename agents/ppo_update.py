"""PPO's update (Schulman et al., 2017) compiled: minibatches, loss gradient in closed form, Adam.

Every detail is Stable-Baselines3's: advantages normalised per minibatch, the value loss unclipped unless
asked for, the gradient's norm clipped over all parameters, Adam with epsilon 1e-5.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rl_lab import jit, random
from rl_lab.agents import rollout
from rl_lab.agents.rollout import Workspace, actor_outputs, critic_values, make_workspace
from rl_lab.core import mlp, optim

STATISTICS = ("policy_gradient_loss", "value_loss", "entropy_loss", "approx_kl", "clip_fraction", "loss", "minibatches")
ONE, ZERO = np.float32(1), np.float32(0)


class Settings(NamedTuple):
    """Numbers of one update."""

    learning_rate: float
    clip_range: float
    clip_range_vf: float  # negative: values are not clipped
    ent_coef: float
    vf_coef: float
    max_grad_norm: float
    target_kl: float  # negative: no early stopping
    normalize_advantage: bool


class Adam(NamedTuple):
    """State of the optimiser."""

    first: np.ndarray  # float32 (parameters,)
    second: np.ndarray  # float32 (parameters,)
    count: np.ndarray  # int64 (1,)


class Scratch(NamedTuple):
    """Memory for the gradient of one minibatch."""

    workspace: Workspace
    gradient: np.ndarray  # float32 (parameters,)
    by_outputs: np.ndarray  # float32 (batch, outputs)
    by_values: np.ndarray  # float32 (batch, 1)
    flow: np.ndarray  # float32, flat, for the backward pass


class Samples(NamedTuple):
    """A rollout with steps and lanes in one row of samples."""

    observations: np.ndarray  # (samples, size)
    masks: np.ndarray  # bool (samples, actions)
    actions: np.ndarray  # (samples, width)
    log_probs: np.ndarray  # float32 (samples,)
    values: np.ndarray
    advantages: np.ndarray
    returns: np.ndarray


class Loops(NamedTuple):
    """Small compiled loops that both engines share."""

    see: Callable[..., None]
    estimate_advantages: Callable[..., None]
    shuffle: Callable[..., None]


@functools.cache
def loops() -> Loops:
    """The small loops, compiled once a process."""
    functions = rollout.see, rollout.estimate_advantages, shuffle
    return Loops(*(jit.specialize(f, name=f.__name__.replace("_", " ")) for f in functions))


def flatten(experience: rollout.Rollout) -> Samples:
    """A rollout's arrays with steps and lanes as one axis; views, not copies."""
    count = experience.rewards.size
    arrays = experience.observations, experience.masks, experience.actions, experience.log_probs, experience.values
    return Samples(*(a.reshape(count, *a.shape[2:]) for a in (*arrays, experience.advantages, experience.returns)))


def make_adam(parameters: int) -> Adam:
    """An optimiser that has taken no step."""
    return Adam(np.zeros(parameters, np.float32), np.zeros(parameters, np.float32), np.zeros(1, np.int64))


def make_scratch(batch: int, actor_sizes: tuple[int, ...], critic_sizes: tuple[int, ...], parameters: int) -> Scratch:
    """Memory for minibatches of up to `batch` samples."""
    flow = max(mlp.scratch_size(actor_sizes, batch), mlp.scratch_size(critic_sizes, batch))
    return Scratch(
        make_workspace(batch, actor_sizes, critic_sizes),
        np.zeros(parameters, np.float32),
        np.zeros((batch, actor_sizes[-1]), np.float32),
        np.zeros((batch, 1), np.float32),
        np.zeros(flow, np.float32),
    )


def shuffle(stream, order):
    """Shuffle each row of `order`, int64 `(epochs, samples)` (Fisher and Yates)."""
    for epoch in range(order.shape[0]):
        for i in range(order.shape[1] - 1, 0, -1):
            j = random.integers(stream, 0, i + 1)
            order[epoch, i], order[epoch, j] = order[epoch, j], order[epoch, i]


@jit.fast
def normalized(samples, chosen, enabled):
    """Mean, and one over the standard deviation (n - 1, as torch's), of the advantages of a minibatch."""
    count = chosen.shape[0]
    if not enabled or count < 2:
        return ZERO, ONE
    mean = ZERO
    for i in range(count):
        mean += samples.advantages[chosen[i]]
    mean /= np.float32(count)
    squares = ZERO
    for i in range(count):
        difference = samples.advantages[chosen[i]] - mean
        squares += difference * difference
    return mean, ONE / (np.sqrt(squares / np.float32(count - 1)) + np.float32(1e-8))


@jit.fast
def gather(network, samples, chosen, inputs):
    """The network's inputs for the chosen samples."""
    for i in range(chosen.shape[0]):
        row = samples.observations[chosen[i]]
        for j in range(row.shape[0]):
            inputs[i, j] = np.float32(row[j]) * network.scale


@jit.fast
def loss_gradient(evaluate, by_distribution, network, samples, chosen, outputs, values, scratch, settings, sums):
    """Loss of a minibatch and its gradient with respect to the outputs of both networks.

    loss = -min(A r, A clip(r)) - ent_coef H + vf_coef (V - R)², averaged over the minibatch.

    Returns:
        The approximate Kullback-Leibler divergence (r - 1) - log r from the policy that acted (Schulman,
        "Approximating KL divergence", 2020); `sums` gets the statistics added.
    """
    count = chosen.shape[0]
    each = ONE / np.float32(count)
    clip, clip_values = np.float32(settings.clip_range), np.float32(settings.clip_range_vf)
    ent_coef, vf_coef = np.float32(settings.ent_coef), np.float32(settings.vf_coef)
    mean, inverse = normalized(samples, chosen, settings.normalize_advantage)
    log_std = network.parameters[network.critic_end :]
    log_std_gradient = scratch.gradient[network.critic_end :]
    log_std_gradient[:] = ZERO
    policy_loss, value_loss, entropies, divergence, clipped = ZERO, ZERO, ZERO, ZERO, ZERO
    for i in range(count):
        k = chosen[i]
        advantage = (samples.advantages[k] - mean) * inverse
        log_prob, entropy = evaluate(outputs[i], samples.masks[k], log_std, samples.actions[k])
        log_ratio = log_prob - samples.log_probs[k]
        ratio = np.exp(log_ratio)
        bounded = min(max(ratio, ONE - clip), ONE + clip)
        free = advantage * ratio <= advantage * bounded
        by_log_prob = -advantage * ratio * each if free else ZERO
        by_distribution(
            outputs[i],
            entropy,
            log_std,
            samples.actions[k],
            by_log_prob,
            -ent_coef * each,
            scratch.by_outputs[i],
            log_std_gradient,
        )
        moved = values[i, 0] - samples.values[k]
        inside = clip_values < ZERO or abs(moved) <= clip_values
        value = values[i, 0] if inside else samples.values[k] + min(max(moved, -clip_values), clip_values)
        error = value - samples.returns[k]
        scratch.by_values[i, 0] = np.float32(2) * vf_coef * error * each if inside else ZERO
        policy_loss -= min(advantage * ratio, advantage * bounded)
        value_loss += error * error
        entropies += entropy
        divergence += (ratio - ONE) - log_ratio
        clipped += ONE if abs(ratio - ONE) > clip else ZERO
    sums[0] += policy_loss * each
    sums[1] += value_loss * each
    sums[2] -= entropies * each
    sums[3] += divergence * each
    sums[4] += clipped * each
    sums[5] = (policy_loss - ent_coef * entropies + vf_coef * value_loss) * each
    sums[6] += 1.0
    return divergence * each


@jit.fast
def backpropagate(network, inputs, count, scratch):
    """Gradient of the loss with respect to all parameters."""
    actor, critic = scratch.gradient[: network.actor_end], scratch.gradient[network.actor_end : network.critic_end]
    mlp.backward(
        network.parameters[: network.actor_end],
        network.actor_sizes,
        network.code,
        inputs,
        scratch.workspace.actor,
        scratch.by_outputs[:count],
        actor,
        scratch.flow,
    )
    mlp.backward(
        network.parameters[network.actor_end : network.critic_end],
        network.critic_sizes,
        network.code,
        inputs,
        scratch.workspace.critic,
        scratch.by_values[:count],
        critic,
        scratch.flow,
    )


@jit.fast
def update(loss_gradient, network, samples, order, batch, adam, scratch, settings, sums):
    """Train on the samples, minibatch by minibatch.

    Args:
        loss_gradient: the function above, with its distribution bound.
        network: `policy.Network`.
        samples: `Samples`.
        order: int64 `(epochs, samples)`, the order in which each epoch takes them.
        batch: samples in a minibatch; the last of an epoch may have fewer.
        adam: `Adam`.
        scratch: `Scratch`.
        settings: `Settings`.
        sums: float64 `(7,)`, gets `STATISTICS` added up over minibatches (the last loss, not a sum).

    Returns:
        Epochs begun: fewer than asked for where the policy moved farther than `target_kl` allows.
    """
    for epoch in range(order.shape[0]):
        for start in range(0, order.shape[1], batch):
            chosen = order[epoch, start : min(start + batch, order.shape[1])]
            count = chosen.shape[0]
            inputs = scratch.workspace.inputs[:count]
            gather(network, samples, chosen, inputs)
            outputs = actor_outputs(network, inputs, scratch.workspace.actor)
            values = critic_values(network, inputs, scratch.workspace.critic)
            divergence = loss_gradient(network, samples, chosen, outputs, values, scratch, settings, sums)
            if settings.target_kl >= 0 and divergence > 1.5 * settings.target_kl:
                return epoch + 1
            backpropagate(network, inputs, count, scratch)
            optim.clip_norm(scratch.gradient, settings.max_grad_norm)
            adam.count[0] += 1
            optim.adam(
                network.parameters,
                scratch.gradient,
                adam.first,
                adam.second,
                adam.count[0],
                settings.learning_rate,
                0.9,
                0.999,
                1e-5,
            )
    return order.shape[0]
