"""Experience in preallocated arrays, and the loops that fill them.

A rollout is `(steps, lanes)`. One step is `decide` (store what is seen, act), the environment's step, and `take_in`:
`see` (what it shows, normalised), `value_finals` and `record` (rewards, ends, bootstrap). `collect` runs all steps of a
compiled environment without returning to Python; for any other environment Python calls the same functions in turn.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rl_lab import jit
from rl_lab.agents.common.normalizer import normalize_reward, normalize_row, update_observations, update_rewards
from rl_lab.core import mlp

SAME_STEP = 1  # an ended environment is reset within the step, and its last observation is kept apart


class View(NamedTuple):
    """What a step of the environment shows, one row a lane, overwritten by every step."""

    observations: np.ndarray  # (lanes, size), rows of the encoder
    masks: np.ndarray  # bool (lanes, actions), or (lanes, 0)
    actions: np.ndarray  # the environment's: int64 (lanes,) or (lanes, dimensions)
    rewards: np.ndarray  # float64 (lanes,)
    terminated: np.ndarray  # bool (lanes,)
    truncated: np.ndarray  # bool (lanes,)
    final_observations: np.ndarray  # (lanes, size), where an episode ended
    valid: np.ndarray  # bool (lanes,), False where a step only reset the lane
    first_action: int  # number of the first action of a Discrete space
    turned: np.ndarray  # bool (lanes,), whether what is seen now is seen by the other side of a game; or (0,)


class Rollout(NamedTuple):
    """Experience of one iteration."""

    observations: np.ndarray  # (steps, lanes, size)
    masks: np.ndarray  # bool (steps, lanes, actions), or (steps, lanes, 0)
    actions: np.ndarray  # int64 (steps, lanes, 1) or float32 (steps, lanes, dimensions)
    log_probs: np.ndarray  # float32 (steps, lanes)
    values: np.ndarray  # float32 (steps, lanes)
    rewards: np.ndarray  # float32 (steps, lanes), normalised and with the bootstrap of truncated episodes
    dones: np.ndarray  # bool (steps, lanes), whether the episode ended with this step
    truncated: np.ndarray  # bool (steps, lanes), whether that was a limit of time
    valid: np.ndarray  # bool (steps, lanes), False for steps that only reset a lane
    turned: np.ndarray  # bool (steps, lanes), whether what followed is worth to the mover what it is not to its viewer
    advantages: np.ndarray  # float32 (steps, lanes)
    returns: np.ndarray  # float32 (steps, lanes)


class Progress(NamedTuple):
    """What goes on from one iteration to the next."""

    current: np.ndarray  # (lanes, size), what the agent sees now
    stream: np.ndarray  # uint64 (1,), random stream of actions and minibatches
    lane_returns: np.ndarray  # float64 (lanes,), of the episodes under way
    lane_lengths: np.ndarray  # int64 (lanes,)
    recent_returns: np.ndarray  # float64 (100,), of the last episodes, a ring
    recent_lengths: np.ndarray  # int64 (100,)
    episodes: np.ndarray  # int64 (1,), episodes that have ended


class Workspace(NamedTuple):
    """Scratch memory of the networks for up to `inputs.shape[0]` rows."""

    inputs: np.ndarray  # float32 (rows, size)
    actor: np.ndarray  # float32, flat
    critic: np.ndarray  # float32, flat
    final_values: np.ndarray  # float64 (rows,)


def make_workspace(rows: int, actor_sizes: tuple[int, ...], critic_sizes: tuple[int, ...]) -> Workspace:
    """Scratch memory for up to `rows` rows."""
    actor, critic = (np.zeros(mlp.hidden_size(s, rows), np.float32) for s in (actor_sizes, critic_sizes))
    return Workspace(np.zeros((rows, actor_sizes[0]), np.float32), actor, critic, np.zeros(rows))


def make_rollout(
    steps: int, lanes: int, size: int, dtype: np.dtype, actions: np.dtype, width: int, masks: int
) -> Rollout:
    """Arrays for one iteration."""
    shape = (steps, lanes)
    return Rollout(
        np.zeros((*shape, size), dtype),
        np.zeros((*shape, masks), np.bool_),
        np.zeros((*shape, width), actions),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.bool_),
        np.zeros(shape, np.bool_),
        np.ones(shape, np.bool_),
        np.zeros(shape, np.bool_),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
    )


@jit.fast
def load_inputs(scale, rows, inputs):
    """Rows of observations as the network's float32 inputs."""
    for n in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            inputs[n, j] = np.float32(rows[n, j]) * scale


@jit.fast
def actor_outputs(network, inputs, hidden):
    """Logits or means `(rows, outputs)`."""
    return mlp.forward(network.parameters[: network.actor_end], network.actor_sizes, network.code, inputs, hidden)


@jit.fast
def critic_values(network, inputs, hidden):
    """Values `(rows, 1)`."""
    parameters = network.parameters[network.actor_end : network.critic_end]
    return mlp.forward(parameters, network.critic_sizes, network.code, inputs, hidden)


def see(normalizer, rows, current):
    """Take what the environment shows into the running moments, and normalise it, where that is wanted."""
    if normalizer.observations:
        update_observations(normalizer, rows)
        for n in range(rows.shape[0]):
            normalize_row(normalizer, rows[n], current[n])
    else:
        for n in range(rows.shape[0]):
            for j in range(rows.shape[1]):
                current[n, j] = rows[n, j]


