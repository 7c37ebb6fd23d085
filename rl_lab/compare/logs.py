"""Logs: runs.csv and verdicts.json as they are written, and logs that people already have."""

import csv
import io
import json
import math
import os
import re
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from rl_lab.compare.curves import curve
from rl_lab.compare.measure import Point
from rl_lab.compare.plan import POINT_LIMIT, Contender, Environment, Evaluation, Plan, Question
from rl_lab.compare.runs import Run, write
from rl_lab.compare.verdict import Verdict
from rl_lab.errors import LabError, short

COLUMNS = ["environment", "contender", "seed", "step", "seconds", "cpu_seconds"]
COLUMNS += ["return", "score", "episodes", "length"]
LIMIT = 2**28  # bytes of a log, and of an array in one
MOST = 1_000_000  # returns in a log; a small archive may hold more than fit into memory
LARGEST = 1e300  # of a return: sums of larger ones are infinite
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|-?inf|nan")  # as Python writes them
GIVE = "give evaluations.npz or runs.csv files"


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
    """One run of which there is a log."""

    name: str
    """What pairs it with a run of the other side: its seed, or the folder that its file lies in."""
    points: list[Point]


def read_logs(paths: Sequence[str | Path]) -> list[Log]:
    """Read logs: `evaluations.npz` of Stable-Baselines3, one run each, or `runs.csv` of ours.

    For a `runs.csv` with several contenders or environments, name one: `runs.csv::contender`, or
    `runs.csv::contender::environment`.
    """
    if not isinstance(paths, Sequence) or isinstance(paths, (str, bytes)):
        raise LabError(f"logs are {short(paths)}; give a list of paths, such as ['runs.csv::ours']")
    if not paths:
        raise LabError(f"there are no logs to judge; {GIVE}")
    logs, seen = list[Log](), set[tuple[str, ...]]()
    for path in map(str, paths):
        file, *chosen = path.split("::")
        try:
            if (same := (os.path.realpath(file), *chosen)) in seen:
                raise LabError(f"log {path!r} is there twice; once is enough, and its runs would count double")
            seen.add(same)
            if Path(file).is_char_device() or Path(file).is_fifo():  # which may never end
                raise LabError(f"{file!r} is a {'pipe' if Path(file).is_fifo() else 'device'}; {GIVE}")
            if Path(file).stat().st_size > LIMIT:
                raise LabError(f"{file!r} has more than {LIMIT:,} bytes, which no log has; {GIVE}")
            logs += _from_csv(Path(file), chosen) if file.lower().endswith(".csv") else [_from_npz(Path(file))]
        except (FileNotFoundError, NotADirectoryError):
            raise LabError(f"there is no log {file!r}; {GIVE}") from None
        except (OSError, UnicodeError, csv.Error) as error:
            raise LabError(f"{file!r} cannot be read: {getattr(error, 'strerror', None) or error}; {GIVE}") from None
        except ValueError as error:  # a null byte in the name
            raise error if isinstance(error, LabError) else LabError(f"{file!r} cannot be read: {error}") from None
    return logs


def plan_and_runs(
    ours: list[Log], theirs: list[Log], questions: Sequence[Question], names: tuple[str, str], references: Any = None
) -> tuple[Plan, list[Run], bool]:
    """A plan, runs and whether they are paired, from logs of two sides.

    All are compared up to the step at which the shortest ends. Runs are paired if the names of both sides' runs are
    the same set: seeds of a runs.csv, or the folders of the files.
    """
    mine, others = [log.name for log in ours], [log.name for log in theirs]
    paired = len(set(mine)) == len(mine) and sorted(mine) == sorted(others)
    numbers = {name: place for place, name in enumerate(sorted(mine))} if paired else {}
    random, optimal = references or (None, None)
    budget = min(log.points[-1].step for log in [*ours, *theirs])
    sides = [[Log(log.name, _until(log, budget)) for log in logs] for logs in (ours, theirs)]
    every = [log for side in sides for log in side]
    timed = all(math.isfinite(point.seconds) for log in every for point in log.points)
    if not timed and any(question.measure == "time" for question in questions):
        raise LabError("there are logs without seconds, as evaluations.npz are; ask about steps instead of time")
    points = min(len([point for point in log.points if point.step > 0]) for log in every)
    runs = [
        Run("logs", name, numbers.get(log.name, place), log.points, budget, log.points[-1].seconds)
        for name, logs in zip(names, sides, strict=True)
        for place, log in enumerate(logs)
    ]
    plan = Plan(
        [Environment("logs", random=random, optimal=optimal)],
        [Contender(name, name) for name in names],
        steps=budget,
        seeds=max(len(ours), len(theirs)),
        questions=questions,
        baseline=names[1],
        evaluation=Evaluation(points=min(max(points, 1), POINT_LIMIT)),
    )
    return plan, runs, paired


