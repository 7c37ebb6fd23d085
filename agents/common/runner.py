"""Acting in environments: what a step shows, what goes on from step to step, and the kernels between them.

A step is `act` (store what is seen, choose the actions), the environment's own step, and `store`: `observe` (what it
shows, normalised), `bootstrap_truncated` and `record` (rewards, ends), in the order of Stable-Baselines3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rl_lab import jit
from rl_lab.agents.common.normalizer import normalize_reward, normalize_row, update_observations, update_rewards
from rl_lab.core import mlp
from rl_lab.core.parameters import segment

SAME_STEP = 1  # an ended environment is reset within the step, and its last observation is kept apart
RECENT = 100  # episodes in the running means, as SB3's


class StepView(NamedTuple):
    """What a step of the environments shows, one row for each, overwritten by every step."""

    observations: np.ndarray  # (num_envs, size), rows of the encoder
    masks: np.ndarray  # bool (num_envs, actions), or (num_envs, 0)
    actions: np.ndarray  # the environment's: int64 (num_envs,) or (num_envs, dimensions)
    rewards: np.ndarray  # float64 (num_envs,)
    terminated: np.ndarray  # bool (num_envs,)
    truncated: np.ndarray  # bool (num_envs,)
    final_observations: np.ndarray  # (num_envs, size), where an episode ended
    valid: np.ndarray  # bool (num_envs,), False where a step only reset the environment
    first_action: int  # number of the first action of a Discrete space
    turned: np.ndarray  # bool (num_envs,), whether what is seen now is seen by the other side of a game; or (0,)
    final_masks: np.ndarray  # bool (num_envs, actions), where an episode ended; all True where they are not known


class RunnerState(NamedTuple):
    """What goes on from one iteration to the next."""

    current: np.ndarray  # (num_envs, size), what the agent sees now
    carry: np.ndarray  # float32 (num_envs, memory), what it remembers; 0 wide where it has no memory
    stream: np.ndarray  # uint64 (1,), random stream of actions and minibatches
    lane_returns: np.ndarray  # float64 (num_envs,), of the episodes under way
    lane_lengths: np.ndarray  # int64 (num_envs,)
    recent_returns: np.ndarray  # float64 (100,), of the last episodes, a ring
    recent_lengths: np.ndarray  # int64 (100,)
    episodes: np.ndarray  # int64 (1,), episodes that have ended


class Workspace(NamedTuple):
    """Scratch memory of the networks for up to `inputs.shape[0]` rows."""

    inputs: np.ndarray  # float32 (rows, size)
    actor: np.ndarray  # float32, flat
    critic: np.ndarray  # float32, flat
    final_values: np.ndarray  # float64 (rows,)


def make_runner(num_envs: int, size: int, dtype: np.dtype, carry: int = 0) -> RunnerState:
    """The state before the first step; its random stream has yet to be seeded."""
    return RunnerState(
        current=np.zeros((num_envs, size), dtype),
        carry=np.zeros((num_envs, carry), np.float32),
        stream=np.zeros(1, np.uint64),
        lane_returns=np.zeros(num_envs),
        lane_lengths=np.zeros(num_envs, np.int64),
        recent_returns=np.zeros(RECENT),
        recent_lengths=np.zeros(RECENT, np.int64),
        episodes=np.zeros(1, np.int64),
    )


def make_workspace(rows: int, actor_sizes: tuple[int, ...], critic_sizes: tuple[int, ...]) -> Workspace:
    """Scratch memory for up to `rows` rows."""
    actor, critic = (np.zeros(mlp.hidden_size(sizes, rows), np.float32) for sizes in (actor_sizes, critic_sizes))
    return Workspace(np.zeros((rows, actor_sizes[0]), np.float32), actor, critic, np.zeros(rows))


@jit.fast
def load_inputs(scale, rows, inputs):
    """Rows of observations as the network's float32 inputs."""
    for n in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            inputs[n, j] = np.float32(rows[n, j]) * scale


@jit.fast
def actor_outputs(network, inputs, hidden):
    """Logits or means `(rows, outputs)`."""
    return mlp.forward(segment(network.parameters, network.actor), network.actor.sizes, network.code, inputs, hidden)


