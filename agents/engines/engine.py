"""What runs an algorithm's loops: the protocols that compiled and torch engines implement, all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from rl_lab.agents.common.normalizer import Normalizer
from rl_lab.agents.common.replay_buffer import ReplayBuffer
from rl_lab.agents.common.rollout_buffer import RolloutBuffer, RolloutSamples
from rl_lab.agents.common.runner import RunnerState


class Loss(NamedTuple):
    """What an algorithm minimises, as kernels for the compiled engine and in torch.

    loss = policy loss - ent_coef H + vf_coef value loss + the divergence from a reference policy. The policy's part and
    the value's are the algorithm's; kernels and torch say the same twice.
    """

    statistics: tuple[str, ...]
    """Names of what the policy's loss reports of a minibatch; the first is the loss itself."""
    policy_gradient: Callable[..., Any]
    """`policy_gradient(minibatch, count, log_probs, settings, grad_log_probs, statistics)`: fills the derivatives by
    the log-probabilities and the statistics; returns the loss."""
    policy_loss: Callable[[Any], tuple[Any, ...]]
    """The same in torch: the statistics of a `minibatch.Minibatch`, as scalar tensors."""
    value_gradient: Callable[..., Any]
    """`value_gradient(minibatch, values, settings, grad_values)`: fills vf_coef times the derivatives by the values
    `(batch, 1)`; returns the loss."""
    value_loss: Callable[[Any], Any]
    """The same in torch, a scalar tensor."""
    stop: Callable[..., bool]
    """`stop(statistics, settings)`: whether an update ends before this minibatch is learned from; for both engines."""
    of_last_epoch: tuple[str, ...] = ()
    """Statistics that are averaged over the last epoch alone."""


class OffPolicyLoss(NamedTuple):
    """What an off-policy algorithm minimises and how it explores, as kernels for the compiled engine and in torch."""

    statistics: tuple[str, ...]
    """Names of what a gradient step reports."""
    make_scratch: Callable[..., Any]
    """`make_scratch(policy, num_envs, batch)`: memory of the kernels, a named tuple that begins with the fields of
    `off_policy.Scratch`."""
    choose: Callable[..., Any]
    """`choose(exploration, outputs, network, replay, runner, view)`: fills the actions of `replay` at its head, and
    those of `view`; `outputs` `(num_envs, outputs)` are of the acting network."""
    gradient_step: Callable[..., Any]
    """`gradient_step(optimise, rate, network, moments, scratch, settings)`: trains on `scratch.samples`, and fills the
    statistics."""
    losses: tuple[tuple[tuple[str, ...], Callable[..., Any]], ...]
    """The same in torch, one after the other: names of the segments that it trains, and
    `loss(networks, samples, settings)`, a scalar tensor; `networks` are modules by name."""
    acting: str
    """Segment of the network whose outputs actions are chosen from."""


def never(statistics, settings):
    """For losses that go through all epochs."""
    return False


class Engine(Protocol):
    """What every engine has; what one cannot do, its constructor refuses."""

    name: str
    """As in `PPO(engine=...)`."""

    @property
    def gradient_steps(self) -> int:
        """Minibatches learned from so far."""

    def outputs(self, rows: np.ndarray) -> np.ndarray:
        """Numbers that describe the actions for rows of the encoder, float32 `(batch, outputs)`.

        Logits or values of Discrete actions, of which the largest is taken, or continuous actions themselves.
        """

    def tensors(self) -> dict[str, np.ndarray]:
        """The weights in use, by name."""

    def parameters(self) -> np.ndarray:
        """The weights in use, float32 `(parameters,)`; read-only where writing would change nothing."""

    def state(self) -> dict[str, np.ndarray]:
        """What `restore` needs beside the policy's parameters."""

    def restore(self, state: dict[str, np.ndarray], source: str = "the state") -> None:
        """Go on from what `state` gave.

        Raises:
            LabError: an array is missing, does not fit or holds NaN; `source` is where it came from.
        """


class OnPolicyEngine(Engine, Protocol):
    """Acts, values and learns for an actor-critic."""

    def prepare(self, rollout: RolloutBuffer, runner: RunnerState, normalizer: Normalizer, settings: Any) -> None:
        """Compile what the other methods run."""

    def collect(self, rollout: RolloutBuffer, runner: RunnerState, normalizer: Normalizer) -> None:
        """Fill a rollout."""

    def update(self, samples: RolloutSamples, order: np.ndarray, settings: Any) -> dict[str, float]:
        """Train on the samples; returns the loss's statistics over minibatches, and the last loss, as SB3 logs them.

        Args:
            samples: experience.
            order: int64 `(epochs, samples)`, the order in which each epoch takes them.
            settings: numbers of this update; see `on_policy.OnPolicyAlgorithm.update_settings`.
        """

    def make_room(self, reference: int) -> None:
        """Prepare for so many numbers of a reference policy with each sample.

        Raises:
            LabError: the network has no actor of its own to compare with them.
        """

    def forget_actor(self) -> None:
        """Start the actor's part of the optimiser from scratch, for an actor that was replaced."""

    def values(self, rows: np.ndarray) -> np.ndarray:
        """The critic's values `(batch,)` for rows of the encoder."""

    def log_std(self) -> np.ndarray:
        """Logarithms of the standard deviations of continuous actions, float32 `(dimensions,)`."""


class UpdateSchedule(NamedTuple):
    """What an iteration does: blocks of steps, each followed by learning; made in advance from the schedules."""

    exploration: np.ndarray  # float64 (steps,), of each step of all environments, from 0 to 1
    rates: np.ndarray  # float64 (blocks,), learning rates
    syncs: np.ndarray  # int64 (blocks,), how often the target follows before a block's learning
    updates: np.ndarray  # int64 (blocks,), gradient steps
    betas: np.ndarray  # float64 (blocks,), exponents of the weights that make up for priorities


class OffPolicyEngine(Engine, Protocol):
    """Acts, stores and learns from stored experience."""

    def prepare(self, replay: ReplayBuffer, runner: RunnerState, normalizer: Normalizer, settings: Any) -> None:
        """Compile what `advance` runs."""

    def advance(
        self, replay: ReplayBuffer, runner: RunnerState, normalizer: Normalizer, schedule: UpdateSchedule, settings: Any
    ) -> dict[str, float]:
        """Act and learn as planned; returns means of the statistics, empty where nothing was learned."""
