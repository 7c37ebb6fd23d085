"""The critic, fitted to the returns of the policy that it will judge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from rl_lab.agents import PPO
from rl_lab.agents.policy import ActorCritic
from rl_lab.errors import LabError
from rl_lab.stages.artifact import Artifact
from rl_lab.stages.clone import Fit
from rl_lab.stages.context import Context
from rl_lab.stages.stage import Stage, handed_on, load_policy, policy_parts
from rl_lab.supervised import Regressor
from rl_lab.supervised.estimator import Estimator

APART = 1_000_003
UNKNOWN = 0.05  # weight of what came after the last step, from which on a return counts as unknown


@dataclass(frozen=True)
class FitValue(Stage):
    """Fits the critic to Monte-Carlo returns of the policy's own rollouts.

    The expert's returns would be those of another policy. Where an episode was cut off, by the end of the rollouts
    or by a limit of time, the steps whose return still depends on what came after are left out.

    Args:
        steps: environment steps of the rollouts.
        max_iter: the most epochs.
        learning_rate: step size.
        alpha: of the penalty on squared weights.
    """

    steps: int = 8192
    max_iter: int = 100
    learning_rate: float = 1e-3
    alpha: float = 1e-3
    kind: ClassVar[str] = "value"
    gives: ClassVar[tuple[str, ...]] = ("critic",)

    def __post_init__(self) -> None:
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise LabError(f"steps={self.steps!r} of stage 'value' is not allowed; it must be at least 1")

    def rehearsal(self) -> Stage:
        """One rollout and one epoch."""
        return replace(self, steps=1, max_iter=1)

    def make(self, context: Context, artifact: Artifact | None) -> Artifact:
        """Play with the policy as it is, and fit the critic."""
        agent = context.agent(seed=context.seed + APART)  # other episodes than those that PPO will begin with
        if artifact is not None:
            load_policy(agent, artifact, "actor", "log_std")
        context.report(f"value: {self.steps} steps of the policy's own")
        rows, returns = experienced(agent, self.steps)
        fitted = self.fit(agent.policy, rows, returns, context.seed, context.fit)
        episodes = agent.episode_returns()
        notes = {
            "score": fitted.history_.validation_scores[fitted.history_.best_epoch - 1],
            "return": float(episodes.mean()) if len(episodes) else None,
        }
        return handed_on(self, context, artifact, notes, **policy_parts(agent))

    def fit(
        self, policy: ActorCritic, rows: np.ndarray, returns: np.ndarray, seed: int, run: Fit = Estimator.fit_to
    ) -> Estimator:
        """Fit a policy's critic in place to returns `(samples,)`; see `Clone.fit` for the rest."""
        regressor = Regressor(
            alpha=self.alpha,
            learning_rate_init=self.learning_rate,
            max_iter=self.max_iter,
            early_stopping=True,
            random_state=seed,
        )
        return run(regressor, rows.astype(np.float32) * policy.encoder.scale, returns, network=policy.critic)


def experienced(agent: PPO, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """What a policy sees, and the discounted return that followed.

    Args:
        agent: whose policy acts; it learns nothing.
        steps: whole rollouts of at least as many environment steps are played.

    Returns:
        Rows `(samples, size)` and returns `(samples,)`.
    """
    kept: tuple[list[np.ndarray], ...] = ([], [], [], [], [])
    while sum(part.size for part in kept[1]) < steps:
        rollout = agent.collect()
        arrays = rollout.observations, rollout.rewards, rollout.dones, rollout.truncated, rollout.valid
        for parts, array in zip(kept, arrays, strict=True):
            parts.append(array.copy())
    rows, rewards, dones, truncated, valid = (np.concatenate(parts) for parts in kept)
    returns, known = monte_carlo(rewards, dones, truncated, agent.normalizer.gamma)
    usable = known & valid
    if not usable.any():
        usable = valid  # every episode is shorter than the horizon of the discount: the best that there is
    return rows[usable], returns[usable]


def monte_carlo(
    rewards: np.ndarray, dones: np.ndarray, truncated: np.ndarray, gamma: float
) -> tuple[np.ndarray, np.ndarray]:
    """Discounted returns, and which of them hardly depend on what would have come after an end that is none.

    Args:
        rewards: float32 `(steps, lanes)`.
        dones: bool `(steps, lanes)`, whether the episode ended with the step.
        truncated: bool `(steps, lanes)`, whether only a limit of time ended it.
        gamma: discount.

    Returns:
        Returns, float32, and bool, both `(steps, lanes)`.
    """
    returns, known = np.zeros_like(rewards), np.zeros(rewards.shape, np.bool_)
    following, rest = np.zeros(rewards.shape[1], np.float32), np.ones(rewards.shape[1])
    for step in range(len(rewards) - 1, -1, -1):
        following = np.where(dones[step], rewards[step], rewards[step] + gamma * following)
        rest = np.where(dones[step], np.where(truncated[step], gamma, 0.0), rest * gamma)
        returns[step], known[step] = following, rest < UNKNOWN
    return returns, known
