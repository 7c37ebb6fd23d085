"""Memory: 4096 lanes of the robot and of Go, a process that trains PPO, and what learns from a million images.

    python -m benchmarks memory

Each is measured in a process of its own, from what the system says. The lanes are what a batch adds to a process in
which one lane runs already, so that the compiler and the machine code do not count.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from benchmarks.common import Figure

ROBOTS = """
def run(lanes):
    envs = gym.make_vec("rl_lab/Robot-DoorKey-8x8-v0", num_envs=lanes)
    envs.reset(seed=0)
    for _ in range(50):
        envs.step(np.random.default_rng(0).integers(0, 7, lanes))
    return envs
"""

GAMES = """
def run(lanes):
    envs = gym.make_vec("rl_lab/Go-9x9-v0", num_envs=lanes, opponent="self")
    _, info = envs.reset(seed=0)
    noise = np.random.default_rng(0).random((lanes, 82))
    for _ in range(100):
        *_, info = envs.step(np.argmax(noise * info["action_mask"], axis=1))
    return envs
"""

BATCH = """
import gymnasium as gym, numpy as np, rl_lab

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
{run}
one = run(1)
before = resident()
many = run(4096)
print((resident() - before) / 1e6)
"""

STEPS = """
import gymnasium as gym, numpy as np, rl_lab

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

envs = [gym.make_vec(f"rl_lab/Robot-{name}", num_envs=1024) for name in ("DoorKey-8x8-v0", "MultiRoom-N6-v0")]
actions = np.random.default_rng(0).integers(0, 7, (31, 1024))

def walk(steps):
    for env in envs:
        env.reset(seed=0)
        for step in range(steps // 1024):
            env.step(actions[step % 31])

walk(100_000)
before = resident()
walk(10_000_000)
print((resident() - before) / 1e6)
"""

PPO = """
from rl_lab.agents import PPO
PPO("rl_lab/Robot-DoorKey-8x8-v0", num_envs=16, n_steps=128, batch_size=256, n_epochs=4).learn(20_000)
with open("/proc/self/status") as file:  # getrusage's peak is the parent's where that was higher
    print(next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1.024 / 1e3)
"""

IMAGES = """
from rl_lab.stages import Context, Ledger
from rl_lab.stages.represent import experienced
from rl_lab.unsupervised.representation import Representation

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1.024 / 1e3

def learn(steps):
    context = Context("rl_lab/Robot-DoorKey-8x8-v0", hyperparameters={"num_envs": 16, "n_steps": 250})
    context.begin(Ledger())
    Representation("both", actions=7, max_iter=1).fit(experienced(context.agent(), steps))

learn(4000)
before = peak()
learn(1_000_000)
print(peak() - before)
"""


def run(full: bool) -> list[Figure]:
    if not os.path.exists("/proc/self/statm"):
        return []
    with tempfile.TemporaryDirectory() as empty:
        compiling = _printed(PPO, RL_LAB_CACHE=empty)
    return [
        Figure("4096 robot lanes", "MB", _printed(BATCH.format(run=ROBOTS)), bar=50.0),
        Figure("4096 games of 9x9, superko included", "MB", _printed(BATCH.format(run=GAMES)), bar=100.0),
        Figure("10 million robot steps, twice, add", "MB", _printed(STEPS), bar=1.0),
        Figure("a representation from a million robot images", "MB", _printed(IMAGES), bar=200.0),
        Figure("peak of a PPO process", "MB", _printed(PPO), bar=600.0),
        Figure("peak of a PPO process that compiles first", "MB", compiling, bar=600.0),
    ]


def _printed(script: str, **environment: str) -> float:
    command = [sys.executable, "-c", script]
    return float(subprocess.run(command, env=os.environ | environment, capture_output=True, check=True).stdout)
