"""Proximal policy optimisation (Schulman et al., 2017), as Stable-Baselines3's users know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from rl_lab import jit
from rl_lab.agents.engines.engine import Loss
from rl_lab.agents.on_policy import OnPolicyAlgorithm, OnPolicyConfig
from rl_lab.core.activations import exp

ONE, ZERO = np.float32(1), np.float32(0)
STATISTICS = ("policy_gradient_loss", "approx_kl", "clip_fraction")
EPSILON = 1e-5  # of Adam


@dataclass(frozen=True)
class PPOConfig(OnPolicyConfig):
    """Hyperparameters of PPO."""

    algorithm: ClassVar[str] = "PPO"

    batch_size: int = 64
    """Samples in a minibatch."""
    n_epochs: int = 10
    """How often each rollout is gone through."""
    clip_range: float | str = 0.2
    """How far the probability ratio may move; a schedule like `learning_rate`."""
    clip_range_vf: float | str | None = None
    """The same for values; None does not clip them."""
    target_kl: float | None = None
    """Stop an update once the policy moved 1.5 times this far."""

    def batches(self, samples: int) -> tuple[int, int]:
        """Samples in a minibatch, and epochs."""
        return min(self.batch_size, samples), self.n_epochs


class PPOUpdate(NamedTuple):
    """Numbers of one update."""

    rates: np.ndarray  # float64 (segments,)
    epsilon: float
    max_grad_norm: float
    normalize_advantage: bool
    ent_coef: float
    vf_coef: float
    reference_coef: float
    clip_range: float
    clip_range_vf: float  # negative: values are not clipped
    target_kl: float  # negative: no early stopping


@jit.fast
def policy_gradient(minibatch, count, log_probs, settings, grad_log_probs, statistics):
    """Derivative of -mean min(A r, A clip(r)) by the log-probabilities (equation 7); returns the loss.

    The statistics are the loss, the mean of (r - 1) - log r, which estimates the divergence from the policy that acted
    (Schulman, "Approximating KL divergence", 2020), and the part of the ratios that are clipped.
    """
    each, clip = ONE / np.float32(count), np.float32(settings.clip_range)
    loss, divergence, clipped = ZERO, ZERO, ZERO
    for i in range(count):
        advantage = minibatch.advantages[i]
        log_ratio = log_probs[i] - minibatch.log_probs[i]
        ratio = exp(log_ratio)
        free, bounded = advantage * ratio, advantage * min(max(ratio, ONE - clip), ONE + clip)
        grad_log_probs[i] = -free * each if free <= bounded else ZERO
        loss -= min(free, bounded)
        divergence += (ratio - ONE) - log_ratio
        clipped += ONE if abs(ratio - ONE) > clip else ZERO
    statistics[0], statistics[1], statistics[2] = loss * each, divergence * each, clipped * each
    return loss * each


def policy_loss(batch):
    """The same in torch."""
    clip = batch.settings.clip_range
    log_ratio = batch.log_probs - batch.old_log_probs
    ratio = log_ratio.exp()
    surrogate = (batch.advantages * ratio).minimum(batch.advantages * ratio.clamp(1 - clip, 1 + clip))
    return -surrogate.mean(), (ratio - 1 - log_ratio).mean(), ((ratio - 1).abs() > clip).float().mean()


@jit.fast
def value_gradient(minibatch, values, settings, grad_values):
    """Derivative of vf_coef mean (V - R)² by the values `(batch, 1)`; returns the mean.

    With `clip_range_vf`, values stay that close to those of the policy that acted.
    """
    count, clip = values.shape[0], np.float32(settings.clip_range_vf)
    scale = np.float32(2) * np.float32(settings.vf_coef) / np.float32(count)
    loss = ZERO
    for i in range(count):
        old = minibatch.values[i]
        moved = values[i, 0] - old
        inside = clip < ZERO or abs(moved) <= clip
        value = values[i, 0] if inside else old + min(max(moved, -clip), clip)
        error = value - minibatch.returns[i]
        grad_values[i, 0] = scale * error if inside else ZERO
        loss += error * error
    return loss / np.float32(count)


def value_loss(batch):
    """The same in torch."""
    values, clip = batch.values, batch.settings.clip_range_vf
    if clip >= 0:
        values = batch.old_values + (values - batch.old_values).clamp(-clip, clip)
    return (values - batch.returns).square().mean()


def moved_too_far(statistics, settings):
    """Whether the policy has moved beyond `target_kl`."""
    return settings.target_kl >= 0 and statistics[1] > 1.5 * settings.target_kl


class PPO(OnPolicyAlgorithm):
    """An agent that learns by proximal policy optimisation; `Algorithm` has the arguments.

    Every detail is Stable-Baselines3's: advantages normalised in each minibatch, the value loss unclipped unless asked
    for, the norm of the gradient clipped over all parameters, Adam with epsilon 1e-5.

    Example:
        >>> agent = PPO("rl_lab/CartPole-v1", num_envs=8, n_steps=32, batch_size=256).learn(512)
        >>> action, _ = agent.predict(np.zeros(4, np.float32))
    """

    config_class = PPOConfig
    loss = Loss(
        STATISTICS,
        policy_gradient,
        policy_loss,
        value_gradient,
        value_loss,
        stop=moved_too_far,
        of_last_epoch=("approx_kl",),
    )
    sb3 = "PPO"
    config: PPOConfig

    def update_settings(self, remaining: float, shared: dict[str, Any]) -> PPOUpdate:
        """Numbers of one update."""
        config = self.config
        return PPOUpdate(
            **shared,
            epsilon=EPSILON,
            clip_range=config.at("clip_range", remaining),
            clip_range_vf=-1.0 if config.clip_range_vf is None else config.at("clip_range_vf", remaining),
            target_kl=-1.0 if config.target_kl is None else float(config.target_kl),
        )

    def _losses(self, losses: dict[str, float], settings: PPOUpdate) -> dict[str, float]:
        ranges = {"train/clip_range": settings.clip_range, "train/clip_range_vf": settings.clip_range_vf}
        return super()._losses(losses, settings) | {name: value for name, value in ranges.items() if value >= 0}
