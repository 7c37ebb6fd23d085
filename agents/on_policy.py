"""On-policy algorithms: a rollout of the policy as it is, advantages, an update; again and again."""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from rl_lab.agents.algorithm import Algorithm
from rl_lab.agents.common import checks
from rl_lab.agents.common.config import Config
from rl_lab.agents.common.kickstarting import ReferencePolicy
from rl_lab.agents.common.networks import ActorCritic, Policy
from rl_lab.agents.common.rollout_buffer import RolloutBuffer, explained_variance, flatten, make_rollout_buffer
from rl_lab.agents.engines.collect import loops
from rl_lab.agents.engines.compiled import CompiledEngine
from rl_lab.agents.engines.engine import Loss, OnPolicyEngine
from rl_lab.errors import LabError


@dataclass(frozen=True)
class OnPolicyConfig(Config):
    """Hyperparameters that on-policy algorithms share."""

    shares: ClassVar[tuple[str, ...]] = (*Config.shares, "gae_lambda")
    fixed: ClassVar[tuple[str, ...]] = (*Config.fixed, "n_steps", "batch_size")

    n_steps: int = 2048
    """Steps of each environment in a rollout."""
    gae_lambda: float = 0.95
    """Bias-variance trade-off of generalised advantage estimation."""
    normalize_advantage: bool = True
    """Give the advantages of each minibatch mean 0 and standard deviation 1."""
    ent_coef: float = 0.0
    """Weight of the entropy."""
    vf_coef: float = 0.5
    """Weight of the value loss."""
    max_grad_norm: float = 0.5
    """Longest gradient."""

    def rollout_steps(self, num_envs: int) -> int:
        """Steps of one rollout, over all environments."""
        return int(self.n_steps) * num_envs

    def batches(self, samples: int) -> tuple[int, int]:
        """Samples in a minibatch of a rollout of so many, and epochs: by default, it is gone through once, whole."""
        return samples, 1