def _until(log: Log, budget: int) -> list[Point]:
    """The evaluations up to a step, with what lies on the line between its neighbours where there is none at it."""
    known = [point for point in log.points if point.step <= budget]
    if not known:
        raise LabError(
            f"run {log.name!r} was first evaluated at step {log.points[0].step:,}, and the shortest log ends at "
            f"{budget:,}; give logs of equal length"
        )
    before = known[-1]
    if before.step == budget:
        return known
    after = log.points[len(known)]
    share = (budget - before.step) / (after.step - before.step)
    first, second = (
        np.array([np.mean(p.returns), p.seconds, p.cpu_seconds, np.mean(p.lengths)]) for p in (before, after)
    )
    value, seconds, cpu, length = (first + share * (second - first)).tolist()
    return [*known, Point(budget, seconds, cpu, [value], [round(length)])]


def _from_npz(path: Path) -> Log:
    """`timesteps` (evaluations,), `results` and `ep_lengths` (evaluations, episodes), perhaps with axes of length 1."""
    try:
        with zipfile.ZipFile(path) as archive:
            steps, returns = _array(archive, "timesteps"), _array(archive, "results")
            lengths = _array(archive, "ep_lengths") if "ep_lengths.npy" in archive.namelist() else None
    except OSError:
        raise
    except Exception as error:  # of damaged archives: of many kinds
        reason = "results differ in their number of episodes" if "Object arrays" in str(error) else error
        raise LabError(
            f"{str(path)!r} is not an evaluations.npz of Stable-Baselines3, which has timesteps and results ({reason})"
        ) from None
    steps = steps.reshape(-1)
    lengths = np.broadcast_to(0, returns.shape) if lengths is None else lengths
    shapes = f"timesteps {steps.shape}, results {returns.shape} and ep_lengths {lengths.shape}"
    wide = [size for size in returns.shape[1:] if size != 1]
    fits = returns.ndim > 0 and len(returns) == len(steps) > 0 and len(wide) < 2 and 0 not in wide
    if (
        not fits
        or lengths.size != returns.size
        or any(each.dtype.kind not in "iuf" for each in (steps, returns, lengths))
    ):
        raise LabError(f"{str(path)!r} has {shapes}; they must be numbers, and as many evaluations in each")
    if returns.size > MOST:
        raise LabError(f"{str(path)!r} has {returns.size:,} returns, and a log at most {MOST:,}; {GIVE}")
    returns, lengths = (each.reshape(len(steps), -1).astype(float) for each in (returns, lengths))
    rows = zip(steps.tolist(), returns.tolist(), lengths.tolist(), strict=True)
    points = [Point(_whole(step), math.nan, math.nan, values, list(map(_whole, taken))) for step, values, taken in rows]
    return _checked(path, Log(path.parent.name, points))


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """An array of an archive, unless what it says about its size is more than a log has."""
    about = archive.getinfo(f"{name}.npy")
    if about.file_size > LIMIT:
        raise LabError(f"{name} has {about.file_size:,} bytes, and a log at most {LIMIT:,}")
    return np.load(io.BytesIO(archive.read(about)), allow_pickle=False)


