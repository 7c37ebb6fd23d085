"""The critic, fitted to the returns of the policy that it will judge."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from rl_lab import seed_offsets
from rl_lab.agents.common.kickstarting import not_negative, positive
from rl_lab.agents.common.networks import ActorCritic
from rl_lab.agents.on_policy import OnPolicyAlgorithm
from rl_lab.stages.artifact import Artifact
from rl_lab.stages.clone import Fit
from rl_lab.stages.context import Context
from rl_lab.stages.stage import Stage, extended, load_policy, policy_parts
from rl_lab.supervised import Regressor
from rl_lab.supervised.estimator import Estimator
from rl_lab.validation import whole_number

USUAL_STEPS = 8192
ROUNDS = 2
UNKNOWN = 0.05  # weight of what came after the last step, from which on a return counts as unknown
UNFINISHED = 0.1  # share of steps in episodes that have not ended, from which on those that have say too little


class Played(NamedTuple):
    """What a policy met on its way, step by step; the rewards of truncated steps hold the value of what followed."""

    rows: np.ndarray  # (steps, lanes, size), as its networks take them, but for the scale
    rewards: np.ndarray  # float32 (steps, lanes)
    dones: np.ndarray  # bool (steps, lanes)
    truncated: np.ndarray  # bool (steps, lanes)
    turned: np.ndarray  # bool (steps, lanes), whether what followed counts with the other sign
    valid: np.ndarray  # bool (steps, lanes), whether the step was one
    last_values: np.ndarray  # float32 (lanes,), of what was seen after the last step


@dataclass(frozen=True)
class FitValue(Stage):
    """Fits the critic to Monte-Carlo returns of the policy's own rollouts.

    The expert's returns would be those of another policy. It is fitted twice: with the first half of the steps, where
    returns that depend on what came after a limit of time or after the last step are left out, and with all of them,
    where those of the second half end with the values of the first fit.

    Args:
        steps: environment steps of the rollouts; by default 8192, at most a tenth of the budget.
        max_iter: the most epochs.
        learning_rate: step size.
        alpha: of the penalty on squared weights.
    """

    steps: int | None = None
    max_iter: int = 100
    learning_rate: float = 1e-3
    alpha: float = 1e-3
    kind: ClassVar[str] = "value"
    gives: ClassVar[tuple[str, ...]] = ("critic",)

    def __post_init__(self) -> None:
        for name in ("steps", "max_iter"):
            if getattr(self, name) is not None or name != "steps":
                whole_number(f"stage 'value': {name}", getattr(self, name), 1)
        positive("stage 'value': learning_rate", self.learning_rate)
        not_negative("stage 'value': alpha", self.alpha)

    def minimal(self) -> Stage:
        """A few steps and one epoch."""
        return replace(self, steps=64, max_iter=1)

    def least(self, rollout: int, budget: int) -> int:
        """Its own steps."""
        return self.within(budget)

    def within(self, budget: int | None) -> int:
        """Its steps, as a part of a budget where there is one."""
        if self.steps is not None:
            return self.steps
        return USUAL_STEPS if budget is None else max(1, min(USUAL_STEPS, budget // 10))

    def key(self, context: Context, artifact: Artifact | None) -> str:
        """With the steps that follow from the budget."""
        return Stage.key(replace(self, steps=self.within(context.budget)), context, artifact)

    def make(self, context: Context, artifact: Artifact | None) -> Artifact:
        """Play with the policy as it is, and fit the critic."""
        lanes, steps = int(context.hyperparameters["num_envs"]), self.within(context.budget)
        # Other episodes than those that training will begin with.
        agent = context.agent(seed=context.seed + seed_offsets.VALUE_FIT, n_steps=-(-steps // (ROUNDS * lanes)))
        if artifact is not None:
            load_policy(agent, artifact, "trunk", "actor", "log_std", "normalizer")
        context.report(f"value: {steps} steps of the policy's own")
        if agent.normalizer.rewards:
            agent.collect()  # the scale of the rewards has to be known before returns are
        fitted = self.fit(agent.policy, lambda: played(agent), agent.normalizer.gamma, context.seed, context.fit)
        notes = {"score": fitted.history_.validation_scores[fitted.history_.best_epoch - 1], "return": _earned(agent)}
        return extended(self, context, artifact, notes, **policy_parts(agent))

    def fit(
        self, policy: ActorCritic, play: Callable[[], Played], gamma: float, seed: int, run: Fit = Estimator.fit_to
    ) -> Estimator:
        """Fit a policy's critic in place to what it meets, with a discount; `run` is what calls `fit`.

        `play` plays on with the policy as it is then, for half of the steps; `seed` decides the order of the samples.
        """
        head, bias = policy.critic.layers()[-1]
        head[:], bias[:] = 0, 0  # values that mean nothing must not end up in returns
        first = play()
        returns, known = monte_carlo(first.rewards, first.dones, first.truncated, first.turned, gamma)
        usable = known & first.valid
        if not usable.any():
            usable = first.valid  # episodes are shorter than the horizon of the discount: limits count as ends
        self._fit(policy, first.rows[usable], returns[usable], seed, run)
        second = play()
        both = Played(*(np.concatenate(pair) for pair in zip(first, second, strict=True)))
        both.truncated[len(first.dones) :] = False  # what followed is in their rewards
        ends = both.dones, both.truncated, both.turned
        returns, known = monte_carlo(both.rewards, *ends, gamma, second.last_values)
        usable = known & both.valid
        return self._fit(policy, both.rows[usable], returns[usable], seed, run)

    def _fit(self, policy: ActorCritic, rows: np.ndarray, returns: np.ndarray, seed: int, run: Fit) -> Estimator:
        options: dict[str, Any] = {"alpha": self.alpha, "learning_rate_init": self.learning_rate}
        options |= {"max_iter": self.max_iter, "early_stopping": True, "random_state": seed}
        return run(Regressor(**options), rows.astype(np.float32) * policy.encoder.scale, returns, network=policy.critic)


def played(agent: OnPolicyAlgorithm) -> Played:
    """One rollout of an agent that learns nothing from it."""
    rollout = agent.collect()
    seen = rollout.observations, rollout.rewards, rollout.dones, rollout.truncated, rollout.turned, rollout.valid
    return Played(*seen, agent.engine.values(agent.runner.current))


def _earned(agent: OnPolicyAlgorithm) -> float | None:
    """Mean return of the episodes that ended, or None where so many have not that those are the short ones."""
    returns, pending = agent.episode_returns(), agent.runner.lane_lengths.sum()
    if len(returns) == 0 or pending > UNFINISHED * agent.num_timesteps:
        return None
    return float(returns.mean())


def monte_carlo(
    rewards: np.ndarray,
    dones: np.ndarray,
    truncated: np.ndarray,
    turned: np.ndarray,
    gamma: float,
    last_values: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Discounted returns, and which of them hardly depend on what would have come after an end that is none.

    All arrays are `(steps, lanes)`: float32 rewards; bool, whether the episode ended with the step; whether only a
    limit of time ended it, and its reward does not say what would have come; whether what follows counts with the other
    sign. `last_values`, float32 `(lanes,)`, are those of what was seen after the last step, where that is known.

    Returns:
        Returns, float32, and bool, both `(steps, lanes)`.
    """
    lanes = rewards.shape[1]
    returns, known = np.zeros_like(rewards), np.zeros(rewards.shape, np.bool_)
    following = np.zeros(lanes, np.float32) if last_values is None else last_values
    rest = np.ones(lanes) if last_values is None else np.zeros(lanes)
    for step in range(len(rewards) - 1, -1, -1):
        signs = np.where(turned[step], -gamma, gamma)
        following = np.where(dones[step], rewards[step], rewards[step] + signs * following)
        rest = np.where(dones[step], np.where(truncated[step], gamma, 0.0), rest * gamma)
        returns[step], known[step] = following, rest < UNKNOWN
    return returns, known
