"""Experience of one iteration in preallocated arrays, what it is worth, and its samples in minibatches."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rl_lab import jit, random
from rl_lab.agents.common.networks import ActorCritic


class RolloutBuffer(NamedTuple):
    """Experience of one iteration; a step of one environment is a sample."""

    observations: np.ndarray  # (steps, num_envs, size)
    masks: np.ndarray  # bool (steps, num_envs, actions), or (steps, num_envs, 0)
    actions: np.ndarray  # int64 (steps, num_envs, 1) or float32 (steps, num_envs, dimensions)
    log_probs: np.ndarray  # float32 (steps, num_envs)
    values: np.ndarray  # float32 (steps, num_envs)
    rewards: np.ndarray  # float32 (steps, num_envs), normalised and with the bootstrap of truncated episodes
    dones: np.ndarray  # bool (steps, num_envs), whether the episode ended with this step
    truncated: np.ndarray  # bool (steps, num_envs), whether that was a time limit
    valid: np.ndarray  # bool (steps, num_envs), False for steps that only reset an environment
    turned: np.ndarray  # bool (steps, num_envs), whether the value of what follows changes its sign, as in a game
    advantages: np.ndarray  # float32 (steps, num_envs)
    returns: np.ndarray  # float32 (steps, num_envs)


class RolloutSamples(NamedTuple):
    """A rollout with steps and environments in one row of samples, or a minibatch of it."""

    observations: np.ndarray  # (samples, size)
    masks: np.ndarray  # bool (samples, actions)
    actions: np.ndarray  # (samples, width)
    log_probs: np.ndarray  # float32 (samples,)
    values: np.ndarray  # float32 (samples,)
    advantages: np.ndarray  # float32 (samples,)
    returns: np.ndarray  # float32 (samples,)
    reference: np.ndarray  # float32 (samples, numbers), of the reference policy; (samples, 0) where there is none


def make_rollout_buffer(steps: int, num_envs: int, policy: ActorCritic, dtype: np.dtype) -> RolloutBuffer:
    """Arrays for one iteration.

    Args:
        steps: of each environment.
        num_envs: number of environments.
        policy: what acts.
        dtype: of the observations.
    """
    shape = (steps, num_envs)
    return RolloutBuffer(
        observations=np.zeros((*shape, policy.encoder.size), dtype),
        masks=np.zeros((*shape, policy.masks), np.bool_),
        actions=np.zeros((*shape, policy.action_width), policy.action_dtype),
        log_probs=np.zeros(shape, np.float32),
        values=np.zeros(shape, np.float32),
        rewards=np.zeros(shape, np.float32),
        dones=np.zeros(shape, np.bool_),
        truncated=np.zeros(shape, np.bool_),
        valid=np.ones(shape, np.bool_),
        turned=np.zeros(shape, np.bool_),
        advantages=np.zeros(shape, np.float32),
        returns=np.zeros(shape, np.float32),
    )


def make_samples(count: int, policy: ActorCritic, observations: np.ndarray, reference: int = 0) -> RolloutSamples:
    """Memory for a minibatch of up to `count` samples, whose observations are the network's inputs."""
    log_probs, values, advantages, returns = np.zeros((4, count), np.float32)
    return RolloutSamples(
        observations,
        np.zeros((count, policy.masks), np.bool_),
        np.zeros((count, policy.action_width), policy.action_dtype),
        log_probs,
        values,
        advantages,
        returns,
        np.zeros((count, reference), np.float32),
    )


def flatten(rollout: RolloutBuffer, reference: np.ndarray | None = None) -> RolloutSamples:
    """A rollout's arrays with steps and environments as one axis; views, not copies."""
    count = rollout.rewards.size
    if reference is None:
        reference = np.zeros((count, 0), np.float32)
    arrays = {name: getattr(rollout, name) for name in RolloutSamples._fields if name != "reference"}
    rows = {name: array.reshape(count, *array.shape[2:]) for name, array in arrays.items()}
    return RolloutSamples(**rows, reference=reference)


@jit.fast
def gather(scale, samples, chosen, minibatch):
    """Copy the chosen samples into the first rows of a minibatch; observations become the network's inputs."""
    for i in range(chosen.shape[0]):
        k = chosen[i]
        for j in range(samples.observations.shape[1]):
            minibatch.observations[i, j] = np.float32(samples.observations[k, j]) * scale
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


def shuffle(stream, order):
    """Shuffle each row of `order`, int64 `(epochs, samples)` (Fisher and Yates)."""
    for epoch in range(order.shape[0]):
        for i in range(order.shape[1] - 1, 0, -1):
            j = random.integers(stream, 0, i + 1)
            order[epoch, i], order[epoch, j] = order[epoch, j], order[epoch, i]


def estimate_advantages(rollout, last_values, gamma, gae_lambda):
    """Fill advantages and returns by generalised advantage estimation (Schulman et al., 2016, equation 16).

    Where a step passes the turn, what follows counts with the other sign, as in a game of zero sum.

    Args:
        rollout: `RolloutBuffer`.
        last_values: float32 `(num_envs,)`, values of what is seen after the last step.
        gamma: discount.
        gae_lambda: weight of longer returns; with 1, advantages are discounted returns less the value.
    """
    steps, num_envs = rollout.rewards.shape
    for n in range(num_envs):
        advantage, next_value = 0.0, np.float64(last_values[n])
        for t in range(steps - 1, -1, -1):
            going_on = 0.0 if rollout.dones[t, n] else -1.0 if rollout.turned[t, n] else 1.0
            value = np.float64(rollout.values[t, n])
            delta = rollout.rewards[t, n] + gamma * next_value * going_on - value
            advantage = delta + gamma * gae_lambda * going_on * advantage
            rollout.advantages[t, n] = advantage
            rollout.returns[t, n] = advantage + value
            next_value = value


def explained_variance(rollout: RolloutBuffer) -> float:
    """1 - Var(returns - values) / Var(returns); 1 is a perfect critic, NaN where all returns are equal."""
    returns = rollout.returns[rollout.valid]
    variance = float(returns.var()) if len(returns) else 0.0
    return float("nan") if variance == 0 else 1 - float((returns - rollout.values[rollout.valid]).var()) / variance
