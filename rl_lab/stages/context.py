"""Where stages work: the environment, the seed, and the counters that no stage can go around."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from rl_lab.agents import registry
from rl_lab.agents.common.environments import make_adapter
from rl_lab.agents.common.predict import choose_rows
from rl_lab.agents.common.vec_adapter import VecAdapter
from rl_lab.agents.on_policy import OnPolicyAlgorithm
from rl_lab.errors import LabError
from rl_lab.fingerprint import describe, entry
from rl_lab.stages.ledger import Ledger
from rl_lab.supervised.estimator import Estimator
from rl_lab.unsupervised.representation import Experience, Representation

LOOK_LIMIT = 10_000  # steps of an episode that `look` waits for
APART = 10_000_019  # from the seeds of training to those that `look` plays on


def _on_policy(name: str) -> type[OnPolicyAlgorithm]:
    kind = registry.algorithm_named(name)
    if not issubclass(kind, OnPolicyAlgorithm):
        raise LabError(f"stages go with on-policy algorithms, and {name!r} is none; choose ppo or a2c")
    return kind


class Counted(gym.Wrapper):
    """A single environment whose steps are counted."""

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        self.taken = 0

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a counted step."""
        self.taken += 1
        return self.env.step(action)


class Context:
    """Makes environments and agents for stages, runs their fits and trainings, and keeps the books.

    Stages get environments, fits and trainings from here alone, so that all that they use is counted.

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
        self.algorithm, self._kind = algorithm, _on_policy(algorithm)
        self.env, self.seed, self.env_kwargs = env, seed, env_kwargs or {}
        self.hyperparameters = {"num_envs": 8, **(hyperparameters or {})}
        if self.hyperparameters.get("policy") is not None:
            raise LabError(
                "stages train the actor and the critic of net_arch, which policy= would replace; leave policy out"
            )
        self.store, self.budget, self.watch, self.report = store, budget, watch, report
        self.trained: OnPolicyAlgorithm | None = None  # by the last training
        self._described = described
        self._spaces = ""
        self._shown: list[Counted] = []
        self._agents: list[OnPolicyAlgorithm] = []
        self._looks: list[VecAdapter] = []
        self._booked = Ledger()
        self._start: tuple[float, float] | None = None
        self._watched = [0.0, 0.0]  # seconds that somebody else's judging took, of the wall and of the processor

    @property
    def name(self) -> str:
        """What the environment is called."""
        return self.env if isinstance(self.env, str) else getattr(self.env, "__name__", type(self.env).__name__)

    def spaces(self) -> str:
        """The spaces of a single environment, as text."""
        if not self._spaces:
            env = self._single()
            self._spaces = f"{env.observation_space} -> {env.action_space}"
        return self._spaces

    def described(self) -> Any:
        """What counts about the environment, as JSON can hold it."""
        if self._described is None:
            spec = self._spec()
            parts: list[Any] = [self.env]
            if spec:
                parts = [spec.entry_point, spec.kwargs, spec.max_episode_steps, spec.additional_wrappers]
            names = [parts[0], spec.kwargs.get("definition")] if spec else []
            modules = [entry(name) for name in names if isinstance(name, str)]
            self._described = describe([self.name, parts, modules, self.env_kwargs])
        return self._described

    def expert_env(self) -> Counted:
        """A single environment for an expert; its steps are demonstration transitions."""
        self._shown.append(Counted(self._single()))
        return self._shown[-1]

    def agent(self, **overrides: Any) -> OnPolicyAlgorithm:
        """An agent on lanes of the environment, as one from scratch would start from this seed."""
        options = {**self.hyperparameters, **overrides}
        lanes = make_adapter(self._maker(), options.pop("num_envs"), self._arguments())
        agent = self._kind(lanes, seed=options.pop("seed", self.seed), **options)
        agent.env_kwargs = dict(self._arguments())
        self._agents.append(agent)
        return agent

    def fit(self, estimator: Estimator, rows: np.ndarray, targets: np.ndarray, **more: Any) -> Estimator:
        """Fit a `Classifier` or a `Regressor`; its labels and gradient steps are counted."""
        estimator.fit_to(rows, targets, **more)
        self.book(Ledger(labels=len(rows), gradient_steps=estimator.history_.gradient_steps))
        return estimator

    def represent(self, representation: Representation, experience: Experience) -> None:
        """Fit a `Representation`, which needs no labels; its gradient steps are counted."""
        representation.fit(experience)
        self.book(Ledger(gradient_steps=representation.history_.gradient_steps))

    def train(
        self, agent: OnPolicyAlgorithm, steps: int, callback: Callable[[OnPolicyAlgorithm], bool | None] | None = None
    ) -> None:
        """Train an agent for whole rollouts within a number of steps, or until somebody ends it."""
        rollout, before = agent.rollout_steps, agent.engine.gradient_steps

        def after(agent: OnPolicyAlgorithm) -> bool:
            taken = agent.num_timesteps - begin
            gradients = agent.engine.gradient_steps - before
            wanted = callback(agent) if callback else None
            spent = self.ledger() + Ledger(gradient_steps=gradients)
            paused = time.perf_counter(), time.process_time()
            told = self.watch(agent, spent) if self.watch else None
            self._watched[0] += time.perf_counter() - paused[0]
            self._watched[1] += time.process_time() - paused[1]
            affordable = self.budget is None or spent.steps() + rollout <= self.budget
            return told is not False and wanted is not False and affordable and taken + rollout <= steps

        self.trained = agent
        begin = agent.num_timesteps
        if steps >= rollout:
            agent.learn(steps // rollout * rollout, after, reset_num_timesteps=False)
        self.book(Ledger(gradient_steps=agent.engine.gradient_steps - before))

    def look(self, agent: OnPolicyAlgorithm, episodes: int) -> float:
        """Mean return of some episodes on seeds of their own; a stage that decides by them pays for their steps."""
        lanes = make_adapter(self._maker(), episodes, self._arguments())
        self._looks.append(lanes)
        lanes.reset(self.seed + APART)
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

    def book(self, cost: Ledger) -> None:
        """Add costs that no environment of this context counts, such as those of an expert's own training."""
        self._booked += cost

    def begin(self, spent: Ledger) -> None:
        """Start the books anew, for one stage, with what was spent before it."""
        self._shown, self._agents, self._looks, self._booked = [], [], [], spent
        self._start, self._watched = (time.perf_counter(), time.process_time()), [0.0, 0.0]

    def ledger(self) -> Ledger:
        """All that was spent, by this stage and before it."""
        if self._start is None:
            raise LabError("the books are not open; a stage runs as stage.run(context, artifact)")
        lanes = [*(agent.source for agent in self._agents), *self._looks]
        counted = Ledger(
            learner_steps=sum(each.taken for each in lanes),
            demonstration_transitions=sum(env.taken for env in self._shown),
            wall_seconds=time.perf_counter() - self._start[0] - self._watched[0],
            cpu_seconds=time.process_time() - self._start[1] - self._watched[1],
        )
        return self._booked + counted

    def _spec(self) -> Any:
        """Gymnasium's entry for an id, after importing what stands before a colon; None for a function."""
        if not isinstance(self.env, str):
            return None
        module, _, plain = self.env.rpartition(":")
        try:
            if module:
                import_module(module)
            return gym.spec(plain)
        except (gym.error.Error, ImportError) as error:
            raise LabError(f"environment {self.env!r} cannot be made: {error}") from None

    def _single(self) -> gym.Env:
        if not isinstance(self.env, str):
            return self.env(**self.env_kwargs)
        try:
            return gym.make(self.env, **self.env_kwargs)
        except (gym.error.Error, ImportError) as error:
            raise LabError(f"environment {self.env!r} cannot be made: {error}") from None

    def _maker(self) -> Any:
        return self.env if isinstance(self.env, str) else lambda: self.env(**self.env_kwargs)

    def _arguments(self) -> dict[str, Any]:
        return self.env_kwargs if isinstance(self.env, str) else {}
