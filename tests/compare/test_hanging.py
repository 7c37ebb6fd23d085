"""A comparison ends, whatever a contender does: each of its runs has an outcome."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rl_lab.compare import Contender, Environment, Plan, compare
from rl_lab.compare.local_processes import AGAIN, LOG_KEPT, LOG_LIMIT, shorten
from rl_lab.compare.worker import Job, frame
from rl_lab.errors import LabError


class Left:
    @staticmethod
    def predict(observation, deterministic=True):
        return 0


class Sleeper:
    @staticmethod
    def predict(observation, deterministic=True):
        time.sleep(600)


def fine(env, seed, steps):
    return Left()


def sleeps_in_predict(env, seed, steps):
    return Sleeper()


def reads(env, seed, steps):
    return input()


def stops_itself(env, seed, steps):
    os.kill(os.getpid(), signal.SIGSTOP)
    return Left()


def catches_exceptions(env, seed, steps):
    env.reset()
    while True:
        try:
            env.step(0)
        except Exception:
            env.reset()


def catches_everything(env, seed, steps):
    env.reset()
    while True:
        with contextlib.suppress(BaseException):
            env.step(0)


def trains_for_ever(env, seed, steps):
    from stable_baselines3 import A2C

    model = A2C("MlpPolicy", env, n_steps=5, device="cpu")
    while True:
        model.learn(5)


def leaves(env, seed, steps):
    os._exit(73)


def is_killed(env, seed, steps):
    os.kill(os.getpid(), signal.SIGKILL)


def kills_all(env, seed, steps):
    os.killpg(0, signal.SIGTERM)


def writes_to_all_pipes(env, seed, steps):
    for descriptor in range(3, 30):
        with contextlib.suppress(OSError):
            os.write(descriptor, b'5\n{}\n{"job": 0, "outc')
    os._exit(0)


def leaves_a_process(env, seed, steps):
    """One of a session of its own, which holds all pipes open."""
    child = os.fork()
    if child == 0:
        os.setsid()
        time.sleep(600)
        os._exit(0)
    raise ValueError(f"left {child}")


class Dumb(Exception):
    def __str__(self):
        raise OSError("no words")


def raises_what_has_no_text(env, seed, steps):
    raise Dumb


def raises_what_is_no_utf8(env, seed, steps):
    raise ValueError(os.fsdecode(b"caf\xe9 \x1b[31m"))


def refuse():
    raise SystemExit("not here")


class Unreadable:
    """Can be sent, and not be read."""

    __name__ = "unreadable"

    def __call__(self, env, seed, steps):
        return Left()

    def __reduce__(self):
        return refuse, ()


OUTCOMES = {
    Unreadable(): "the contender cannot be sent to its process: SystemExit: not here",
    fine: "",
    sleeps_in_predict: "the run was ended after 10 s, its timeout; see where it hangs, or allow more",
    reads: "EOFError: EOF when reading a line",
    stops_itself: "",
    catches_exceptions: "catches_exceptions continued after its 40 steps; return a model by then, or call",
    catches_everything: "catches_everything continued after its 40 steps and caught the exception that ends it; do",
    trains_for_ever: "",
    leaves: f"the contender ended its process, with exit code 73{AGAIN}",
    is_killed: f"the process of the run was ended by SIGKILL; is there enough memory?{AGAIN}",
    kills_all: f"the process of the run was ended by SIGTERM{AGAIN}",
    leaves_a_process: "ValueError: left ",
    raises_what_has_no_text: "Dumb: a message that cannot be shown",
    raises_what_is_no_utf8: r"ValueError: caf\udce9 \x1b[31m",
    writes_to_all_pipes: f"the contender ended its process, with exit code 0{AGAIN}",
}


def test_every_run_has_an_outcome(tmp_path):
    contenders, how = {function.__name__: function for function in OUTCOMES}, {"jobs": 2, "quiet": True, "timeout": 10}
    result = compare("CartPole-v1", contenders, steps=40, seeds=1, points=1, episodes=1, out=tmp_path, **how)
    errors = {run.contender: run.error for run in result.runs}
    for function, error in OUTCOMES.items():
        assert errors[function.__name__].startswith(error), function
        assert bool(errors[function.__name__]) == bool(error), function
    assert "Dumb: a message that cannot be shown" in (tmp_path / "report.html").read_text()
    left = re.search(r"left (\d+)", errors["leaves_a_process"])[1]
    assert not Path("/proc", left).exists()


def test_an_outcome_longer_than_a_pipe_arrives_whole_from_a_process_that_was_stopped():
    script = """
from rl_lab.compare import worker
worker._import_once = worker._load_once = lambda *given: None
worker.serve = lambda job, send: send({"job": job.number, "outcome": "x" * 1_000_000})
worker.main()
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(frame(-1, False) + frame(7, Job(7, None, None, 0, 1, None)))
    process.stdin.flush()
    children, until = Path(f"/proc/{process.pid}/task/{process.pid}/children"), time.monotonic() + 60
    while not (children.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.3)  # until the pipe is full
    for number in (signal.SIGSTOP, signal.SIGCONT) * 3:
        os.kill(int(children.read_text()), number)
        time.sleep(0.05)
    process.stdin.close()
    messages = [json.loads(line) for line in process.stdout if line.strip()]
    process.wait(timeout=60)
    assert [len(message["outcome"]) for message in messages if "outcome" in message] == [1_000_000]
    assert list(messages[-1]) == ["job", "ended"]


def test_the_end_of_a_log_is_kept(tmp_path):
    with open(tmp_path / "log", "a+b") as log:
        for size in (LOG_LIMIT - 1, 5):
            log.write(b"." * size)
            log.write(b"end")
            log.flush()
            shorten(log)
    content = (tmp_path / "log").read_bytes()
    assert content.startswith(b"[earlier lines were deleted]\n..")
    assert content.endswith(b".....end")
    assert len(content) <= LOG_KEPT + 40


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "10", True])
def test_a_timeout_that_is_none_is_refused(timeout):
    both = [Contender(name, "sb3:ppo") for name in "ab"]
    with pytest.raises(LabError, match="timeout is"):
        Plan([Environment("CartPole-v1")], both, 100, timeout=timeout)
