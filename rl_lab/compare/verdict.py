"""Verdicts: better, equivalent, worse or inconclusive, for each environment, question and contender."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rl_lab.compare import statistics
from rl_lab.compare.curves import Value, curve, grid, measure, median_time
from rl_lab.compare.plan import SMOKE_SEEDS, VERDICT_SEEDS, Plan, Question
from rl_lab.compare.runs import Run

NEVER = 1_000.0  # a run that never reached the threshold counts, at worst, as this many times its length,
# and one that reached it before training, at best, as its next evaluation divided by this
LEAST = 1e-6  # seconds, the smallest that runs.csv holds


@dataclass(frozen=True)
class Verdict:
    """The answer to one question about one contender against the baseline on one environment."""

    environment: str
    question: str
    """In words."""
    measure: str
    """`return`, `final`, `time` or `steps`."""
    claim: str
    contender: str
    baseline: str
    outcome: str
    """`better`, `equivalent`, `worse`, `inconclusive`, or `none` with too few seeds."""
    answer: str
    """`yes`, `no` or `undecided`, to the question as it was asked."""
    pairs: int
    """Seeds of each side that count, paired or not."""
    paired: bool
    value: float | None
    """The contender's mean, or median time."""
    against: float | None
    """The baseline's."""
    estimate: float | None
    """Contender minus baseline; for time and steps how many times less the contender needs (geometric mean)."""
    low: float | None
    """Lower end of the 95 % interval of the estimate; None where unfinished runs leave it open."""
    high: float | None
    """Upper end, or None as well."""
    p: float | None
    """Of the exact sign-flip test, or of Welch's where seeds are not paired."""
    p_holm: float | None
    """After Holm's correction over all contrasts of the plan."""
    margin: float | None
    unreached: tuple[int, int] = (0, 0)
    """Runs of the contender and of the baseline that never reached the threshold."""
    untrained: tuple[int, int] = (0, 0)
    """Runs of them that reached it before training."""
    note: str = ""
    """A remark for the reader."""

    @property
    def ratio(self) -> bool:
        """Whether the estimate is a factor and not a difference."""
        return self.measure in ("time", "steps")


@dataclass(frozen=True)
class _Contrast:
    """A contrast before Holm's correction; differences are positive where the contender is better."""

    verdict: Verdict
    low: float
    high: float
    p: float
    margin: float | None


def judge(plan: Plan, runs: Sequence[Run], paired: bool = True) -> list[Verdict]:
    """Verdicts on all runs of a plan, failed ones too, in the order environment, question, contender."""
    raw = [
        _contrast(plan, runs, place, question, name, paired)
        for place in range(len(plan.environments))
        for question in plan.questions
        for name in plan.challengers
    ]
    corrected = iter(statistics.holm([item.p for item in raw if not math.isnan(item.p)]))
    return [item.verdict if math.isnan(item.p) else _decided(item, next(corrected)) for item in raw]


def _contrast(plan: Plan, runs: Sequence[Run], place: int, question: Question, name: str, paired: bool) -> _Contrast:
    environment, baseline = plan.environments[place], str(plan.baseline)
    at = grid(plan.budget(environment), plan.evaluation.points)
    chosen = [run for run in runs if run.environment == environment.name and run.contender in (name, baseline)]
    values = {
        (run.contender, run.seed): value
        for run in chosen
        if not run.failed and (value := measure(question, curve(run, environment), at)) is not None
    }
    ours = {seed: value for (who, seed), value in values.items() if who == name}
    theirs = {seed: value for (who, seed), value in values.items() if who == baseline}
    if paired:
        seeds = sorted(ours.keys() & theirs.keys())
        ours, theirs = ({seed: side[seed] for seed in seeds} for side in (ours, theirs))
    first, second = list(ours.values()), list(theirs.values())
    verdict = Verdict(
        environment.name, question.text(name, baseline), question.measure, question.claim, name, baseline,
        outcome="none", answer="undecided", pairs=min(len(first), len(second)), paired=paired, value=None,
        against=None, estimate=None, low=None, high=None, p=None, p_holm=None, margin=question.margin,
        unreached=(sum(value.censored for value in first), sum(value.censored for value in second)),
        untrained=(sum(value.untrained for value in first), sum(value.untrained for value in second)),
        note=_missing(chosen, name, baseline, question),
    )  # fmt: skip
    if not first or not second:
        return _Contrast(verdict, math.nan, math.nan, math.nan, None)
    return _ratio(verdict, first, second) if question.censored else _difference(verdict, first, second)


