"""Steps of the robot gridworld beside EnvPool's C++ MiniGrid, by family, where EnvPool is installed.

`pip install envpool && python -m benchmarks envpool_steps`

Both step 1024 lanes in one thread, each through its own Gymnasium interface.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable

import numpy as np

from benchmarks.common import Figure, compared, interleave, speed
from benchmarks.robot_steps import DOOR_KEY, chosen, ours

LANES, STEPS, ROUNDS = 1024, 50, 5


def run(full: bool) -> list[Figure]:
    """One id of each family, or all of them; nothing where EnvPool is not installed."""
    if importlib.util.find_spec("envpool") is None:
        return []
    import envpool

    theirs = set(envpool.list_all_envs())
    return [_beside(name) for name in dict.fromkeys([DOOR_KEY, *chosen(full)]) if f"MiniGrid-{name}" in theirs]


def _beside(name: str) -> Figure:
    samples = interleave(ROUNDS, ours=ours(name, lanes=LANES), envpool=_envpool(name))
    return compared(name, "steps/s", samples["ours"], samples["envpool"], "EnvPool", bar=20)


def _envpool(name: str) -> Callable[[], float]:
    import envpool

    envs = envpool.make_gymnasium(f"MiniGrid-{name}", num_envs=LANES, num_threads=1)
    envs.reset()
    actions = itertools.cycle(np.random.default_rng(0).integers(0, envs.action_space.n, (31, LANES)))

    def work() -> None:
        for _ in range(STEPS):
            envs.step(next(actions))

    return lambda: speed(LANES * STEPS, work)
