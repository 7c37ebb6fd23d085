"""A comparison keeps agents: what was judged last is what the file holds."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from rl_lab import agents
from rl_lab.compare import Environment, Evaluation, compare
from rl_lab.compare.environments import Maker, evaluation_seeds
from rl_lab.compare.evaluation import Judge
from rl_lab.compare.kept import missing
from rl_lab.compare.runs import NOT_KEPT, Run
from rl_lab.errors import LabError

SMALL = {"n_steps": 64, "batch_size": 64, "n_epochs": 1}


class Fixed:
    def predict(self, observation):
        return 0


def rule(env, seed, steps):
    return Fixed()


def normalised(env, seed, steps):
    return PPO("MlpPolicy", VecNormalize(DummyVecEnv([lambda: env])), seed=seed, device="cpu", **SMALL).learn(steps)


def returns(model, seed):
    judge = Judge(Maker.of(Environment("rl_lab/CartPole-v1")), Evaluation(episodes=3), evaluation_seeds(seed, 3))
    return judge(model).returns.tolist()


def test_the_best_agents_stay_and_are_those_that_were_judged(tmp_path):
    contenders = {"lab/our own": ("ppo", SMALL), "sb3": ("sb3:ppo", SMALL), "norm": normalised, "rule": rule}
    options = {"steps": 192, "seeds": 2, "points": 1, "episodes": 3, "quiet": True, "jobs": 1, "out": tmp_path / "out"}
    everything = compare("rl_lab/CartPole-v1", contenders, keep="all", **options)
    assert [len(everything.agents.get(name, ())) for name in contenders] == [2, 2, 2, 0]
    assert len(list((tmp_path / "out" / "agents").iterdir())) == 6 + 2

    result = compare("rl_lab/CartPole-v1", contenders, **options)  # all runs are finished; the best alone stay
    assert {name: files[0] for name, files in everything.agents.items()} == {
        name: file for name, (file,) in result.agents.items()
    }
    assert len(list((tmp_path / "out" / "agents").iterdir())) == 3 + 1
    finals = {}
    for run in result.runs:
        finals.setdefault(run.contender, []).append(run.points[-1].returns)
    for name, (file,) in result.agents.items():
        best = int(np.argmax(np.mean(finals[name], axis=1)))
        model = agents.PPO.load(file) if file.suffix == ".safetensors" else PPO.load(file, device="cpu")
        if name == "norm":
            statistics = file.with_suffix(".vecnormalize.pkl")
            model.set_env(VecNormalize.load(statistics, DummyVecEnv([lambda: gym.make("CartPole-v1")])))
        assert returns(model, best) == finals[name][best]
    assert repr(result) == "Result(8 runs: lab/our own, sb3, norm, rule on rl_lab/CartPole-v1)"
    assert "Is the return per step of norm" in result._repr_html_()


def test_an_agent_that_cannot_be_written_takes_no_run_with_it(tmp_path):
    def mine(env, seed, steps):
        model = PPO("MlpPolicy", env, seed=seed, device="cpu", **SMALL)
        model.save = lambda path: 1 / 0
        return model

    options = {"steps": 64, "seeds": 1, "points": 1, "episodes": 1, "quiet": True, "jobs": 1, "out": tmp_path / "out"}
    result = compare("CartPole-v1", {"mine": mine, "rule": rule}, **options)
    assert not result.failures
    assert result.agents == {}
    assert "An agent of mine could not be kept: ZeroDivisionError: division by zero" in result.verdict
    assert not any((tmp_path / "out" / "agents").iterdir())
    with pytest.raises(LabError, match="unknown keep 'last'; keep is one of best, all, none"):
        compare("CartPole-v1", {"mine": mine, "rule": rule}, keep="last", **options)


def test_runs_that_kept_no_agent_are_mentioned():
    pruned, never, unknown = (Run("e", "c", 0, agent="x.zip"), Run("e", "c", 1), Run("e", "c", 2, notes={NOT_KEPT: ""}))
    assert missing([pruned, never, unknown], Path("nowhere"), "best") == 1
    assert missing([pruned, never, unknown], Path("nowhere"), "all") == 2
    full = Run("e", "c", 3, notes={NOT_KEPT: "No space left on device"})  # which may have been freed since
    assert missing([pruned, full], Path("nowhere"), "best") == 1
