"""A trunk that learns without labels or reward, from what an agent sees and does."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from rl_lab import seed_offsets
from rl_lab.agents.common.kickstarting import positive
from rl_lab.agents.common.normalizer import FIRM
from rl_lab.agents.on_policy import OnPolicyAlgorithm
from rl_lab.core import weights
from rl_lab.core.layer_transfer import copy_layers
from rl_lab.errors import LabError
from rl_lab.stages.artifact import Artifact
from rl_lab.stages.context import Context
from rl_lab.stages.stage import Stage, extended, load_policy, policy_parts
from rl_lab.unsupervised.representation import OBJECTIVES, Experience, Representation
from rl_lab.validation import choice, whole_number


@dataclass(frozen=True)
class Represent(Stage):
    """Learns a representation of observations; the stages after it start from its layers, in actor and critic.

    Whoever acts is the policy as it is, at random if no stage before it gave one; its steps are charged.

    Args:
        objective: "autoencoder", "forward", "inverse", "both" or "novelty"; see `Representation`.
        steps: environment steps that it learns from.
        epochs: how often each is learned from; 0 leaves the layers as they were drawn: a control.
        learning_rate: step size.
    """

    objective: str = "both"
    steps: int = 50_000
    epochs: int = 5
    learning_rate: float = 1e-3
    kind: ClassVar[str] = "represent"
    gives: ClassVar[tuple[str, ...]] = ("trunk",)

    def __post_init__(self) -> None:
        choice("stage 'represent': objective", self.objective, OBJECTIVES)
        whole_number("stage 'represent': steps", self.steps, 1)
        whole_number("stage 'represent': epochs", self.epochs, 0)
        positive("stage 'represent': learning_rate", self.learning_rate)

    def minimal(self) -> Stage:
        """A few steps and one epoch."""
        return replace(self, steps=64, epochs=min(1, self.epochs))

    def least(self, rollout: int, budget: int) -> int:
        """Its own steps."""
        return self.steps

    def make(self, context: Context, artifact: Artifact | None) -> Artifact:
        """Act, and learn from it."""
        agent = context.agent(seed=context.seed + seed_offsets.EXPERIENCE)
        if artifact is not None:
            load_policy(agent, artifact)
        context.report(f"represent: {self.objective} from {self.steps} steps")
        hidden = agent.policy.net_arch["pi"]
        if not hidden:
            raise LabError(
                "stage 'represent' trains hidden layers, and net_arch has none; give it some, such as [64, 64]"
            )
        representation = Representation(
            self.objective,
            tuple(hidden),
            agent.policy.activation,
            actions=agent.policy.outputs if agent.policy.discrete else 0,
            scale=float(agent.policy.encoder.scale),
            learning_rate_init=self.learning_rate,
            max_iter=self.epochs,
            random_state=context.seed,
        )
        context.represent(representation, experienced(agent, self.steps))
        parts = {"trunk": weights.of_network(representation.trunk_)}
        if "normalizer" in (known := policy_parts(agent)):
            agent.normalizer.count[:] = FIRM  # under other moments, the layers would see something else
            parts["normalizer"] = known["normalizer"]
        losses, grafted = representation.history_.losses, copy_layers(representation.trunk_, agent.policy.actor)
        context.report(f"represent: of the actor's and the critic's layers, {grafted}")
        notes = {"objective": self.objective, "loss": losses[-1] if losses else None, "grafted": str(grafted)}
        return extended(self, context, artifact, notes, **parts)


def experienced(agent: OnPolicyAlgorithm, steps: int) -> Experience:
    """What an agent sees and does in at least so many steps, in whole rollouts; it learns nothing."""
    rollout = agent.rollout
    length, lanes = rollout.rewards.shape
    rounds = -(-steps // (length * lanes))
    rows = np.empty((rounds * length, lanes, rollout.observations.shape[2]), rollout.observations.dtype)
    actions = np.empty((rounds * length, lanes, rollout.actions.shape[2]), rollout.actions.dtype)
    goes_on = np.empty((rounds * length, lanes), np.bool_)
    for place in range(0, len(rows), length):
        rollout = agent.collect()
        rows[place : place + length], actions[place : place + length] = rollout.observations, rollout.actions
        goes_on[place : place + length] = ~rollout.dones & rollout.valid
    return Experience(rows, actions, goes_on)
