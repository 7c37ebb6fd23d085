"""Deep Q-networks (DQN; Mnih et al., 2015), as Stable-Baselines3 has it, with what later papers added, by argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import gymnasium as gym
import numpy as np

from rl_lab import jit, random
from rl_lab.agents.common.distributions import MASKED
from rl_lab.agents.common.networks import QNetwork, dueling_values
from rl_lab.agents.common.replay_buffer import HEAD, ReplaySamples
from rl_lab.agents.engines.engine import OffPolicyLoss
from rl_lab.agents.engines.off_policy import make_scratch
from rl_lab.agents.off_policy import OffPolicyAlgorithm, OffPolicyConfig
from rl_lab.core import mlp, optim
from rl_lab.core.parameters import segment

ONE, ZERO = np.float32(1), np.float32(0)


@dataclass(frozen=True)
class DQNConfig(OffPolicyConfig):
    """Hyperparameters of DQN."""

    algorithm: ClassVar[str] = "DQN"
    shares: ClassVar[tuple[str, ...]] = (
        *OffPolicyConfig.shares,
        "exploration_fraction",
        "exploration_initial_eps",
        "exploration_final_eps",
    )
    fixed: ClassVar[tuple[str, ...]] = (*OffPolicyConfig.fixed, "dueling")

    learning_rate: float | str = 1e-4
    """Step size of Adam: a number, or "lin_1e-4", which falls linearly to zero; in Python also a function of the
    progress remaining, from 1 to 0."""
    activation: str = "relu"
    """Of the hidden layers: tanh, relu, sigmoid, identity or step, through which no gradient flows."""
    batch_size: int = 32
    """Transitions in a minibatch."""
    tau: float = 1.0
    """Share of the trained weights that the target network takes over each time it follows; 1 copies them."""
    train_freq: int = 4
    """Steps of each environment between two times of learning."""
    target_update_interval: int = 10_000
    """Steps, over all environments, after which the target network follows."""
    exploration_fraction: float = 0.1
    """Share of the training over which epsilon falls."""
    exploration_initial_eps: float = 1.0
    """Probability of a random action at first."""
    exploration_final_eps: float = 0.05
    """Probability of a random action at last."""
    max_grad_norm: float = 10.0
    """Longest gradient."""
    double: bool = False
    """Choose the next action by the trained network and value it by the target (van Hasselt et al., 2016)."""
    dueling: bool = False
    """Let the last layer give a value and advantages (Wang et al., 2016)."""


class DQNSettings(NamedTuple):
    """Numbers of an iteration."""

    tau: float
    n_steps: int
    priority_exponent: float
    epsilon: float  # of Adam
    max_grad_norm: float
    double: bool
    dueling: bool


class DQNScratch(NamedTuple):
    """Memory of the kernels; the first fields are those of `off_policy.Scratch`."""

    inputs: np.ndarray
    acting: np.ndarray
    samples: ReplaySamples
    statistics: np.ndarray
    gradient: np.ndarray  # float32 (trained,)
    rates: np.ndarray  # float64 (1,)
    hidden: np.ndarray  # float32, flat, of a network
    next_values: np.ndarray  # float32 (batch, actions)
    targets: np.ndarray  # float32 (batch,)
    grad_values: np.ndarray  # float32 (batch, outputs)
    flow: np.ndarray  # float32, flat, for the backward pass


def make_dqn_scratch(policy: QNetwork, num_envs: int, batch: int) -> DQNScratch:
    """Memory for acting in so many environments and for minibatches."""
    sizes = policy.networks["q"].sizes
    return DQNScratch(
        *make_scratch(policy, "q", num_envs, batch, 1),
        np.zeros(policy.network.trained, np.float32),
        np.zeros(1),
        np.zeros(mlp.hidden_size(sizes, batch), np.float32),
        np.zeros((batch, policy.outputs), np.float32),
        np.zeros(batch, np.float32),
        np.zeros((batch, sizes[-1]), np.float32),
        np.zeros(mlp.scratch_size(sizes, batch), np.float32),
    )


def choose(exploration, outputs, network, replay, runner, view):
    """Epsilon-greedy actions, each environment by itself; only what a mask allows is taken."""
    head, masked = replay.place[HEAD], view.masks.shape[1] > 0
    count = outputs.shape[1] - (1 if network.dueling else 0)
    for n in range(outputs.shape[0]):
        if random.random(runner.stream) < exploration:
            allowed = count
            if masked:
                allowed = 0
                for j in range(count):
                    allowed += 1 if view.masks[n, j] else 0
            rank, chosen = random.integers(runner.stream, 0, max(allowed, 1)), 0
            for j in range(count):
                if not masked or view.masks[n, j]:
                    if rank == 0:
                        chosen = j
                    rank -= 1
        else:
            chosen = -1
            for j in range(count):
                if (not masked or view.masks[n, j]) and (chosen < 0 or outputs[n, j] > outputs[n, chosen]):
                    chosen = j
            chosen = max(chosen, 0)
        replay.actions[head, n, 0] = chosen
        view.actions[n] = chosen + view.first_action


@jit.fast
def action_value(outputs, i, j, dueling):
    """The value of an action, from the outputs of the last layer; see `networks.dueling_values`."""
    if not dueling:
        return outputs[i, j]
    count, mean = outputs.shape[1] - 1, ZERO
    for k in range(count):
        mean += outputs[i, k]
    return outputs[i, count] + outputs[i, j] - mean / np.float32(count)


@jit.fast
def best_action(outputs, masks, i, count):
    """The allowed action of the largest output; advantages and values have the same."""
    best = -1
    for j in range(count):
        if (masks.shape[1] == 0 or masks[i, j]) and (best < 0 or outputs[i, j] > outputs[i, best]):
            best = j
    return max(best, 0)


@jit.fast
def gradient_step(optimise, rate, network, moments, scratch, settings):
    """One step of Adam along the gradient of Huber's loss of the temporal difference, as SB3 takes it."""
    samples, code, dueling = scratch.samples, network.code, network.dueling
    count, actions = samples.rewards.shape[0], scratch.next_values.shape[1]
    trained, target = segment(network.parameters, network.acting), segment(network.parameters, network.target)
    sizes = network.acting.sizes
    if settings.double:
        outputs = mlp.forward(trained, sizes, code, samples.next_observations, scratch.hidden)
        for i in range(count):
            scratch.targets[i] = np.float32(best_action(outputs, samples.next_masks, i, actions))
    outputs = mlp.forward(target, sizes, code, samples.next_observations, scratch.hidden)
    for i in range(count):
        best = np.int64(scratch.targets[i])
        if not settings.double:
            best = np.int64(best_action(outputs, samples.next_masks, i, actions))
        scratch.targets[i] = samples.rewards[i] + samples.discounts[i] * action_value(outputs, i, best, dueling)
    outputs = mlp.forward(trained, sizes, code, samples.observations, scratch.hidden)
    loss, each = ZERO, ONE / np.float32(count)
    for i in range(count):
        action = samples.actions[i, 0]
        error = action_value(outputs, i, action, dueling) - scratch.targets[i]
        samples.errors[i] = error
        slope = min(max(error, -ONE), ONE)
        loss += samples.weights[i] * slope * (error - np.float32(0.5) * slope)  # e²/2 within 1, and |e| - 1/2 beyond
        slope *= samples.weights[i]
        for j in range(outputs.shape[1]):
            scratch.grad_values[i, j] = ZERO
        if dueling:
            for j in range(actions):
                scratch.grad_values[i, j] = -slope * each / np.float32(actions)
            scratch.grad_values[i, actions] = slope * each
        scratch.grad_values[i, action] += slope * each
    scratch.statistics[0] = loss * each
    gradient = scratch.gradient
    mlp.backward(
        trained, sizes, code, samples.observations, scratch.hidden, scratch.grad_values, gradient, scratch.flow
    )
    optim.clip_norm(gradient, settings.max_grad_norm)
    scratch.rates[0] = rate
    optimise(network.parameters[: network.trained], gradient, moments, network.ends, scratch.rates, settings.epsilon)


