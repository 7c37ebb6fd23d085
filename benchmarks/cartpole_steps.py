"""Steps of CartPole beside Gymnasium's: its single environment, and its own vector in NumPy.

`python -m benchmarks cartpole_steps`
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from benchmarks.common import Figure, compared, interleave, speed

LANES, STEPS, ROUNDS = 4096, 100, 9


def run(full: bool) -> list[Figure]:
    samples = interleave(
        ROUNDS,
        ours=_vector("rl_lab/CartPole-v1", threads=1),
        numpy=_vector("CartPole-v1", vectorization_mode="vector_entry_point"),
        single=_single(),
    )
    ours, numpy, single = samples["ours"], samples["numpy"], samples["single"]
    return [
        compared("CartPole, 4096 lanes", "steps/s", ours, single, "Gymnasium, one"),
        compared("beside as many lanes", "steps/s", ours, numpy, "Gymnasium, in NumPy"),
    ]


def _vector(id: str, **arguments: Any) -> Callable[[], float]:
    envs = gym.make_vec(id, num_envs=LANES, **arguments)
    envs.reset(seed=0)
    actions = itertools.cycle(np.random.default_rng(0).integers(0, 2, (31, LANES)))
    envs.step(next(actions))  # compiles, or loads

    def work() -> None:
        for _ in range(STEPS):
            envs.step(next(actions))

    return lambda: speed(LANES * STEPS, work)


def _single() -> Callable[[], float]:
    env = gym.make("CartPole-v1").unwrapped
    env.reset(seed=0)
    actions = itertools.cycle(np.random.default_rng(0).integers(0, 2, 997).tolist())

    def work() -> None:
        for _ in range(20_000):
            _, _, terminated, _, _ = env.step(next(actions))
            if terminated:
                env.reset()

    return lambda: speed(20_000, work)
