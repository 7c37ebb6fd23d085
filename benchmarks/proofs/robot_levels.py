"""Levels of every family beside MiniGrid's own: `python -m benchmarks.proofs.robot_levels` writes what it found.

Both generators draw many levels of an id. Everything that varies is compared by a chi-square test of homogeneity:
what lies in each cell, where the robot starts and faces, places, colours and states of things, what is in boxes, the
mission, pairs of these, and the share of levels that can be solved. Values too rare for the test share a bin. Holm's
method holds the chance of any false alarm, over all tests of all ids, at `LEVEL`.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import chi2_contingency

from benchmarks.proofs import entry
from benchmarks.proofs.robot_oracle import position, theirs_of
from benchmarks.proofs.robot_solvable import solvable
from rl_lab.envs.robot import cells, missions
from rl_lab.envs.robot.cells import BALL, BOX, CLOSED_DOOR, DOOR, EMPTY, GOAL, KEY, LAVA, LOCKED_DOOR, WALL
from rl_lab.envs.robot.registration import ENVIRONMENTS, OWN
from rl_lab.envs.robot.world import place
from rl_lab.files import write_text

THEIRS, OURS, LEVEL = 2_000, 8_000, 0.001
KINDS = {
    "wall": (WALL,),
    "closed door": (CLOSED_DOOR,),
    "locked door": (LOCKED_DOOR,),
    "open door": (DOOR,),
    "key": (KEY,),
    "ball": (BALL,),
    "box": (BOX,),
    "goal": (GOAL,),
    "lava": (LAVA,),
}
Feature = NDArray[np.int64]


@dataclass
class Levels:
    """Many levels of one id."""

    grid: NDArray[np.uint8]
    """Cells as bytes, `(levels, width, height)`."""
    inside: NDArray[np.uint8]
    """What is in boxes, as bytes, EMPTY elsewhere; the same shape."""
    robot: NDArray[np.int64]
    """x, y and direction, `(levels, 3)`."""
    mission: NDArray[np.uint8]
    """Tokens, `(levels, 20)`."""


def their_levels(id: str, count: int) -> Levels:
    """Levels of MiniGrid's, with the seeds 0 to `count - 1`."""
    env = theirs_of(id)
    grids = np.full((count, env.width, env.height), EMPTY, np.uint8)
    inside, robots, words = np.full_like(grids, EMPTY), np.zeros((count, 3), np.int64), []
    for seed in range(count):
        env.reset(seed=seed)
        options = position(env)
        grids[seed] = cells.pack(options["grid"])
        for where, (kind, colour) in options["contents"].items():
            inside[seed][where] = kind | colour << 4
        robots[seed] = options["agent"]
        words.append(missions.tokens(env.mission))
    return Levels(grids, inside, robots, np.array(words))


def our_levels(id: str, count: int, seed: int = 1) -> Levels:
    """Levels of ours, one a lane."""
    env: Any = gym.make_vec(id, num_envs=count).unwrapped
    env.reset(seed=seed)
    return levels_of(env)


def levels_of(env: Any) -> Levels:
    """The levels in the lanes of a batch."""
    count = env.num_envs
    states, stride = env.lanes.states, int(env.lanes.config["stride"][0])
    width, height = int(states["width"][0]), int(states["height"][0])
    first = int(place(0, 0, stride))
    planes = [
        states[name][:, first : first + height * stride].reshape(count, height, stride)[:, :, :width].swapaxes(1, 2)
        for name in ("cells", "contents")
    ]
    robots = np.stack([states[name].astype(np.int64) for name in ("x", "y", "direction")], axis=1)
    return Levels(planes[0].copy(), planes[1].copy(), robots, states["mission"].copy())


def features(levels: Levels) -> dict[str, Feature]:
    """What is looked at in whole levels: for each level a whole number, -1 where there is no such thing."""
    kinds, colours = (levels.grid & cells.KIND).astype(np.int64), (levels.grid >> 4 & 7).astype(np.int64)
    found: dict[str, Feature] = {}
    for number, name in enumerate(("robot x", "robot y", "direction")):
        found[name] = levels.robot[:, number]
    for name, wanted in KINDS.items():
        there = np.isin(kinds, wanted).swapaxes(1, 2)  # row by row
        found[f"number of {name}"] = there.sum((1, 2))
        rows, order = there.reshape(len(there), -1), colours.swapaxes(1, 2).reshape(len(there), -1)
        some = rows.any(1)
        for which, index in (("first", rows.argmax(1)), ("last", rows.shape[1] - 1 - rows[:, ::-1].argmax(1))):
            found[f"{which} {name} x"] = np.where(some, index % there.shape[2], -1)
            found[f"{which} {name} y"] = np.where(some, index // there.shape[2], -1)
            found[f"{which} {name} colour"] = np.where(some, np.take_along_axis(order, index[:, None], 1)[:, 0], -1)
        found[f"{name} colours"] = sum(
            (1 << colour) * (rows & (order == colour)).any(1).astype(np.int64) for colour in range(6)
        )
    boxed = levels.inside != EMPTY
    found["full boxes"] = boxed.sum((1, 2))
    found["thing in a box"] = np.where(boxed, levels.inside, 0).reshape(len(boxed), -1).max(1).astype(np.int64)
    found["mission"] = np.unique(levels.mission, axis=0, return_inverse=True)[1].reshape(-1)
    return found


def solvables(levels: Levels) -> Feature:
    """Whether each level can be solved."""
    rows = zip(levels.grid, levels.inside, levels.robot, levels.mission, strict=True)
    return np.array([solvable(grid, inside, robot, missions.text(words)) for grid, inside, robot, words in rows], int)


def chance(values: Feature, theirs: int) -> float:
    """The p-value of a feature, whose first `theirs` values are MiniGrid's; 1 where nothing varies."""
    distinct, where = np.unique(values, return_inverse=True)
    counts = np.stack([np.bincount(part, minlength=len(distinct)) for part in np.split(where.reshape(-1), [theirs])])
    rare = counts.sum(0) * min(theirs, len(values) - theirs) / len(values) < 5
    merged = np.concatenate([counts[:, ~rare], counts[:, rare].sum(1, keepdims=True)], axis=1)
    merged = merged[:, merged.sum(0) > 0]
    return float(chi2_contingency(merged, correction=False).pvalue) if merged.shape[1] > 1 else 1.0


def compare(theirs: Levels, ours: Levels) -> dict[str, float]:
    """The p-values of everything that varies."""
    parts = [np.concatenate([getattr(side, f.name) for side in (theirs, ours)]) for f in fields(Levels)]
    both, count = Levels(*parts), len(theirs.grid)
    varied = {name: values for name, values in features(both).items() if len(np.unique(values)) > 1}
    small = [name for name in varied if name.startswith(("robot", "direction", "first"))]
    found = {name: chance(values, count) for name, values in varied.items()}
    for a, b in itertools.combinations(small, 2):
        pair = varied[a] * 1000 + varied[b]
        found[f"{a} and {b}"] = chance(pair, count)
    for x, y in np.argwhere((both.grid != both.grid[0]).any(0)):
        found[f"cell {x}, {y}"] = chance(both.grid[:, x, y].astype(np.int64), count)
    can = np.concatenate([solvables(side) for side in (theirs, ours)])
    return found | {"can be solved": chance(can, count)}


def holm(chances: list[float]) -> list[float]:
    """P-values corrected for their number (S. Holm, "A simple sequentially rejective multiple test procedure")."""
    order, corrected, highest = np.argsort(chances), np.zeros(len(chances)), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, chances[index] * (len(chances) - rank)))
        corrected[index] = highest
    return corrected.tolist()


