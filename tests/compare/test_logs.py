"""Logs: ours as rliable reads them, and those that Stable-Baselines3 leaves."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_runs import plan, rising, run
from stable_baselines3 import A2C
from stable_baselines3.common.callbacks import EvalCallback

from rl_lab.compare import Environment, Question, Result, Run, judge_logs
from rl_lab.compare.logs import read_logs
from rl_lab.errors import LabError


def write_npz(path, returns, steps=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    returns = np.asarray(returns, float)
    steps = np.arange(1, len(returns) + 1) * 100 if steps is None else steps
    np.savez(path, timesteps=steps, results=returns, ep_lengths=np.ones(returns.shape, int))
    return path


def curve(top, seed, folder, name="evaluations.npz"):
    """Ten evaluations of five episodes that rise to `top`."""
    rng = np.random.default_rng(seed)
    means = top * np.linspace(0.1, 1, 10) + rng.normal(0, 0.02)
    return write_npz(folder / f"seed{seed}" / name, means[:, None] + rng.normal(0, 0.1, (10, 5)))


def test_evaluations_of_stable_baselines_are_read_as_it_wrote_them(tmp_path):
    model = A2C("MlpPolicy", "CartPole-v1", seed=0, device="cpu")
    callback = EvalCallback(
        model.get_env(), log_path=str(tmp_path), eval_freq=100, n_eval_episodes=3, verbose=0, warn=False
    )
    model.learn(300, callback)
    (log,) = read_logs([tmp_path / "evaluations.npz"])
    assert [point.step for point in log.points] == callback.evaluations_timesteps == [100, 200, 300]
    assert [point.returns for point in log.points] == callback.evaluations_results
    assert [point.lengths for point in log.points] == callback.evaluations_length


def test_logs_in_folders_of_the_same_names_are_paired(tmp_path):
    ours = [curve(1.0, seed, tmp_path / "a") for seed in range(10)]
    theirs = [curve(0.7, seed, tmp_path / "b") for seed in range(10)]
    result = judge_logs(ours, theirs[::-1], margin=0.05)
    (verdict,) = result.verdicts
    assert (verdict.outcome, verdict.paired, verdict.pairs) == ("better", True, 10)
    assert verdict.estimate == pytest.approx(0.3 * np.mean(np.linspace(0.1, 1, 10)), abs=0.05)
    assert "10 paired seeds" in result.verdict
    report = result.save(tmp_path / "report.html").read_text()
    assert "Learning over environment steps" in report
    assert "Learning over wall-clock" not in report  # these logs have no seconds


def test_other_logs_are_not_paired(tmp_path):
    ours = [curve(1.0, seed, tmp_path / "a") for seed in range(11)]
    theirs = [curve(1.0, seed + 50, tmp_path / "b") for seed in range(10)]
    (verdict, steps) = judge_logs(ours, theirs, margin=0.2, threshold=0.75).verdicts
    assert (verdict.outcome, verdict.paired) == ("equivalent", False)
    assert steps.measure == "steps"
    assert steps.value == 800


def test_few_logs_are_a_smoke_test(tmp_path):
    verdict = judge_logs([curve(1.0, 0, tmp_path / "a")], [curve(0.0, 0, tmp_path / "b")]).verdicts[0]
    assert verdict.outcome == "none"
    assert "a smoke test: 1 seed of the 10" in verdict.note


def test_runs_csv_is_long_and_pivots_to_what_rliable_takes(tmp_path):
    seeds = range(3)
    runs = [run("ours", s, rising(3 + s)) for s in seeds] + [run("theirs", s, rising(5, 0.5)) for s in seeds]
    runs.append(Run("task", "ours", 9, error="it broke"))
    result = Result(plan(Question("return"), seeds=3), runs)
    table = pd.read_csv(result.save(tmp_path / "runs.csv"))
    assert len(table) == 2 * 3 * 11
    last = table[table.step == table.step.max()]
    scores = {
        name: part.pivot(index="seed", columns="environment", values="score").to_numpy()
        for name, part in last.groupby("contender")
    }
    assert scores["ours"].shape == (3, 1)  # runs by tasks
    assert scores["ours"].mean() == 1.0
    assert scores["theirs"].mean() == 0.5
    assert np.allclose(table["return"], table["score"])


def test_our_own_runs_csv_can_be_judged(tmp_path):
    environments = [Environment("task", None, {}, 0.0, 1.0), Environment("other")]
    sides = [("ours", 2), ("theirs", 6)]
    runs = [
        run(name, s, rising(at), 2.0, where) for where in ("task", "other") for s in range(10) for name, at in sides
    ]
    file = Result(plan(Question("return"), environments=environments), runs).save(tmp_path / "runs.csv")
    asked = [Question("return"), Question("time", threshold=0.9)]
    verdicts = judge_logs([f"{file}::ours::task"], [f"{file}::theirs::task"], questions=asked).verdicts
    assert [verdict.outcome for verdict in verdicts] == ["better", "better"]
    assert verdicts[1].estimate == pytest.approx(3.0)
    with pytest.raises(LabError, match="has 2 contenders; there are ours, theirs; choose with"):
        read_logs([file])
    with pytest.raises(LabError, match="has 2 environments; there are other, task"):
        read_logs([f"{file}::ours"])
    with pytest.raises(LabError, match="has no contender 'our'"):
        read_logs([f"{file}::our"])


def test_a_log_that_is_none_gets_a_sentence(tmp_path):
    with pytest.raises(LabError, match="there are no logs"):
        judge_logs([], [])
    with pytest.raises(LabError, match="there is no log"):
        read_logs([tmp_path / "evaluations.npz"])
    with pytest.raises(LabError, match="'/dev/zero' is a device; give "):
        read_logs(["/dev/zero"])
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(LabError, match=r"pipe\.csv' is a pipe; give "):
        read_logs([tmp_path / "pipe.csv"])
    for content in (b"", b"not an archive", b"PK\x03\x04 cut off"):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(LabError, match="is not an evaluations"):
            read_logs([tmp_path / "bad.npz"])
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    with pytest.raises(LabError, match="is not an evaluations"):
        read_logs([tmp_path / "other.npz"])
    np.savez(tmp_path / "code.npz", timesteps=np.array([print], object), results=np.zeros((1, 1)))
    with pytest.raises(LabError, match="is not an evaluations"):
        read_logs([tmp_path / "code.npz"])
    with pytest.raises(LabError, match="must be finite"):
        read_logs([write_npz(tmp_path / "nan.npz", [[1.0], [np.nan]])])
    with pytest.raises(LabError, match="as many evaluations in each"):
        read_logs([write_npz(tmp_path / "few.npz", [[1.0], [2.0]], steps=[1])])
    np.savez(tmp_path / "huge.npz", timesteps=np.arange(5))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|S0", "fortran_order": False, "shape": (5, 10**12)})
    with zipfile.ZipFile(tmp_path / "huge.npz", "a") as archive:
        archive.writestr("results.npy", header.getvalue())  # texts without a letter, which take no bytes
    with pytest.raises(LabError, match=r"results \(5, 1000000000000\) .* must be numbers"):
        read_logs([tmp_path / "huge.npz"])
    (tmp_path / "runs.csv").write_text("a,b\n1,2\n")
    (tmp_path / "twice.csv").write_text("contender,environment,seed,step,seconds,return,return\na,e,0,100,1,300,1\n")
    with pytest.raises(LabError, match=r"twice\.csv' has the column 'return' twice; keep the one that is meant"):
        read_logs([tmp_path / "twice.csv"])
    with pytest.raises(LabError, match="has columns a, b; a runs"):
        read_logs([tmp_path / "runs.csv"])
    (tmp_path / "runs.csv").write_text("environment,contender,seed,step,seconds,return\nx,y,0,many,1,1\n")
    with pytest.raises(LabError, match="is not a runs"):
        read_logs([tmp_path / "runs.csv"])
    (tmp_path / "runs.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LabError, match="cannot be read"):
        read_logs([tmp_path / "runs.csv"])


@pytest.mark.parametrize("sides", [(200_000, 100_000), (100_000, 195_000)])
def test_logs_are_compared_up_to_the_step_at_which_the_shortest_ends(tmp_path, sides):
    rng = np.random.default_rng(0)

    def side(name, end):
        steps = np.append(np.arange(10_000, end, 10_000), end)
        returns = [steps[:, None] / 1000 + rng.normal(0, 3, (len(steps), 5)) for _ in range(10)]
        return [write_npz(tmp_path / name / str(k) / "evaluations.npz", each, steps) for k, each in enumerate(returns)]

    questions = [Question("final"), Question("steps", threshold=150.0), Question("steps", threshold=80.0)]
    result = judge_logs(side("ours", sides[0]), side("theirs", sides[1]), questions=questions)
    final, never, reached = result.verdicts
    assert final.outcome == "inconclusive"
    assert final.value == pytest.approx(100, abs=3)
    assert final.against == pytest.approx(100, abs=3)
    assert never.unreached == (10, 10)
    assert reached.estimate == pytest.approx(1, abs=0.1)
    assert {run.steps for run in result.runs} == {100_000}


def test_a_curve_without_an_evaluation_at_the_common_end_is_cut_on_the_line(tmp_path):
    short = write_npz(tmp_path / "a" / "evaluations.npz", [[0.0], [1.0]], [100, 150])
    long = write_npz(tmp_path / "b" / "evaluations.npz", [[0.0], [4.0]], [100, 300])
    final = judge_logs([long], [short], questions=[Question("final")]).verdicts[0]
    assert (final.value, final.against) == (1.0, 1.0)
    late = write_npz(tmp_path / "c" / "evaluations.npz", [[4.0]], [300])
    with pytest.raises(LabError, match="first evaluated at step 300, and the shortest log ends at 150"):
        judge_logs([late], [short])


@pytest.mark.parametrize("shape", [(2, 5), (2, 5, 1), (2, 1, 5), (2,), (2, 1)])
def test_axes_of_length_one_do_not_matter(tmp_path, shape):
    results = np.arange(np.prod(shape)).reshape(shape)
    np.savez(tmp_path / "evaluations.npz", timesteps=[[1], [2]], results=results, ep_lengths=results)
    (log,) = read_logs([tmp_path / "evaluations.npz"])
    assert [point.returns for point in log.points] == results.reshape(2, -1).tolist()
    assert [point.lengths for point in log.points] == results.reshape(2, -1).tolist()


RAGGED = np.array([[1.0], [1.0, 2.0]], object)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"results": [[1.0], [np.inf]]}, "step 2: the returns are"),
        ({"results": [[1.0], [1e308]]}, "at most 1e+300"),
        ({"results": RAGGED}, "results differ in their number of episodes"),
        ({"results": [["a"], ["b"]]}, "they must be numbers"),
        ({"results": np.zeros((2, 0))}, "as many evaluations in each"),
        ({"results": np.zeros((2, 2, 2)), "ep_lengths": np.zeros((2, 2, 2), int)}, "as many evaluations in each"),
        ({"results": 1.0}, "as many evaluations in each"),
        ({"ep_lengths": [[1]]}, "as many evaluations in each"),
        ({"ep_lengths": [[1], [-3]]}, "lengths and seconds must be finite and not negative"),
        ({"timesteps": ["a", "b"]}, "they must be numbers"),
        ({"timesteps": [2, 1]}, "step 1: it comes after step 2; give the log of one training"),
        ({"timesteps": [1, 1]}, "it comes after step 1"),
        ({"timesteps": [-1, 1]}, "steps must be whole numbers that rise"),
        ({"timesteps": [0.5, 1]}, "steps must be whole numbers that rise"),
        ({"timesteps": [1, np.nan]}, "steps must be whole numbers that rise"),
    ],
)
def test_numbers_that_are_no_learning_curve_get_a_sentence(tmp_path, arrays, words):
    good = {"timesteps": [1, 2], "results": [[1.0], [2.0]], "ep_lengths": [[1], [2]]}
    np.savez(tmp_path / "evaluations.npz", **good | arrays)
    with pytest.raises(LabError) as error:
        read_logs([tmp_path / "evaluations.npz"])
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_archives_that_would_fill_the_memory_are_refused_unread(tmp_path):
    header = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }"
    path = tmp_path / "evaluations.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("timesteps.npy", bytes(2**28 + 1))
        archive.writestr("results.npy", b"")
    with pytest.raises(LabError, match=r"timesteps has 268,435,457 bytes, and a log at most 268,435,456"):
        read_logs([path])
    with zipfile.ZipFile(path, "w") as archive:  # more than it holds
        archive.writestr("timesteps.npy", (header % 10**15).ljust(127) + b"\n")
        archive.writestr("results.npy", b"")
    with pytest.raises(LabError, match="is not an evaluations"):
        read_logs([path])
    np.savez_compressed(path, timesteps=np.zeros(1_000_001, np.uint8), results=np.zeros(1_000_001, np.uint8))
    with pytest.raises(LabError, match=r"has 1,000,001 returns, and a log at most 1,000,000; give evaluations\.npz"):
        read_logs([path])
    good = write_npz(tmp_path / "good" / "evaluations.npz", [[1.0]])
    data = bytearray(good.read_bytes())
    for place in [at for at in range(len(data)) if data[at : at + 4] in (b"PK\x01\x02", b"PK\x03\x04")]:
        data[place + (8 if data[place + 2] == 1 else 6)] |= 1  # encrypted
    path.write_bytes(data)
    with pytest.raises(LabError, match="encrypted"):
        read_logs([path])


HEAD = "environment,contender,seed,step,seconds,cpu_seconds,return,score,episodes,length"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has columns "),
        (HEAD, "has no rows"),
        (f"{HEAD}\nE,a,0,0", "row 1 has not as many values"),
        (f"{HEAD}\nE,a,0,0,1,1,1,1,1,1,1,1", "row 1 has not as many values"),
        (f"{HEAD}\nE,a,0,0,1,1,inf,1,1,1", "must be finite"),
        (f"{HEAD}\nE,a,0,1_00,1,1,1,1,1,1", "'1_00' is not a number, such as 100, -1.5 or 1e5"),
        (f"{HEAD}\nE,a,0,0,1,1,1_0,1,1,1", "'1_0' is not a number"),
        (f"{HEAD}\nE,a,0,0,1,1,infinity,1,1,1", "'infinity' is not a number"),
        (f"{HEAD}\nE,a,0,0,1,1,\u0661,1,1,1", "is not a number"),
        (f"{HEAD}\nE,a,0,0,0x1p3,1,1,1,1,1", "'0x1p3' is not a number"),
        (f"{HEAD}\nE,a,0,0,1,1,nan,1,1,1", "must be finite"),
        (f"{HEAD}\nE,a,0,0,inf,1,1,1,1,1", "seconds must be finite"),
        (f"{HEAD}\nE,a,0,0,-1,1,1,1,1,1", "seconds must be finite"),
        (f"{HEAD}\nE,a,0,-1,1,1,1,1,1,1", "whole numbers that rise"),
        (f"{HEAD}\nE,a,0,1.5,1,1,1,1,1,1", "whole numbers that rise"),
        (f"{HEAD}\nE,a,0,1e99,1,1,1,1,1,1", "whole numbers that rise"),
        (f"{HEAD}\n" + "E,a,0,1,1,1,1,1,1,1\n" * 2, "it comes after step 1"),
        (f"{HEAD}\nE,a,0,0,1,1,{'9' * 200_000},1,1,1", "cannot be read: field larger"),
        ('#{"t_start": 1.0, "env_id": "CartPole-v1"}\nr,l,t\n10.0,10,0.8\n', "is a monitor.csv of Stable-Baselines3"),
    ],
)
def test_rows_that_are_no_learning_curve_get_a_sentence(tmp_path, text, words):
    (tmp_path / "runs.csv").write_text(text)
    with pytest.raises(LabError) as error:
        read_logs([tmp_path / "runs.csv"])
    assert words in str(error.value)


def test_logs_with_more_evaluations_than_a_plan_may_ask_for_are_judged(tmp_path):
    paths = []
    for side, value in (("a", 1.0), ("b", 2.0)):
        paths.append(tmp_path / side / "evaluations.npz")
        paths[-1].parent.mkdir()
        np.savez(paths[-1], timesteps=np.arange(10_001), results=np.full((10_001, 1), value))
    assert judge_logs(paths[:1], paths[1:]).plan.evaluation.points == 10_000


def test_tables_that_other_programs_have_saved_again_are_read(tmp_path):
    row = "E,a,7,{}.0,1,,{},1,1,1\n"
    (tmp_path / "Runs.CSV").write_text(f"{HEAD}\n{row.format(20, 2)}{row.format(10, 1)}", encoding="utf-8-sig")
    (log,) = read_logs([tmp_path / "Runs.CSV"])
    assert log.name == "7"
    assert [(point.step, point.returns) for point in log.points] == [(10, [1.0]), (20, [2.0])]


def test_a_log_that_is_there_twice_is_refused_and_so_is_a_question_about_seconds_that_there_are_not(tmp_path):
    one, other = (curve(1.0, seed, tmp_path) for seed in (0, 1))
    for same in (one, f"{Path(one).parent}/../{Path(one).parent.name}/{Path(one).name}"):
        with pytest.raises(LabError, match="is there twice"):
            judge_logs([one, same], [other])
    with pytest.raises(LabError, match="ask about steps instead of time"):
        judge_logs([one], [other], questions=[Question("time", threshold=0.5)])
    with pytest.raises(LabError, match="cannot be read: Is a directory"):
        read_logs([tmp_path])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"paths": 5}, r"logs are 5; give a list of paths"),
        ({"against": "runs.csv"}, r"logs are 'runs.csv'; give a list of paths"),
        ({"names": 5}, "names is 5; give a pair"),
        ({"names": ("a",)}, "give a pair of what the two sides are called"),
        ({"references": 5}, "references is 5; give a pair"),
    ],
)
def test_arguments_that_are_not_allowed_are_refused(tmp_path, given, message):
    (tmp_path / "runs.csv").write_text(f"{HEAD}\nE,a,0,0,1,1,1,1,1,1\nE,a,0,5,1,1,1,1,1,1\n")
    sides = {"paths": [tmp_path / "runs.csv"], "against": [tmp_path / "runs.csv"]}
    with pytest.raises(LabError, match=message):
        judge_logs(**(sides | given))
