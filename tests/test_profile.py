"""Where training time goes: against environments whose cost is known, and Amdahl's law."""

import json
import sys
import time

import gymnasium as gym
import numpy as np
import pytest

from rl_lab.agents import PPO
from rl_lab.errors import LabError
from rl_lab.profile import profile, time_replay
from rl_lab.profile_report import ProfileReport, Timing

SLEEP = 0.001


class Sleeper(gym.Env):
    """Every step takes a millisecond, whoever takes it; the mission is text, as MiniGrid's."""

    observation_space = gym.spaces.Dict({"x": gym.spaces.Box(-1, 1, (2,)), "mission": gym.spaces.Text(9)})
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return {"x": np.zeros(2, np.float32), "mission": "sleep"}, {}

    def step(self, action):
        time.sleep(SLEEP)
        return {"x": np.zeros(2, np.float32), "mission": "sleep"}, 1.0, False, False, {}


gym.register("Sleeper-v0", Sleeper, max_episode_steps=20)


def test_time_asleep_is_the_environments():
    report = profile("Sleeper-v0", steps=256, num_envs=4, quiet=True)
    theirs, ours = report.timings
    for timing in (theirs, ours):
        assert timing.steps >= 256
        assert SLEEP <= timing.environment / timing.steps < 3 * SLEEP
    assert ours.share > theirs.share > 0.3
    assert ours.share > 0.8
    assert "Python is the bottleneck" in report.conclusion


def test_a_compiled_environment():
    report = profile("rl_lab/CartPole-v1", steps=512, quiet=True)
    assert [timing.name for timing in report.timings] == ["SB3", "SB3, rl_lab.sb3.vec_env", "rl_lab"]
    theirs, batched, ours = report.timings
    assert ours.share < 0.3
    assert batched.environment < theirs.environment
    assert ours.steps_per_second > 3 * theirs.steps_per_second
    assert "Python is no bottleneck" in report.text
    read = json.loads(json.dumps(report.as_dict()))
    assert read["timings"][2]["steps_per_second"] == pytest.approx(ours.steps_per_second)


@pytest.mark.parametrize("env", ["rl_lab/CartPole-v1", "rl_lab/Robot-Empty-5x5-v0"])
def test_the_replay_is_what_the_agent_did(env):
    agent = PPO(env, num_envs=3, n_steps=64)
    agent.total_timesteps = 192
    before = agent.source.save()
    agent.iterate()
    after = agent.source.save()
    agent.source.load(before)
    assert time_replay(agent) > 0
    assert agent.source.save().tobytes() == after.tobytes()


def test_amdahl():
    timing = Timing("any", 100, environment=3.0, policy=0.5, update=0.5)
    assert timing.seconds == 4
    assert timing.share == 0.75
    assert timing.gain == 4
    assert timing.steps_per_second == 25


def test_text_is_coloured_for_terminals_alone(monkeypatch):
    report = ProfileReport("Some-v0", 8, False, (Timing("SB3", 10, 3.0, 0.5, 0.5), Timing("rl_lab", 10, 3.0, 0.1, 0.1)))
    assert "\x1b" not in report.text
    assert "75.0%" in report.text
    assert "4.00 x" in report.text
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert "\x1b" in report.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"env": "Nowhere-v0"}, "Nowhere"),
        ({"env": "no_such_module:Some-v0"}, "no_such_module"),
        ({"env": "CartPole-v1", "steps": 0}, "steps=0"),
        ({"env": "CartPole-v1", "num_envs": -1}, "num_envs=-1"),
    ],
)
def test_bad_input(arguments, said):
    with pytest.raises(LabError, match=said):
        profile(**arguments, quiet=True)
