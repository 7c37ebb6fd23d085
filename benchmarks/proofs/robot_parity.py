"""Every family beside MiniGrid, step by step: `python -m benchmarks.proofs.robot_parity` writes what it found.

Episodes are played in lock-step, with all that both show compared at every step. A third of them starts from
MiniGrid's levels, a third from the same with other things scattered around, a third from ours. Obstacles move in
MiniGrid as they did in ours; `robot_levels` has the distribution of their moves.
"""

from __future__ import annotations

import json
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import gymnasium as gym
from rich.console import Console
from rich.table import Table

from benchmarks.proofs import entry
from benchmarks.proofs.robot_oracle import from_cluttered, from_ours, from_theirs, play, theirs_of
from benchmarks.proofs.robot_pilot import Pilot
from rl_lab.envs.robot.registration import ENVIRONMENTS, OWN
from rl_lab.files import write_text

IDS = [id for id in ENVIRONMENTS if not id.startswith(OWN)]
EPISODES, LONGEST = 240, 600
STARTS = (from_theirs, from_cluttered, from_ours)
SHOWN = (
    "episodes",
    "steps",
    "successes",
    "failures",
    "truncated",
    "pickups",
    "doors",
    "unlocked",
    "boxes",
    "mismatches",
)


def beside_minigrid(id: str, theirs: Any, ours: Any, episodes: int) -> Counter[str]:
    """Episodes of one id in lock-step.

    Args:
        id: ours, for messages.
        theirs: MiniGrid's environment.
        ours: our own, with observations as a dictionary and the same step limit.
        episodes: how many.

    Returns:
        What was seen; `mismatches` counts the episodes in which the two differed.
    """
    seen, pilot = Counter[str](), Pilot()
    for seed in range(episodes):
        start = STARTS[seed % len(STARTS)]
        try:
            seen += play(theirs, ours, pilot, seed, start)
        except AssertionError as error:
            seen["mismatches"] += 1
            print(f"{id}, {start.__name__}: {error}")
    return seen


def pair(id: str, longest: int = LONGEST) -> tuple[Any, Any]:
    """Both environments for an id, with the same step limit."""
    limit = min(theirs_of(id).max_steps, longest)
    with warnings.catch_warnings():  # of versions that are out of date, and meant
        warnings.simplefilter("ignore")
        ours = gym.make(id, max_steps=limit, observation="dict").unwrapped
    return theirs_of(id, max_steps=limit), ours


def main() -> None:
    """Play 240 episodes of every id; about twenty minutes of an idle core."""
    started, found = time.perf_counter(), {}
    for id in IDS:
        found[id] = dict(beside_minigrid(id, *pair(id), EPISODES))
        print(f"{time.perf_counter() - started:5.0f} s  {id}", flush=True)
    show(found)
    write_text(Path(__file__).with_suffix(".json"), json.dumps(found, indent=1) + "\n")
    print(f"{sum(row.get('mismatches', 0) for row in found.values())} mismatches")


def show(found: dict[str, dict[str, int]]) -> None:
    """Print what was found as a table."""
    table = Table(box=None, pad_edge=False)
    for heading in ("id", *SHOWN):
        table.add_column(heading, justify="left" if heading == "id" else "right", no_wrap=True)
    for id, row in found.items():
        table.add_row(id.removeprefix("rl_lab/"), *(f"{row.get(name, 0):,}" for name in SHOWN))
    Console(highlight=False, width=140).print(table)


if __name__ == "__main__":
    entry.run(main)