@jit.fast
def critic_values(network, inputs, hidden):
    """Values `(rows, 1)`."""
    return mlp.forward(segment(network.parameters, network.critic), network.critic.sizes, network.code, inputs, hidden)


def act(sample, t, network, workspace, rollout, runner, view):
    """Store what is seen at step `t`, value it, and draw the actions."""
    num_envs = view.rewards.shape[0]
    for n in range(num_envs):  # an assignment of whole slices would take Numba a second to compile
        for j in range(runner.current.shape[1]):
            rollout.observations[t, n, j] = runner.current[n, j]
        for j in range(view.masks.shape[1]):
            rollout.masks[t, n, j] = view.masks[n, j]
    inputs = workspace.inputs[:num_envs]
    load_inputs(network.scale, runner.current, inputs)
    values = critic_values(network, inputs, workspace.critic)
    outputs = actor_outputs(network, inputs, workspace.actor)
    log_std = segment(network.parameters, network.log_std)
    sample(outputs, view.masks, log_std, runner.stream, rollout.actions[t], rollout.log_probs[t])
    for n in range(num_envs):
        rollout.values[t, n] = values[n, 0]
        if network.low.shape[0] == 0:
            view.actions[n] = np.int64(rollout.actions[t, n, 0]) + view.first_action
    for j in range(network.low.shape[0]):
        for n in range(num_envs):
            clipped = min(max(rollout.actions[t, n, j], network.low[j]), network.high[j])
            view.actions.reshape((num_envs, -1))[n, j] = clipped


def observe(normalizer, rows, current):
    """Take what the environment shows into the running moments, and normalise it, where that is wanted."""
    if normalizer.observations:
        update_observations(normalizer, rows)
        for n in range(rows.shape[0]):
            normalize_row(normalizer, rows[n], current[n])
    else:
        for n in range(rows.shape[0]):
            for j in range(rows.shape[1]):
                current[n, j] = rows[n, j]


def bootstrap_truncated(network, workspace, normalizer, view):
    """Value what truncated episodes saw last, in `workspace.final_values`; other rows keep what they had."""
    inputs = workspace.inputs[:1]
    for n in range(view.rewards.shape[0]):
        if view.truncated[n] and not view.terminated[n]:
            if normalizer.observations:
                normalize_row(normalizer, view.final_observations[n], inputs[0])
            else:
                load_inputs(network.scale, view.final_observations[n : n + 1], inputs)
            workspace.final_values[n] = critic_values(network, inputs, workspace.critic)[0, 0]


def record(t, rollout, runner, normalizer, view, final_values):
    """Store what step `t` brought: rewards, ends, and the value of what a truncated episode would have had next."""
    count_episodes(runner, view)
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
            for j in range(runner.carry.shape[1]):
                runner.carry[n, j] = 0.0
        rollout.rewards[t, n] = reward
        rollout.dones[t, n] = done
        rollout.truncated[t, n] = cut_off
        rollout.valid[t, n] = view.valid[n]
        rollout.turned[t, n] = turned


def count_episodes(runner, view):
    """Add the rewards to the episodes under way, and keep the returns and lengths of those that ended."""
    for n in range(view.rewards.shape[0]):
        runner.lane_returns[n] += view.rewards[n]
        runner.lane_lengths[n] += 1 if view.valid[n] else 0
        if view.terminated[n] or view.truncated[n]:
            place = runner.episodes[0] % runner.recent_returns.shape[0]
            runner.recent_returns[place] = runner.lane_returns[n]
            runner.recent_lengths[place] = runner.lane_lengths[n]
            runner.episodes[0] += 1
            runner.lane_returns[n] = 0.0
            runner.lane_lengths[n] = 0


def store(t, network, workspace, rollout, runner, normalizer, view):
    """What step `t` brought: what is seen next, what truncated episodes saw last, and rewards."""
    observe(normalizer, view.observations, runner.current)
    bootstrap_truncated(network, workspace, normalizer, view)
    record(t, rollout, runner, normalizer, view, workspace.final_values)
