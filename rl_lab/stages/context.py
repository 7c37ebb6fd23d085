"""Where stages work: the environment, the seed, and the counters that no stage can go around."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from rl_lab import seed_offsets
from rl_lab.agents import registry
from rl_lab.agents.common.predict import choose_rows
from rl_lab.agents.on_policy import OnPolicyAlgorithm
from rl_lab.errors import LabError
from rl_lab.stages.environment import CountedEnv, EnvironmentFactory
from rl_lab.stages.ledger import Bookkeeper, Ledger
from rl_lab.supervised.estimator import Estimator
from rl_lab.unsupervised.representation import Experience, Representation

LOOK_LIMIT = 10_000  # steps of an episode that `look` waits for


class Context:
    """Makes agents for stages, and runs their fits and trainings.

    Stages get environments, fits and trainings from here alone, so that the bookkeeper counts all that they use.

    Args:
        env: Gymnasium id, or a function that makes an environment.
        seed: of everything; it varies with the seed of the run.
        env_kwargs: arguments of the environment, with an id.
        hyperparameters: of the algorithm, `num_envs` among them.
        store: folder in which artifacts are kept; None keeps none.
        budget: charged steps that the whole pipeline may take; None for no limit.
        watch: called with the agent and the ledger so far after every iteration of training, off the clock; False ends
            it.
        report: told what is being done, in a few words.
        described: what counts about the environment, for the names of artifacts; by default its registration and the
            source of what makes it.
        algorithm: name of the algorithm that learns from reward.

    Raises:
        LabError: there is no such environment or algorithm.
    """

    def __init__(
        self,
        env: str | Callable[..., gym.Env],
        seed: int = 0,
        env_kwargs: dict[str, Any] | None = None,
        hyperparameters: dict[str, Any] | None = None,
        store: Path | None = None,
        budget: int | None = None,
        watch: Callable[[OnPolicyAlgorithm, Ledger], bool | None] | None = None,
        report: Callable[[str], None] = lambda text: None,
        described: Any = None,
        algorithm: str = "ppo",
    ) -> None:
        kind = registry.algorithm_named(algorithm)
        if not issubclass(kind, OnPolicyAlgorithm):
            raise LabError(f"stages go with on-policy algorithms, and {algorithm!r} is none; choose ppo or a2c")
        self.algorithm, self._kind = algorithm, kind
        self.environment, self.seed = EnvironmentFactory(env, env_kwargs, described), seed
        self.books = Bookkeeper()
        self.hyperparameters = {"num_envs": 8, **(hyperparameters or {})}
        if self.hyperparameters.get("policy") is not None:
            raise LabError(
                "stages train the actor and the critic of net_arch, which policy= would replace; leave policy out"
            )
        self.store, self.budget, self.watch, self.report = store, budget, watch, report
        self.trained: OnPolicyAlgorithm | None = None  # by the last training

    def expert_env(self) -> CountedEnv:
        """A single environment for an expert; its steps are demonstration transitions."""
        env = CountedEnv(self.environment.single())
        self.books.shown(env)
        return env

    def agent(self, **overrides: Any) -> OnPolicyAlgorithm:
        """An agent in the environment, as one from scratch would start from this seed."""
        options = {**self.hyperparameters, **overrides}
        adapter = self.environment.several(options.pop("num_envs"))
        agent = self._kind(adapter, seed=options.pop("seed", self.seed), **options)
        agent.env_kwargs = dict(self.environment.arguments)
        self.books.learner(adapter)
        return agent

    def fit(self, estimator: Estimator, rows: np.ndarray, targets: np.ndarray, **more: Any) -> Estimator:
        """Fit a `Classifier` or a `Regressor`; its labels and gradient steps are counted."""
        estimator.fit_to(rows, targets, **more)
        self.books.book(Ledger(labels=len(rows), gradient_steps=estimator.history_.gradient_steps))
        return estimator

    def represent(self, representation: Representation, experience: Experience) -> None:
        """Fit a `Representation`, which needs no labels; its gradient steps are counted."""
        representation.fit(experience)
        self.books.book(Ledger(gradient_steps=representation.history_.gradient_steps))

    def train(
        self, agent: OnPolicyAlgorithm, steps: int, callback: Callable[[OnPolicyAlgorithm], bool | None] | None = None
    ) -> None:
        """Train an agent for whole rollouts within a number of steps, or until somebody ends it."""
        rollout, before = agent.rollout_steps, agent.engine.gradient_steps

        def after(agent: OnPolicyAlgorithm) -> bool:
            taken = agent.num_timesteps - begin
            gradients = agent.engine.gradient_steps - before
            wanted = callback(agent) if callback else None
            spent = self.books.ledger() + Ledger(gradient_steps=gradients)
            with self.books.off_the_clock():
                going_on = self.watch(agent, spent) if self.watch else None
            affordable = self.budget is None or spent.steps() + rollout <= self.budget
            return going_on is not False and wanted is not False and affordable and taken + rollout <= steps

        self.trained = agent
        begin = agent.num_timesteps
        if steps >= rollout:
            agent.learn(steps // rollout * rollout, after, reset_num_timesteps=False)
        self.books.book(Ledger(gradient_steps=agent.engine.gradient_steps - before))

    def look(self, agent: OnPolicyAlgorithm, episodes: int) -> float:
        """Mean return of some episodes on seeds of their own; a stage that decides by them pays for their steps."""
        lanes = self.environment.several(episodes)
        self.books.learner(lanes)
        lanes.reset(self.seed + seed_offsets.LOOKS)
        returns, going = np.zeros(episodes), np.ones(episodes, bool)
        for _ in range(LOOK_LIMIT):
            if not going.any():
                break
            masks = lanes.view.masks if lanes.masked else None
            lanes.view.actions[...] = choose_rows(agent, lanes.view.observations, masks, deterministic=False)
            lanes.step()
            returns += lanes.view.rewards * going
            going &= ~(lanes.view.terminated | lanes.view.truncated)
        return float(returns.mean())
