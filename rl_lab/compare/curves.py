"""From the evaluations of a run to one number for each question."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rl_lab.compare.plan import Environment, Question
from rl_lab.compare.runs import Run


@dataclass(frozen=True)
class Curve:
    """A learning curve; arrays of shape (evaluations,)."""

    steps: NDArray[np.float64]
    seconds: NDArray[np.float64]
    scores: NDArray[np.float64]
    """Mean over the episodes of an evaluation, normalised where the environment has references."""


@dataclass(frozen=True)
class Value:
    """What a run scores on a question: somewhere between two numbers, which differ if it is not known exactly."""

    low: float
    high: float

    @property
    def censored(self) -> bool:
        """Whether the run ended before it had a value."""
        return math.isinf(self.high)

    @property
    def untrained(self) -> bool:
        """Whether the run had it before its first step."""
        return self.low == 0 < self.high

    @property
    def shown(self) -> float:
        """The value in a report: infinite if the run ended before, 0 if it had it before its first step."""
        return self.high if self.censored else self.low


def curve(run: Run, environment: Environment) -> Curve:
    """The learning curve of a run."""
    steps, seconds = (np.array([getattr(point, name) for point in run.points], float) for name in ("step", "seconds"))
    returns = np.array([np.mean(point.returns) for point in run.points], float)
    return Curve(steps, seconds, np.asarray(environment.score(returns), float))


def grid(steps: int, points: int) -> NDArray[np.float64]:
    """The steps at which curves are compared: the plan's evaluation points without the untrained one."""
    return np.linspace(0, steps, points + 1)[1:]


def planned(learned: Curve, at: NDArray[np.float64]) -> Curve:
    """The untrained evaluation and the first at or after each point of the plan.

    A contender that is judged more often than others would otherwise reach any threshold sooner.
    """
    places = np.searchsorted(learned.steps, at)
    chosen = np.unique(np.concatenate([[0], places[places < len(learned.steps)], [len(learned.steps) - 1]]))
    return Curve(learned.steps[chosen], learned.seconds[chosen], learned.scores[chosen])


def measure(question: Question, learned: Curve, at: NDArray[np.float64]) -> Value | None:
    """The value of one run at the plan's evaluation points, or None where it has none.

    The return per step is the mean of the curve over the evaluation points. Time and steps to a threshold are those
    at the first evaluation that reaches it. Of a run that never does, it is only known that they are at least those
    of the whole run; of one whose untrained policy does, that they are at most those of the next evaluation.
    """
    if len(learned.steps) == 0 or (question.measure != "final" and len(learned.steps) < 2):
        return None
    if question.measure == "final":
        return Value(float(learned.scores[-1]), float(learned.scores[-1]))
    if question.measure == "return":
        area = float(np.mean(np.interp(at, learned.steps, learned.scores)))
        return Value(area, area)
    learned = planned(learned, at)
    along = learned.seconds if question.measure == "time" else learned.steps
    reached = np.flatnonzero(learned.scores >= (question.threshold or 0.0))
    if len(reached) == 0:
        return Value(float(along[-1]), math.inf)
    if learned.steps[reached[0]] == 0:
        return Value(0.0, float(along[1]))
    return Value(float(along[reached[0]]), float(along[reached[0]]))


def median_time(values: Sequence[Value]) -> float | None:
    """The median, or None where it lies among runs that never reached the threshold."""
    middle = float(np.median([value.shown for value in values]))
    return middle if math.isfinite(middle) else None
