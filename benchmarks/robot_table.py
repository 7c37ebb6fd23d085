"""The speed of the robot's families as a table for the README of `envs/robot`, from a file of figures.

python -m benchmarks robot_steps envpool_steps --full --out benchmarks/robot.json
python -m benchmarks.robot_table benchmarks/robot.json
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tyro
from tyro.conf import Positional

from rl_lab.envs.robot.registration import FAMILIES

Figures = dict[str, dict[str, Any]]  # by the id that they are of


def main(file: Positional[Path] = Path("benchmarks/robot.json")) -> None:
    """Print the table."""
    groups = json.loads(file.read_text())["figures"]
    minigrid, envpool = (
        {figure["name"]: figure for figure in groups.get(group, [])} for group in ("robot_steps", "envpool_steps")
    )
    print("| family | ids | million steps per second | times MiniGrid | times EnvPool |\n|---|---|---|---|---|")
    for names in FAMILIES.values():
        known = [name for name in names if name in minigrid]
        if known:
            print(row(known, minigrid, envpool))


def row(names: list[str], minigrid: Figures, envpool: Figures) -> str:
    """The line of a family: what the least and the most of its ids reach."""
    speeds = spread((minigrid[name]["ours"] / 1e6 for name in names), ".1f")
    sides = (spread(ratios(names, side), ",.0f") for side in (minigrid, envpool))
    return f"| {family(names)} | {len(names)} | {speeds} | {' | '.join(sides)} |"


def family(names: list[str]) -> str:
    """What the ids of a family have in common, without sizes and numbers; where that is nothing, the first and last."""
    parts = [name.rpartition("-v")[0] for name in names]
    common = parts[0] if len(parts) == 1 else re.sub(r"[-SNR\d]*$", "", os.path.commonprefix(parts))  # noqa: RUF071  of letters
    return common or f"{parts[0]} … {parts[-1]}"


def ratios(names: list[str], side: Figures) -> list[float]:
    """How many times faster ours is, for the ids that the other side has."""
    return [side[name]["ratio"] for name in names if name in side and side[name]["ratio"] is not None]


def spread(values: Iterable[float], shape: str) -> str:
    """The least and the most of some numbers."""
    ordered = sorted(values)
    if not ordered:
        return ""
    least, most = format(ordered[0], shape), format(ordered[-1], shape)
    return least if least == most else f"{least} to {most}"


if __name__ == "__main__":
    tyro.cli(main)
