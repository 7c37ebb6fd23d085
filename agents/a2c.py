"""Advantage actor-critic (A2C), the synchronous form of A3C (Mnih et al., 2016), as Stable-Baselines3 has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from rl_lab import jit
from rl_lab.agents.engines.engine import Loss, never
from rl_lab.agents.on_policy import OnPolicyAlgorithm, OnPolicyConfig
from rl_lab.core.optim import ADAM, RMSPROP, Optimizer

ONE, ZERO = np.float32(1), np.float32(0)
ADAM_EPSILON = 1e-5


@dataclass(frozen=True)
class A2CConfig(OnPolicyConfig):
    """Hyperparameters of A2C."""

    algorithm: ClassVar[str] = "A2C"
    fixed: ClassVar[tuple[str, ...]] = (*OnPolicyConfig.fixed, "use_rms_prop")

    learning_rate: float | str = 7e-4
    """Step size of the optimiser: a number, or "lin_7e-4", which falls linearly to zero; in Python also a function of
    the progress remaining, from 1 to 0."""
    n_steps: int = 5
    """Steps of each environment in a rollout."""
    gae_lambda: float = 1.0
    """Bias-variance trade-off of generalised advantage estimation; 1 takes discounted returns less the value."""
    normalize_advantage: bool = False
    """Give the advantages of each rollout mean 0 and standard deviation 1."""
    rms_prop_eps: float = 1e-5
    """Epsilon of RMSprop."""
    use_rms_prop: bool = True
    """Use RMSprop; otherwise Adam, with an epsilon of 1e-5 as in SB3."""


class A2CUpdate(NamedTuple):
    """Numbers of one update."""

    rates: np.ndarray  # float64 (segments,)
    epsilon: float
    max_grad_norm: float
    normalize_advantage: bool
    ent_coef: float
    vf_coef: float
    reference_coef: float


@jit.fast
def policy_gradient(minibatch, count, log_probs, settings, grad_log_probs, statistics):
    """Derivative of -mean A log p by the log-probabilities; returns the loss, which is the only statistic."""
    each, loss = ONE / np.float32(count), ZERO
    for i in range(count):
        grad_log_probs[i] = -minibatch.advantages[i] * each
        loss -= minibatch.advantages[i] * log_probs[i]
    statistics[0] = loss * each
    return loss * each


def policy_loss(batch):
    """The same in torch."""
    return (-(batch.advantages * batch.log_probs).mean(),)


@jit.fast
def value_gradient(minibatch, values, settings, grad_values):
    """Derivative of vf_coef mean (V - R)² by the values `(batch, 1)`; returns the mean."""
    count, loss = values.shape[0], ZERO
    scale = np.float32(2) * np.float32(settings.vf_coef) / np.float32(count)
    for i in range(count):
        error = values[i, 0] - minibatch.returns[i]
        grad_values[i, 0] = scale * error
        loss += error * error
    return loss / np.float32(count)


def value_loss(batch):
    """The same in torch."""
    return (batch.values - batch.returns).square().mean()


class A2C(OnPolicyAlgorithm):
    """An agent that learns by advantage actor-critic; `Algorithm` has the arguments.

    Each rollout is one minibatch: short rollouts of many environments suit it.

    Example:
        >>> agent = A2C("rl_lab/CartPole-v1", num_envs=8).learn(400)
        >>> action, _ = agent.predict(np.zeros(4, np.float32))
    """

    config_class = A2CConfig
    loss = Loss(("policy_loss",), policy_gradient, policy_loss, value_gradient, value_loss, stop=never)
    sb3 = "A2C"
    log_interval = 100
    config: A2CConfig

    @property
    def optimizer(self) -> Optimizer:
        """RMSprop, unless the configuration says Adam."""
        return RMSPROP if self.config.use_rms_prop else ADAM

    def update_settings(self, remaining: float, shared: dict[str, Any]) -> A2CUpdate:
        """Numbers of one update."""
        return A2CUpdate(**shared, epsilon=self.config.rms_prop_eps if self.config.use_rms_prop else ADAM_EPSILON)
