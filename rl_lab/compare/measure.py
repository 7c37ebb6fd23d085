"""The runner's own measuring: a clock, a step counter, and environments that cannot be stepped past the budget."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np

from rl_lab.agents.algorithm import Algorithm
from rl_lab.agents.common.boundary import begun, finite, one_number, stepped
from rl_lab.agents.on_policy import OnPolicyAlgorithm
from rl_lab.compare.environments import Maker
from rl_lab.compare.evaluation import Judge, Judgement, Recorded
from rl_lab.errors import LabError
from rl_lab.stages.ledger import Ledger
from rl_lab.stages.step_budget import BudgetSpent, step_budget_of

PATIENCE = 100  # refused steps after which a contender is not trusted to end by itself


@dataclass(frozen=True)
class Point:
    """One evaluation on the way."""

    step: int
    """Environment steps taken so far."""
    seconds: float
    """Seconds of training so far, without the evaluations."""
    cpu_seconds: float
    """The same in seconds of the processor."""
    returns: list[float]
    """Of every evaluation episode."""
    lengths: list[int]
    """Steps of every evaluation episode."""


class Clock:
    """Wall and processor seconds that stop while something else is done."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0
        self._since: tuple[float, float] | None = None

    def start(self) -> None:
        """Go on."""
        self._since = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """Pause; a clock that stands stays as it is."""
        if self._since is not None:
            wall, cpu = self._since
            self.wall += time.perf_counter() - wall
            self.cpu += time.process_time() - cpu
            self._since = None


class Meter:
    """Counts the steps of one run and has its model evaluated at the points of the plan, `points` over the budget.

    `report` is called after each evaluation with the steps and the mean return; `control` is which control of a
    pretrained contender the run is, see `rl_lab.stages.step_budget`.
    """

    def __init__(
        self,
        budget: int,
        points: int,
        judge: Judge,
        report: Callable[[int, float], None] = lambda step, mean: None,
        control: str = "",
    ) -> None:
        self.budget, self.judge, self.report, self.control = budget, judge, report, control
        self.steps = 0
        self.clock = Clock()
        self.points: list[Point] = []
        self.last: Judgement | None = None
        self.watched: tuple[Any, Any] | None = None  # judged at the points of the plan, from within `step`
        self.trained: tuple[Any, Any] | None = None  # what Stable-Baselines3 trained last
        self.graceful = False  # whether training ends by itself once a step was refused
        self.refused = False
        self.give_up: Callable[[], None] | None = None  # ends the run of a contender that nothing else ends
        self._refusals = 0
        self.ledger: Ledger | None = None  # of a contender that keeps books itself
        self.evaluation_steps = 0
        self.pretraining = Ledger()
        self.notes: dict[str, Any] = {}
        self._due = [round(budget * number / points) for number in range(points + 1)]

    def allow(self, steps: int) -> bool:
        """Count steps about to be taken, or refuse them; BudgetSpent where nothing but this ends the training."""
        if self.watched is not None:
            self.evaluate_if_due(*self.watched)
        if self.steps + steps <= self.budget:
            self.steps += steps
            return True
        self.refused = True
        self._refusals += 1
        if self._refusals > 2 * PATIENCE and self.give_up is not None:
            self.give_up()
        if not self.graceful or self._refusals > PATIENCE:
            raise BudgetSpent(f"the budget of {self.budget} steps is spent")
        return False

    def pay(self, spent: Ledger) -> None:
        """Put what pretraining cost elsewhere on the counters."""
        self.steps, self.clock.wall, self.clock.cpu = spent.steps(), spent.wall_seconds, spent.cpu_seconds

    def charge(self, steps: int) -> None:
        """Count steps that were taken somewhere else, or long ago, as those of a data set."""
        if steps > 0 and self.steps + steps > self.budget:
            raise LabError(
                f"pretraining cost {self.steps + steps} steps of a budget of {self.budget}; give more steps, or fewer "
                "episodes"
            )
        self.steps += max(steps, 0)

    def switch(self, spent: Ledger, model: Any, outer: Any = None) -> None:
        """Pretraining is over, and `model` is what it gave; until it was paid for, there was the untrained one."""
        self.clock.stop()
        self.pretraining += spent
        if self.steps > 1 and self.points:
            first = self.points[0]
            known = [point for point in self.points if point.step < self.steps - 1]
            wall, cpu = self.clock.wall, self.clock.cpu
            self.points = [*known, replace(first, step=self.steps - 1, seconds=wall, cpu_seconds=cpu)]
        self.notes |= {"switch": self.steps, "pretraining": self.pretraining.as_dict()}
        self.judge_now(model, outer)

    @contextmanager
    def off_the_clock(self) -> Iterator[None]:
        """What is done within takes no time of the run."""
        self.clock.stop()
        try:
            yield
        finally:
            self.clock.start()

    def rest(self) -> None:
        """Nothing changes any more: the last judgement holds at all points of the plan that are left, for nothing."""
        self.clock.stop()
        self.ledger, last = self.counted(), self.points[-1]
        self.points += [replace(last, step=due) for due in self._due if due > last.step]
        self.steps = self.budget

    def books(self) -> Ledger:
        """All that the contender used, and what judging it took."""
        return replace(self.ledger or self.counted(), evaluation_steps=self.evaluation_steps)

    def counted(self) -> Ledger:
        """What a contender used that keeps no books of its own."""
        own, wall, cpu = self.steps - self.pretraining.demonstration_transitions, self.clock.wall, self.clock.cpu
        return replace(self.pretraining, learner_steps=own, wall_seconds=wall, cpu_seconds=cpu)

    def evaluate_if_due(self, model: Any, outer: Any = None) -> None:
        """Evaluate a model if the next point of the plan has come; the clock stands meanwhile."""
        if self._due and self.steps >= self._due[0]:
            self.judge_now(model, outer)

    def judge_now(self, model: Any, outer: Any = None) -> None:
        """Evaluate a model; an earlier evaluation at the same step gives way."""
        self.clock.stop()
        self.last = found = self.judge(model, outer)
        self.evaluation_steps += int(found.lengths.sum())
        if (updates := _updates(model)) is not None:
            self.notes["updates"] = updates
        point = Point(self.steps, self.clock.wall, self.clock.cpu, found.returns.tolist(), found.lengths.tolist())
        self.points = [*(known for known in self.points if known.step < self.steps), point]
        self._due = [due for due in self._due if due > self.steps]
        self.report(self.steps, float(found.returns.mean()))
        self.clock.start()


