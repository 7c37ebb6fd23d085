"""What pretraining brought and what it cost, in numbers and sentences.

The jump at the start, the drop at the switch, and three ways to count: demonstrations may be free, steps like any
other (the default, by which curves are drawn), or charged with what it took to make the expert who gave them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rl_lab.compare.curves import Curve, curve, grid, planned
from rl_lab.compare.plan import Environment, Plan
from rl_lab.compare.runs import Run
from rl_lab.compare.statistics import interquartile_mean
from rl_lab.compare.summary import threshold
from rl_lab.stages.ledger import VIEWS, Ledger

SWITCH = "switch"  # in a run's notes: charged steps at which reinforcement learning began
RISEN = 0.05  # of the references' span, by which pretraining must have raised a score, for a drop to mean anything
MUCH = 3  # times as many own steps as demonstrated ones, from which on the report explains them
NAMES = {
    "clone only": "the clone alone",
    "shuffled": "pretraining on shuffled targets",
    "warm-up only": "the critic's warm-up alone",
    "untrained layers": "the same steps with untrained layers",
}
AFTER = 100_000  # environment steps after the switch in which a drop counts as one of the switch


@dataclass(frozen=True)
class Payoff:
    """Pretraining of one contender on one environment, over its seeds."""

    contender: str
    cost: Ledger
    """Of pretraining alone; medians over the seeds."""
    untrained: float
    """Score before anything."""
    pretrained: float
    """Score when reinforcement learning began: with `untrained`, the jump at the start."""
    final: float
    """Score at the end."""
    drops: tuple[float, float] | None
    """How far the score fell afterwards, as a share of what was gained: its mean over seeds, and the worst seed."""
    reached: dict[str, float]
    """Steps to the threshold in each view, medians; infinite where half of the runs never reached it."""
    ahead: float | None
    """Charged steps from which on the mean curve is never below the baseline's; None if that is never so."""
    repaid: float | None
    """Tasks after which the teacher has been paid for; None if never, 0 if it cost nothing."""


def payoffs(plan: Plan, runs: Sequence[Run], environment: Environment) -> list[Payoff]:
    """For each contender that was pretrained there, in the plan's order."""
    found = []
    baseline = _finished(runs, environment, str(plan.baseline))
    for contender in plan.contenders:
        own = [run for run in _finished(runs, environment, contender.name) if SWITCH in run.notes]
        if own:
            found.append(_payoff(plan, environment, contender.name, own, baseline))
    return found


def _finished(runs: Sequence[Run], environment: Environment, name: str) -> list[Run]:
    return [
        run
        for run in runs
        if run.environment == environment.name and run.contender == name and not run.failed and len(run.points) > 1
    ]


def _payoff(plan: Plan, environment: Environment, name: str, own: list[Run], baseline: list[Run]) -> Payoff:
    curves = [curve(run, environment) for run in own]
    costs = [Ledger.from_dict(run.notes["pretraining"]) for run in own]
    middle = Ledger(*(np.median([list(cost.as_dict().values()) for cost in costs], axis=0).tolist()))
    at_switch = [float(each.scores[each.steps >= run.notes[SWITCH]][0]) for run, each in zip(own, curves, strict=True)]
    level = threshold(plan)
    at = grid(plan.budget(environment), plan.evaluation.points)
    judged = [planned(each, at) for each in curves]
    theirs = [planned(curve(run, environment), at) for run in baseline]
    reached = {} if level is None else {view: _steps_to(level, own, judged, view) for view in VIEWS}
    return Payoff(
        name,
        middle,
        float(interquartile_mean(np.array([each.scores[0] for each in curves]))),
        float(interquartile_mean(np.array(at_switch))),
        float(interquartile_mean(np.array([each.scores[-1] for each in curves]))),
        _drops(own, curves, [float(each.scores[0]) for each in curves], at_switch, environment.normalised),
        reached,
        _ahead(judged, theirs),
        _repaid(level, own, judged, theirs, middle),
    )


