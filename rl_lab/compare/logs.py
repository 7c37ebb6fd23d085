"""Logs: runs.csv and verdicts.json as they are written, and logs that people already have."""

from __future__ import annotations

import csv
import io
import json
import math
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rl_lab.compare.curves import curve
from rl_lab.compare.measure import Point
from rl_lab.compare.plan import Contender, Environment, Evaluation, Plan, Question
from rl_lab.compare.runs import Run, write
from rl_lab.compare.verdict import Verdict
from rl_lab.errors import LabError

COLUMNS = ["environment", "contender", "seed", "step", "seconds", "cpu_seconds"]
COLUMNS += ["return", "score", "episodes", "length"]


def write_runs(path: str | Path, plan: Plan, runs: Sequence[Run]) -> None:
    """Write every evaluation of every run as one row: long format, as pandas pivots it for rliable.

    `return` and `length` are means over the episodes; `score` is the return normalised by the references of the
    environment, or the return itself where there are none. Failed runs have no rows.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    places = {environment.name: environment for environment in plan.environments}
    for run in runs:
        if run.failed:
            continue
        for point, score in zip(run.points, curve(run, places[run.environment]).scores, strict=True):
            row = [run.environment, run.contender, run.seed, point.step, f"{point.seconds:.6f}"]
            row += [f"{point.cpu_seconds:.6f}", repr(float(np.mean(point.returns))), repr(float(score))]
            table.writerow([*row, len(point.returns), repr(float(np.mean(point.lengths)))])
    write(path, text.getvalue())


def write_verdicts(path: str | Path, plan: Plan, verdicts: Sequence[Verdict]) -> None:
    """Write the verdicts as JSON: what was asked, and each verdict with its numbers."""
    steps = {environment.name: plan.budget(environment) for environment in plan.environments}
    asked = {"steps": steps, "seeds": list(plan.training_seeds), "baseline": plan.baseline}
    text = json.dumps({**asked, "verdicts": [asdict(verdict) for verdict in verdicts]}, indent=2)
    write(path, text + "\n")


@dataclass(frozen=True)
class Log:
    """One run that somebody has a log of."""

    name: str
    """What pairs it with a run of the other side: its seed, or the folder that its file lies in."""
    points: list[Point]


def read_logs(paths: Sequence[str | Path]) -> list[Log]:
    """Read logs: `evaluations.npz` of Stable-Baselines3, one run each, or `runs.csv` of ours.

    A `runs.csv` with several contenders or environments needs to be told which: `runs.csv::contender`, or
    `runs.csv::contender::environment`.

    Raises:
        LabError: no path, a file that is missing, or one that is neither of the two.
    """
    if not paths:
        raise LabError("there are no logs to judge; give paths of evaluations.npz or runs.csv files")
    logs: list[Log] = []
    for path in map(str, paths):
        file, *chosen = path.split("::")
        logs += _from_csv(Path(file), chosen) if Path(file).suffix == ".csv" else [_from_npz(Path(file))]
    return logs


def plan_and_runs(
    ours: list[Log], theirs: list[Log], questions: Sequence[Question], names: tuple[str, str], references: Any = None
) -> tuple[Plan, list[Run], bool]:
    """A plan, runs and whether they are paired, from logs of two sides.

    Runs are paired if the names of both sides' runs are the same set: seeds of a runs.csv, or the folders of
    the files.
    """
    mine, others = [log.name for log in ours], [log.name for log in theirs]
    paired = len(set(mine)) == len(mine) and sorted(mine) == sorted(others)
    numbers = {name: place for place, name in enumerate(sorted(mine))} if paired else {}
    random, optimal = references or (None, None)
    budget = min(log.points[-1].step for log in [*ours, *theirs])
    points = min(len([p for p in log.points if 0 < p.step <= budget]) for log in [*ours, *theirs])
    runs = [
        Run("logs", name, numbers.get(log.name, place), log.points, log.points[-1].step, log.points[-1].seconds)
        for name, logs in zip(names, (ours, theirs), strict=True)
        for place, log in enumerate(logs)
    ]
    plan = Plan(
        [Environment("logs", random=random, optimal=optimal)],
        [Contender(name, name) for name in names],
        steps=budget,
        seeds=max(len(ours), len(theirs)),
        questions=questions,
        baseline=names[1],
        evaluation=Evaluation(points=max(points, 1)),
    )
    return plan, runs, paired


def _from_npz(path: Path) -> Log:
    """`timesteps` (evaluations,), `results` (evaluations, episodes), `ep_lengths` alike."""
    try:
        with np.load(path, allow_pickle=False) as data:
            steps, returns = np.asarray(data["timesteps"]), np.asarray(data["results"], float)
            lengths = np.asarray(data["ep_lengths"]) if "ep_lengths" in data else np.zeros(returns.shape, int)
    except FileNotFoundError:
        raise LabError(f"there is no log {str(path)!r}; give evaluations.npz or runs.csv files") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise LabError(
            f"{str(path)!r} is not an evaluations.npz of Stable-Baselines3, which has timesteps and results ({error})"
        ) from None
    if len(steps) == 0 or returns.ndim != 2 or len(returns) != len(steps) or not np.isfinite(returns).all():
        raise LabError(
            f"{str(path)!r} has timesteps {steps.shape} and results {returns.shape}; they must be finite and match"
        )
    rows = zip(steps, returns, lengths, strict=True)
    return Log(path.parent.name, [Point(int(s), math.nan, math.nan, r.tolist(), n.tolist()) for s, r, n in rows])


def _from_csv(path: Path, chosen: Sequence[str]) -> list[Log]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        if rows and not set(COLUMNS[:5]) | {"return"} <= set(rows[0]):
            raise LabError(f"{str(path)!r} has columns {', '.join(rows[0])}; a runs.csv has {', '.join(COLUMNS)}")
        for column, pick in zip(("contender", "environment"), [*chosen, None, None], strict=False):
            rows = _picked(path, rows, column, pick)
        runs: dict[str, list[Point]] = {}
        for row in sorted(rows, key=lambda row: int(row["step"])):
            point = Point(
                int(row["step"]),
                float(row["seconds"]),
                float(row.get("cpu_seconds") or "nan"),
                [float(row["return"])],
                [0],
            )
            runs.setdefault(row["seed"], []).append(point)
    except FileNotFoundError:
        raise LabError(f"there is no log {str(path)!r}; give evaluations.npz or runs.csv files") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabError(f"{str(path)!r} cannot be read: {error}") from None
    except (ValueError, TypeError) as error:
        if isinstance(error, LabError):
            raise
        raise LabError(f"{str(path)!r} is not a runs.csv: {error}") from None
    return [Log(seed, points) for seed, points in runs.items()]


def _picked(path: Path, rows: list[dict[str, str]], column: str, pick: str | None) -> list[dict[str, str]]:
    """The rows of one contender or environment."""
    there = sorted({row[column] for row in rows})
    if pick is None and len(there) == 1:
        return rows
    if pick not in there:
        said = f"no {column} {pick!r}" if pick else f"{len(there)} {column}s" if there else "no rows"
        example = f"; choose with {path.name}::{'CONTENDER' if column == 'contender' else 'CONTENDER::ENVIRONMENT'}"
        raise LabError(f"{str(path)!r} has {said}; there are {', '.join(there) or 'none'}{example if there else ''}")
    return [row for row in rows if row[column] == pick]
