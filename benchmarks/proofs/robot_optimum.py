"""The optimum of every family of the robot's levels: `python -m benchmarks.proofs.robot_optimum` writes what it found.

For every id with an optimum it draws levels of MiniGrid's and of ours, and the same with other things lying around, and

- carries every plan out in MiniGrid's own environment, where its last action, and none before, must succeed;
- walls up most of each level and tries everything there is in what is left, which must come to the same number;
- walks at random, by plans and off them: no step may bring success nearer by more than one, no walk may beat the
  optimum;
- counts the levels whose optimum is found below the cap, and those that no way leads through;
- sends the explorer, which sees no more than the camera, and holds its steps against the optimum.

Mazes, which MiniGrid has not, are carried out in MiniGrid's Empty with the maze's walls.
"""

from __future__ import annotations

import itertools
import json
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from benchmarks.proofs import entry
from benchmarks.proofs.robot_brute import TooMany, fewest, read
from benchmarks.proofs.robot_optimum_table import explorers, show
from benchmarks.proofs.robot_oracle import from_cluttered, from_ours, from_theirs, position, theirs_of
from benchmarks.proofs.robot_small import has_twin, mission_of, narrowed
from rl_lab.envs.robot import explorer, plan
from rl_lab.envs.robot.planning.engine import own_search
from rl_lab.envs.robot.planning.level import NO_WAY, TOO_MANY
from rl_lab.envs.robot.registration import ENVIRONMENTS, PREFIX
from rl_lab.files import write_text

NO_OPTIMUM = ("Dynamic-Obstacles", "Playground", "Scout", "Custom")  # Custom is a layout of one's own
IDS = [id for id in ENVIRONMENTS if not id.removeprefix(PREFIX).startswith(NO_OPTIMUM)]
LONG = 100_000  # step limit where plans are carried out
EXTRA = 6  # free cells of a small level beside those on the way
MOST = 20_000  # states that brute force may find
CARELESS = 0.3  # share of random actions on a walk


class Sizes(NamedTuple):
    """How much is done for each id."""

    executed: int = 30
    """Levels whose plans are carried out."""
    walks: int = 10
    """Walks with replanning at every step."""
    walk: int = 40
    """Steps of such a walk, at most."""
    lanes: int = 2048
    """Lanes that act at random."""
    random: int = 400
    """Steps of each."""
    levels: int = 1000
    """Levels for the share that is solved."""
    explored: int = 20
    """Episodes of the explorer."""


USUAL = Sizes()
LARGE = Sizes(walks=4, walk=30, lanes=64)  # ObstructedMaze with more than two rooms


def prove(id: str, sizes: Sizes = USUAL) -> Counter[str]:
    """All that is proved of one id; `wrong` counts what was not as it must be."""
    theirs, ours = pair(id)
    found = Counter[str]()
    for part in (executed(theirs, ours, sizes), walked(ours, sizes), at_random(id, sizes), shares(id, sizes)):
        found += part
    return found + explored(id, sizes)


def pair(id: str) -> tuple[Any, Any]:
    """MiniGrid's environment and ours, both with a long step limit."""
    is_maze = id.startswith(PREFIX + "Maze")
    with warnings.catch_warnings():  # of versions that are out of date, and meant
        warnings.simplefilter("ignore")
        ours = gym.make(id, max_steps=LONG, observation="dict").unwrapped
    if is_maze:
        return theirs_of(PREFIX + "Empty-5x5-v0", size=ours.lanes.config["width"][0], max_steps=LONG), ours
    return theirs_of(id, max_steps=LONG), ours


def executed(theirs: Any, ours: Any, sizes: Sizes) -> Counter[str]:
    """Plans carried out in MiniGrid, and beside them small levels in which everything is tried."""
    seen = Counter[str]()
    own_only = ours.definition.name.startswith("Maze")
    starts = (from_ours,) if own_only else (from_theirs, from_cluttered, from_ours)
    for seed, start in zip(range(sizes.executed), itertools.cycle(starts)):
        start(theirs, ours, seed)
        options, mission = position(theirs), mission_of(theirs)
        if mission.kind == "pick up" and has_twin(theirs, mission.target):
            continue
        steps = fewest_of(ours)
        seen["given up in clutter" if start is from_cluttered else "given up"] += steps == TOO_MANY
        keep = set[tuple[int, int]]()
        if steps > 0:
            is_right, keep = carried_out(theirs, plan(ours), steps)
            seen += Counter({"executed": 1, "wrong": wrong(not is_right, f"plan of seed {seed}, {start.__name__}")})
        small = narrowed(options, keep, EXTRA, np.random.default_rng(seed))
        try:
            brute = fewest(*read(small), mission, MOST)
        except TooMany:
            seen["too many to try"] += 1
            continue
        ours.reset(options=small)
        found, tried = fewest_of(ours), NO_WAY if brute is None else brute
        what = f"seed {seed}, {start.__name__}, walled up: {found} where trying everything finds {tried}"
        seen += Counter({"brute": 1, "unsolvable": brute is None, "wrong": wrong(found != tried, what)})
    return seen


def wrong(is_wrong: bool, what: str) -> bool:
    """Print what is not as it must be, and pass on whether it is."""
    if is_wrong:
        print(f"wrong: {what}")
    return is_wrong


def fewest_of(env: Any) -> int:
    """What the search finds for a single environment, its reason included where it finds nothing."""
    return int(own_search()(env.lanes.states, env.lanes.config).steps[0])


