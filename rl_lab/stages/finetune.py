"""Reinforcement learning that goes on from a pretrained policy without losing it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from rl_lab.agents import PPO
from rl_lab.agents.anchor import Anchor
from rl_lab.errors import LabError
from rl_lab.stages.artifact import Artifact
from rl_lab.stages.context import Context
from rl_lab.stages.stage import Stage, handed_on, load_policy, policy_parts


@dataclass(frozen=True)
class Finetune(Stage):
    """PPO from a pretrained policy, with a fresh optimiser; see `Anchor` for why it needs holding.

    Each help can be turned off: `warmup_steps=0`, `ramp_steps=0`, `kl_coef=0`, `fall_back=0`.

    Args:
        steps: environment steps; None takes what the budget of the whole pipeline leaves.
        warmup_steps: in which the critic is trained alone.
        ramp_steps: over which the actor's learning rate then rises from 0.
        actor_rate: what it rises to, times the learning rate.
        kl_coef: of the divergence from the pretrained policy in the loss, at first.
        kl_steps: over which it falls to 0.
        fall_back: episodes of each evaluation; when the policy does worse than the pretrained one by more than
            `tolerance` of that one's return, the pretrained actor comes back, with a fresh optimiser.
        fall_back_every: environment steps between two of those evaluations, while the divergence is charged for.
        tolerance: see `fall_back`.
    """

    steps: int | None = None
    warmup_steps: int = 8192
    ramp_steps: int = 16_384
    actor_rate: float = 1.0
    kl_coef: float = 1.0
    kl_steps: int = 100_000
    fall_back: int = 32
    fall_back_every: int = 16_384
    tolerance: float = 0.1
    kind: ClassVar[str] = "finetune"
    gives: ClassVar[tuple[str, ...]] = ("actor", "critic")
    kept: ClassVar[bool] = False

    def rehearsal(self) -> Stage:
        """One evaluation."""
        return replace(self, fall_back=min(self.fall_back, 1))

    def make(self, context: Context, artifact: Artifact | None) -> Artifact:
        """Train."""
        agent = context.agent()
        if artifact is not None:
            load_policy(agent, artifact, "actor", "critic", "log_std")
        steps = self._steps(context, artifact)
        anchor = Anchor.to(
            agent.policy,
            kl_coef=self.kl_coef,
            kl_steps=self.kl_steps,
            warmup_steps=self.warmup_steps,
            ramp_steps=self.ramp_steps,
            actor_rate=self.actor_rate,
        )
        held = self.kl_coef > 0 or self.warmup_steps > 0 or self.ramp_steps > 0 or self.actor_rate != 1
        if held:
            agent.hold(anchor)
        guard = _Guard(self, context, agent, anchor) if self.fall_back and artifact is not None else None
        context.report(f"finetune: {steps} steps")
        context.train(agent, steps, guard)
        notes = {"returns to the clone": guard.falls if guard else 0, "steps": agent.num_timesteps}
        return handed_on(self, context, artifact, notes, **policy_parts(agent))

    def _steps(self, context: Context, artifact: Artifact | None) -> int:
        if self.steps is not None:
            return self.steps
        if context.budget is None:
            raise LabError("stage 'finetune' has no steps; give it some, or the pipeline a budget")
        spent = artifact.ledger.steps() if artifact else 0
        left = context.budget - spent
        if left < 1:
            raise LabError(
                f"pretraining cost {spent} steps of a budget of {context.budget}; nothing is left to learn from reward"
            )
        return left


class _Guard:
    """Brings the pretrained actor back when training has made it worse."""

    def __init__(self, stage: Finetune, context: Context, agent: PPO, anchor: Anchor) -> None:
        self.stage, self.context, self.anchor = stage, context, anchor
        self.clone = context.look(agent, stage.fall_back)
        self.due, self.falls = stage.fall_back_every, 0

    def __call__(self, agent: PPO) -> None:
        if agent.num_timesteps < self.due or agent.num_timesteps > self.stage.kl_steps:
            return
        self.due = agent.num_timesteps + self.stage.fall_back_every
        score = self.context.look(agent, self.stage.fall_back)
        if score >= self.clone - self.stage.tolerance * abs(self.clone):
            return
        self.falls += 1
        agent.policy.actor.parameters[:] = self.anchor.actor.parameters
        agent.policy.log_std[:] = self.anchor.log_std
        for moments in (agent.engine.adam.first, agent.engine.adam.second):
            moments[:] = np.float32(0)
