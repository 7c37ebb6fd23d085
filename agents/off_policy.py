"""Off-policy algorithms: act, keep the experience, learn from minibatches of all of it; again and again."""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rl_lab.agents.algorithm import Algorithm, remaining
from rl_lab.agents.common import checks, replay_buffer
from rl_lab.agents.common.config import Config
from rl_lab.agents.common.networks import Policy
from rl_lab.agents.common.replay_buffer import ReplayBuffer, make_replay_buffer
from rl_lab.agents.engines.engine import OffPolicyEngine, OffPolicyLoss, UpdateSchedule
from rl_lab.agents.engines.off_policy import CompiledOffPolicyEngine
from rl_lab.errors import LabError

STEPS = 1024  # of an iteration, over all environments; what is learned does not depend on it


@dataclass(frozen=True)
class OffPolicyConfig(Config):
    """Hyperparameters that off-policy algorithms share."""

    shares: ClassVar[tuple[str, ...]] = (*Config.shares, "tau", "priority_exponent", "importance_exponent")
    fixed: ClassVar[tuple[str, ...]] = (*Config.fixed, "buffer_size", "batch_size", "prioritized")
    least: ClassVar[dict[str, int]] = {"learning_starts": 0, "gradient_steps": -1}
    num_envs: ClassVar[int] = 1

    buffer_size: int = 1_000_000
    """Transitions that the replay buffer holds."""
    learning_starts: int = 100
    """Steps with random actions before the first gradient step."""
    batch_size: int = 256
    """Transitions in a minibatch."""
    tau: float = 0.005
    """Share of the trained weights that the target network takes over each time it follows; 1 copies them."""
    train_freq: int = 1
    """Steps of each environment between two times of learning."""
    gradient_steps: int = 1
    """Minibatches each time; -1 means as many as there were steps."""
    n_steps: int = 1
    """Steps over which rewards are summed before a value stands for the rest."""
    prioritized: bool = False
    """Draw transitions in proportion to their last temporal difference (Schaul et al., 2016)."""
    priority_exponent: float = 0.6
    """Exponent of priorities; 0 draws uniformly."""
    importance_exponent: float = 0.4
    """Exponent at first of the weights that make up for priorities; it rises linearly to 1."""

    def rollout_steps(self, num_envs: int) -> int:
        """Steps between two times of learning, over all environments."""
        return int(self.train_freq) * num_envs

    def check_budget(self, budget: int) -> None:
        """Refuse a budget of which all steps are random.

        Raises:
            LabError: it is one.
        """
        if budget <= self.learning_starts:
            raise LabError(
                f"{budget} steps are not more than learning_starts={self.learning_starts}, up to which all actions are "
                "random: it would not learn; give more steps, or a smaller learning_starts"
            )


