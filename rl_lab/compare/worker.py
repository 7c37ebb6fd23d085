"""One process of a comparison: it takes jobs from its standard input and answers with lines of JSON.

It is a Python of its own, which calls `main`, and not made by `multiprocessing`, which would run the user's
script again, or copy a process that has threads. Where there is `fork`, every run has a process of its own,
so that one that crashes takes nothing with it and imports are paid for once.
"""

import contextlib
import json
import os
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
HEAD = struct.Struct("<qQ")  # number of the job, bytes that follow
PAUSE = 1.0  # seconds after which the process of a run that was stopped is continued
Send = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Job:
    """One run, or the preparation of all runs of a contender on an environment."""

    number: int
    maker: Any
    contender: Any
    seed: int
    steps: int
    evaluation: Any
    prepare: bool = False
    agent: str = ""
    """Where its last weights are kept, without the ending; empty keeps none."""
    values: Any = field(default_factory=dict)
    """What modules hold in the process of the script; see `fingerprint.noted_values`."""


def frame(number: int, value: Any) -> bytes:
    """Anything, functions of a notebook among it, as it is sent to a worker."""
    import cloudpickle

    data = cloudpickle.dumps(value)
    return HEAD.pack(number, len(data)) + data


def die_with_parent() -> None:
    """Have the kernel end this process when its parent ends, however that ends; where there is such a call."""
    _prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value)


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and those that they started, where the system says."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # one that ends meanwhile
        for file in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in map(int, file.read_text().split()):
                found += [child, *descendants(child)]
    return found


def kill_all(processes: Iterable[int]) -> None:
    """Kill processes, some of which may have ended."""
    for pid in processes:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Serve jobs until the pipe that they come through closes."""
    die_with_parent()
    _prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: what a run leaves behind becomes a child of this process
    answers = os.fdopen(os.dup(1), "wb")  # buffered: it writes again where a signal cuts a write short
    os.dup2(2, 1)  # what contenders print must not mix with the answers
    jobs = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # a contender that reads its standard input must not read jobs
    os.close(nothing)

    def send(message: dict[str, Any]) -> None:
        answers.write(b"\n" + json.dumps(message).encode() + b"\n")  # behind what a killed process may have begun
        answers.flush()

    _import_once(_receive(jobs, send))
    loaded: set[tuple[str, str]] = set()
    while (job := _receive(jobs, send)) is not None:
        send({"job": job.number, "begun": True})
        if hasattr(os, "fork"):
            _load_once(job, loaded)
            reason = _in_own_process(job, send, jobs)
        else:
            serve(job, send)
            reason = "the contender sent no outcome"
        send({"job": job.number, "ended": reason})  # and whether its outcome came before, the parent knows


def serve(job: Job, send: Send) -> None:
    """Do one job and send its outcome."""
    from rl_lab.errors import printable

    number = job.number

    def give_up(reason: str) -> None:
        send({"job": number, "outcome": {"error": reason}})
        os._exit(0)

    try:
        if job.prepare:
            from rl_lab.compare.contenders import trainer_of

            trainer_of(job.contender).prepare(job.maker)
            outcome = {}
        else:
            outcome = execute(job, lambda step, value: send({"job": number, "step": step, "return": value}), give_up)
        send({"job": number, "outcome": outcome})
    except BaseException as error:
        send({"job": number, "outcome": {"error": sentence(error), "traceback": printable(traceback.format_exc())}})


def execute(
    job: Job, report: Callable[[int, float], None], give_up: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Train and judge one contender from one seed; the values of a `Run`.

    `report` is called after each evaluation with the steps and the mean return, `give_up` with the reason where the
    contender catches all that would end it; it ends the process of the run.

    Raises:
        LabError: the contender returned nothing that can be evaluated, or could not be made.
    """
    from rl_lab.compare import hook, kept
    from rl_lab.compare.contenders import trainer_of
    from rl_lab.compare.environments import evaluation_seeds
    from rl_lab.compare.evaluation import Judge
    from rl_lab.compare.measure import Meter
    from rl_lab.compare.runs import NOT_KEPT, UNSEEDED
    from rl_lab.errors import LabError
    from rl_lab.stages.step_budget import BudgetSpent

    began = time.perf_counter()
    if "stable_baselines3" in sys.modules:
        hook.install()
    trainer = trainer_of(job.contender)
    trainer.prepare(job.maker)
    if not trainer.ours:
        _warm_torch()
    judge = Judge(job.maker, job.evaluation, evaluation_seeds(job.seed, job.evaluation.episodes))

    meter = Meter(job.steps, job.evaluation.points, judge, report, job.contender.control)
    if not job.maker.batched and not judge.repeats():
        meter.notes[UNSEEDED] = True
    _seed_globals(job.seed)
    if give_up is not None:
        meter.give_up = lambda: give_up(
            f"{job.contender.name} continued after its {job.steps} steps and caught the exception that ends it; do not "
            "catch BudgetSpent"
        )
    ready = time.perf_counter()
    try:
        model, outer = trainer.train(job.maker, job.seed, meter)
    except BudgetSpent as spent:
        if meter.watched is None and meter.trained is None:
            raise LabError(
                f"{job.contender.name} continued after its {job.steps} steps; return a model by then, or call "
                "rl_lab.compare.watch(env, model) before training, which evaluates the model as it is at the budget; "
                "our PPO needs this, because it finishes its last rollout"
            ) from spent
        model, outer = meter.watched or meter.trained or (None, None)
    meter.clock.stop()
    if not meter.points or meter.points[-1].step < meter.steps or not trainer.ours:
        meter.judge_now(model, outer)
        meter.clock.stop()
    wall = time.perf_counter() - ready
    agent = ""
    if job.agent:
        try:
            if not (agent := kept.save(model, Path(job.agent))):
                meter.notes[NOT_KEPT] = ""
        except Exception as error:  # the run itself is good
            meter.notes[NOT_KEPT] = sentence(error)
    return {
        "agent": agent,
        "points": [vars(point) for point in meter.points],
        "steps": meter.steps,
        "seconds": meter.clock.wall,
        "cpu_seconds": meter.clock.cpu,
        "setup_seconds": ready - began,
        "evaluation_seconds": max(wall - meter.clock.wall, 0.0),
        "ledger": meter.books().as_dict(),
        "notes": meter.notes,
        "best": vars(meter.last.best) if meter.last else None,
        "worst": vars(meter.last.worst) if meter.last else None,
    }


