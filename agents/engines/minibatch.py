"""What a loss in torch sees of a minibatch, and what an algorithm's loss makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from rl_lab.agents.engines.engine import Loss


@dataclass
class Minibatch:
    """What a loss sees; all are tensors `(batch,)` but where a shape is given."""

    observations: torch.Tensor
    """`(batch, inputs)`"""
    outputs: torch.Tensor
    """Logits or means now, `(batch, outputs)`."""
    values: torch.Tensor
    """Values now."""
    log_probs: torch.Tensor
    """Log-probability of the actions now."""
    entropy: torch.Tensor
    """Entropy of the policy now."""
    actions: torch.Tensor
    """`(batch, 1)` int64, or `(batch, dimensions)`."""
    old_log_probs: torch.Tensor
    """Log-probability of the actions when they were taken."""
    old_values: torch.Tensor
    """Values when they were taken."""
    advantages: torch.Tensor
    """Normalised, where the settings say so."""
    returns: torch.Tensor
    """Targets of the values."""
    reference_kl: torch.Tensor
    """Divergence from the reference policy, 0 without one; the engine adds it to the loss."""
    settings: Any
    """Numbers of this update, such as `ent_coef`; with PPO `ppo.PPOUpdate`."""


def total_loss(batch: Minibatch, loss: Loss) -> torch.Tensor:
    """An algorithm's loss, with the value loss and the entropy bonus, but for a reference policy's part."""
    entropy = batch.entropy.mean()
    value_loss = batch.settings.vf_coef * loss.value_loss(batch)
    return loss.policy_loss(batch)[0] + value_loss - batch.settings.ent_coef * entropy


def statistics_of(batch: Minibatch, loss: Loss) -> dict[str, float]:
    """The statistics of a minibatch, by name, as the compiled update has them; `loss`, the sum, is left out."""
    with torch.no_grad():
        shared = {"value_loss": loss.value_loss(batch), "entropy_loss": -batch.entropy.mean()}
        own = dict(zip(loss.statistics, loss.policy_loss(batch), strict=True))
        found = shared | {"reference_kl": batch.reference_kl.mean()} | own
        return {name: float(value) for name, value in found.items()}
