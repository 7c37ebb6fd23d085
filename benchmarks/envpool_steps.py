"""Steps of the robot gridworld beside EnvPool's C++ MiniGrid, where EnvPool is installed.

`pip install envpool && python -m benchmarks envpool_steps`
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable

import numpy as np

from benchmarks.common import Figure, compared, interleave, speed
from benchmarks.robot_steps import ours

LANES, STEPS, ROUNDS = 1024, 100, 9


def run(full: bool) -> list[Figure]:
    if importlib.util.find_spec("envpool") is None:
        return []
    samples = interleave(ROUNDS, ours=ours(lanes=LANES), envpool=_envpool())
    return [compared("DoorKey-8x8, 1024 lanes, one thread", "steps/s", samples["ours"], samples["envpool"], "EnvPool")]


def _envpool() -> Callable[[], float]:
    import envpool

    envs = envpool.make_gymnasium("MiniGrid-DoorKey-8x8-v0", num_envs=LANES, num_threads=1)
    envs.reset()
    actions = itertools.cycle(np.random.default_rng(0).integers(0, 7, (31, LANES)))

    def work() -> None:
        for _ in range(STEPS):
            envs.step(next(actions))

    return lambda: speed(LANES * STEPS, work)
