"""Steps of the robot gridworld beside MiniGrid's: DoorKey-8x8, random actions, the exact camera.

    python -m benchmarks robot_steps

Ours goes through the public VectorEnv interface with 4096 lanes; MiniGrid's is its bare environment, without
Gymnasium's wrappers, which is the fastest way to run it. Waking a second
thread takes some twenty microseconds, which more lanes make up for.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import gymnasium as gym
import numpy as np

from benchmarks.common import Figure, compared, interleave, speed

LANES, MANY, STEPS, MINIGRID_STEPS, ROUNDS = 4096, 16384, 1_000_000, 1500, 9


def run(full: bool) -> list[Figure]:
    sides = {"one": ours(1), "two": ours(2), "buffers": ours(1, copy=False), "minigrid": minigrid()}
    samples = interleave(ROUNDS, **sides)
    one, two, theirs = samples["one"], samples["two"], samples["minigrid"]
    many = interleave(ROUNDS, one=ours(1, MANY), two=ours(2, MANY))
    return [
        compared("DoorKey-8x8, one thread", "steps/s", one, theirs, "MiniGrid", bar=700, goal=1000),
        compared("with copy=False", "steps/s", samples["buffers"], theirs, "MiniGrid"),
        compared("two threads", "steps/s", two, theirs, "MiniGrid", bar=1.5 * 700),
        compared("two threads beside one", "steps/s", two, one, "one thread"),
        compared(f"two threads beside one, {MANY} lanes", "steps/s", many["two"], many["one"], "one thread", bar=1.5),
    ]


def ours(threads: int, lanes: int = LANES, **arguments: bool) -> Callable[[], float]:
    """Steps per second of our DoorKey-8x8."""
    envs = gym.make_vec("rl_lab/Robot-DoorKey-8x8-v0", num_envs=lanes, threads=threads, **arguments)
    envs.reset(seed=0)
    actions = itertools.cycle(np.random.default_rng(0).integers(0, 7, (31, lanes)))

    def work(steps: int = STEPS // lanes) -> None:
        for _ in range(steps):
            envs.step(next(actions))

    work(3)  # compiles, or loads
    return lambda: speed(STEPS // lanes * lanes, work)


def minigrid() -> Callable[[], float]:
    """Steps per second of MiniGrid's own DoorKey-8x8."""
    import minigrid  # noqa: F401  registers its environments

    env = gym.make("MiniGrid-DoorKey-8x8-v0").unwrapped
    env.reset(seed=0)
    actions = itertools.cycle(np.random.default_rng(0).integers(0, 7, 997).tolist())

    def work() -> None:
        for _ in range(MINIGRID_STEPS):
            _, _, terminated, truncated, _ = env.step(next(actions))
            if terminated or truncated:
                env.reset()

    return lambda: speed(MINIGRID_STEPS, work)
