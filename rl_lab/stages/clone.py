"""The actor, fitted to what an expert did."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from rl_lab.agents.common.kickstarting import not_negative, positive
from rl_lab.agents.common.networks import ActorCritic
from rl_lab.agents.common.normalizer import normalized_rows, set_moments
from rl_lab.errors import LabError
from rl_lab.stages.artifact import Artifact
from rl_lab.stages.context import Context
from rl_lab.stages.stage import Stage, extended, load_policy, policy_parts
from rl_lab.supervised import Classifier, Regressor
from rl_lab.supervised.estimator import Estimator
from rl_lab.validation import whole_number

Fit = Callable[..., Estimator]
LEAST_LOG_STD = -2.0  # a policy that never errs would never explore, either


@dataclass(frozen=True)
class Clone(Stage):
    """Behavioural cloning: the actor learns which action the expert took.

    Args:
        max_iter: the most epochs.
        learning_rate: step size.
        alpha: of the penalty on squared weights.
        validation_fraction: of the transitions that are held out; the best weights on them are kept.
        patience: epochs without an improvement on what is held out, after which training ends; with a few hundred
            transitions held out, ten would end it long before the clone can do anything.
    """

    max_iter: int = 400
    learning_rate: float = 1e-3
    alpha: float = 1e-3
    validation_fraction: float = 0.1
    patience: int = 40
    kind: ClassVar[str] = "clone"
    needs: ClassVar[tuple[str, ...]] = ("demonstrations",)
    gives: ClassVar[tuple[str, ...]] = ("actor",)

    def __post_init__(self) -> None:
        for name in ("max_iter", "patience"):
            whole_number(f"stage 'clone': {name}", getattr(self, name), 1)
        positive("stage 'clone': learning_rate", self.learning_rate)
        for name in ("alpha", "validation_fraction"):
            not_negative(f"stage 'clone': {name}", getattr(self, name))
        if not 0 < self.validation_fraction < 1:
            raise LabError(
                f"stage 'clone': validation_fraction={self.validation_fraction} is not allowed; it must be above 0 and "
                "below 1"
            )

    def minimal(self) -> Stage:
        """One epoch."""
        return replace(self, max_iter=1)

    def make(self, context: Context, artifact: Artifact | None) -> Artifact:
        """Fit the actor that an agent from scratch would start from."""
        assert artifact is not None
        agent = context.agent()
        load_policy(agent, artifact, "trunk", "normalizer")
        shown = artifact.part("demonstrations")
        context.report(f"clone: {len(shown['rows'])} transitions")
        if agent.normalizer.observations and not artifact.part("normalizer"):
            set_moments(agent.normalizer, shown["rows"])
        rows = normalized_rows(agent.normalizer, shown["rows"])
        fitted = self.fit(agent.policy, rows, shown["actions"], context.seed, context.fit)
        history = fitted.history_
        notes = {"score": history.validation_scores[history.best_epoch - 1], "epochs": len(history.losses)}
        parts = policy_parts(agent)
        parts.pop("critic")
        return extended(self, context, artifact, notes, **parts)

    def fit(
        self, policy: ActorCritic, rows: np.ndarray, actions: np.ndarray, seed: int, run: Fit = Estimator.fit_to
    ) -> Estimator:
        """Fit a policy's actor in place to what an expert did, `(transitions, ...)`; `run` is what calls `fit`.

        Rows are those of the encoder, `(transitions, size)`, normalised where the policy is to see them so. `seed`
        decides the order of the transitions.
        """
        inputs = rows.astype(np.float32) * policy.encoder.scale
        options: dict[str, Any] = {
            "alpha": self.alpha,
            "learning_rate_init": self.learning_rate,
            "max_iter": self.max_iter,
            "n_iter_no_change": self.patience,
            "early_stopping": True,
            "validation_fraction": self.validation_fraction,
            "random_state": seed,
        }
        if isinstance(policy.action_space, spaces.Discrete):
            labels, classes = actions.astype(np.int64) - int(policy.action_space.start), np.arange(policy.outputs)
            return run(Classifier(**options), inputs, labels, classes=classes, network=policy.actor)
        targets = actions.reshape(len(rows), -1)
        fitted = run(Regressor(**options), inputs, targets, network=policy.actor)
        missed = (fitted.outputs(inputs) - targets).std(axis=0)
        policy.log_std[:] = np.maximum(np.log(np.maximum(missed, 1e-8)), LEAST_LOG_STD)
        return fitted
