"""The report: one HTML file that needs nothing else, neither files nor a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rl_lab.compare import charts, frames, wording
from rl_lab.compare.contenders import trainer_of
from rl_lab.compare.environments import Maker
from rl_lab.compare.evaluation import JudgedEpisode
from rl_lab.compare.payoff import Payoff, payoffs, sentences
from rl_lab.compare.plan import Contender, Environment, Plan
from rl_lab.compare.runs import Run, write
from rl_lab.compare.summary import Summary, summarise, threshold
from rl_lab.compare.verdict import Verdict
from rl_lab.errors import LabError
from rl_lab.stages.ledger import VIEWS, Ledger

if TYPE_CHECKING:
    from rl_lab.compare.result import Result

TEMPLATE = Path(__file__).with_name("report.html")


@dataclass(frozen=True)
class Answer:
    """A verdict as the report shows it."""

    verdict: Verdict
    headline: str
    finding: str
    notes: list[str]
    bar: str


@dataclass(frozen=True)
class Figure:
    """A chart."""

    caption: str
    drawing: str
    """SVG."""
    size: str = ""
    """`third`, or half a row."""


@dataclass(frozen=True)
class Film:
    """The best or the worst episode of a contender."""

    contender: str
    place: int
    which: str
    caption: str
    strip: frames.Strip


@dataclass(frozen=True)
class Section:
    """The part of the report on one environment."""

    environment: Environment
    answers: list[Answer]
    figures: list[Figure]
    films: list[Film]
    payoffs: list[dict[str, str]]
    """Rows of the table on pretraining."""
    paragraphs: list[str]
    """On pretraining."""
    spent: list[str]
    """Sentences on the steps and updates that contenders made."""


def write_report(path: str | Path, result: Result, beside: bool = False) -> None:
    """Write the report of a comparison; `beside` says that `runs.csv` and `verdicts.json` lie in the same folder."""
    write(path, render(result, beside))


def render(result: Result, beside: bool = False) -> str:
    """The report as HTML."""
    from jinja2 import Environment as Templates
    from markupsafe import Markup

    plan = result.plan
    sections, costs = [], []
    for environment in plan.environments:
        summaries = summarise(plan, result.runs, environment, result.paired)
        sections.append(_section(result, environment, summaries))
        costs += [_cost(environment, summary, result.runs) for summary in summaries]
    template = Templates(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(TEMPLATE.read_text("utf-8"))
    template.globals["svg"] = Markup
    return template.render(
        title=plan.title or f"{' and '.join(plan.challengers)} against {plan.baseline}",
        plan=plan,
        result=result,
        beside=beside,
        seeds=len(plan.training_seeds),
        sections=sections,
        contenders=[_described(place, contender) for place, contender in enumerate(plan.contenders)],
        costs=costs,
        failures=[run for run in result.runs if run.failed],
        level=threshold(plan),
        judged=any(run.best for run in result.runs),
    )


def _section(result: Result, environment: Environment, summaries: list[Summary]) -> Section:
    plan = result.plan
    places = {summary.contender: summary.place for summary in summaries}
    found = payoffs(plan, result.runs, environment)
    own = [verdict for verdict in result.verdicts if verdict.environment == environment.name]
    return Section(
        environment,
        [_answer(verdict, places[verdict.contender]) for verdict in own],
        _charts(plan, environment, summaries),
        _films(environment, summaries),
        [_payoff(payoff, places) for payoff in found],
        sentences(plan, found, threshold(plan)),
        wording.spent(plan, result.runs, environment),
    )


def _payoff(payoff: Payoff, places: dict[str, int]) -> dict[str, str]:
    cost, steps = payoff.cost, {view: _steps(number) for view, number in payoff.reached.items()}
    return {
        "contender": payoff.contender,
        "place": str(places[payoff.contender]),
        "cost": f"{cost.learner_steps:,.0f} + {cost.demonstration_transitions:,.0f}",
        "labels": f"{cost.labels:,.0f}",
        "jump": f"{payoff.untrained:.2f} → {payoff.pretrained:.2f}",
        "drop": "–" if payoff.drops is None else "{:.1%}, worst {:.1%}".format(*payoff.drops),
        **{view: steps.get(view, "–") for view in VIEWS},
        "ahead": "never" if payoff.ahead is None else f"{payoff.ahead:,.0f}",
        "repaid": {0.0: "no teacher", None: "never"}.get(payoff.repaid) or f"{payoff.repaid:.1f} tasks",
    }


def _steps(number: float) -> str:
    return f"{number:,.0f}" if np.isfinite(number) else "not reached"


def _answer(verdict: Verdict, place: int) -> Answer:
    notes = [wording.unreached(verdict), verdict.note]
    bar = charts.verdict_bar(verdict, place) if verdict.pairs > 1 else ""
    return Answer(verdict, wording.headline(verdict), wording.finding(verdict), [n for n in notes if n], bar)


def _charts(plan: Plan, environment: Environment, summaries: list[Summary]) -> list[Figure]:
    """Curves and what decides first, two in a row; then scores, as many in a row as there are."""
    score = "normalised score" if environment.normalised else "return"
    level = threshold(plan)
    better = [(each.contender, each.place, each.improvement) for each in summaries]
    upper = [
        Figure("Learning over environment steps", charts.learning(summaries, "steps", score, level)),
        Figure("Learning over wall-clock", charts.learning(summaries, "seconds", score, level)),
        Figure(f"Wall-clock to {level:g}, every seed", charts.times(summaries, level)) if level is not None else None,
        Figure(
            f"Probability of a higher return per step than {plan.baseline}",
            charts.scores(better, "probability", around=0.5),
        ),
    ]
    middle = f"interquartile mean of the {score}"
    kinds = {
        "Return per step": ("per_step", middle),
        "Final return": ("final", middle),
        "Optimality gap": ("gap", "gap of the final score, less is better"),
    }
    width, size = (charts.NARROW, "third") if environment.normalised else (charts.WIDTH, "")
    lower = []
    for caption, (name, label) in kinds.items():
        rows = [(each.contender, each.place, getattr(each, name)) for each in summaries]
        lower.append(Figure(caption, charts.scores(rows, label, width=width), size))
    return [figure for figure in [*upper, *lower] if figure is not None and figure.drawing]


def _films(environment: Environment, summaries: list[Summary]) -> list[Film]:
    """The best and the worst episode among the last evaluations of all seeds of each contender."""
    try:
        maker = Maker.of(environment)
    except LabError:  # logs, whose environment is unknown
        return []
    films: list[Film] = []
    for summary in summaries:
        if films and films[-1].strip.note and not films[-1].strip.pictures:
            break  # one note is enough where nothing can be drawn
        best = [(run.best, run.seed) for run in summary.runs if run.best is not None]
        worst = [(run.worst, run.seed) for run in summary.runs if run.worst is not None]
        if best and worst:
            ends = {"best": max(best, key=_value), "worst": min(worst, key=_value)}
            for which, (episode, seed) in ends.items():
                caption = f"return {wording.number(episode.value)}, {len(episode.actions)} steps, training seed {seed}"
                films.append(Film(summary.contender, summary.place, which, caption, frames.strip(maker, episode)))
    return films


def _value(item: tuple[JudgedEpisode, int]) -> float:
    return item[0].value


def _described(place: int, contender: Contender) -> dict[str, Any]:
    """Name, algorithm and hyperparameters of a contender, as text."""
    algorithm = contender.algorithm
    if not isinstance(algorithm, str):
        algorithm = f"function {getattr(algorithm, '__qualname__', type(algorithm).__name__)}"
    given = trainer_of(contender).hyperparameters
    if contender.training:
        given["training on"] = ", ".join(f"{key} = {value}" for key, value in contender.training.items())
    if contender.control:
        given["control"] = contender.control
    settings = ", ".join(f"{key} = {value}" for key, value in given.items())
    rest = "otherwise defaults of its algorithm" if settings else "defaults, one environment"
    text = f"{settings}; {rest}" if settings else rest
    return {"place": place, "name": contender.name, "algorithm": algorithm, "settings": text}


def _cost(environment: Environment, summary: Summary, runs: Sequence[Run]) -> dict[str, Any]:
    """A row of the table of costs: medians over the runs that finished."""

    def middle(name: str) -> float:
        return float(np.median([getattr(run, name) for run in summary.runs])) if summary.runs else 0.0

    own = [run for run in runs if run.environment == environment.name and run.contender == summary.contender]
    paid = [Ledger.from_dict(run.ledger).steps() if run.ledger else run.steps for run in summary.runs]
    steps, seconds = float(np.median(paid)) if paid else 0.0, middle("seconds")
    return {
        "environment": environment.name,
        "contender": summary.contender,
        "place": summary.place,
        "runs": f"{len(summary.runs)} of {len(own)}",
        "steps": f"{steps:,.0f}",
        "speed": f"{steps / seconds:,.0f}" if seconds > 0 else "–",
        **{
            name: wording.number(middle(name)) if seconds > 0 or name == "setup_seconds" else "–"
            for name in ("seconds", "cpu_seconds", "setup_seconds", "evaluation_seconds")
        },
    }