def decide(sample, t, network, workspace, rollout, progress, view):
    """Store what is seen at step `t`, value it, and draw the actions."""
    lanes = view.rewards.shape[0]
    for n in range(lanes):  # an assignment of whole slices would take Numba a second to compile
        for j in range(progress.current.shape[1]):
            rollout.observations[t, n, j] = progress.current[n, j]
        for j in range(view.masks.shape[1]):
            rollout.masks[t, n, j] = view.masks[n, j]
    inputs = workspace.inputs[:lanes]
    load_inputs(network.scale, progress.current, inputs)
    values = critic_values(network, inputs, workspace.critic)
    outputs = actor_outputs(network, inputs, workspace.actor)
    log_std = network.parameters[network.critic_end :]
    sample(outputs, view.masks, log_std, progress.stream, rollout.actions[t], rollout.log_probs[t])
    for n in range(lanes):
        rollout.values[t, n] = values[n, 0]
        if network.low.shape[0] == 0:
            view.actions[n] = np.int64(rollout.actions[t, n, 0]) + view.first_action
    for j in range(network.low.shape[0]):
        for n in range(lanes):
            clipped = min(max(rollout.actions[t, n, j], network.low[j]), network.high[j])
            view.actions.reshape((lanes, -1))[n, j] = clipped


def value_finals(network, workspace, normalizer, view):
    """Value what truncated episodes saw last, in `workspace.final_values`; other rows keep what they had."""
    inputs = workspace.inputs[:1]
    for n in range(view.rewards.shape[0]):
        if view.truncated[n] and not view.terminated[n]:
            if normalizer.observations:
                normalize_row(normalizer, view.final_observations[n], inputs[0])
            else:
                load_inputs(network.scale, view.final_observations[n : n + 1], inputs)
            workspace.final_values[n] = critic_values(network, inputs, workspace.critic)[0, 0]


def record(t, rollout, progress, normalizer, view, final_values):
    """Store what step `t` brought: rewards, ends, and the value of what a truncated episode would have had next."""
    count_episodes(progress, view)
    if normalizer.rewards:
        update_rewards(normalizer, view.rewards)
    for n in range(view.rewards.shape[0]):
        reward = view.rewards[n]
        if normalizer.rewards:
            reward = normalize_reward(normalizer, reward)
        cut_off = view.truncated[n] and not view.terminated[n]
        turned = view.turned.shape[0] > 0 and view.turned[n]
        if cut_off:
            reward += (-1.0 if turned else 1.0) * normalizer.gamma * final_values[n]
        done = view.terminated[n] or view.truncated[n]
        if done:
            normalizer.returns[n] = 0.0
        rollout.rewards[t, n] = reward
        rollout.dones[t, n] = done
        rollout.truncated[t, n] = cut_off
        rollout.valid[t, n] = view.valid[n]
        rollout.turned[t, n] = turned


def count_episodes(progress, view):
    """Add the rewards to the episodes under way, and keep the returns and lengths of those that ended."""
    for n in range(view.rewards.shape[0]):
        progress.lane_returns[n] += view.rewards[n]
        progress.lane_lengths[n] += 1 if view.valid[n] else 0
        if view.terminated[n] or view.truncated[n]:
            place = progress.episodes[0] % progress.recent_returns.shape[0]
            progress.recent_returns[place] = progress.lane_returns[n]
            progress.recent_lengths[place] = progress.lane_lengths[n]
            progress.episodes[0] += 1
            progress.lane_returns[n] = 0.0
            progress.lane_lengths[n] = 0


def estimate_advantages(rollout, last_values, gamma, gae_lambda):
    """Fill advantages and returns by generalised advantage estimation (Schulman et al., 2016, equation 16).

    Where a step passes the turn, what follows counts with the other sign, as in a game of zero sum.

    Args:
        rollout: `Rollout`.
        last_values: float32 `(lanes,)`, values of what is seen after the last step.
        gamma: discount.
        gae_lambda: weight of longer returns.
    """
    steps, lanes = rollout.rewards.shape
    for n in range(lanes):
        advantage, next_value = 0.0, np.float64(last_values[n])
        for t in range(steps - 1, -1, -1):
            going_on = 0.0 if rollout.dones[t, n] else -1.0 if rollout.turned[t, n] else 1.0
            value = np.float64(rollout.values[t, n])
            delta = rollout.rewards[t, n] + gamma * next_value * going_on - value
            advantage = delta + gamma * gae_lambda * going_on * advantage
            rollout.advantages[t, n] = advantage
            rollout.returns[t, n] = advantage + value
            next_value = value


def take_in(t, network, workspace, rollout, progress, normalizer, view):
    """What step `t` brought: what is seen next, what truncated episodes saw last, and rewards; SB3's order."""
    see(normalizer, view.observations, progress.current)
    value_finals(network, workspace, normalizer, view)
    record(t, rollout, progress, normalizer, view, workspace.final_values)


def collect(
    decide,
    step_lanes,
    take_in,
    network,
    workspace,
    rollout,
    progress,
    normalizer,
    view,
    states,
    config,
    observations,
    final_observations,
    final_masks,
    returns,
    lengths,
):
    """Fill a rollout from a compiled environment, from its first step to its last.

    `decide` has its distribution and `step_lanes` (see `rl_lab.envs.loops`) its environment bound; the arguments from
    `states` on are those lanes. All three functions are linked, so that a new environment compiles little here.
    """
    for t in range(rollout.rewards.shape[0]):
        decide(t, network, workspace, rollout, progress, view)
        step_lanes(
            0,
            states.shape[0],
            SAME_STEP,
            states,
            config,
            view.actions,
            observations,
            view.masks,
            view.rewards,
            view.terminated,
            view.truncated,
            final_observations,
            final_masks,
            returns,
            lengths,
        )
        take_in(t, network, workspace, rollout, progress, normalizer, view)
