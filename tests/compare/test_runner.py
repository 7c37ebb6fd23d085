"""Running: processes, what is kept, what fails, and scripts as people write them."""

import errno
import json
import os
import signal
import time

import pytest
from fixed_policies import Fixed, contender, options

from rl_lab.compare import Contender, Environment, Evaluation, Plan, compare
from rl_lab.compare.progress import Display
from rl_lab.compare.runner import all_tasks
from rl_lab.errors import LabError
from rl_lab.files import PARTIAL, locked


def killed(seed):
    if seed == 1:
        os.kill(os.getpid(), signal.SIGSEGV)


def raising(seed):
    if seed == 1:
        raise RuntimeError("the second seed is bad")


def leaving(seed):
    os._exit(0)


def test_finished_runs_are_kept_and_only_what_is_new_or_failed_is_run(tmp_path):
    ran = tmp_path / "ran"
    ran.mkdir()
    both = {"left": contender(0, ran), "bad": contender(1, ran, raising)}
    out = tmp_path / "out"
    first = compare("CartPole-v1", both, seeds=2, out=out, **options())
    assert len(list(ran.iterdir())) == 4
    assert [(run.contender, run.seed, run.failed) for run in first.runs] == [
        ("left", 0, False), ("left", 1, False), ("bad", 0, False), ("bad", 1, True),
    ]  # fmt: skip
    line = raising.__code__.co_firstlineno + 2
    assert first.failures == [
        f"FAILED  bad on CartPole-v1, seed 1: RuntimeError: the second seed is bad (test_runner.py, line {line})"
    ]
    assert "raise RuntimeError" in first.runs[3].traceback
    assert {path.name for path in out.iterdir()} >= {"report.html", "runs.csv", "verdicts.json"}

    again = compare("CartPole-v1", both | {"bad": contender(1, ran)}, seeds=3, out=out, **options())
    assert len(list(ran.iterdir())) == 4 + 1 + 3  # the third seed of both, and the contender that changed from seed 0
    assert not again.failures
    assert again.runs[0] == first.runs[0]


def test_a_run_that_crashes_takes_nothing_with_it():
    names = {"left": contender(0), "crashes": contender(1, None, killed), "leaves": contender(1, None, leaving)}
    result = compare("CartPole-v1", names, seeds=2, **options())
    failed = {(run.contender, run.seed): run.error for run in result.runs if run.failed}
    again = "; running the comparison again repeats only what failed"
    assert failed == {
        ("crashes", 1): f"the process of the run was ended by SIGSEGV{again}",
        ("leaves", 0): f"the contender ended its process, with exit code 0{again}",
        ("leaves", 1): f"the contender ended its process, with exit code 0{again}",
    }
    assert "FAILED  crashes" in result.verdict


def test_what_draws_from_the_streams_of_the_process_draws_by_its_seed(tmp_path):
    def train(env, seed, steps, name):
        import random

        import numpy as np
        import torch

        draws = [random.random(), float(np.random.rand()), float(torch.rand(()))]
        (tmp_path / f"{name}-{seed}").write_text(json.dumps(draws))
        return Fixed(0)

    names = {name: (train, {"name": name}) for name in ("one", "other")}
    compare("CartPole-v1", names, seeds=2, out=tmp_path / "out", **options())
    first, second = ([json.loads((tmp_path / f"{name}-{seed}").read_text()) for seed in (0, 1)] for name in names)
    assert first == second
    assert not set(first[0]) & set(first[1])


def test_files_of_others_are_not_replaced(tmp_path):
    (tmp_path / "report.html").write_text("precious")
    with pytest.raises(LabError, match=r"holds report\.html, which no comparison wrote there; name another folder"):
        compare("CartPole-v1", {"a": contender(0), "b": contender(1)}, seeds=1, out=tmp_path, **options())
    assert (tmp_path / "report.html").read_text() == "precious"


def test_a_rule_of_thumb_is_a_contender(tmp_path):
    result = compare(
        "CartPole-v1",
        {"always left": lambda env, seed, steps: Fixed(0), "trained": contender(1)},
        seeds=1,
        out=tmp_path / "out",
        **options(),
    )
    assert not any(run.failed for run in result.runs)
    assert next(run for run in result.runs if run.contender == "always left").steps == 0


def test_an_output_folder_in_use_is_refused(tmp_path):
    with locked(tmp_path), pytest.raises(LabError, match="is in use by another run"):
        compare("CartPole-v1", {"a": contender(0), "b": contender(1)}, seeds=1, out=tmp_path, **options())
    (tmp_path / "file").touch()
    with pytest.raises(LabError, match="cannot be made"):
        compare("CartPole-v1", {"a": contender(0), "b": contender(1)}, seeds=1, out=tmp_path / "file", **options())


def bad_news(env, seed, steps):
    raise RuntimeError("[/b] \x1b[31mred\x07")


def test_names_and_messages_of_others_are_shown_as_they_are(capsys, tmp_path):
    names = {"a[/b]": contender(0), "[red]": bad_news}
    result = compare("CartPole-v1", names, seeds=1, out=tmp_path / "[/out]", **options(quiet=False))
    shown = capsys.readouterr().err + result.verdict
    assert "a[/b] on CartPole-v1, seed 0: return" in shown
    assert "[red] on CartPole-v1, seed 0: RuntimeError: [/b] \\x1b[31mred\\x07" in shown
    assert "\x1b" not in shown
    with pytest.raises(LabError, match="needs a name, as text without control characters"):
        compare("CartPole-v1", {"\x1b[31m": contender(0), "b": contender(1)}, seeds=1, **options())


def test_a_full_bar_of_names_in_markup(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    both = [Contender("a[/b]", contender(0)), Contender("[bold", contender(1))]
    tasks = all_tasks(Plan([Environment("CartPole-v1")], both, 40, 1, evaluation=Evaluation(2, 2)))
    with Display(tasks, 1) as view:
        view.compiling("a[/b] on [/c]")
        view.step(tasks[0].job, 20, 1.0)
        view.say("[/d]")
        table = view.progress.make_tasks_table(view.progress.tasks)
    assert table.row_count == 4


def test_a_full_disk_ends_a_comparison_with_a_sentence_and_finished_runs_stay(tmp_path, monkeypatch):
    real, out = os.fsync, tmp_path / "out"

    def full(descriptor):
        if len(list((out / "runs").glob("*.json"))) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    both = {"a": contender(0), "b": contender(1)}
    with pytest.raises(LabError, match=r"No space left on device; .*; the runs that finished before") as error:
        compare("CartPole-v1", both, seeds=1, out=out, **options())
    assert "\n" not in str(error.value)
    assert [file.suffix for file in (out / "runs").iterdir()] == [".json"]
    monkeypatch.undo()
    (out / "agents").mkdir()
    for name in ("runs", "agents"):
        (out / name / f".left{PARTIAL}").touch()  # by a process that was killed
    again = compare("CartPole-v1", both, seeds=1, out=out, **options())
    assert not again.failures
    assert sorted(file.suffix for file in (out / "runs").iterdir()) == [".json", ".json"]
    assert not any((out / "agents").iterdir())


def test_a_run_of_which_nothing_is_heard_is_mentioned_once(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("rl_lab.compare.runner.SILENCE", 0.5)

    def slow(env, seed, steps):
        time.sleep(2)
        return Fixed(0)

    compare("CartPole-v1", {"slow": slow, "fixed": slow}, seeds=1, **options(quiet=False, out=tmp_path))
    shown = capsys.readouterr().err
    assert shown.count("of slow on CartPole-v1, seed 0; if it hangs, stop the comparison and start it again") == 1
