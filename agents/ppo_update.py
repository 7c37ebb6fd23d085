"""PPO's update (Schulman et al., 2017) compiled: minibatches, loss gradient in closed form, Adam.

Every detail is Stable-Baselines3's: advantages normalised per minibatch, the value loss unclipped unless
asked for, the gradient's norm clipped over all parameters, Adam with epsilon 1e-5.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from rl_lab import jit, random
from rl_lab.agents.common import rollout_buffer as rollout
from rl_lab.agents.common.networks import ActorCritic
from rl_lab.agents.common.rollout_buffer import Workspace, actor_outputs, critic_values, make_workspace
from rl_lab.core import mlp, optim
from rl_lab.core.activations import exp

MEANS = ("policy_gradient_loss", "value_loss", "entropy_loss", "approx_kl", "clip_fraction", "anchor_kl")
STATISTICS = (*MEANS, "loss", "minibatches", "minibatches of the last epoch")
KL = MEANS.index("approx_kl")  # over the last epoch alone, as SB3 logs it
LOSS, MINIBATCHES, LAST_MINIBATCHES = len(MEANS), len(MEANS) + 1, len(MEANS) + 2
ONE, ZERO = np.float32(1), np.float32(0)
PARTS = 3  # of the parameters: actor, critic, log_std
CRITIC = 1


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
    actor_rate: float  # times the learning rate, for the policy; 0 trains the critic alone
    anchor_coef: float  # of the divergence from the policy of `anchor.Anchor`


class Samples(NamedTuple):
    """A rollout with steps and lanes in one row of samples."""

    observations: np.ndarray  # (samples, size)
    masks: np.ndarray  # bool (samples, actions)
    actions: np.ndarray  # (samples, width)
    log_probs: np.ndarray  # float32 (samples,)
    values: np.ndarray
    advantages: np.ndarray
    returns: np.ndarray
    reference: np.ndarray  # float32 (samples, numbers), what `Distribution.pull` takes; (samples, 0) without an anchor


class Scratch(NamedTuple):
    """Memory for the gradient of one minibatch."""

    workspace: Workspace
    minibatch: Samples  # its observations are the workspace's inputs
    gradient: np.ndarray  # float32 (parameters,)
    log_probs: np.ndarray  # float32 (batch,)
    entropies: np.ndarray  # float32 (batch,)
    by_log_probs: np.ndarray  # float32 (batch,)
    by_outputs: np.ndarray  # float32 (batch, outputs)
    by_values: np.ndarray  # float32 (batch, 1)
    flow: np.ndarray  # float32, flat, for the backward pass


class Loops(NamedTuple):
    """Small compiled loops that both engines share."""

    see: jit.Compiled
    estimate_advantages: jit.Compiled
    shuffle: jit.Compiled


@functools.cache
def loops() -> Loops:
    """The small loops, compiled once a process."""
    functions = rollout.see, rollout.estimate_advantages, shuffle
    return Loops(*(jit.specialize(f, name=f.__name__.replace("_", " ")) for f in functions))


def flatten(experience: rollout.Rollout, reference: np.ndarray | None = None) -> Samples:
    """A rollout's arrays with steps and lanes as one axis; views, not copies."""
    count = experience.rewards.size
    seen = experience.observations, experience.masks, experience.actions, experience.log_probs, experience.values
    observations, masks, actions, log_probs, values, advantages, returns = (
        array.reshape(count, *array.shape[2:]) for array in (*seen, experience.advantages, experience.returns)
    )
    if reference is None:
        reference = np.zeros((count, 0), np.float32)
    return Samples(observations, masks, actions, log_probs, values, advantages, returns, reference)


