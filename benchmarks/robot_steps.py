"""Steps of the robot gridworld beside MiniGrid's, by family: random actions, the exact camera, a new level each time.

    python -m benchmarks robot_steps

Ours goes through the public VectorEnv interface with 4096 lanes; MiniGrid's is its bare environment, without
Gymnasium's wrappers, which is the fastest way to run it. Waking a second thread takes some twenty microseconds,
which more lanes make up for.
"""

from __future__ import annotations

import itertools
import statistics
import warnings
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from benchmarks.common import Figure, compared, interleave, speed
from rl_lab.envs.robot.registration import FAMILIES, OWN, PREFIX

DOOR_KEY = "DoorKey-8x8-v0"

LANES, MANY, STEPS, MINIGRID_STEPS, ROUNDS = 4096, 16384, 1_000_000, 1500, 9
FEW = 5  # rounds for each family


def run(full: bool) -> list[Figure]:
    """DoorKey-8x8 in several ways, then one id of each family, or all of them."""
    return [*door_key(), *families(full)]


def door_key() -> list[Figure]:
    """DoorKey-8x8, with more threads and lanes, too."""
    sides = {"one": ours(), "two": ours(threads=2), "buffers": ours(copy=False), "minigrid": minigrid()}
    samples = interleave(ROUNDS, **sides)
    one, two, theirs = samples["one"], samples["two"], samples["minigrid"]
    many = interleave(ROUNDS, one=ours(lanes=MANY), two=ours(threads=2, lanes=MANY))
    return [
        compared("DoorKey-8x8, one thread", "steps/s", one, theirs, "MiniGrid", bar=700, goal=1000),
        compared("with copy=False", "steps/s", samples["buffers"], theirs, "MiniGrid"),
        compared("two threads", "steps/s", two, theirs, "MiniGrid", bar=1.5 * 700),
        compared("two threads beside one", "steps/s", two, one, "one thread"),
        compared(f"two threads beside one, {MANY} lanes", "steps/s", many["two"], many["one"], "one thread", bar=1.5),
    ]


def families(full: bool) -> list[Figure]:
    """Every family beside MiniGrid; one thread."""
    figures = []
    for name in chosen(full):
        if (PREFIX + name).startswith(OWN):  # MiniGrid has none
            alone = interleave(FEW, ours=ours(name))["ours"]
            figures.append(Figure(name, "steps/s", statistics.median(alone), samples={"ours": alone}))
        else:
            samples = interleave(FEW, ours=ours(name), minigrid=minigrid(name))
            figures.append(compared(name, "steps/s", samples["ours"], samples["minigrid"], "MiniGrid", bar=200))
    return figures


def chosen(full: bool) -> list[str]:
    """The last id of every family, which is the largest or hardest, or all ids; without their prefix."""
    return [name for names in FAMILIES.values() for name in (names if full else [list(names)[-1]])]


def ours(name: str = DOOR_KEY, threads: int = 1, lanes: int = LANES, **arguments: bool) -> Callable[[], float]:
    """Steps per second of ours under a name without its prefix."""
    with warnings.catch_warnings():  # of versions that are out of date, and meant
        warnings.simplefilter("ignore")
        envs = gym.make_vec(PREFIX + name, num_envs=lanes, threads=threads, **arguments)
    envs.reset(seed=0)
    actions = itertools.cycle(np.random.default_rng(0).integers(0, envs.single_action_space.n, (31, lanes)))

    def work(steps: int = STEPS // lanes) -> None:
        for _ in range(steps):
            envs.step(next(actions))

    work(3)  # compiles, or loads
    return lambda: speed(STEPS // lanes * lanes, work)


def minigrid(name: str = DOOR_KEY) -> Callable[[], float]:
    """Steps per second of MiniGrid's own environment of the same name."""
    import minigrid  # noqa: F401  registers its environments

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env: Any = gym.make(f"MiniGrid-{name}").unwrapped
    env.reset(seed=0)
    actions = itertools.cycle(np.random.default_rng(0).integers(0, env.action_space.n, 997).tolist())

    def work() -> None:
        for _ in range(MINIGRID_STEPS):
            _, _, terminated, truncated, _ = env.step(next(actions))
            if terminated or truncated:
                env.reset()

    return lambda: speed(MINIGRID_STEPS, work)