def moves_compared(id: str, seed: int, samples: int, make: Callable[..., Any] = gym.make_vec) -> dict[str, float]:
    """The p-values of where obstacles are after one step from one position, over many draws: each, and each pair.

    Args:
        id: ours.
        seed: of the position.
        samples: how many of MiniGrid's; ours are four times as many.
        make: `make(id, num_envs=...)` makes ours.
    """
    theirs, rng = theirs_of(id), np.random.default_rng(seed)
    theirs.reset(seed=seed)
    for _ in range(int(rng.integers(0, 6))):
        theirs.step(int(rng.integers(0, 2)))  # turning, so that the episode goes on
    options, lying, direction = position(theirs), list(theirs.grid.grid), theirs.agent_dir
    after = []
    for _ in range(samples):
        theirs.grid.grid, theirs.agent_dir, theirs.step_count = list(lying), direction, 0
        for ball, where in zip(theirs.obstacles, options["obstacles"], strict=True):
            ball.cur_pos = where
        theirs.step(0)
        after.append([tuple(ball.cur_pos) for ball in theirs.obstacles])
    ours: Any = make(id, num_envs=4 * samples).unwrapped
    ours.reset(seed=seed, options=options)
    ours.step(np.zeros(4 * samples, np.int64))
    both = np.concatenate([np.array(after), ours.lanes.states["obstacles"][:, : len(after[0])]]).astype(np.int64)
    places = both[..., 0] * 100 + both[..., 1]
    found = {f"obstacle {k} from {seed}": chance(places[:, k], samples) for k in range(places.shape[1])}
    for a, b in itertools.combinations(range(places.shape[1]), 2):
        found[f"obstacles {a} and {b} from {seed}"] = chance(places[:, a] * 10_000 + places[:, b], samples)
    return found


def main() -> None:
    """Compare 2,000 of MiniGrid's levels with 8,000 of ours for every id; about half an hour of an idle core."""
    started, chances, rows = time.perf_counter(), [], {}
    for id in ENVIRONMENTS:
        if id.startswith(OWN):
            continue
        theirs, ours = their_levels(id, THEIRS), our_levels(id, OURS)
        found = compare(theirs, ours)
        for seed in range(5 if "Dynamic" in id else 0):
            found |= moves_compared(id, seed, THEIRS)
        worst = min(found, key=lambda name: found[name])
        chances += found.values()
        rows[id] = {
            "theirs": THEIRS,
            "ours": OURS,
            "can be solved": [float(solvables(side).mean()) for side in (theirs, ours)],
            "tests": len(found),
            "least likely": worst,
            "p": found[worst],
            "p among its tests": min(holm(list(found.values()))),
        }
        print(f"{time.perf_counter() - started:5.0f} s  {id}  {rows[id]}", flush=True)
    least = min(holm(chances))
    summary = {"tests": len(chances), "least p of all, by Holm": least, "level": LEVEL, "alike": least > LEVEL}
    write_text(Path(__file__).with_suffix(".json"), json.dumps({"summary": summary, "ids": rows}, indent=1) + "\n")
    show(rows)
    print(summary)


def show(rows: dict[str, dict[str, Any]]) -> None:
    """Print what was found as a table."""
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "levels", "tests", "least p, by Holm", "in", "solvable theirs", "ours"):
        table.add_column(heading, justify="left" if heading in ("id", "in") else "right", no_wrap=True)
    for id, row in rows.items():
        shares = [f"{share:.2%}" for share in row["can be solved"]]
        levels = f"{row['theirs']:,} {row['ours']:,}"
        least = f"{row['p among its tests']:.3g}"
        table.add_row(id.removeprefix("rl_lab/"), levels, str(row["tests"]), least, row["least likely"], *shares)
    Console(highlight=False, width=150).print(table)


if __name__ == "__main__":
    entry.run(main)