def _warm_torch() -> None:
    """Take the first step of an optimiser, for which torch imports a part of itself that takes a second."""
    import torch

    weight = torch.nn.Parameter(torch.zeros(2, 2))
    optimiser = torch.optim.Adam([weight])
    (weight @ torch.ones(2)).sum().backward()
    optimiser.step()


def _seed_globals(seed: int) -> None:
    """Seed the random streams that a whole process shares, as each fork would begin with the same ones.

    Contenders that draw from them without seeding would otherwise train alike from different seeds.
    """
    import random

    import numpy as np

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  # the stream of the process is what is meant
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(seed)


def sentence(error: BaseException) -> str:
    """What went wrong and where, in one line."""
    from rl_lab.errors import LabError, printable

    try:
        text = printable(" ".join(str(error).split())) or "no message"
    except Exception:  # of an exception of the user's
        text = "a message that cannot be shown"
    if isinstance(error, LabError):
        return text
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename]
    where = f" ({os.path.basename(frames[-1].filename)}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {text[:500]}{where}"


def _load_once(job: Job, loaded: set[tuple[str, str]]) -> None:
    """Load machine code here, where every run's process finds it; the run itself reports what fails."""
    from rl_lab.compare.contenders import trainer_of

    group = job.maker.environment.name, job.contender.name
    if not job.prepare and group not in loaded:
        loaded.add(group)
        with contextlib.suppress(BaseException):
            trainer_of(job.contender).prepare(job.maker)


def _in_own_process(job: Job, send: Send, jobs: BinaryIO) -> str:
    """Do a job in a fork of this process; how that ended."""
    others = set(descendants(os.getpid()))
    child = os.fork()
    if child == 0:
        try:
            die_with_parent()
            jobs.close()
            with contextlib.suppress(BrokenPipeError):
                serve(job, send)
                sys.stderr.flush()
        finally:
            os._exit(0)
    while True:
        _, status = os.waitpid(child, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            break
        time.sleep(PAUSE)  # where all processes are stopped, this one is as well
        os.kill(child, signal.SIGCONT)
    _end_left(others)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return f"the process of the run {ended(code)}"
    return f"the contender ended its process, with exit code {code}"


def _end_left(others: set[int]) -> None:
    """End all processes that a run started and left, which would slow down the runs after it."""
    while left := set(descendants(os.getpid())) - others:
        kill_all(left)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.01)


def ended(code: int) -> str:
    """How a process ended, from its return code, which is negative for a signal."""
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name
    return f"was ended by {name}{'; is there enough memory?' if name == 'SIGKILL' else ''}"


def _receive(stream: BinaryIO, send: Send) -> Any:
    """The next value, or None when there are no more. One that cannot be read is answered for."""
    import cloudpickle

    from rl_lab.fingerprint import set_values

    while len(head := stream.read(HEAD.size)) == HEAD.size:
        number, size = HEAD.unpack(head)
        try:
            value = cloudpickle.loads(stream.read(size))
            if isinstance(value, Job):
                set_values(value.values)
            return value
        except BaseException as error:  # modules of the user's are imported here, and may do anything
            reason = f"the contender cannot be sent to its process: {sentence(error)}"
            send({"job": number, "outcome": {"error": reason}})
            send({"job": number, "ended": reason})
    return None


def _import_once(torch_too: bool) -> None:
    """Import, before runs begin, what they need; contenders that are functions may need Stable-Baselines3, too."""
    import rl_lab.compare.contenders
    import rl_lab.compare.hook  # noqa: F401

    if torch_too:
        import stable_baselines3  # noqa: F401
        import torch
        import torch._dynamo  # what the first optimiser would import

        torch.set_num_threads(1)


if __name__ == "__main__":
    main()
