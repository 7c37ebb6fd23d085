"""Levels of DoorKey-8x8 with their optimum, beside a search that tries everything in plain Python.

    python -m benchmarks robot_planner

Ours draws levels and finds the fewest actions to success of each, through the public VectorEnv interface with
`planner=True`. The other side is breadth first search over whole worlds, from MiniGrid's own levels, as
`proofs.robot_brute` has it. Both are measured in seconds of processor time, so that a busy machine changes little.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym

from benchmarks.common import Figure, compared, interleave

LANES, LEVELS, ROUNDS = 4096, 3, 5  # levels of a round on our side, and on the other
MICROSECONDS = 200.0  # 5,000 levels a second


def run(full: bool) -> list[Figure]:
    """DoorKey-8x8 beside the other search; with `full` more rounds."""
    samples = interleave(2 * ROUNDS if full else ROUNDS, ours=ours("DoorKey-8x8-v0"), python=tried("DoorKey-8x8-v0"))
    each = [1e6 / speed for speed in samples["ours"]]
    return [
        compared(
            "DoorKey-8x8, optimum included", "levels/s", samples["ours"], samples["python"], "all tried in Python"
        ),
        Figure("one level", "µs", statistics.median(each), bar=MICROSECONDS, samples={"ours": each}),
    ]


def ours(name: str) -> Callable[[], float]:
    """Levels a second, drawn and solved."""
    envs = gym.make_vec(f"rl_lab/Robot-{name}", num_envs=LANES, planner=True)
    _, info = envs.reset(seed=0)  # compiles, or loads
    assert (info["optimal_steps"] > 0).all()
    return lambda: _speed(LANES, lambda: envs.reset())


def tried(name: str) -> Callable[[], float]:
    """Levels a second where all that can be done is tried."""
    from benchmarks.proofs.robot_brute import fewest, read
    from benchmarks.proofs.robot_oracle import position, theirs_of
    from benchmarks.proofs.robot_small import mission_of

    theirs: Any = theirs_of(f"rl_lab/Robot-{name}")
    seeds = itertools.count()

    def work() -> None:
        for _ in range(LEVELS):
            theirs.reset(seed=next(seeds))
            assert fewest(*read(position(theirs)), mission_of(theirs)) is not None

    return lambda: _speed(LEVELS, work)


def _speed(levels: int, work: Callable[[], object]) -> float:
    """Levels per second of this thread's processor time."""
    start = time.thread_time()
    work()
    return levels / (time.thread_time() - start)