class OffPolicyAlgorithm(Algorithm):
    """An `Algorithm` that learns from a replay buffer.

    A subclass has a configuration (`config_class`), networks (`make_policy`), a loss (`loss`), `exploration`, and
    `update_settings`, the numbers that its loss takes.

    Attributes:
        replay: its experience.
    """

    loss: ClassVar[OffPolicyLoss]
    config: OffPolicyConfig
    engine: OffPolicyEngine
    replay: ReplayBuffer

    @abstractmethod
    def update_settings(self) -> Any:
        """Numbers of an iteration, a named tuple that kernels take: `tau`, `n_steps`, `priority_exponent` and more."""

    def exploration(self, remaining: float) -> float:
        """How random actions are once `learning_starts` steps are taken, from 0 to 1, at a progress remaining."""
        return 0.0

    def target_updates(self, steps: np.ndarray) -> np.ndarray:
        """How often the target has followed after so many steps of each environment, where it follows steps."""
        return np.zeros_like(steps)

    def iterate(self) -> dict[str, float]:
        """Act and learn for some steps, at most to the end of `total_timesteps`; returns the metrics."""
        self.source.check_owned()
        self._begin()
        start, head = time.perf_counter(), int(self.replay.place[0])
        schedule = self._schedule()
        losses = self.engine.advance(self.replay, self.runner, self.normalizer, schedule, self.update_settings())
        before, taken = self.num_timesteps // self.source.lanes, len(schedule.exploration)
        self.num_timesteps += taken * self.source.lanes
        checks.finite_steps(self.replay, head, taken, self.source.name, before)
        checks.finite_update(losses, self.engine.parameters())
        self.iterations += 1
        self.seconds += time.perf_counter() - start
        metrics = {f"train/{name}": float(value) for name, value in losses.items()}
        metrics["train/n_updates"] = self.engine.gradient_steps
        metrics["train/learning_rate"] = float(schedule.rates[-1])
        self.metrics = metrics | self._own_metrics() | self._metrics()
        return self.metrics

    @classmethod
    def check_memory(cls, config: Any, policy: Policy, num_envs: int) -> None:
        """Refuse a replay buffer that does not fit into memory."""
        replay_buffer.check_replay(config.buffer_size, num_envs, policy, config.batch_size, config.prioritized)

    def experience(self) -> dict[str, np.ndarray]:
        """The replay buffer, for a checkpoint."""
        return replay_buffer.saved(self.replay)

    def restore_experience(self, arrays: dict[str, np.ndarray], source: str) -> None:
        """Go on with the replay buffer of a checkpoint."""
        replay_buffer.restore(self.replay, arrays, self.policy.outputs if self.policy.discrete else 0, source)

    def _own_metrics(self) -> dict[str, float]:
        """Metrics of an iteration that the algorithm has of its own."""
        return {}

    def _schedule(self) -> UpdateSchedule:
        """The next blocks of steps, with SB3's order: act, let the target follow, learn."""
        config, lanes, total = self.config, self.source.lanes, self.total_timesteps
        block = self.rollout_steps
        blocks = max(1, min(STEPS // block, -(-(total - self.num_timesteps) // block)))
        before = self.num_timesteps + lanes * np.arange(blocks * config.train_freq)
        after = self.num_timesteps + block * np.arange(1, blocks + 1)
        exploration = np.array([self.exploration(remaining(step, total)) for step in before.tolist()])
        exploration[before < config.learning_starts] = 1.0
        rates = np.array([config.at("learning_rate", remaining(step, total)) for step in after.tolist()])
        each = config.gradient_steps if config.gradient_steps >= 0 else block
        updates = np.where(after > config.learning_starts, each, 0).astype(np.int64)
        follows = self.target_updates(np.concatenate([[self.num_timesteps], after]) // lanes)
        rise = 1.0 - float(config.importance_exponent)
        betas = np.array([1.0 - remaining(step, total) * rise for step in after.tolist()])
        return UpdateSchedule(exploration, rates, np.diff(follows).astype(np.int64), updates, betas)

    def _engine(self, name: str, policy: Any, loss: Any, device: str) -> OffPolicyEngine:
        if policy is not None or loss is not None:
            what = "policy" if policy is not None else "loss"
            raise LabError(
                f"{what}= is unsupported by {type(self).__name__}; leave it out, or use an on-policy algorithm"
            )
        common = self.policy, self.source, self.config.batch_size, self.loss, self.optimizer
        if name == "compiled":
            return CompiledOffPolicyEngine(*common, type(self).__name__)
        from rl_lab.agents.engines.off_policy_torch import TorchOffPolicyEngine

        return TorchOffPolicyEngine(*common, type(self).__name__, device)

    def _prepare_memory(self) -> None:
        config = self.config
        self.replay = make_replay_buffer(config.buffer_size, self.source.lanes, self.policy, config.prioritized)

    def _take_first(self) -> None:
        super()._take_first()
        replay_buffer.begin(self.replay, self.source.view)

    def _compile(self) -> None:
        self.engine.prepare(self.replay, self.runner, self.normalizer, self.update_settings())
