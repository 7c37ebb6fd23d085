"""Verdicts in words, for the terminal and the report."""

from collections.abc import Sequence

import numpy as np

from rl_lab.compare.plan import FEW_UPDATES, SMOKE_SEEDS, Environment, Plan
from rl_lab.compare.runs import NOT_KEPT, UNSEEDED, Run
from rl_lab.compare.verdict import Verdict
from rl_lab.errors import printable
from rl_lab.stages.ledger import Ledger

INDENT = "    "


def number(value: float | None, signed: bool = False) -> str:
    """A number with three significant digits and a typographic minus sign."""
    if value is None:
        return "–"
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    text = f"{value:+,.{digits}f}" if signed else f"{value:,.{digits}f}"
    return text.replace("-", "−")


def seconds(value: float | None) -> str:
    """A duration."""
    if value is None:
        return "not reached in half of the runs"
    if value >= 120:
        return f"{value / 60:.1f} min"
    return f"{value * 1000:.0f} ms" if value < 0.1 else f"{number(value)} s"


def quantity(value: float | None, measure: str) -> str:
    """The value of a contender on a question."""
    if measure == "time":
        return seconds(value)
    if measure == "steps":
        return "not reached in half of the runs" if value is None else f"{value:,.0f} steps"
    return number(value)


def headline(verdict: Verdict) -> str:
    """The answer in two or three words."""
    if verdict.outcome == "none":
        return "no verdict"
    if verdict.outcome == "inconclusive":
        return "inconclusive"
    if verdict.outcome == "equivalent":
        return f"{verdict.answer}: equivalent"
    if not verdict.ratio or verdict.estimate is None:
        return f"{verdict.answer}: {verdict.outcome}"
    return f"{verdict.answer}: {factor(verdict)}"


def factor(verdict: Verdict) -> str:
    """How many times less or more a contender needs."""
    less, more = ("shorter", "longer") if verdict.measure == "time" else ("fewer", "more")
    if verdict.estimate is None:
        return "longer or shorter"
    shown, word = (verdict.estimate, less) if verdict.estimate >= 1 else (1 / verdict.estimate, more)
    return f"{'at least ' * any(verdict.unreached + verdict.untrained)}{number(shown)} times {word}"


def finding(verdict: Verdict) -> str:
    """The numbers behind the answer, in one line."""
    if verdict.p is None:
        return "no runs to compare"
    ours = f"{verdict.contender} {quantity(verdict.value, verdict.measure)}"
    theirs = f"{verdict.baseline} {quantity(verdict.against, verdict.measure)}"
    parts = [f"{ours}, {theirs}{' (medians)' if verdict.ratio else ''}", estimate(verdict)]
    if verdict.margin is not None:
        parts.append(f"margin {verdict.margin * 100:g}%" if verdict.ratio else f"margin {verdict.margin:g}")
    if verdict.p_holm is not None and verdict.pairs >= SMOKE_SEEDS:
        parts.append(f"p = {verdict.p_holm:.2g}{'' if verdict.p_holm == verdict.p else ' (Holm)'}")
    return "; ".join(parts)


def estimate(verdict: Verdict) -> str:
    """The difference, or the factor, with its interval."""
    if not verdict.ratio:
        return f"difference {number(verdict.estimate, signed=True)} {_between(verdict.low, verdict.high, signed=True)}"
    if verdict.low is None and verdict.high is None:
        why = "ended before they reached" if any(verdict.unreached) else "began above"
        return f"which one is faster is unknown, because runs {why} the threshold"
    if verdict.estimate is not None and verdict.estimate < 1:
        low, high = (None if end is None else 1 / end for end in (verdict.high, verdict.low))
        return f"{factor(verdict)} {_between(low, high)}"
    return f"{factor(verdict)} {_between(verdict.low, verdict.high)}"


def unreached(verdict: Verdict) -> str:
    """Which runs never reached the threshold, or reached it before training, when it separates nothing."""
    kinds = {"never reached it": verdict.unreached, "reached it before training (0 steps)": verdict.untrained}
    notes = [
        f"{count} of {verdict.pairs} runs of {who} {how}"
        for how, counts in kinds.items()
        for who, count in zip((verdict.contender, verdict.baseline), counts, strict=True)
        if count
    ]
    if any(verdict.untrained):
        notes.append("a threshold that untrained policies reach separates nothing: choose a higher one")
    return "; ".join(notes)


