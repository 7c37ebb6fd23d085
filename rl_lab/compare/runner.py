"""Running a comparison: every contender on every environment from every seed, over worker processes."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from rl_lab import fingerprint
from rl_lab.compare import kept
from rl_lab.compare.checks import count, slug
from rl_lab.compare.contenders import FunctionTrainer, Trainer, trainer_of
from rl_lab.compare.controls import with_controls, without
from rl_lab.compare.environments import Maker
from rl_lab.compare.executor import Executor
from rl_lab.compare.local_processes import LocalProcesses
from rl_lab.compare.plan import Contender, Environment, Plan
from rl_lab.compare.progress import Display
from rl_lab.compare.runs import Run, Store
from rl_lab.compare.worker import Job
from rl_lab.data import cache
from rl_lab.errors import LabError
from rl_lab.files import discard_partial, locked, private_folder, writing
from rl_lab.validation import own

OUTPUTS = {"report.html": "Made by rl-lab", "runs.csv": "environment,contender,seed,step", "verdicts.json": '"outcome"'}

LOG = "contenders.log"
DAY = 86_400.0
SILENCE = 1_800.0  # seconds without an evaluation after which a run is mentioned


class Outcome(NamedTuple):
    """What the runs of a plan gave."""

    plan: Plan
    """With the controls that the runs have asked for."""
    runs: list[Run]
    """Those that failed among them, in the order environment, contender, seed."""
    agents: dict[str, list[Path]]
    """Files of the agents that are kept; see `kept.chosen`."""


@dataclass(frozen=True)
class RunTask:
    """A run to be done and the key under which it is kept."""

    job: Job
    key: str
    environment: str

    @property
    def group(self) -> tuple[str, str]:
        """What is prepared once for all seeds."""
        return self.environment, self.job.contender.name


def run_all(plan: Plan, folder: Path | None, jobs: int | None = None, quiet: bool = False) -> Outcome:
    """Do the runs of a plan that are not finished yet.

    Args:
        plan: what to run.
        folder: output folder, which only one comparison may use at a time; by default runs stay in the user's cache.
        jobs: processes; by default one for each core that this process may use.
        quiet: no progress display.

    Raises:
        LabError: an environment or a contender does not exist, or the folder is in use.
        KeyboardInterrupt: finished runs are kept.
    """
    jobs = cores() if jobs is None else own(jobs)
    count("jobs", jobs)
    folder, wanted = folder and folder.absolute(), plan.keep != "none"
    tasks = all_tasks(plan)
    with _locked(folder) as log:
        root = folder or private_folder(cache.folder("compare")).absolute()
        store, agents = Store(root / "runs"), root / "agents"
        for each in (store.folder, agents):
            discard_partial(each, 0.0 if folder else DAY)
        torch = not all(trainer_of(contender).ours for contender in plan.contenders)
        with Display(tasks, jobs, quiet) as view, LocalProcesses(jobs, log, torch, plan.timeout) as pool:
            campaign = _Campaign(plan, store, agents if wanted else None, view, pool)
            campaign.add(tasks)
            for line in [*campaign.found_before(), *warnings(plan)]:
                view.say(line)
            campaign.go()
        plan = campaign.plan
        where, who = ([each.name for each in side] for side in (plan.environments, plan.contenders))
        done = campaign.done.values()
        runs = sorted(done, key=lambda run: (where.index(run.environment), who.index(run.contender), run.seed))
        return Outcome(plan, runs, kept.chosen(runs, plan.keep, agents))


def all_tasks(plan: Plan, contenders: Sequence[Contender] | None = None, first: int = 0) -> list[RunTask]:
    """Runs of a plan, or of some of its contenders, with their keys and numbers from `first`, seed by seed."""
    contenders = plan.contenders if contenders is None else contenders
    trainers = {contender.name: trainer_of(contender) for contender in contenders}
    for trainer in trainers.values():
        trainer.validate()
    makers = [Maker.of(environment) for environment in plan.environments]
    for environment in plan.environments:
        for trainer in trainers.values():
            trainer.check_budget(plan.budget(environment))
    common = [fingerprint.versions(), fingerprint.own_source(), fingerprint.processor(), vars(plan.evaluation)]
    tasks: list[RunTask] = []
    places = {maker.environment.name: _noting(maker.description) for maker in makers}
    known = {name: _noting(trainer.description) for name, trainer in trainers.items()}
    for seed in plan.training_seeds:
        for maker in makers:
            for contender in contenders:
                name, budget = maker.environment.name, plan.budget(maker.environment)
                (place, here), (learner, there) = places[name], known[contender.name]
                job = Job(first + len(tasks), maker, contender, seed, budget, plan.evaluation, values=here | there)
                key = fingerprint.digest(common, place, (learner, dict(contender.training)), budget, seed)
                tasks.append(RunTask(job, key, name))
    return tasks


def _noting(described: Callable[[], Any]) -> tuple[Any, fingerprint.Values]:
    """What counts about something, and the values of modules among it."""
    with fingerprint.noted_values() as values:
        return described(), values


def warnings(plan: Plan) -> list[str]:
    """Warnings before the first run."""
    budgets = {plan.budget(environment) for environment in plan.environments}
    trainers = [trainer_of(contender) for contender in plan.contenders]
    few = [trainer.few_updates(budget) for trainer in trainers for budget in sorted(budgets)]
    wrong = [each for environment in plan.environments for each in _for_both_sides(environment, trainers)]
    return [*(f"warning: {sentence}" for sentence in [*few, *wrong] if sentence), *_about_controls(plan)]


def _for_both_sides(environment: Environment, trainers: Sequence[Trainer]) -> list[str]:
    """Warnings of contenders that train on a game that they play for both sides, and do not know what that means."""
    maker = Maker.of(environment)
    return [
        f"{trainer.contender.name} trains on {environment.name} for both sides, and Stable-Baselines3 takes the "
        "value of the other side's position with the wrong sign: give it another opponent, or use one of our algorithms"
        for trainer in trainers
        if maker.batched and not trainer.ours
        if maker.for_training(trainer.contender.training).single().unwrapped.definition.turned  # type: ignore[attr-defined]
    ]


def _about_controls(plan: Plan) -> list[str]:
    each = len(plan.environments) * len(plan.training_seeds)
    if not (names := plan.control_names):
        return []
    return [
        f"{len(names) * each} of {len(plan.contenders) * each} runs are controls ({', '.join(names)}), which show "
        "why pretraining helps; controls = false in the plan, or compare(..., controls=False), leaves them out"
    ]


def _try_out(waiting: list[RunTask]) -> None:
    """Refuse, before anything is trained, what cannot succeed."""
    for contender, maker in {task.group: (task.job.contender, task.job.maker) for task in waiting}.values():
        trainer = trainer_of(contender)
        trainer.check_environment(trainer.maker_for_training(maker))


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Campaign:
    """The runs of one comparison on their way through an executor.

    Attributes:
        plan: with the controls of contenders whose first runs have shown that they are pretrained.
        done: runs that have ended, by their numbers.
    """

    def __init__(self, plan: Plan, store: Store, agents: Path | None, view: Display, executor: Executor) -> None:
        self.plan, self.store, self.agents, self.view, self.executor = plan, store, agents, view, executor
        self.tasks: dict[int, RunTask] = {}
        self.waiting: list[RunTask] = []
        self.preparing: list[RunTask] = []
        self.ready: set[tuple[str, str]] = set()
        self.current: RunTask | None = None
        self.began: dict[int, float] = {}
        self.heard: dict[int, float] = {}
        self.done: dict[int, Run] = {}
        self.unknown = {each.name for each in plan.contenders if isinstance(trainer_of(each), FunctionTrainer)}
        self.pretrained: set[str] = set()

    def add(self, tasks: list[RunTask]) -> None:
        """Take in runs; those that were finished before are not repeated."""
        if self.agents is not None:
            stems = [kept.stem(self.agents, *task.group, task.job.seed, task.key) for task in tasks]
            tasks = [
                replace(task, job=replace(task.job, agent=str(stem))) for task, stem in zip(tasks, stems, strict=True)
            ]
        self.tasks |= {task.job.number: task for task in tasks}
        for task in tasks:
            if (run := self.store.get(task.key, *task.group, task.job.seed)) is not None:
                self.done[task.job.number] = run
                self.view.finished(run, task.job, None)
        waiting = [task for task in tasks if task.job.number not in self.done]
        _try_out(waiting)
        preparations = _preparations(waiting)
        self.waiting += waiting
        self.preparing += preparations
        self.ready |= {task.group for task in waiting} - {task.group for task in preparations}

    def found_before(self) -> list[str]:
        """What to say of runs that were finished before."""
        said = []
        if self.done:
            said.append(
                f"{len(self.done)} of {len(self.tasks)} runs were finished before and are not repeated; they are "
                "repeated after changes of code and values, but not of data files and environment variables: delete "
                f"{self.store.folder} to repeat them"
            )
        if self.agents is not None and (lost := kept.missing(self.done.values(), self.agents, self.plan.keep)):
            said.append(f"{lost} finished runs kept no agent; delete {self.store.folder} to train them again")
        return said

    def go(self) -> None:
        """Do them all; each is kept as soon as it is finished."""
        while True:
            self.add_controls()
            if len(self.done) == len(self.tasks):
                return
            self.prepare()
            self.begin()
            for message in self.executor.events():
                self.hear(message)
            self.mention()

    def add_controls(self) -> None:
        """Once every function has had a run in every environment, add the controls of those that are pretrained."""
        if not self.unknown:
            return
        for name in sorted(self.unknown):
            shown = [self.shows(environment.name, name) for environment in self.plan.environments]
            if None not in shown:
                self.unknown.remove(name)
                self.pretrained |= {name} if any(shown) else set()
        if self.unknown or not self.pretrained:
            return
        before, self.plan = self.plan, with_controls(self.plan, self.pretrained)
        for control in self.plan.contenders[len(before.contenders) :]:
            try:
                _try_out(all_tasks(self.plan, [control]))
            except LabError as error:  # ours cannot learn where the function wraps the environment for itself
                self.view.say(f"a control is left out: {error}")
                self.plan = without(self.plan, control)
        if added := self.plan.contenders[len(before.contenders) :]:
            tasks = all_tasks(self.plan, added, len(self.tasks))
            self.view.add(tasks)
            self.add(tasks)
            for line in _about_controls(self.plan):
                self.view.say(line)

    def shows(self, *group: str) -> bool | None:
        """Whether a contender called `rl_lab.sb3.pretrain` in an environment; None where that is not known yet.

        Its first run by number shows that, or the next one where it failed, whichever ends first: from finished runs,
        the same controls come out again.
        """
        for number in [number for number, task in self.tasks.items() if task.group == group]:
            if number not in self.done:
                return None
            if not self.done[number].failed:
                return "pretraining" in self.done[number].notes
        return False

    def mention(self) -> None:
        """Report, once, a run without a sign of life for long; only the user knows whether that is too long."""
        for number in [number for number, at in self.heard.items() if time.perf_counter() - at > SILENCE]:
            del self.heard[number]
            task = self.tasks[number]
            self.view.say(
                f"no progress for {SILENCE / 60:.0f} min of {task.job.contender.name} on {task.environment}, seed "
                f"{task.job.seed}; if it hangs, stop the comparison and start it again with a timeout"
            )

    def prepare(self) -> None:
        """Compile for one environment and contender at a time, so that nothing is compiled twice."""
        if self.current is None and self.preparing and self.executor.slots:
            self.current = self.preparing.pop(0)
            self.view.compiling(f"{self.current.job.contender.name} on {self.current.environment}")
            self.executor.submit(self.current.job)

    def begin(self) -> None:
        """Give free processes runs that are prepared."""
        while self.executor.slots and (task := next((task for task in self.waiting if task.group in self.ready), None)):
            self.waiting.remove(task)
            self.began[task.job.number] = self.heard[task.job.number] = time.perf_counter()
            self.executor.submit(task.job)

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
            task = self.tasks[number]
            names = {"environment": task.environment, "contender": task.job.contender.name, "seed": task.job.seed}
            self.done[number] = run = Run.from_dict({**names, **outcome})
            try:
                self.store.put(task.key, run)
            except LabError as error:
                raise LabError(f"{error}; the runs that finished before it are kept") from None
            self.view.finished(run, task.job, time.perf_counter() - self.began[number])


def _preparations(tasks: list[RunTask]) -> list[RunTask]:
    """One job for each environment and contender with machine code, before any of its runs; numbers are negative."""
    chosen: dict[tuple[str, str], RunTask] = {}
    for task in tasks:
        if task.group not in chosen and trainer_of(task.job.contender).compiles(task.job.maker):
            job = replace(task.job, number=-1 - task.job.number, seed=0, prepare=True, agent="")
            chosen[task.group] = RunTask(job, "", task.environment)
    return list(chosen.values())


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
    """Where the outcome of a plan file goes by default: `results/` and the file's name."""
    return Path(plan.out) if plan.out else Path("results") / slug(path.stem)