def temporal_difference(networks, samples, settings):
    """Huber's loss of the temporal difference, in torch."""
    from torch import no_grad
    from torch.nn.functional import smooth_l1_loss

    def values_of(name, observations):
        outputs = networks[name](observations)
        return dueling_values(outputs) if settings.dueling else outputs

    with no_grad():
        following = values_of("target.q", samples.next_observations)
        chooser = values_of("q", samples.next_observations) if settings.double else following
        if samples.next_masks.shape[1]:
            chooser = chooser.masked_fill(~samples.next_masks, float("-inf"))
        best = following.gather(1, chooser.argmax(1, keepdim=True))[:, 0]
        targets = samples.rewards + samples.discounts * best
    values = values_of("q", samples.observations).gather(1, samples.actions)[:, 0]
    samples.errors.copy_((values - targets).detach())
    return (samples.weights * smooth_l1_loss(values, targets, reduction="none")).mean()


class DQN(OffPolicyAlgorithm):
    """An agent that learns the values of Discrete actions; `Algorithm` has the arguments.

    Example:
        >>> agent = DQN("rl_lab/CartPole-v1", learning_starts=50, buffer_size=1000).learn(200)
        >>> action, _ = agent.predict(np.zeros(4, np.float32))
    """

    config_class = DQNConfig
    loss = OffPolicyLoss(("loss",), make_dqn_scratch, choose, gradient_step, ((("q",), temporal_difference),), "q")
    sb3 = "DQN"
    config: DQNConfig
    policy: QNetwork

    @classmethod
    def make_policy(
        cls, observation_space: gym.Space, action_space: gym.Space, config: Any, masked: bool = False
    ) -> QNetwork:
        """Values of the actions, and the target network."""
        return QNetwork(observation_space, action_space, config.net_arch, config.activation, masked, config.dueling)

    @property
    def exploration_rate(self) -> float:
        """Epsilon now."""
        return self.exploration(self.progress_remaining)

    def exploration(self, remaining: float) -> float:
        """Epsilon, which falls linearly over `exploration_fraction` of the training."""
        config, done = self.config, 1.0 - remaining
        first, last = config.exploration_initial_eps, config.exploration_final_eps
        if done > config.exploration_fraction:
            return float(last)
        return float(first + done * (last - first) / (config.exploration_fraction or 1.0))

    def target_updates(self, steps: np.ndarray) -> np.ndarray:
        """How often the target has followed after so many steps of each environment."""
        return steps // max(self.config.target_update_interval // self.source.lanes, 1)

    def draw(self, outputs: np.ndarray) -> np.ndarray:
        """Epsilon-greedy actions, as SB3's DQN predicts them with deterministic=False."""
        scores = self.rng.random(outputs.shape)
        scores[outputs <= MASKED] = -1.0
        explores = self.rng.random(len(outputs)) < self.exploration_rate
        return np.where(explores, scores.argmax(axis=1), outputs.argmax(axis=1))

    def update_settings(self) -> DQNSettings:
        """Numbers of an iteration."""
        config = self.config
        return DQNSettings(
            float(config.tau),
            int(config.n_steps),
            float(config.priority_exponent),
            1e-8,
            float(config.max_grad_norm),
            bool(config.double),
            bool(config.dueling),
        )

    def _own_metrics(self) -> dict[str, float]:
        return {"rollout/exploration_rate": self.exploration_rate}