class OnPolicyAlgorithm(Algorithm):
    """An `Algorithm` that learns from each rollout once and forgets it.

    A subclass has a configuration (`config_class`), a loss (`loss`), an optimiser, and `update_settings`, the numbers
    that its loss takes.

    Attributes:
        rollout: experience of the last iteration.
        reference: a policy that it stays close to; see `kickstart`.
    """

    loss: ClassVar[Loss]
    config: OnPolicyConfig
    policy: ActorCritic
    engine: OnPolicyEngine
    rollout: RolloutBuffer
    reference: ReferencePolicy | None

    @abstractmethod
    def update_settings(self, remaining: float, shared: dict[str, Any]) -> Any:
        """Numbers of one update, as a named tuple that kernels take.

        Args:
            remaining: progress remaining, from 1 to 0.
            shared: those that every loss has: `rates`, float64 `(segments,)`, the learning rates of the policy's
                segments, negative where one is not trained; `normalize_advantage`, `ent_coef`, `vf_coef`,
                `max_grad_norm`; and `reference_coef`, the weight of the divergence from a reference policy. The
                optimiser takes an `epsilon` beside them, which the algorithm adds.
        """

    @classmethod
    def make_policy(
        cls, observation_space: gym.Space, action_space: gym.Space, config: Any, masked: bool = False
    ) -> ActorCritic:
        """An actor and a critic."""
        return ActorCritic(observation_space, action_space, config.net_arch, config.activation, masked)

    def draw(self, outputs: np.ndarray) -> np.ndarray:
        """A draw from the policy's distribution."""
        if not self.policy.discrete:
            return outputs + np.exp(self.engine.log_std()) * self.rng.standard_normal(outputs.shape)
        gumbel = -np.log(-np.log(self.rng.random(outputs.shape)))  # the largest of logits plus this noise is a draw
        return (outputs + gumbel).argmax(axis=1)

    def collect(self) -> RolloutBuffer:
        """A rollout of the policy as it is, copied; nothing is learned."""
        self._collect()
        return RolloutBuffer(*(array.copy() for array in self.rollout))

    def iterate(self) -> dict[str, float]:
        """One rollout and one update; returns the metrics."""
        self._begin()
        start = time.perf_counter()
        self._collect()
        last_values = self.engine.values(self.runner.current)
        gamma, gae_lambda = self.normalizer.gamma, float(self.config.gae_lambda)
        loops().estimate_advantages(self.rollout, last_values, gamma, gae_lambda)
        settings = self._settings()
        reference = self.reference.distributions(self.rollout, self.policy.encoder.scale) if self.reference else None
        order = self._order()  # empty where all steps only reset an environment
        losses = self.engine.update(flatten(self.rollout, reference), order, settings) if order.size else {}
        checks.finite_update(losses, self.parameters)
        self.iterations += 1
        self.seconds += time.perf_counter() - start
        self.metrics = self._losses(losses, settings) | self._metrics()
        return self.metrics

    def kickstart(self, reference: ReferencePolicy | None) -> None:
        """Stay close to a policy from now on, as its schedule says; None lets go.

        Raises:
            LabError: the agent has a `policy=` of your own, or it is of another network.
        """
        if reference is not None:
            if reference.actor.sizes[:: len(reference.actor.sizes) - 1] != (
                self.policy.encoder.size,
                self.policy.outputs,
            ):
                raise LabError(
                    f"a reference policy's network of sizes {reference.actor.sizes} does not fit an agent of "
                    f"{self.policy.encoder.size} inputs and {self.policy.outputs} outputs"
                )
            self.engine.make_room(reference.width)
        self.reference, self._kickstarted_at = reference, self.num_timesteps

    def _prepare_memory(self) -> None:
        self.reference, self._kickstarted_at = None, 0
        dtype = np.dtype(np.float32) if self.config.normalize_observation else self.policy.encoder.dtype
        self.rollout = make_rollout_buffer(self.config.n_steps, self.source.lanes, self.policy, dtype)

    @classmethod
    def check_memory(cls, config: Any, policy: Policy, num_envs: int) -> None:
        """Refuse a rollout that does not fit into memory."""
        assert isinstance(policy, ActorCritic)
        batch, epochs = config.batches(config.n_steps * num_envs)
        checks.fits(policy, num_envs, config.n_steps, batch, epochs, config.normalize_observation)

    def _engine(self, name: str, policy: Any, loss: Any, device: str) -> OnPolicyEngine:
        batch = self.config.batches(self.config.n_steps * self.source.lanes)[0]
        common = self.policy, self.source, batch, self.loss, self.optimizer
        if name == "compiled":
            return CompiledEngine(*common, type(self).__name__)
        from rl_lab.agents.engines.torch import TorchEngine

        return TorchEngine(*common, policy, loss, device, self.seed)

    def _restart(self) -> None:
        super()._restart()
        self._kickstarted_at = 0

    def _compile(self) -> None:
        self.engine.prepare(self.rollout, self.runner, self.normalizer, self._settings())

    def _collect(self) -> None:
        self.source.check_owned()
        self._begin()
        self.engine.collect(self.rollout, self.runner, self.normalizer)
        checks.finite_rollout(self.rollout, self.source.name, self.num_timesteps // self.source.lanes)
        self.num_timesteps += self.rollout_steps

    def _order(self) -> np.ndarray:
        """The valid samples, shuffled for each epoch: int64 `(epochs, samples)`."""
        epochs = self.config.batches(self.rollout_steps)[1]
        order = np.tile(np.flatnonzero(self.rollout.valid.reshape(-1)), (epochs, 1))
        loops().shuffle(self.runner.stream, order)
        return order

    def _settings(self) -> Any:
        remaining = self.progress_remaining
        steps_since = self.num_timesteps - self.rollout_steps - self._kickstarted_at  # when the rollout began
        share, coefficient = self.reference.schedule.rates(max(steps_since, 0)) if self.reference else (1.0, 0.0)
        rate, config = self.config.at("learning_rate", remaining), self.config
        of_actor = rate * share if share > 0 else -1.0
        rates = np.array([rate if name == "critic" else of_actor for name in self.policy.layout.segments])
        shared = {name: float(getattr(config, name)) for name in ("ent_coef", "vf_coef", "max_grad_norm")}
        shared |= {"normalize_advantage": bool(config.normalize_advantage)}
        return self.update_settings(remaining, {"rates": rates, "reference_coef": coefficient, **shared})

    def _losses(self, losses: dict[str, float], settings: Any) -> dict[str, float]:
        """The metrics of an update, by SB3's tags."""
        metrics = {f"train/{name}": float(value) for name, value in losses.items()}
        if self.reference is None:
            metrics.pop("train/reference_kl", None)
        metrics["train/explained_variance"] = explained_variance(self.rollout)
        metrics["train/learning_rate"] = self.config.at("learning_rate", self.progress_remaining)
        if not self.policy.discrete:
            metrics["train/std"] = float(np.exp(self.policy.log_std).mean())
        return metrics