def _updates(model: Any) -> int | None:
    """Rollouts that an on-policy algorithm has learned from, ours or Stable-Baselines3's; None for anything else."""
    if isinstance(model, Algorithm):
        return model.iterations if isinstance(model, OnPolicyAlgorithm) else None
    if hasattr(model, "rollout_buffer") and hasattr(model, "n_envs"):
        return int(model.num_timesteps // (model.n_steps * model.n_envs))
    return None


class Metered(gym.Wrapper):
    """An environment whose steps are counted."""

    def __init__(self, env: gym.Env, maker: Maker, meter: Meter) -> None:
        super().__init__(env)
        self.maker, self.rl_lab_step_budget = maker, meter
        self._observation: Any = None
        self._where = f"environment {maker.environment.name!r}"

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""
        self._observation, info = begun(self.env.reset(seed=seed, options=options), self._where)
        return self._observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a counted step; one that is refused gives the last observation again."""
        if not self.rl_lab_step_budget.allow(1):
            return self._observation, 0.0, False, False, {}
        self._observation, reward, *rest = stepped(self.env.step(action), self._where)
        return self._observation, one_number(reward, self._where), *rest

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Nothing that another process could step."""
        raise LabError(
            "the environment that a contender gets counts its steps in its own process and cannot be sent to another, "
            "as SubprocVecEnv does; use DummyVecEnv, or give num_envs as a hyperparameter"
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Recorded:
        """A fresh environment that counts nothing: copying the wrappers around this one gives a place to evaluate."""
        return Recorded(self.maker.single())


def metered_vec_env(venv: Any, meter: Meter, name: str) -> Any:
    """A `VecEnv` of Stable-Baselines3 whose steps are counted, and whose numbers are finite, of an environment."""
    from stable_baselines3.common.vec_env import VecEnvWrapper

    class MeteredVecEnv(VecEnvWrapper):
        def __init__(self) -> None:
            super().__init__(venv)
            self.rl_lab_step_budget = meter
            self._last: Any = None
            self._allowed = True

        def reset(self) -> Any:
            observations = self.venv.reset()
            finite(observations, f"environment {name!r}: observations")
            self._last = observations, np.zeros(self.num_envs, np.float32), np.zeros(self.num_envs, bool)
            return observations

        def step_async(self, actions: Any) -> None:
            self._allowed = self.rl_lab_step_budget.allow(self.num_envs)
            if self._allowed:
                self.venv.step_async(actions)

        def step_wait(self) -> Any:
            if not self._allowed:
                return (*self._last, [{} for _ in range(self.num_envs)])
            outcome = self.venv.step_wait()
            finite(outcome[0], f"environment {name!r}: observations")
            finite(outcome[1], f"environment {name!r}: rewards")
            self._last = outcome[:3]
            return outcome

    return MeteredVecEnv()


def watch(env: gym.Env, model: Any) -> Any:
    """Let a comparison evaluate a model during training, where the training loop is your own.

    Args:
        env: the environment that the contender was given, or that environment in wrappers.
        model: something with `predict`, evaluated as it is at each evaluation point.

    Returns:
        The model. Outside a comparison nothing else happens. Models of Stable-Baselines3 need no watching.
    """
    meter, outer = step_budget_of(env)
    if meter is not None:
        meter.watched = model, outer
    return model
