"""The compiled update of an actor-critic: minibatches, the gradient of a loss in closed form, an optimiser's step.

Details are Stable-Baselines3's: advantages are normalised in each minibatch, and the norm of the gradient is clipped
over all parameters.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rl_lab import jit
from rl_lab.agents.common.networks import ActorCritic
from rl_lab.agents.common.rollout_buffer import RolloutSamples, gather, make_samples
from rl_lab.agents.common.runner import Workspace, actor_outputs, critic_values, make_workspace
from rl_lab.core import mlp, optim
from rl_lab.core.parameters import segment

SHARED = ("value_loss", "entropy_loss", "reference_kl", "loss")  # statistics of every loss, before its own
VALUE, ENTROPY, REFERENCE, LOSS = range(len(SHARED))
ONE, ZERO = np.float32(1), np.float32(0)


class UpdateScratch(NamedTuple):
    """Memory for the gradient of one minibatch."""

    workspace: Workspace
    minibatch: RolloutSamples  # its observations are the workspace's inputs
    statistics: np.ndarray  # float64 (statistics,), SHARED and the loss's own
    gradient: np.ndarray  # float32 (parameters,)
    log_probs: np.ndarray  # float32 (batch,)
    entropies: np.ndarray  # float32 (batch,)
    grad_log_probs: np.ndarray  # float32 (batch,)
    grad_outputs: np.ndarray  # float32 (batch, outputs)
    grad_values: np.ndarray  # float32 (batch, 1)
    flow: np.ndarray  # float32, flat, for the backward pass


def make_scratch(batch: int, policy: ActorCritic, statistics: int, reference: int = 0) -> UpdateScratch:
    """Memory for minibatches of up to `batch` samples.

    Args:
        batch: samples.
        policy: what is trained.
        statistics: that the loss has of its own.
        reference: numbers that a reference policy has for each sample.
    """
    sizes = policy.actor.sizes, policy.critic.sizes
    workspace = make_workspace(batch, *sizes)
    log_probs, entropies, grad_log_probs = np.zeros((3, batch), np.float32)
    return UpdateScratch(
        workspace,
        make_samples(batch, policy, workspace.inputs, reference),
        np.zeros(len(SHARED) + statistics),
        np.zeros(len(policy.parameters), np.float32),
        log_probs,
        entropies,
        grad_log_probs,
        np.zeros((batch, policy.outputs), np.float32),
        np.zeros((batch, 1), np.float32),
        np.zeros(max(mlp.scratch_size(each, batch) for each in sizes), np.float32),
    )


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
def loss_gradient(
    policy_gradient,
    value_gradient,
    evaluate,
    by_distribution,
    pull,
    network,
    minibatch,
    outputs,
    values,
    scratch,
    settings,
):
    """Loss of a minibatch, its statistics, and its gradient with respect to the outputs of both networks.

    loss = policy loss - ent_coef H + vf_coef value loss, averaged over the minibatch, and the divergence from a
    reference policy where there is one.

    Args:
        policy_gradient: of `engine.Loss`, like `value_gradient`.
        value_gradient: see there.
        evaluate: of the distribution, like `by_distribution` and `pull`; see `distributions`.
        by_distribution: its `gradient`.
        pull: see there.
        network: `networks.Network`.
        minibatch: `RolloutSamples`.
        outputs: float32 `(batch, outputs)`, of the actor.
        values: float32 `(batch, 1)`, of the critic.
        scratch: `UpdateScratch`, filled.
        settings: numbers of this update.
    """
    count, statistics = outputs.shape[0], scratch.statistics
    ent_coef, vf_coef = np.float32(settings.ent_coef), np.float32(settings.vf_coef)
    log_std = segment(network.parameters, network.log_std)
    grad_log_std = segment(scratch.gradient, network.log_std)
    for j in range(grad_log_std.shape[0]):
        grad_log_std[j] = ZERO
    if settings.normalize_advantage and count > 1:
        normalize_advantages(minibatch.advantages[:count])
    evaluate(outputs, minibatch.masks, log_std, minibatch.actions, scratch.log_probs, scratch.entropies)
    own = statistics[LOSS + 1 :]
    policy_loss = policy_gradient(minibatch, count, scratch.log_probs, settings, scratch.grad_log_probs, own)
    value_loss = value_gradient(minibatch, values, settings, scratch.grad_values)
    entropy = ZERO
    for i in range(count):
        entropy += scratch.entropies[i]
    entropy /= np.float32(count)
    by_distribution(
        outputs,
        scratch.entropies,
        log_std,
        minibatch.actions,
        scratch.grad_log_probs,
        -ent_coef / np.float32(count),
        scratch.grad_outputs,
        grad_log_std,
    )
    divergence = ZERO
    if minibatch.reference.shape[1] > 0:
        scale = np.float32(settings.reference_coef) / np.float32(count)
        total = pull(outputs, log_std, minibatch.reference, scale, scratch.grad_outputs, grad_log_std)
        divergence = total / np.float32(count)
    statistics[VALUE], statistics[ENTROPY], statistics[REFERENCE] = value_loss, -entropy, divergence
    apart = np.float32(settings.reference_coef) * divergence
    statistics[LOSS] = policy_loss - ent_coef * entropy + vf_coef * value_loss + apart


@jit.fast
def backpropagate(network, inputs, count, scratch):
    """Gradient of the loss with respect to all parameters."""
    mlp.backward(
        segment(network.parameters, network.actor),
        network.actor.sizes,
        network.code,
        inputs,
        scratch.workspace.actor,
        scratch.grad_outputs[:count],
        segment(scratch.gradient, network.actor),
        scratch.flow,
    )
    mlp.backward(
        segment(network.parameters, network.critic),
        network.critic.sizes,
        network.code,
        inputs,
        scratch.workspace.critic,
        scratch.grad_values[:count],
        segment(scratch.gradient, network.critic),
        scratch.flow,
    )


@jit.fast
def descend(optimise, network, optimizer, gradient, settings):
    """One step of the optimiser along the gradient, clipped over all segments that are trained."""
    begin = 0
    for part in range(network.ends.shape[0]):
        end = network.ends[part]
        if settings.rates[part] < 0.0:
            gradient[begin:end] = ZERO
        begin = end
    optim.clip_norm(gradient, settings.max_grad_norm)
    optimise(network.parameters, gradient, optimizer, network.ends, settings.rates, settings.epsilon)


@jit.fast
def update(loss_gradient, stop, take_step, network, samples, order, batch, optimizer, scratch, settings, sums):
    """Train on the samples, minibatch by minibatch, until there are no more or the loss says that it is enough.

    Args:
        loss_gradient: the function above, with its loss and its distribution bound.
        stop: of `engine.Loss`.
        take_step: `descend`, with its optimiser bound.
        network: `networks.Network`.
        samples: `RolloutSamples`.
        order: int64 `(epochs, samples)`, the order in which each epoch takes them.
        batch: samples in a minibatch; the last of an epoch may have fewer.
        optimizer: its state.
        scratch: `UpdateScratch`.
        settings: numbers of this update.
        sums: float64 `(2, statistics + 1)`, gets the statistics of minibatches added up, and their number: of all, and
            of those in the last epoch.
    """
    most = sums.shape[1] - 1
    for epoch in range(order.shape[0]):
        for k in range(most + 1):
            sums[1, k] = 0.0
        for start in range(0, order.shape[1], batch):
            chosen = order[epoch, start : min(start + batch, order.shape[1])]
            count = chosen.shape[0]
            inputs = scratch.workspace.inputs[:count]
            gather(network.scale, samples, chosen, scratch.minibatch)
            outputs = actor_outputs(network, inputs, scratch.workspace.actor)
            values = critic_values(network, inputs, scratch.workspace.critic)
            loss_gradient(network, scratch.minibatch, outputs, values, scratch, settings)
            for row in range(2):
                for k in range(most):
                    sums[row, k] += scratch.statistics[k]
                sums[row, most] += 1.0
            if stop(scratch.statistics[LOSS + 1 :], settings):
                return
            backpropagate(network, inputs, count, scratch)
            take_step(network, optimizer, scratch.gradient, settings)
