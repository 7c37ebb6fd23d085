"""Running a comparison: every contender on every environment from every seed, over worker processes."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from rl_lab import fingerprint
from rl_lab.compare import contenders, kept, pretrained, spaces
from rl_lab.compare.checks import slug
from rl_lab.compare.environments import Maker
from rl_lab.compare.plan import Contender, Plan
from rl_lab.compare.pool import Pool
from rl_lab.compare.progress import Display
from rl_lab.compare.runs import Run, Store
from rl_lab.compare.values import check_values
from rl_lab.compare.worker import Job
from rl_lab.data import cache
from rl_lab.errors import LabError
from rl_lab.files import discard_partial, locked, private_folder, writing
from rl_lab.numbers import own

OUTPUTS = {"report.html": "Made by rl-lab", "runs.csv": "environment,contender,seed,step", "verdicts.json": '"outcome"'}

LOG = "contenders.log"
DAY = 86_400.0
SILENCE = 1_800.0  # seconds without an evaluation after which a run is mentioned


Outcome = tuple[list[Run], dict[str, list[Path]]]


@dataclass(frozen=True)
class Task:
    """A run to be done and the key under which it is kept."""

    job: Job
    key: str
    environment: str

    @property
    def group(self) -> tuple[str, str]:
        """What is prepared once for all seeds."""
        return self.environment, self.job.contender.name

    def keeping(self, folder: Path) -> Task:
        """The same with its agent kept in a folder."""
        path = kept.stem(folder, self.environment, self.job.contender.name, self.job.seed, self.key)
        return replace(self, job=replace(self.job, agent=str(path)))

    def run(self, outcome: dict[str, Any]) -> Run:
        """The run that an outcome of the worker describes."""
        names = {"environment": self.environment, "contender": self.job.contender.name, "seed": self.job.seed}
        return Run.from_dict({**names, **outcome})


def run_all(plan: Plan, folder: Path | None, jobs: int | None = None, quiet: bool = False) -> Outcome:
    """Do the runs of a plan that are not finished yet.

    Args:
        plan: what to run.
        folder: output folder, which only one comparison may use at a time; without one, finished runs are kept in
            the user's cache folder.
        jobs: processes; by default one for each core that this process may use.
        quiet: no progress display.

    Returns:
        All runs, those that failed among them, in the order environment, contender, seed; and the files of the agents
        that are kept, see `kept.chosen`.

    Raises:
        LabError: an environment or a contender does not exist, or the folder is in use.
        KeyboardInterrupt: finished runs are kept.
    """
    jobs = cores() if jobs is None else own(jobs)
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise LabError(f"jobs is {jobs!r}; it must be a whole number of at least 1")
    folder, wanted = folder and folder.absolute(), plan.keep != "none"
    tasks = all_tasks(plan)
    with _locked(folder) as log:
        root = folder or _cache().absolute()
        store, agents = Store(root / "runs"), root / "agents"
        for each in (store.folder, agents):
            discard_partial(each, 0.0 if folder else DAY)
        tasks = [task.keeping(agents) for task in tasks] if wanted else tasks
        found = {task.job.number: store.get(task.key, *task.group, task.job.seed) for task in tasks}
        with Display(tasks, jobs, quiet) as view:
            done = {number: run for number, run in found.items() if run is not None}
            for number, run in done.items():
                view.finished(run, tasks[number].job, None)
            waiting = [task for task in tasks if task.job.number not in done]
            _try_out(waiting)
            if done:
                view.say(
                    f"{len(done)} of {len(tasks)} runs were finished before and are not repeated; changes of code and "
                    "values make new runs, changes of data files and environment variables do not: delete "
                    f"{store.folder} for new ones"
                )
            if wanted and (lost := kept.missing(done.values(), agents, plan.keep)):
                view.say(f"{lost} finished runs kept no agent; delete {store.folder} to train them again")
            for line in warnings(plan):
                view.say(line)
            torch = not all(contenders.is_lab(contender) for contender in plan.contenders)
            with Pool(min(jobs, max(len(waiting), 1)), log, torch, plan.timeout) as pool:
                done.update(_Campaign(waiting, store, view, pool).go())
        order = {name: place for place, name in enumerate(c.name for c in plan.contenders)}
        places = {environment.name: place for place, environment in enumerate(plan.environments)}
        runs = sorted(done.values(), key=lambda run: (places[run.environment], order[run.contender], run.seed))
        return runs, kept.chosen(runs, plan.keep, agents)


def all_tasks(plan: Plan) -> list[Task]:
    """Every run of a plan with its key, seed by seed, so that pairs finish early."""
    for contender in plan.contenders:
        contenders.check(contender)
    makers = [Maker.of(environment) for environment in plan.environments]
    for environment in plan.environments:
        for contender in plan.contenders:
            contenders.check_budget(contender, plan.budget(environment))
    common = [fingerprint.versions(), fingerprint.own_source(), fingerprint.processor(), vars(plan.evaluation)]
    tasks: list[Task] = []
    places = {maker.environment.name: _noting(maker.description) for maker in makers}
    known = {each.name: _noting(functools.partial(contenders.description, each)) for each in plan.contenders}
    for seed in plan.training_seeds:
        for maker in makers:
            for contender in plan.contenders:
                name = maker.environment.name
                budget = plan.budget(maker.environment)
                (place, here), (learner, there) = places[name], known[contender.name]
                job = Job(len(tasks), maker, contender, seed, budget, plan.evaluation, values=here | there)
                key = fingerprint.digest(common, place, (learner, dict(contender.training)), budget, seed)
                tasks.append(Task(job, key, name))
    return tasks


def _noting(described: Callable[[], Any]) -> tuple[Any, fingerprint.Values]:
    """What counts about something, and the values of modules among it."""
    with fingerprint.noted_values() as values:
        return described(), values


def warnings(plan: Plan) -> list[str]:
    """What the user should know before the first run."""
    budgets = {plan.budget(environment) for environment in plan.environments}
    few = [contenders.few_updates(contender, budget) for contender in plan.contenders for budget in sorted(budgets)]
    found = [f"warning: {sentence}" for sentence in few if sentence]
    if names := plan.control_names:
        each = len(plan.environments) * len(plan.training_seeds)
        found.append(
            f"{len(names) * each} of {len(plan.contenders) * each} runs are controls ({', '.join(names)}), which show "
            "why pretraining helps; controls = false in the plan, or compare(..., controls=False), leaves them out"
        )
    return found


def _try_out(waiting: list[Task]) -> None:
    """Refuse, before anything is trained, what cannot go well."""
    for contender, maker in {task.group: (task.job.contender, task.job.maker) for task in waiting}.values():
        trainer = spaces.trainer_of(contender, maker)
        spaces.check_spaces(contender, trainer)
        check_values(contender, trainer)
        if pretrained.is_pretrained(contender):
            pretrained.try_out(contender, trainer)


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Campaign:
    """The runs of one comparison on their way through the pool."""

    def __init__(self, waiting: list[Task], store: Store, view: Display, pool: Pool) -> None:
        self.store, self.view, self.pool = store, view, pool
        self.tasks = {task.job.number: task for task in waiting}
        self.waiting = list(waiting)
        self.preparing = _preparations(waiting)
        self.ready = {task.group for task in waiting} - {task.group for task in self.preparing}
        self.current: Task | None = None
        self.began: dict[int, float] = {}
        self.heard: dict[int, float] = {}
        self.done: dict[int, Run] = {}

    def go(self) -> dict[int, Run]:
        """Do them all; each is kept as soon as it is finished."""
        while len(self.done) < len(self.tasks):
            self.prepare()
            self.begin()
            for message in self.pool.messages():
                self.hear(message)
            self.mention()
        return self.done

    def mention(self) -> None:
        """Name, once, a run of which nothing was heard for long; only the user knows whether that is too long."""
        for number in [number for number, at in self.heard.items() if time.perf_counter() - at > SILENCE]:
            del self.heard[number]
            task = self.tasks[number]
            self.view.say(
                f"nothing heard for {SILENCE / 60:.0f} min of {task.job.contender.name} on {task.environment}, seed "
                f"{task.job.seed}; if it hangs, stop and start again with a timeout"
            )

    def prepare(self) -> None:
        """Compile for one environment and contender at a time, so that nothing is compiled twice."""
        if self.current is None and self.preparing and self.pool.free:
            self.current = self.preparing.pop(0)
            self.view.compiling(f"{self.current.job.contender.name} on {self.current.environment}")
            self.pool.start(self.current.job)

    def begin(self) -> None:
        """Give free processes runs that are prepared."""
        while self.pool.free and (task := next((task for task in self.waiting if task.group in self.ready), None)):
            self.waiting.remove(task)
            self.began[task.job.number] = self.heard[task.job.number] = time.perf_counter()
            self.pool.start(task.job)

    def hear(self, message: dict[str, Any]) -> None:
        """Take in what a worker says."""
        number, outcome = message["job"], message.get("outcome")
        if self.current is not None and number == self.current.job.number:
            if outcome is not None:  # if it failed, the runs themselves will say why
                self.ready.add(self.current.group)
                self.current = None
                self.view.compiling(None)
        elif outcome is None:
            self.heard[number] = time.perf_counter()
            self.view.step(self.tasks[number].job, message["step"], message["return"])
        else:
            self.heard.pop(number, None)
            self.done[number] = run = self.tasks[number].run(outcome)
            try:
                self.store.put(self.tasks[number].key, run)
            except LabError as error:
                raise LabError(f"{error}; the runs that finished before it are kept") from None
            self.view.finished(run, self.tasks[number].job, time.perf_counter() - self.began[number])


def _preparations(tasks: list[Task]) -> list[Task]:
    """One job for each environment and named contender, before any of its runs."""
    chosen: dict[tuple[str, str], Task] = {}
    for task in tasks:
        contender: Contender = task.job.contender
        if task.group not in chosen and (task.job.maker.batched or contenders.is_lab(contender)):
            job = replace(task.job, number=-1 - len(chosen), seed=0, prepare=True, agent="")
            chosen[task.group] = Task(job, "", task.environment)
    return list(chosen.values())


def _cache() -> Path:
    """Where finished runs are kept if no folder is named."""
    return private_folder(cache.folder("compare"))


@contextlib.contextmanager
def _locked(folder: Path | None) -> Iterator[BinaryIO | None]:
    """Hold an output folder, and open the log of what contenders print in it."""
    if folder is None:
        yield None
        return
    for name, sign in OUTPUTS.items():
        with writing(folder / name):
            there = (folder / name).exists()
            if there and sign not in (folder / name).read_text(encoding="utf-8", errors="replace"):
                raise LabError(f"{folder} holds {name}, which no comparison wrote there; name another folder")
    with locked(folder), contextlib.ExitStack() as stack:
        with writing(folder / LOG):
            log = stack.enter_context(open(folder / LOG, "a+b"))
        yield log


def default_folder(plan: Plan, path: Path) -> Path:
    """Where the outcome of a plan file goes if nobody says: `results/` and the file's name."""
    return Path(plan.out) if plan.out else Path("results") / slug(path.stem)