def _from_csv(path: Path, chosen: Sequence[str]) -> list[Log]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        if file.read(2) == "#{":
            raise LabError(
                f"{str(path)!r} is a monitor.csv of Stable-Baselines3, which has the episodes of training and no "
                f"evaluations; {GIVE}"
            )
        file.seek(0)
        table = csv.DictReader(file)
        rows, columns = list(islice(table, MOST + 1)), table.fieldnames or []
    if len(rows) > MOST:
        raise LabError(f"{str(path)!r} has more than {MOST:,} rows, which no log has; {GIVE}")
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise LabError(f"{str(path)!r} has the column {short(twice[0])} twice; keep the one that is meant")
    if not set(COLUMNS[:5]) | {"return"} <= set(columns):
        raise LabError(f"{str(path)!r} has columns {', '.join(columns)}; a runs.csv has {', '.join(COLUMNS)}")
    for number, row in enumerate(rows, 1):
        if None in row or None in row.values():
            raise LabError(f"{str(path)!r} is not a runs.csv: row {number} has not as many values as there are columns")
    for column, pick in zip(("contender", "environment"), [*chosen, None, None], strict=False):
        rows = _picked(path, rows, column, pick)
    runs: dict[str, list[Point]] = {}
    try:
        for row in rows:
            seconds, cpu = (_number(row[name]) if row.get(name) else math.nan for name in ("seconds", "cpu_seconds"))
            point = Point(_whole(_number(row["step"])), seconds, cpu, [_number(row["return"])], [0])
            runs.setdefault(row["seed"], []).append(point)
    except ValueError as error:
        raise LabError(f"{str(path)!r} is not a runs.csv: {error}") from None
    by_step = {seed: sorted(points, key=lambda point: point.step) for seed, points in runs.items()}
    return [_checked(path, Log(seed, points)) for seed, points in by_step.items()]


def _number(text: str) -> float:
    """A number as CSV files have it, or inf or nan, which `_checked` judges; `float` takes more, such as 1_0."""
    if not NUMBER.fullmatch(text.strip()):
        raise ValueError(f"{short(text)} is not a number, such as 100, -1.5 or 1e5")
    return float(text)


def _whole(number: float) -> int:
    """A count; one that is none is -1, which no log may have."""
    return int(number) if 0 <= number < 2**53 and number == int(number) else -1


def _checked(path: Path, log: Log) -> Log:
    """The log, if its numbers make a learning curve; else an error about the first that is wrong."""
    before = -1
    for point in log.points:
        place = f"{str(path)!r}, run {log.name!r}, step {point.step}"
        if not all(abs(value) <= LARGEST for value in point.returns):
            raise LabError(f"{place}: the returns are {point.returns}; they must be finite, and at most {LARGEST:g}")
        if point.step <= before:
            why = "steps must be whole numbers that rise" if point.step < 0 else f"it comes after step {before}"
            raise LabError(f"{place}: {why}; give the log of one training")
        if min(point.lengths) < 0 or any(
            not math.isnan(s) and not 0 <= s < math.inf for s in (point.seconds, point.cpu_seconds)
        ):
            raise LabError(f"{place}: lengths and seconds must be finite and not negative")
        before = point.step
    return log


def _picked(path: Path, rows: list[dict[str, str]], column: str, pick: str | None) -> list[dict[str, str]]:
    if not rows:
        raise LabError(f"{str(path)!r} has no rows; {GIVE}")
    there = sorted({row[column] for row in rows})
    if pick is None and len(there) == 1:
        return rows
    if pick not in there:
        said = f"no {column} {pick!r}" if pick else f"{len(there)} {column}s"
        example = f"; choose with {path.name}::{'CONTENDER' if column == 'contender' else 'CONTENDER::ENVIRONMENT'}"
        raise LabError(f"{str(path)!r} has {said}; there are {', '.join(there)}{example}")
    return [row for row in rows if row[column] == pick]
