"""The environment's share of the time in which PPO learns.

    python -m benchmarks ppo_share

PPO trains, rollout and update in machine code; after each iteration the lanes go back to where they were and take the
same steps again, alone. The time of these over the time of the iterations is the share.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

from benchmarks.common import Figure
from rl_lab.agents import PPO
from rl_lab.profile import time_replay

IDS = ("DoorKey-8x8-v0", "LavaGapS6-v0", "SimpleCrossingS9N1-v0", "MultiRoom-N6-v0")
SETTINGS: dict[str, Any] = {"num_envs": 16, "n_steps": 128, "batch_size": 256, "n_epochs": 4, "learning_rate": 1e-3}
WARM, ITERATIONS = 20, 100  # some learning first, so that episodes end as they do in training


def run(full: bool) -> list[Figure]:
    """The share on each of four ids, `full` or not."""
    return [_share(name) for name in IDS]


def _share(name: str) -> Figure:
    agent = PPO(f"rl_lab/Robot-{name}", ent_coef=0.01, **SETTINGS)
    agent.total_timesteps = sys.maxsize
    shares, rates = list[float](), list[float]()
    for iteration in range(WARM + ITERATIONS):
        before = agent.source.save()
        start = time.perf_counter()
        agent.iterate()
        seconds = time.perf_counter() - start
        assert before is not None  # the lanes are ours
        agent.source.load(before)
        environment = time_replay(agent)
        if iteration >= WARM:
            shares.append(100 * environment / seconds)
            rates.append(agent.rollout.rewards.size / seconds)
    note = f"PPO takes {statistics.median(rates):,.0f} steps a second, environment and update together"
    return Figure(name, "%", statistics.median(shares), bar=5.0, note=note, samples={"ours": shares})