def in_full(plan: Plan, runs: Sequence[Run], verdicts: Sequence[Verdict]) -> str:
    """All verdicts as text, environment by environment, and the runs that failed."""
    lines: list[str] = []
    for environment in plan.environments:
        own = [verdict for verdict in verdicts if verdict.environment == environment.name]
        seeds = max((verdict.pairs for verdict in own), default=0)
        paired = "paired seeds" if all(verdict.paired for verdict in own) else "seeds, not paired"
        lines += [f"{environment.name}  ·  {seeds} {paired}  ·  {plan.budget(environment):,} steps each"]
        lines += [environment.details, ""] if environment.details else [""]
        lines += [*(f"  {line}" for line in spent(plan, runs, environment)), ""]
        for verdict in own:
            lines += [f"  {verdict.question}", f"{INDENT}{headline(verdict).upper()}", f"{INDENT}{finding(verdict)}"]
            notes = [unreached(verdict), verdict.note]
            lines += [f"{INDENT}({note})" for note in notes if note]
            lines.append("")
    lines += failures(runs)
    return printable("\n".join(lines).rstrip())


def spent(plan: Plan, runs: Sequence[Run], environment: Environment) -> list[str]:
    """The steps that contenders took, and which made too few updates to be informative."""
    taken, few, more = [], [], []
    for contender in plan.contenders:
        own = [r for r in runs if (r.contender, r.environment, r.failed) == (contender.name, environment.name, False)]
        if not own:
            continue
        steps = float(np.median([Ledger.from_dict(r.ledger).steps() if r.ledger else r.steps for r in own]))
        updates = [run.notes["updates"] for run in own if "updates" in run.notes]
        made = np.median(updates) if updates else 0
        counted = f" ({made:,.0f} update{'' if made == 1 else 's'})" if updates else ""
        taken.append(f"{contender.name} {steps:,.0f}{counted}")
        if why := next(filter(None, (run.notes.get(NOT_KEPT) for run in own)), ""):
            more.append(f"An agent of {contender.name} could not be kept: {why}.")
        if 0 < (pretrained := sum("pretraining" in run.notes for run in own)) < len(own):
            more.append(
                f"{contender.name} was pretrained in {pretrained} of {len(own)} runs only. Whether it gets controls, "
                "its first run decides; pretrain with every seed."
            )
        if updates and min(updates) < FEW_UPDATES and contender.name not in plan.control_names:
            few.append(contender.name)
    found = [f"Steps taken: {', '.join(taken)}."] if taken else []
    if few:
        found.append(
            f"Fewer than {FEW_UPDATES} updates: {', '.join(few)}. That is too few to judge an algorithm; give more "
            "steps, or shorter rollouts (n_steps)."
        )
    if any(UNSEEDED in run.notes for run in runs if run.environment == environment.name):
        found.append(
            f"{environment.name} is not reproducible: two resets with the same seed returned different observations, "
            "so contenders were not evaluated on the same episodes. Let reset(seed=...) seed all random numbers of the "
            "environment, and move wrappers that learn from earlier episodes, such as NormalizeObservation, into the "
            "contenders."
        )
    return [*found, *more]


def failures(runs: Sequence[Run]) -> list[str]:
    """A line for each reason why runs of a contender failed."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for run in runs:
        if run.failed:
            groups.setdefault((run.contender, run.environment, run.error), []).append(run.seed)
    return [
        f"FAILED  {who} on {where}, {'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}: {why}"
        for (who, where, why), seeds in groups.items()
    ]


def _between(low: float | None, high: float | None, signed: bool = False) -> str:
    """An interval, with an open end where there is no bound."""
    if low is None and high is None:
        return "(no bound either way)"
    start = "(–" if low is None else f"[{number(low, signed)}"
    return f"{start}, {'∞)' if high is None else number(high, signed) + ']'}"