def _drops(
    own: list[Run], curves: list[Curve], untrained: list[float], at_switch: list[float], normalised: bool
) -> tuple[float, float] | None:
    """How much of what was gained was lost soon after the switch: by the mean over seeds, and by the worst seed.

    None where nothing had been gained, or nothing came after.
    """
    after, before, gained = [], [], []
    least = RISEN * (1.0 if normalised else float(np.ptp([score for each in curves for score in each.scores])))
    for run, each, first, score in zip(own, curves, untrained, at_switch, strict=True):
        if score - first >= max(least, 1e-9) and Ledger.from_dict(run.ledger).steps() > run.notes[SWITCH]:
            since = each.steps - run.notes[SWITCH]
            soon = (since >= 0) & (since <= AFTER)
            after.append((since[soon], each.scores[soon]))
            before.append(score)
            gained.append(score - first)
    if not after:
        return None
    at = np.unique(np.concatenate([since for since, _ in after]))
    mean = np.mean([np.interp(at, since, scores) for since, scores in after], axis=0)
    worst = max((score - scores.min()) / gain for (_, scores), score, gain in zip(after, before, gained, strict=True))
    return max(0.0, float((np.mean(before) - mean.min()) / np.mean(gained))), max(0.0, float(worst))


def _steps_to(level: float, own: list[Run], curves: list[Curve], view: str) -> float:
    found = []
    for run, each in zip(own, curves, strict=True):
        cost = Ledger.from_dict(run.notes["pretraining"])
        shift = cost.steps(view) - cost.steps("charged")
        there = each.steps[each.scores >= level]
        found.append(there[0] and there[0] + shift if len(there) else np.inf)  # 0: pretraining was not needed
    return float(np.median(found))


def _ahead(curves: list[Curve], baseline: list[Curve]) -> float | None:
    """Where the mean curve overtakes the baseline's for good."""
    if not baseline:
        return None
    at = np.unique(np.concatenate([each.steps for each in [*curves, *baseline]]))
    ours, theirs = (
        np.mean([np.interp(at, each.steps, each.scores) for each in side], axis=0) for side in (curves, baseline)
    )
    behind = np.flatnonzero(ours < theirs - 0.01)
    if len(behind) == 0:
        return 0.0
    return float(at[behind[-1] + 1]) if behind[-1] + 1 < len(at) else None


def _repaid(
    level: float | None, own: list[Run], curves: list[Curve], baseline: list[Curve], cost: Ledger
) -> float | None:
    if cost.teacher_steps == 0:
        return 0.0
    if level is None or not baseline:
        return None
    firsts = [
        np.flatnonzero(each.scores >= level) for each in baseline
    ]  # a run that never reached it: at least its end
    theirs = [each.steps[first[0] if len(first) else -1] for each, first in zip(baseline, firsts, strict=True)]
    saved = float(np.median(theirs)) - _steps_to(level, own, curves, "charged")
    return None if not np.isfinite(saved) or saved <= 0 else cost.teacher_steps / saved


def sentences(plan: Plan, found: Sequence[Payoff], level: float | None) -> list[str]:
    """A paragraph for each pretrained contender of the plan, its controls among them."""
    return [
        " ".join(_about(plan, payoff, [each for each in found if each.contender in plan.control_names], level))
        for payoff in found
        if payoff.contender not in plan.control_names
    ]


def _about(plan: Plan, payoff: Payoff, controls: Sequence[Payoff], level: float | None) -> list[str]:
    cost, charged = payoff.cost, payoff.reached.get("charged")
    shares = f": {cost.demonstration_transitions:,.0f} of the expert and {cost.learner_steps:,.0f} of its own"
    shares = shares if cost.demonstration_transitions else " of its own"
    paragraph = [
        f"Pretraining raised the score of {payoff.contender} from {payoff.untrained:.2f} to {payoff.pretrained:.2f} "
        f"before it learned from rewards, for {cost.steps():,.0f} charged steps{shares}."
    ]
    if charged is not None:
        paragraph.append(
            f"It reached {level:g} after {charged:,.0f} charged steps."
            if np.isfinite(charged)
            else f"It never reached {level:g} in half of the runs."
        )
    if payoff.ahead is not None and plan.baseline != payoff.contender:
        since = f"From step {payoff.ahead:,.0f} on, where it broke even, it" if payoff.ahead > 0 else "It"
        paragraph.append(f"{since} was never behind {plan.baseline}.")
    if controls:
        ends = ", ".join(f"{_called(each.contender)} at {each.final:.2f}" for each in controls)
        paragraph.append(
            f"Its final score is {payoff.final:.2f}; controls: {ends}. A control that scores as high shows what caused "
            "the gain."
        )
    if cost.demonstration_transitions and cost.learner_steps > MUCH * cost.demonstration_transitions:
        paragraph.append("Most charged steps are rollouts for the critic; `steps` of the stage 'value' sets how many.")
    return paragraph


def _called(contender: str) -> str:
    kind = contender.partition(" (")[0]
    return contender.replace(kind, NAMES.get(kind, kind))