def make_scratch(batch: int, policy: ActorCritic, reference: int = 0) -> Scratch:
    """Memory for minibatches of up to `batch` samples, with so many numbers of an anchor's policy each."""
    actor_sizes, critic_sizes = policy.actor.sizes, policy.critic.sizes
    flow = max(mlp.scratch_size(actor_sizes, batch), mlp.scratch_size(critic_sizes, batch))
    workspace = make_workspace(batch, actor_sizes, critic_sizes)
    masks = np.zeros((batch, policy.masks), np.bool_)
    actions = np.zeros((batch, policy.action_width), policy.action_dtype)
    column = functools.partial(np.zeros, batch, np.float32)
    return Scratch(
        workspace,
        Samples(
            workspace.inputs,
            masks,
            actions,
            column(),
            column(),
            column(),
            column(),
            np.zeros((batch, reference), np.float32),
        ),
        np.zeros(len(policy.parameters), np.float32),
        column(),
        column(),
        column(),
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
def gather(network, samples, chosen, minibatch):
    """Copy the chosen samples into the first rows of a minibatch; observations become the network's inputs."""
    for i in range(chosen.shape[0]):
        k = chosen[i]
        for j in range(samples.observations.shape[1]):
            minibatch.observations[i, j] = np.float32(samples.observations[k, j]) * network.scale
        for j in range(samples.masks.shape[1]):
            minibatch.masks[i, j] = samples.masks[k, j]
        for j in range(samples.actions.shape[1]):
            minibatch.actions[i, j] = samples.actions[k, j]
        minibatch.log_probs[i] = samples.log_probs[k]
        minibatch.values[i] = samples.values[k]
        minibatch.advantages[i] = samples.advantages[k]
        minibatch.returns[i] = samples.returns[k]
        for j in range(samples.reference.shape[1]):
            minibatch.reference[i, j] = samples.reference[k, j]


@jit.fast
def normalize_advantages(advantages):
    """Give advantages `(samples,)` mean 0 and standard deviation 1 (n - 1, as torch's), in place."""
    count = advantages.shape[0]
    mean, squares = ZERO, ZERO
    for i in range(count):
        mean += advantages[i]
    mean /= np.float32(count)
    for i in range(count):
        advantages[i] -= mean
        squares += advantages[i] * advantages[i]
    scale = ONE / (np.sqrt(squares / np.float32(count - 1)) + np.float32(1e-8))
    for i in range(count):
        advantages[i] *= scale


@jit.fast
def policy_gradient(minibatch, count, log_probs, clip, by_log_probs, sums):
    """Derivative of -mean min(A r, A clip(r)) by the log-probabilities; returns loss and divergence.

    The divergence is the mean of (r - 1) - log r (Schulman, "Approximating KL divergence", 2020), from the
    policy that acted.
    """
    each = ONE / np.float32(count)
    loss, divergence, clipped = ZERO, ZERO, ZERO
    for i in range(count):
        advantage = minibatch.advantages[i]
        log_ratio = log_probs[i] - minibatch.log_probs[i]
        ratio = exp(log_ratio)
        free, bounded = advantage * ratio, advantage * min(max(ratio, ONE - clip), ONE + clip)
        by_log_probs[i] = -free * each if free <= bounded else ZERO
        loss -= min(free, bounded)
        divergence += (ratio - ONE) - log_ratio
        clipped += ONE if abs(ratio - ONE) > clip else ZERO
    sums[0] += loss * each
    sums[KL] += divergence * each
    sums[4] += clipped * each
    return loss * each, divergence * each


@jit.fast
def value_gradient(minibatch, values, clip, vf_coef, by_values, sums):
    """Derivative of vf_coef mean (V - R)² by the values `(samples, 1)`; returns the mean.

    A `clip` of zero or more keeps values that close to those of the policy that acted.
    """
    count = values.shape[0]
    scale = np.float32(2) * vf_coef / np.float32(count)
    loss = ZERO
    for i in range(count):
        old = minibatch.values[i]
        moved = values[i, 0] - old
        inside = clip < ZERO or abs(moved) <= clip
        value = values[i, 0] if inside else old + min(max(moved, -clip), clip)
        error = value - minibatch.returns[i]
        by_values[i, 0] = scale * error if inside else ZERO
        loss += error * error
    sums[1] += loss / np.float32(count)
    return loss / np.float32(count)


@jit.fast
def loss_gradient(evaluate, by_distribution, pull, network, minibatch, outputs, values, scratch, settings, sums):
    """Loss of a minibatch and its gradient with respect to the outputs of both networks.

    loss = -min(A r, A clip(r)) - ent_coef H + vf_coef (V - R)², averaged over the minibatch, and the divergence from
    an anchor's policy where there is one.

    Returns:
        The approximate Kullback-Leibler divergence from the policy that acted; `sums` gets the statistics added.
    """
    count = outputs.shape[0]
    ent_coef, vf_coef = np.float32(settings.ent_coef), np.float32(settings.vf_coef)
    log_std, log_std_gradient = network.parameters[network.critic_end :], scratch.gradient[network.critic_end :]
    for j in range(log_std_gradient.shape[0]):
        log_std_gradient[j] = ZERO
    if settings.normalize_advantage and count > 1:
        normalize_advantages(minibatch.advantages[:count])
    evaluate(outputs, minibatch.masks, log_std, minibatch.actions, scratch.log_probs, scratch.entropies)
    clip = np.float32(settings.clip_range)
    policy_loss, divergence = policy_gradient(minibatch, count, scratch.log_probs, clip, scratch.by_log_probs, sums)
    clip_values = np.float32(settings.clip_range_vf)
    value_loss = value_gradient(minibatch, values, clip_values, vf_coef, scratch.by_values, sums)
    entropy = ZERO
    for i in range(count):
        entropy += scratch.entropies[i]
    entropy /= np.float32(count)
    by_distribution(
        outputs,
        scratch.entropies,
        log_std,
        minibatch.actions,
        scratch.by_log_probs,
        -ent_coef / np.float32(count),
        scratch.by_outputs,
        log_std_gradient,
    )
    apart = ZERO
    if minibatch.reference.shape[1] > 0:
        scale = np.float32(settings.anchor_coef) / np.float32(count)
        total = pull(outputs, log_std, minibatch.reference, scale, scratch.by_outputs, log_std_gradient)
        apart = total / np.float32(count)
    sums[2] -= entropy
    sums[5] += apart
    sums[LOSS] = policy_loss - ent_coef * entropy + vf_coef * value_loss + np.float32(settings.anchor_coef) * apart
    sums[MINIBATCHES] += 1.0
    sums[LAST_MINIBATCHES] += 1.0
    return divergence


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
def descend(network, adam, gradient, settings):
    """One step of Adam, with a clipped gradient; the policy's may be shorter, or none.

    Actor, critic and log_std count their steps apart, as torch's Adam does for each parameter: a policy that begins to
    move after its critic has trained alone begins with steps of the right length.
    """
    rate, actor_rate = settings.learning_rate, settings.learning_rate * settings.actor_rate
    if actor_rate == 0.0:
        gradient[: network.actor_end] = ZERO
        gradient[network.critic_end :] = ZERO
    optim.clip_norm(gradient, settings.max_grad_norm)
    begin = 0
    for part in range(3):
        end = network.actor_end if part == 0 else network.critic_end if part == 1 else gradient.shape[0]
        parameters, part_gradient = network.parameters[begin:end], gradient[begin:end]
        first, second, speed = adam.first[begin:end], adam.second[begin:end], rate if part == CRITIC else actor_rate
        if part == CRITIC or actor_rate > 0.0:
            adam.count[part] += 1
            optim.adam(parameters, part_gradient, first, second, adam.count[part], speed, 0.9, 0.999, 1e-5)
        begin = end


@jit.fast
def update(loss_gradient, network, samples, order, batch, adam, scratch, settings, sums):
    """Train on the samples, minibatch by minibatch.

    Args:
        loss_gradient: the function above, with its distribution bound.
        network: `policy.Network`.
        samples: `Samples`.
        order: int64 `(epochs, samples)`, the order in which each epoch takes them.
        batch: samples in a minibatch; the last of an epoch may have fewer.
        adam: `optim.Adam`.
        scratch: `Scratch`.
        settings: `Settings`.
        sums: float64 `(9,)`, gets `STATISTICS` added up over minibatches (the last loss, not a sum).

    Returns:
        Epochs begun: fewer than asked for where the policy moved farther than `target_kl` allows.
    """
    for epoch in range(order.shape[0]):
        sums[KL], sums[LAST_MINIBATCHES] = 0.0, 0.0
        for start in range(0, order.shape[1], batch):
            chosen = order[epoch, start : min(start + batch, order.shape[1])]
            count = chosen.shape[0]
            inputs = scratch.workspace.inputs[:count]
            gather(network, samples, chosen, scratch.minibatch)
            outputs = actor_outputs(network, inputs, scratch.workspace.actor)
            values = critic_values(network, inputs, scratch.workspace.critic)
            divergence = loss_gradient(network, scratch.minibatch, outputs, values, scratch, settings, sums)
            if settings.target_kl >= 0 and divergence > 1.5 * settings.target_kl:
                return epoch + 1
            backpropagate(network, inputs, count, scratch)
            descend(network, adam, scratch.gradient, settings)
    return order.shape[0]
