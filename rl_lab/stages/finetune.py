"""Reinforcement learning that goes on from a pretrained policy without losing it."""

import logging
from dataclasses import dataclass, fields, replace
from typing import ClassVar

import numpy as np

from rl_lab.agents.common.kickstarting import USUAL, KickstartSchedule, ReferencePolicy, not_negative
from rl_lab.agents.on_policy import OnPolicyAlgorithm
from rl_lab.errors import LabError
from rl_lab.stages.artifact import Artifact
from rl_lab.stages.context import Context
from rl_lab.stages.stage import Stage, extended, load_policy, policy_parts
from rl_lab.validation import whole_number

logger = logging.getLogger("rl_lab")

FREE = KickstartSchedule(0, 0, 1.0, 0.0, 0)


@dataclass(frozen=True)
class Finetune(Stage):
    """Reinforcement learning from a pretrained policy, with a fresh optimiser; see `kickstarting` for why that is lost.

    Each mechanism can be turned off: `warmup_steps=0`, `ramp_steps=0`, `kl_coef=0`, `fall_back=0`.

    Args:
        steps: environment steps; None takes what the budget of the whole pipeline leaves.
        warmup_steps: in which the critic is trained alone; by default 8192, at most a tenth of the steps.
        ramp_steps: over which the actor's learning rate then rises from 0; by default 16,384, at most a fifth.
        actor_rate: what it rises to, times the learning rate.
        kl_coef: of the divergence from the pretrained policy in the loss, at first.
        kl_steps: over which it falls to 0; by default 100,000, at most all steps.
        fall_back: when so many training episodes in a row have a mean return below the pretrained policy's own by more
            than `tolerance` of it, the pretrained actor comes back, with a fresh optimiser; at most 100.
        fall_back_steps: for how long that is watched.
        tolerance: see `fall_back`.
    """

    steps: int | None = None
    warmup_steps: int | None = None
    ramp_steps: int | None = None
    actor_rate: float = 1.0
    kl_coef: float = 1.0
    kl_steps: int | None = None
    fall_back: int = 50
    fall_back_steps: int = 100_000
    tolerance: float = 0.2
    kind: ClassVar[str] = "finetune"
    gives: ClassVar[tuple[str, ...]] = ("actor", "critic")
    kept: ClassVar[bool] = False

    def __post_init__(self) -> None:
        whole_number("fall_back", self.fall_back, 0, 100)
        if self.steps is not None:
            whole_number("stage 'finetune': steps", self.steps, 1)
        for name in (*(item.name for item in fields(KickstartSchedule)), "fall_back_steps", "tolerance"):
            if getattr(self, name) is not None or name not in USUAL:
                not_negative(f"stage 'finetune': {name}", getattr(self, name))

    @property
    def _schedule(self) -> KickstartSchedule:
        return KickstartSchedule(**{item.name: getattr(self, item.name) for item in fields(KickstartSchedule)})

    def minimal(self) -> Stage:
        """The same stage without fall-back."""
        return replace(self, fall_back=0)

    def least(self, rollout: int, budget: int) -> int:
        """One rollout."""
        return rollout

    def make(self, context: Context, artifact: Artifact | None) -> Artifact:
        """Train."""
        agent = context.agent()
        if artifact is not None:
            load_policy(agent, artifact)
        steps, rollout = self._steps(context, artifact), agent.rollout_steps
        if steps < rollout:
            raise LabError(
                f"{steps} steps are left for stage 'finetune', less than one rollout of {rollout} "
                f"({agent.source.lanes} environments times {rollout // agent.source.lanes} steps); give more"
            )
        # Where there are layers to start from but no policy, there is no policy to stay close to.
        fresh = artifact is not None and not artifact.part("actor")
        reference = ReferencePolicy.to(agent.policy, FREE if fresh else self._schedule.over(steps))
        if (reference.schedule.warmup_steps or 0) >= steps:
            logger.warning(
                "stage 'finetune': the policy stays as it was cloned, since warmup_steps=%s are all of its %s steps",
                reference.schedule.warmup_steps,
                steps,
            )
        if not reference.schedule.idle:
            agent.kickstart(reference)
        guard = None
        if self.fall_back and not fresh:
            guard = _Guard(self, agent, reference, self._earned(context, agent, reference, artifact))
        context.report(f"finetune: {steps} steps")
        context.train(agent, steps, guard)
        notes = {"returns to the clone": guard.falls if guard else 0, "steps": agent.num_timesteps}
        return extended(self, context, artifact, notes, **policy_parts(agent))

    def _earned(
        self, context: Context, agent: OnPolicyAlgorithm, reference: ReferencePolicy, artifact: Artifact | None
    ) -> float | None:
        """The pretrained policy's return: as its own rollouts showed, or None where the warm-up will show it."""
        known = artifact.notes.get("value", {}).get("return") if artifact is not None else None
        return context.look(agent, self.fall_back) if known is None and not reference.schedule.warmup_steps else known

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
    """Brings the pretrained actor back when training has made it worse, as its own episodes show."""

    def __init__(
        self, stage: Finetune, agent: OnPolicyAlgorithm, reference: ReferencePolicy, earned: float | None
    ) -> None:
        self.stage, self.reference, self.earned, self.falls = stage, reference, earned, 0
        self.since = int(agent.runner.episodes[0])

    def __call__(self, agent: OnPolicyAlgorithm) -> None:
        episodes, window = int(agent.runner.episodes[0]), self.stage.fall_back
        if episodes - self.since < window or agent.num_timesteps > self.stage.fall_back_steps:
            return
        ring = agent.runner.recent_returns
        latest = float(ring[np.arange(episodes - window, episodes) % len(ring)].mean())
        if self.earned is None:
            if agent.num_timesteps < (self.reference.schedule.warmup_steps or 0):
                return  # long episodes, which may be those that fail, have yet to end
            self.earned = latest  # of the policy as it was during the warm-up, or hardly moved since
        if latest >= self.earned - self.stage.tolerance * abs(self.earned):
            return
        self.falls, self.since = self.falls + 1, episodes
        agent.policy.actor.parameters[:] = self.reference.actor.parameters
        agent.policy.log_std[:] = self.reference.log_std
        agent.engine.forget_actor()
