"""Kickstarting (Schmitt et al., 2018): reinforcement learning that starts from a reference policy without losing it.

A cloned policy is lost in the first updates of PPO, because the critic is new, its advantages are noise, and
normalisation scales noise to the size of a signal. What helps: train the critic alone at first, raise the policy's
learning rate slowly, and charge for the divergence from the cloned policy, less and less (kickstarting, Schmitt et
al., 2018).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from rl_lab.agents.common.distributions import MASKED
from rl_lab.agents.common.networks import ActorCritic
from rl_lab.agents.common.rollout_buffer import RolloutBuffer
from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError

CHUNK = 4096  # rows that the reference policy answers at a time
LONG = 1_000_000  # steps of a training in which every usual length has its place
# The usual lengths, and the parts of a training that they take at most.
USUAL = {"warmup_steps": (8192, 10), "ramp_steps": (16_384, 5), "kl_steps": (100_000, 1)}


def not_negative(name: str, value: object) -> None:
    """Refuse what is not a finite number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise LabError(f"{name}={value!r} is not allowed; it must be a number of at least 0")


def positive(name: str, value: object) -> None:
    """Refuse what is not a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise LabError(f"{name}={value!r} is not allowed; it must be a number above 0")


@dataclass(frozen=True)
class KickstartSchedule:
    """The weight of the reference policy over time; all lengths are in environment steps from where it was set.

    Args:
        warmup_steps: in which the critic is trained alone; None for 8192, at most a tenth of the training.
        ramp_steps: after those, over which the policy's learning rate rises from 0; None for 16,384, at most a fifth.
        actor_rate: what it rises to, times the learning rate.
        kl_coef: of the divergence KL(reference policy, policy in training) in the loss, at first.
        kl_steps: over which it falls to 0, linearly; None for 100,000, at most the whole training.

    Raises:
        LabError: a number is negative or not finite.
    """

    warmup_steps: int | None = None
    ramp_steps: int | None = None
    actor_rate: float = 1.0
    kl_coef: float = 1.0
    kl_steps: int | None = None

    def __post_init__(self) -> None:
        for item in fields(self):
            if getattr(self, item.name) is not None or item.name not in USUAL:
                not_negative(item.name, getattr(self, item.name))

    def over(self, steps: int) -> KickstartSchedule:
        """The schedule of a training of so many steps, with all lengths known."""
        lengths = {name: min(usual, steps // part) for name, (usual, part) in USUAL.items()}
        return replace(self, **{name: length for name, length in lengths.items() if getattr(self, name) is None})

    @property
    def idle(self) -> bool:
        """Whether it holds nothing at all."""
        return self.kl_coef == 0 and self.warmup_steps == 0 and self.ramp_steps == 0 and self.actor_rate == 1

    def rates(self, steps: int) -> tuple[float, float]:
        """The policy's share of the learning rate, and the coefficient of the divergence.

        Args:
            steps: taken when the rollout began that is being learned from.
        """
        assert self.warmup_steps is not None
        assert self.ramp_steps is not None
        assert self.kl_steps is not None
        risen = min(1.0, max(0.0, (steps - self.warmup_steps) / self.ramp_steps)) if self.ramp_steps else 1.0
        left = max(0.0, 1.0 - steps / self.kl_steps) if self.kl_steps else 0.0
        return (0.0 if steps < self.warmup_steps else self.actor_rate * risen), self.kl_coef * left


@dataclass(frozen=True)
class ReferencePolicy:
    """A policy to stay close to, and for how long.

    Args:
        actor: a copy of the policy's network as it was.
        log_std: float32 `(dimensions,)`, a copy; `(0,)` for discrete actions.
        schedule: how strongly, and for how long.
    """

    actor: MLP
    log_std: np.ndarray
    schedule: KickstartSchedule

    @classmethod
    def to(cls, policy: ActorCritic, schedule: KickstartSchedule | None = None) -> ReferencePolicy:
        """A reference to a policy as it is now; lengths that a schedule leaves open are those of a long training."""
        actor = MLP(policy.actor.sizes, policy.actor.activation, policy.actor.parameters.copy())
        return cls(actor, policy.log_std.copy(), (schedule or KickstartSchedule()).over(LONG))

    @property
    def width(self) -> int:
        """Numbers that `distributions` has for each sample."""
        return self.actor.sizes[-1] + len(self.log_std)

    def distributions(self, rollout: RolloutBuffer, scale: np.float32) -> np.ndarray:
        """What `Distribution.pull` needs of this policy, float32 `(samples, width)`."""
        count = rollout.rewards.size
        rows = rollout.observations.reshape(count, -1)
        masks = rollout.masks.reshape(count, -1)
        found = np.empty((count, self.width), np.float32)
        for start in range(0, count, CHUNK):
            chosen = slice(start, start + CHUNK)
            outputs = self.actor(rows[chosen].astype(np.float32) * scale)
            found[chosen] = self._described(outputs, masks[chosen])
        return found

    def _described(self, outputs: np.ndarray, masks: np.ndarray) -> np.ndarray:
        if len(self.log_std):
            return np.concatenate([outputs, np.broadcast_to(self.log_std, outputs.shape)], axis=1)
        logits = outputs.copy()
        if masks.shape[1]:
            logits[~masks] = MASKED
        logits -= logits.max(axis=1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