def _difference(verdict: Verdict, first: list[Value], second: list[Value]) -> _Contrast:
    ours, theirs = (np.array([value.low for value in side]) for side in (first, second))
    found = statistics.contrast(ours, theirs, verdict.paired)
    low, high, p = float(found.low), float(found.high), float(found.p)
    value, against, estimate = (float(each) for each in (ours.mean(), theirs.mean(), found.estimate))
    verdict = replace(verdict, value=value, against=against, estimate=estimate, low=low, high=high)
    return _Contrast(verdict, low, high, p, verdict.margin)


def _ratio(verdict: Verdict, first: list[Value], second: list[Value]) -> _Contrast:
    """A contrast of times, as logarithms of ratios.

    A run that never reached the threshold has a time somewhere between its length and never, and one that reached it
    before training has one between none and its next evaluation. The interval therefore goes from where all such times
    of the contender are longest and all of the baseline shortest, to the reverse; and the p value is the larger of the
    two. Nothing that a longer budget could have shown can then turn a verdict round, nor how short "before" is.
    """
    ours, theirs = (_logarithms(side) for side in (first, second))
    worst = statistics.contrast(theirs[0], ours[1], verdict.paired)  # positive: the contender needs less
    best = statistics.contrast(theirs[1], ours[0], verdict.paired)
    low, high = float(worst.low), float(best.high)
    ends = sorted((float(worst.estimate), float(best.estimate)), key=abs)
    known = ends[0] * ends[1] > 0 or ends[0] == ends[1]  # on which side of no difference the truth lies
    below, above = (verdict.unreached[side] or verdict.untrained[1 - side] for side in (0, 1))
    p = float(max(worst.p, best.p)) if known else 1.0
    margin = None if verdict.margin is None else math.log1p(verdict.margin)
    verdict = replace(
        verdict,
        value=median_time(first),
        against=median_time(second),
        estimate=math.exp(ends[0]) if known else None,
        low=None if below and low < 0 else math.exp(low),
        high=None if above and high > 0 else math.exp(high),
    )
    return _Contrast(verdict, low, high, p, margin)


def _logarithms(values: list[Value]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least and the greatest that the times can be."""
    low = np.array([value.high / NEVER if value.untrained else value.low for value in values])
    high = np.array([NEVER * value.low if value.censored else value.high for value in values])
    return np.log(np.maximum(low, LEAST)), np.log(np.maximum(high, LEAST))


def _decided(item: _Contrast, corrected: float) -> Verdict:
    """The contrast with its outcome, now that its p value is corrected."""
    verdict = replace(item.verdict, p=item.p, p_holm=corrected)
    if (pairs := verdict.pairs) < VERDICT_SEEDS:
        few = pairs if (smoke := pairs < SMOKE_SEEDS) else VERDICT_SEEDS - pairs
        seeds = f"{few} seed{'' if few == 1 else 's'}{'' if smoke else ' missing'}"
        note = f"{'a smoke test' if smoke else 'no verdict yet'}: {seeds} of the {VERDICT_SEEDS} that a verdict needs"
        return replace(verdict, note=_join(note, verdict.note))
    outcome = statistics.decide(item.low, item.high, corrected, item.margin)
    wanted = "equivalent" if verdict.claim == "equal" else "better"
    if statistics.decide(item.low, item.high, item.p, item.margin) != outcome:
        note = f"p = {item.p:.2g} before Holm's correction, which decides"
        verdict = replace(verdict, note=_join(note, verdict.note))
    answer = "undecided" if outcome == "inconclusive" else "yes" if outcome == wanted else "no"
    return replace(verdict, outcome=outcome, answer=answer)


def _missing(runs: Sequence[Run], name: str, baseline: str, question: Question) -> str:
    notes = []
    for who in (name, baseline):
        own = [run for run in runs if run.contender == who]
        if failed := sum(run.failed for run in own):
            notes.append(f"{failed} of {len(own)} runs of {who} failed")
        if question.measure != "final" and any(len(run.points) == 1 and not run.failed for run in own):
            notes.append(f"{who} was evaluated only at its end; watch(env, model) evaluates it during training")
    return "; ".join(notes)


def _join(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
