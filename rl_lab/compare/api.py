"""The functions that people and the command line call."""

import platform
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rl_lab import fingerprint
from rl_lab.compare import logs
from rl_lab.compare.controls import with_controls
from rl_lab.compare.plan import Contender, Environment, Evaluation, Plan, Question
from rl_lab.compare.reading import load_plan
from rl_lab.compare.result import Result
from rl_lab.compare.runner import cores, default_folder, run_all
from rl_lab.errors import LabError
from rl_lab.files import path_of

Made = str | Callable[..., Any]


def compare(
    env: Made | Sequence[Made],
    contenders: Mapping[str, Any],
    *,
    steps: int,
    seeds: int | Sequence[int] = 10,
    out: str | Path | None = None,
    baseline: str | None = None,
    questions: Sequence[Question] = (),
    references: tuple[float, float] | None = None,
    env_arguments: Mapping[str, Any] | None = None,
    points: int = 20,
    episodes: int = 20,
    deterministic: bool = True,
    controls: bool = True,
    keep: str = "best",
    jobs: int | None = None,
    timeout: float | None = None,
    quiet: bool = False,
) -> Result:
    """Compare ways of training on the same environments, steps and seeds.

    A finished run is not repeated as long as its key is the same. The key covers the source of your own code and the
    values that it names in your own modules, hyperparameters, budget, seed, evaluation, versions of packages, and the
    processor; not data files that the code reads, nor environment variables. For new runs, name another `out`.

    Args:
        env: Gymnasium's id, `module:id`, a function that makes an environment, or a list of those.
        contenders: names and what they stand for: `"ppo"` (ours), `"sb3:ppo"`, a function `f(env, seed, steps)` that
            returns something with `.predict`, or a pair of either and a dictionary of hyperparameters. In a function,
            give any model but SB3's, our PPO too, to `rl_lab.compare.watch(env, model)` before it trains.
        steps: environment steps of every run; the environment that a contender gets ends there.
        seeds: how many, or which; a verdict takes ten.
        out: folder for the report, `runs.csv`, `verdicts.json` and finished runs; without one, finished runs are
            kept in the user's cache folder.
        baseline: name of the contender that the others are compared with; by default the first of Stable-Baselines3.
        questions: what is asked; by default the return per step, the final return and, with references, the time
            to 0.9.
        references: mean return of random actions and of an optimal policy, between which scores are normalised.
        env_arguments: keyword arguments of the environment.
        points: evaluations over the budget.
        episodes: of each evaluation, on seeds that no training uses.
        deterministic: whether policies are evaluated with their most probable actions.
        controls: whether contenders that are pretrained are run again as controls, which show why pretraining helps;
            up to four times as many runs.
        keep: which trained agents stay as files: of each contender's "best" seed by its final return, "all" or "none".
        jobs: processes; by default one for each core.
        timeout: seconds after which a run is ended as failed; by default it may take as long as it wants.
        quiet: no progress display.

    Returns:
        The result: `print(result.verdict)`, `result.save("report.html")`, `result.agents["ppo"]`.

    Raises:
        LabError: something does not exist or makes no sense, in one sentence.
    """
    if not isinstance(contenders, Mapping):
        raise LabError(f"contenders is a {type(contenders).__name__}; it must be a dictionary of names and contenders")
    environments: list[Any] = list(env) if isinstance(env, (list, tuple)) else [env]
    random, optimal = _pair(references)
    plan = Plan(
        [_environment(each, env_arguments or {}, random, optimal) for each in environments],
        [_contender(name, given) for name, given in contenders.items()],
        steps=steps,
        seeds=seeds,
        questions=questions,
        baseline=baseline,
        evaluation=Evaluation(points, episodes, deterministic),
        out=None if out is None else str(path_of(out)),
        controls=controls,
        keep=keep,
        timeout=timeout,
    )
    return compare_plan(plan, jobs=jobs, quiet=quiet)


def compare_plan(
    plan: Plan | str | Path,
    out: str | Path | None = None,
    jobs: int | None = None,
    quiet: bool = False,
    command: str = "",
    timeout: float | None = None,
) -> Result:
    """Compare as a plan says, which may be the path of a TOML file.

    Args:
        plan: what to compare.
        out: output folder, instead of the plan's own.
        jobs: processes; by default one for each core.
        quiet: no progress display.
        command: what makes the comparison again, for the report.
        timeout: seconds after which a run is ended as failed, instead of the plan's own.

    Raises:
        LabError: something does not exist or makes no sense, or the output folder is in use.
    """
    if not isinstance(plan, Plan):
        path = Path(plan)
        plan, command = load_plan(path), command or f"rl-lab compare {shlex.quote(str(path))}"
        plan = plan if plan.out or out else replace(plan, out=str(default_folder(plan, path)))
        try:
            return compare_plan(plan, out, jobs, quiet, command, timeout)
        except LabError as error:
            raise LabError(f"plan {str(path)!r}: {error}") from error
    plan = with_controls(plan if timeout is None else replace(plan, timeout=timeout))
    chosen = out or plan.out
    folder = Path(chosen) if chosen else None
    plan, runs, agents = run_all(plan, folder, jobs, quiet)
    result = Result(plan, runs, True, command or _script(), fingerprint.versions(), hardware(jobs), agents)
    if folder is not None:
        result.save_all(folder)
    return result


