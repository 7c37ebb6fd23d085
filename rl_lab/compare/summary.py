"""What the report shows of one environment: curves with bands, scores with intervals, times, costs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rl_lab.compare import statistics
from rl_lab.compare.curves import Curve, Value, curve, grid, measure
from rl_lab.compare.plan import Environment, Plan, Question
from rl_lab.compare.runs import Run

RESAMPLES = 2_000
LOGARITHMIC = 8.0  # time axes are logarithmic once one contender takes this many times as long as another


@dataclass(frozen=True)
class Band:
    """An interquartile mean over the seeds along an axis, with its 95 % interval; arrays of shape (points,)."""

    along: NDArray[np.float64]
    middle: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """One contender on one environment, over its seeds."""

    contender: str
    place: int
    """Which contender of the plan it is; decides its colour."""
    runs: list[Run]
    """Those that did not fail."""
    curves: list[Curve]
    by_steps: Band | None
    by_seconds: Band | None
    per_step: Interval | None
    """Interquartile mean of the return per step."""
    final: Interval | None
    """Interquartile mean of the final return."""
    gap: Interval | None
    """Optimality gap of the final return, where the environment has references."""
    improvement: Interval | None
    """Probability that a run of it scores a higher return per step than one of the baseline."""
    times: list[Value]
    """Seconds to the threshold, if the plan asks for one."""


def summarise(plan: Plan, runs: Sequence[Run], environment: Environment, paired: bool) -> list[Summary]:
    """Everything about one environment, in the order of the contenders."""
    there = [run for run in runs if run.environment == environment.name and not run.failed]
    own = {each.name: [run for run in there if run.contender == each.name] for each in plan.contenders}
    scores = {name: _per_step(plan, found, environment) for name, found in own.items()}
    theirs, summaries = scores[str(plan.baseline)], []
    for place, (name, ran) in enumerate(own.items()):
        curves = [curve(run, environment) for run in ran]
        whole = [each for each in curves if len(each.steps) > 1]
        timed = [each for each in whole if np.isfinite(each.seconds).all()]
        final, at = np.array([each.scores[-1] for each in curves]), _evaluated(whole, plan, environment)
        summary = Summary(
            name,
            place,
            ran,
            curves,
            by_steps=band([each.steps for each in whole], whole, at),
            by_seconds=band([each.seconds for each in timed], timed, _times(timed)),
            per_step=_interval(statistics.interquartile_mean, np.array(list(scores[name].values()))),
            final=_interval(statistics.interquartile_mean, final),
            gap=_interval(statistics.optimality_gap, final) if environment.normalised else None,
            improvement=None if name == plan.baseline else _improvement(scores[name], theirs, paired),
            times=_reached(plan, timed, at),
        )
        summaries.append(summary)
    return summaries


def band(along: list[NDArray[np.float64]], curves: list[Curve], at: NDArray[np.float64]) -> Band | None:
    """Interquartile mean and interval of some curves at the places `at`, each curve held after its end."""
    if not curves or len(at) == 0:
        return None
    scores = np.stack([np.interp(at, x, each.scores) for x, each in zip(along, curves, strict=True)], axis=-1)
    low, high = statistics.interval(statistics.interquartile_mean, scores, resamples=RESAMPLES)
    return Band(at, statistics.interquartile_mean(scores), low, high)


def threshold(plan: Plan) -> float | None:
    """The score that counts as solved, if the plan has a question about time or steps."""
    return next((question.threshold for question in plan.questions if question.censored), None)


def logarithmic(summaries: Sequence[Summary]) -> bool:
    """Whether times of the contenders lie so far apart that only a logarithmic axis shows both."""
    ends = [band.along[-1] for summary in summaries if (band := summary.by_seconds) is not None]
    return bool(ends) and max(ends) > LOGARITHMIC * min(ends)


def _evaluated(curves: list[Curve], plan: Plan, environment: Environment) -> NDArray[np.float64]:
    """The plan's evaluation points, with the untrained one if it was taken."""
    points = grid(plan.budget(environment), plan.evaluation.points)
    return np.concatenate([[0.0], points]) if curves and all(each.steps[0] == 0 for each in curves) else points


def _times(curves: list[Curve]) -> NDArray[np.float64]:
    """Times from the first trained evaluation of the fastest run to the middle one of the ends."""
    if not curves:
        return np.array([])
    first = max(min(each.seconds[1] for each in curves), 1e-3)
    last = float(np.median([each.seconds[-1] for each in curves]))
    return np.geomspace(first, max(last, first * 1.001), 48)


def _per_step(plan: Plan, runs: list[Run], environment: Environment) -> dict[int, float]:
    at = grid(plan.budget(environment), plan.evaluation.points)
    found = {run.seed: measure(Question("return"), curve(run, environment), at) for run in runs}
    return {seed: value.low for seed, value in found.items() if value is not None}


def _interval(statistic: statistics.Statistic, values: NDArray[np.float64]) -> Interval | None:
    if len(values) == 0:
        return None
    low, high = statistics.interval(statistic, values, resamples=RESAMPLES)
    return Interval(float(statistic(values)), float(low), float(high))


def _improvement(ours: dict[int, float], theirs: dict[int, float], paired: bool) -> Interval | None:
    if paired:
        seeds = sorted(ours.keys() & theirs.keys())
        ours, theirs = ({seed: side[seed] for seed in seeds} for side in (ours, theirs))
    first, second = np.array(list(ours.values())), np.array(list(theirs.values()))
    if len(first) == 0 or len(second) == 0:
        return None
    statistic = statistics.probability_of_improvement
    low, high = statistics.interval(statistic, first, second, paired=paired, resamples=RESAMPLES)
    return Interval(float(statistic(first, second)), float(low), float(high))


def _reached(plan: Plan, curves: list[Curve], at: NDArray[np.float64]) -> list[Value]:
    level = threshold(plan)
    if level is None:
        return []
    found = [measure(Question("time", threshold=level), each, at) for each in curves]
    return [value for value in found if value is not None and math.isfinite(value.low)]
