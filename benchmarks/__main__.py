"""The lab beside its peers, on this machine: what `make bench` runs.

    python -m benchmarks [NAMES] [--full] [--out bench.json]

Both sides run in one process and in turn, so the ratios hold on a busy machine too; the speeds themselves do not.
"""

from __future__ import annotations

import importlib
import logging
import shlex
import sys
import time
from pathlib import Path
from typing import Literal

import tyro
from threadpoolctl import threadpool_limits
from tyro.conf import Positional

import rl_lab  # noqa: F401  registers the environments
from benchmarks.common import Figure, machine, save, show

Name = Literal[
    "robot_steps",
    "robot_planner",
    "go_playouts",
    "go_steps",
    "cartpole_steps",
    "core_minibatch",
    "digits_mlp",
    "cartpole_ppo",
    "cartpole_a2c",
    "cartpole_dqn",
    "memory",
    "envpool_steps",
    "ppo_share",
    "doorkey_ppo",
]
TITLES: dict[str, str] = {
    "robot_steps": "Steps of the robot beside MiniGrid",
    "robot_planner": "The robot's levels with their optimum",
    "go_playouts": "Random games of Go beside OpenSpiel",
    "go_steps": "Moves of Go beside OpenSpiel from Python, and PettingZoo",
    "cartpole_steps": "Steps of CartPole beside Gymnasium",
    "core_minibatch": "A minibatch of the two networks beside eager torch",
    "digits_mlp": "Fitting a classifier of digits",
    "cartpole_ppo": "PPO at SB3's defaults",
    "cartpole_a2c": "A2C at SB3's defaults",
    "cartpole_dqn": "DQN beside SB3's",
    "memory": "Memory",
    "envpool_steps": "Steps of the robot beside EnvPool",
    "ppo_share": "The environment's share of PPO's time",
    "doorkey_ppo": "PPO on DoorKey-8x8: seconds to a mean return of 0.9",
}


def main(names: Positional[tuple[Name, ...]] = (), full: bool = False, out: Path = Path("bench.json")) -> None:
    """Run benchmarks and write their figures.

    Args:
        names: which; all by default, which takes about 15 minutes, most of them for SB3 on DoorKey-8x8.
        full: more seeds and rounds; about 40 minutes.
        out: file of the figures, written after every benchmark.
    """
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    at_start, figures = machine(), dict[str, list[Figure]]()
    command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
    for name in names or TITLES:
        start = time.perf_counter()
        with threadpool_limits(1, "blas"):
            figures[name] = importlib.import_module(f"benchmarks.{name}").run(full)
        title = f"{TITLES[name]} ({time.perf_counter() - start:.0f} s)"
        show(title if figures[name] else f"{title}: left out, since it is not installed here", figures[name])
        save(out, command, at_start, figures)
    print(f"figures: {out}")
    missed = [figure.name for rows in figures.values() for figure in rows if figure.met is False]
    if missed:
        sys.exit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    tyro.cli(main)
