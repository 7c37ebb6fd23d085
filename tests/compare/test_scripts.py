"""Scripts and notebooks as people write them: what they define and set reaches the runs, and Ctrl-C ends them."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rl_lab.errors import LabError
from rl_lab.files import locked

SCRIPT = """
import gymnasium as gym
import numpy as np
from rl_lab.compare import compare

class Corridor(gym.Env):
    observation_space = gym.spaces.Box(0, 9, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.place = max(self.place + 2 * action - 1, 0)
        return np.full(1, self.place, np.float32), float(self.place == 9), self.place == 9, False, {}

    @classmethod
    def limited(cls):
        return gym.wrappers.TimeLimit(cls(), 20)

gym.register("Corridor-v0", "__main__:Corridor", max_episode_steps=30)

def make(action):
    def walk(env, seed, steps):
        env.reset()
        for _ in range(steps):
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        class Model:
            predict = staticmethod(lambda observation: action)
        print("printed by a contender")
        return Model()
    return walk

result = compare(["Corridor-v0", Corridor.limited], {"right": make(1), "left": make(0)}, steps=60, seeds=2, points=2,
                 episodes=2, jobs=1, quiet=True, references=(0, 1))
print([run.points[-1].returns for run in result.runs])
print(result.verdict)
result.save("report.html")
"""


def test_a_script_without_main_guard_with_closures_and_environments_of_its_own(python, tmp_path):
    printed = python(SCRIPT, RL_LAB_CACHE=str(tmp_path / "cache"))
    right, left = [[1.0, 1.0]] * 2, [[0.0, 0.0]] * 2
    assert str([*right, *left, *right, *left]) in printed
    assert "Corridor-v0" in printed
    assert "limited  ·  2 paired seeds" in printed
    assert "a smoke test: 2 seeds of the 10" in printed
    assert "printed by a contender" not in printed
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert len(list((tmp_path / "cache" / "compare" / "runs").iterdir())) == 8  # without `out`, kept in the cache


NOTEBOOK = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in ['''
import gymnasium as gym
import numpy as np
from rl_lab import jit
from rl_lab.compare import compare
''', '''
def forward(place, action):
    return place + 2.0 * action - 1.0
''', '''
class Corridor(gym.Env):
    observation_space = gym.spaces.Box(-99, 99, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self):
        self.forward = jit.specialize(forward)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = 0.0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.place = self.forward(self.place, float(action))
        return np.full(1, self.place, np.float32), self.place, abs(self.place) >= 3, False, {}

gym.register("Corridor-v0", Corridor, max_episode_steps=5)
gym.register("Corridor-v1", "__main__:Corridor", max_episode_steps=5)
''', '''
class Always:
    def __init__(self, action):
        self.action = action
    def predict(self, observation):
        return self.action

def right(env, seed, steps):
    return Always(1)

def left(env, seed, steps):
    return Always(0)

result = compare(["Corridor-v0", "Corridor-v1", Corridor], {"right": right, "left": left}, steps=10, seeds=1, points=1,
                 episodes=1, jobs=1, quiet=True)
''']:
    shell.run_cell(cell, store_history=True).raise_error()
print([run.error or run.points[-1].returns for run in shell.user_ns["result"].runs])
"""


def test_a_notebook_with_environments_and_kernels_of_its_own(python, tmp_path):
    assert str([[6.0], [-6.0]] * 3) in python(NOTEBOOK, RL_LAB_CACHE=str(tmp_path / "cache"))


def running(pid):
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_ctrl_c_keeps_finished_runs_and_leaves_no_process(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys, time\n"
        "from rl_lab.compare import compare\n"
        "class Model:\n    predict = staticmethod(lambda observation: 0)\n"
        "def quick(env, seed, steps):\n    env.reset(); env.step(0)\n    return Model()\n"
        "def slow(env, seed, steps):\n    open(f'{seed}.pid', 'w').write(str(os.getpid())); time.sleep(600)\n"
        "compare('CartPole-v1', {'quick': quick, 'slow': slow}, steps=40, seeds=2, points=1, out='out', jobs=2)\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    runs, waited = tmp_path / "out" / "runs", time.monotonic() + 60
    while len(list(tmp_path.glob("*.pid"))) < 2 and time.monotonic() < waited:
        time.sleep(0.1)
    with pytest.raises(LabError, match="in use by another run"), locked(tmp_path / "out"):
        pass
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in printed
    assert [json.loads(path.read_text())["contender"] for path in runs.iterdir()] == ["quick", "quick"]
    for path in tmp_path.glob("*.pid"):
        assert not running(int(path.read_text()))


def test_runs_use_the_values_that_a_script_has_set_in_modules(tmp_path, python):
    (tmp_path / "settings_of_mine.py").write_text("ACTION = 0\nclass Options:\n    action = 0\n")
    (tmp_path / "worlds_of_mine.py").write_text(
        "import gymnasium as gym\n"
        "from gymnasium.envs.classic_control import CartPoleEnv\n"
        "SCALE = 1.0\n"
        "class World(CartPoleEnv):\n"
        "    def step(self, action):\n"
        "        seen, reward, *rest = super().step(action)\n"
        "        return seen, SCALE * reward, *rest\n"
        "gym.register('OfMine-v0', 'worlds_of_mine:World', max_episode_steps=20)\n"
    )
    printed = python(
        """
        import settings_of_mine, worlds_of_mine
        from rl_lab.compare import compare

        class Fixed:
            def __init__(self, action):
                self.action = action
            def predict(self, observation, deterministic=True):
                return self.action, None

        def one(env, seed, steps):
            return Fixed(settings_of_mine.ACTION)

        def other(env, seed, steps):
            return Fixed(settings_of_mine.Options.action)

        if __name__ == "__main__":
            def returns():
                contenders = {"one": one, "other": other}
                result = compare("OfMine-v0", contenders, steps=100, seeds=1, points=1, jobs=1, quiet=True, out="out")
                return [run.points[-1].returns for run in result.runs]
            first = returns()
            worlds_of_mine.SCALE = 2.0
            doubled = returns()
            assert doubled == [[2 * value for value in run] for run in first]
            settings_of_mine.ACTION = settings_of_mine.Options.action = 1
            assert [one != two for one, two in zip(returns(), doubled)] == [True, True]
            worlds_of_mine.SCALE, settings_of_mine.ACTION, settings_of_mine.Options.action = 1.0, 0, 0
            assert returns() == first
            print("alike")
        """
    )
    assert "alike" in printed