def run_plan(
    path: str | Path,
    out: str | Path | None = None,
    jobs: int | None = None,
    quiet: bool = False,
    timeout: float | None = None,
) -> Result:
    """What `rl-lab compare PLAN` does: run it, write its files, print the verdicts; a LabError where a run failed."""
    result = compare_plan(path, out, jobs, quiet, timeout=timeout)
    folder = Path(out or result.plan.out or default_folder(result.plan, Path(path)))
    print(result.verdict)
    print(f"\nreport: {folder / 'report.html'}")
    if result.agents:
        print(f"agents: {folder / 'agents'}")
    if result.failures:
        failed = sum(run.failed for run in result.runs)
        first = result.failures[0].removeprefix("FAILED").strip()
        raise LabError(f"{failed} of {len(result.runs)} runs failed, the others are kept: {first}")
    return result


def judge_logs(
    paths: Sequence[str | Path],
    against: Sequence[str | Path],
    *,
    margin: float | None = None,
    threshold: float | None = None,
    references: tuple[float, float] | None = None,
    names: tuple[str, str] = ("ours", "baseline"),
    questions: Sequence[Question] = (),
) -> Result:
    """Judge logs that people already have; what `rl-lab verdict A... --against B...` does.

    Args:
        paths: logs of one side, `evaluations.npz` of Stable-Baselines3 or our `runs.csv`, one run or more in each.
        against: logs of the other side.
        margin: differences of the return per step up to this are called equivalent; none are without one.
        threshold: mean return from which a task counts as solved; asks for the steps to it, too.
        references: mean return of random actions and of an optimal policy, between which scores are normalised.
        names: what the two sides are called.
        questions: what is asked, instead of return per step and steps to the threshold.

    Returns:
        The result: `.verdict` is the text.

    Raises:
        LabError: a log is missing or is not one.
    """
    if not isinstance(names, (tuple, list)) or len(names) != 2:
        raise LabError(f"names is {names!r}; give a pair of what the two sides are called")
    references = None if references is None else _pair(references)
    asked = list(questions) or [Question("return", margin=margin)]
    if threshold is not None and not questions:
        asked.append(Question("steps", threshold=threshold))
    plan, runs, paired = logs.plan_and_runs(logs.read_logs(paths), logs.read_logs(against), asked, names, references)
    return Result(plan, runs, paired, _script(), fingerprint.versions(), hardware())


def hardware(jobs: int | None = None) -> str:
    """The machine in words."""
    return f"{fingerprint.processor()}, {cores()} cores, {jobs or cores()} runs at once, {platform.system()}"


def _pair(references: Any) -> tuple[Any, Any]:
    """The references, checked for their number; `Environment` checks what they are."""
    if references is None:
        return None, None
    if not isinstance(references, (tuple, list)) or len(references) != 2:
        raise LabError(f"references is {references!r}; give a pair of the mean returns of random and of optimal play")
    return references[0], references[1]


def _environment(made: Made, arguments: Mapping[str, Any], random: float | None, optimal: float | None) -> Environment:
    if isinstance(made, str):
        return Environment(made, None, arguments, random, optimal)
    if not callable(made):
        raise LabError(f"environment {made!r} is a {type(made).__name__}; give an id or a function that makes one")
    name = getattr(made, "__name__", type(made).__name__)
    return Environment(name, made, arguments, random, optimal)


def _contender(name: str, given: Any) -> Contender:
    if isinstance(given, Contender):
        return replace(given, name=name)
    algorithm, *more = given if isinstance(given, (tuple, list)) else (given,)
    if len(more) > 1 or (more and not isinstance(more[0], Mapping)):
        raise LabError(f"contender {name!r} is {given!r}; give a name or a function, or a pair of it and a dictionary")
    return Contender(name, algorithm, more[0] if more else {})


def _script() -> str:
    name = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else ""
    if not name or name.startswith("ipykernel") or name == "-c":
        return "the Python session that called compare()"
    arguments = " ".join(shlex.quote(word) for word in sys.argv[1:])
    return f"{name if name == 'rl-lab' else 'python ' + shlex.quote(sys.argv[0])} {arguments}".strip()
