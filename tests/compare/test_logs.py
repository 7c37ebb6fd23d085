"""Logs: ours as rliable reads them, and those that Stable-Baselines3 leaves."""

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
    with pytest.raises(LabError, match="must be finite"):
        read_logs([write_npz(tmp_path / "few.npz", [[1.0], [2.0]], steps=[1])])
    (tmp_path / "runs.csv").write_text("a,b\n1,2\n")
    with pytest.raises(LabError, match="has columns a, b; a runs"):
        read_logs([tmp_path / "runs.csv"])
    (tmp_path / "runs.csv").write_text("environment,contender,seed,step,seconds,return\nx,y,0,many,1,1\n")
    with pytest.raises(LabError, match="is not a runs"):
        read_logs([tmp_path / "runs.csv"])
    (tmp_path / "runs.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LabError, match="cannot be read"):
        read_logs([tmp_path / "runs.csv"])