def carried_out(theirs: Any, actions: list[int], steps: int) -> tuple[bool, set[tuple[int, int]]]:
    """Whether a plan has so many steps, the last of which succeeds in MiniGrid, and no other ends the episode.

    Returns:
        That, and the cells on which the robot stood or which it had ahead.
    """
    is_right, cells = len(actions) == steps, set[tuple[int, int]]()
    for number, action in enumerate(actions, 1):
        for x, y in (theirs.agent_pos, theirs.front_pos):
            cells.add((int(x), int(y)))
        _, reward, terminated, truncated, _ = theirs.step(action)
        is_right &= not truncated and terminated == (reward > 0) == (number == len(actions))
    return is_right and reward == 1 - 0.9 * steps / theirs.max_steps, cells


def walked(env: Any, sizes: Sizes) -> Counter[str]:
    """Walks that mostly follow plans: the optimum falls by one step at most at each, and by one along a plan."""
    seen, rng = Counter[str](), np.random.default_rng(0)
    for seed in range(sizes.walks):
        env.reset(seed=seed)
        steps = fewest_of(env)
        for _ in range(sizes.walk):
            if steps < 0:
                break
            by_plan = rng.random() > CARELESS
            action = plan(env)[0] if by_plan else int(rng.integers(env.action_space.n))
            _, reward, terminated, _, _ = env.step(action)
            left = 0 if reward > 0 else NO_WAY if terminated else fewest_of(env)
            is_right = left == TOO_MANY or (left == steps - 1 if by_plan else left == NO_WAY or left >= steps - 1)
            seen += Counter({"walked": 1, "wrong": wrong(not is_right, f"walk of seed {seed}: {steps}, {left}")})
            steps = left
            if terminated:
                break
    return seen


def at_random(id: str, sizes: Sizes) -> Counter[str]:
    """Episodes of random actions in a batch, which is told the optimum as each begins."""
    env = batch(id, sizes.lanes, planner=True)
    rng, seen = np.random.default_rng(0), Counter[str]()
    _, info = env.reset(seed=2)
    optimum, steps = info["optimal_steps"].copy(), np.zeros(sizes.lanes, np.int64)
    for _ in range(sizes.random):
        _, rewards, _, _, info = env.step(rng.integers(0, env.single_action_space.n, sizes.lanes))
        begun = info.get("_optimal_steps", np.zeros(sizes.lanes, np.bool_))
        steps = np.where(begun, 0, steps + 1)
        won = rewards > 0
        is_known = optimum >= 0
        seen["random"] += int(won.sum())
        seen["equalled"] += int((won & (steps == optimum)).sum())
        seen["wrong"] += int((won & is_known & (steps < optimum)).sum())
        if begun.any():
            optimum[begun] = info["optimal_steps"][begun]
    return seen


def shares(id: str, sizes: Sizes) -> Counter[str]:
    """How many levels are solved below the cap, how many have no way, and how long it takes."""
    env = batch(id, sizes.levels)
    env.reset(seed=1)
    search = own_search()
    search(env.lanes.states[:1], env.lanes.config)
    started = time.perf_counter()
    found = search(env.lanes.states, env.lanes.config)
    seconds = time.perf_counter() - started
    return Counter(
        {
            "levels": sizes.levels,
            "known": int((found.steps >= 0).sum()),
            "no way": int((found.steps == NO_WAY).sum()),
            "above the cap": int((found.steps == TOO_MANY).sum()),
            "longest": int(found.steps.max()),
            "levels a second": round(sizes.levels / seconds),
        }
    )


def batch(id: str, lanes: int, **arguments: Any) -> Any:
    """A batch without wrappers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return gym.make_vec(id, num_envs=lanes, **arguments).unwrapped


def explored(id: str, sizes: Sizes) -> Counter[str]:
    """Episodes of the explorer, with the family's own step limit; only those that can be won."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env = gym.make(id, observation="dict", planner=True).unwrapped
    robot, seen = explorer(env), Counter[str]()
    for seed in range(sizes.explored):
        observation, info = env.reset(seed=seed)
        robot.reset(env)
        optimum, done, reward, steps = info["optimal_steps"], False, 0.0, 0
        if optimum < 0:
            continue
        while not done:
            observation, reward, terminated, truncated, info = env.step(robot(observation, info))
            done, steps = terminated or truncated, steps + 1
        seen["explored"] += 1
        if reward > 0:
            seen += Counter({"explorer won": 1, "explorer steps": steps, "optimal steps": optimum})
            seen["wrong"] += steps < optimum
    return seen


def rows() -> Iterator[tuple[str, Counter[str]]]:
    """Every id with what is proved of it."""
    for id in IDS:
        is_large = "ObstructedMaze" in id and "-1Dl" not in id
        yield id, prove(id, LARGE if is_large else USUAL)


def main() -> None:
    """Prove the optimum of every id; about ten minutes, machine code apart."""
    started, found = time.perf_counter(), {}
    for id, row in rows():
        found[id] = dict(row)
        print(f"{time.perf_counter() - started:5.0f} s  {id}", flush=True)
    show(found)
    print("\n".join(explorers(found)))
    write_text(Path(__file__).with_suffix(".json"), json.dumps(found, indent=1) + "\n")
    print(f"{sum(row.get('wrong', 0) for row in found.values())} wrong")


if __name__ == "__main__":
    entry.run(main)
