"""Does it matter when the robot looks? `python -m benchmarks.proofs.robot_looking`: ten minutes on two idle cores.

On levels of Scout, a robot that never looks is held against one that looks well, and that against one whose camera
always sees: once with `LookingExpert`, which maps what it sees, once with trained PPO, ten seeds each. No image is
free: who never looks never sees. All three meet the same levels. Intervals are of 95 %, by bootstrap; the unit is the
level with `LookingExpert`, and the seed with PPO.

PPO has an ordinary network without a memory. It sees what the robot sees, as zeros and ones, seven a cell, since a
cell of Scout is one of seven things; where it looks, also what it feels, and where in the last image it stands. Of
the actions it has those that do something: left, right, forward, and where it may, look.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from benchmarks.proofs import entry
from rl_lab.agents import PPO
from rl_lab.compare import statistics
from rl_lab.envs import Definition
from rl_lab.envs.batch import BatchVectorEnv
from rl_lab.envs.registration import resolve
from rl_lab.envs.robot import camera, looking
from rl_lab.envs.robot.cells import DOOR, EMPTY, GOAL, KIND, LAVA, LOCKED_DOOR, UNSEEN, WALL
from rl_lab.envs.robot.dynamics import FORWARD, TURN_LEFT, TURN_RIGHT
from rl_lab.envs.robot.looking import AGE, AHEAD, ASIDE, BUMP, LOOK, TURNED
from rl_lab.envs.robot.looking_expert import LookingExpert
from rl_lab.envs.robot.registration import ENVIRONMENTS
from rl_lab.files import write_text

NEVER, WELL, ALWAYS = ARMS = ("never looks", "looks well", "always sees")
MEASURES = ("return", "success", "steps", "looks")
LEVELS = dict.fromkeys(("Scout-7x7-v0", "Scout-9x9-v0", "Scout-13x13-v0"), 1_000)  # that LookingExpert plays
STEPS = {"Scout-7x7-v0": 1_000_000, "Scout-9x9-v0": 2_000_000}  # that PPO learns from
SEEDS, EPISODES, FIRST_LEVEL = 10, 1_000, 1_000_000
SETTINGS: dict[str, Any] = {
    "n_steps": 32,
    "batch_size": 1024,
    "n_epochs": 4,
    "learning_rate": "lin_1e-3",
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "ent_coef": 0.01,
    "net_arch": (64, 64),
    "activation": "relu",
}
LANES = 128

THINGS = (UNSEEN, EMPTY, WALL, DOOR, LOCKED_DOOR, GOAL, LAVA)
THING_OF = np.array([THINGS.index(kind) if kind in THINGS else 0 for kind in range(16)])
PICTURE, DIRECTION = 49 * len(THINGS), 4
FELT = 1 + 4 + 4 + 7 + 7  # bump, turned, age up to 3, place in the last image from below and from the left


def arguments(arm: str) -> dict[str, Any]:
    """What an arm's world is made with."""
    return {"look": False} if arm == ALWAYS else {"look": True, "first_look": False}


def show(state, observation):
    """Write the image in `state.seen` and the direction as zeros and ones."""
    for k in range(PICTURE + DIRECTION):
        observation[k] = 0
    for k in range(49):
        observation[len(THINGS) * k + THING_OF[state.seen[k] & KIND]] = 1
    observation[PICTURE + np.int64(state.direction)] = 1


def see(state, observation, config):
    """What PPO sees whose camera always sees."""
    camera.look(state, config)
    show(state, observation)


glance = looking.glance(camera.look)


def see_and_feel(state, observation, config):
    """What PPO sees and feels that must look."""
    glance(state, config)
    show(state, observation)
    looking.feel(state, config)
    felt, first = state.felt[0], PICTURE + DIRECTION
    observation[first] = felt[BUMP]
    for k in range(4):
        observation[first + 1 + k] = 1 if felt[TURNED] == k else 0
        observation[first + 5 + k] = 1 if min(felt[AGE], 3) == k else 0
    for k in range(7):
        observation[first + 9 + k] = 1 if felt[AHEAD] == k else 0
        observation[first + 16 + k] = 1 if felt[ASIDE] == k - 3 else 0


def world_of(id: str, arm: str) -> Definition:
    """An arm's world as PPO meets it."""
    place, defaults = ENVIRONMENTS[f"rl_lab/Robot-{id}"]
    definition = resolve(place, defaults | arguments(arm))
    may_look = [LOOK] if arm == WELL else []
    actions, base = np.array([TURN_LEFT, TURN_RIGHT, FORWARD, *may_look]), definition.step

    def step(state, action, config):
        return base(state, actions[action], config)

    size = PICTURE + DIRECTION + (0 if arm == ALWAYS else FELT)
    return replace(
        definition,
        step=step,
        observe=see if arm == ALWAYS else see_and_feel,
        action_space=spaces.Discrete(len(actions)),
        observation_space=spaces.Box(0, 1, (size,), np.uint8),
    )


def judged(agent: PPO, definition: Definition) -> NDArray[np.float64]:
    """Means of `MEASURES` over an agent's episodes, each on a level of its own; actions are drawn as in training."""
    env = BatchVectorEnv(definition, EPISODES)
    observations, _ = env.reset(seed=FIRST_LEVEL + agent.seed)
    totals, plays = np.zeros((len(MEASURES), EPISODES)), np.ones(EPISODES, np.bool_)
    while plays.any():
        actions, _ = agent.predict(observations, deterministic=False)
        observations, rewards, terminated, truncated, _ = env.step(actions)
        totals += plays * np.stack([rewards, rewards > 0, np.ones(EPISODES), actions > 2])
        plays &= ~(terminated | truncated)
    return totals.mean(axis=1)


def trained(id: str, arm: str) -> NDArray[np.float64]:
    """What PPO reaches from every seed, `(measures, seeds)`, two seeds at a time."""
    definition = world_of(id, arm)

    def run(seed: int) -> NDArray[np.float64]:
        agent = PPO(BatchVectorEnv(definition, LANES), seed=seed, **SETTINGS)
        return judged(agent.learn(STEPS[id]), definition)

    with ThreadPoolExecutor(2) as pool:
        return np.stack([run(0), *pool.map(run, range(1, SEEDS))], axis=1)  # the first compiles for all


def explored(id: str, arm: str) -> NDArray[np.float64]:
    """What `LookingExpert` reaches on every level, `(measures, levels)`."""
    env = gym.make(f"rl_lab/Robot-{id}", observation="dict", **arguments(arm)).unwrapped
    played = []
    for level in range(LEVELS[id]):
        observation, _ = env.reset(seed=FIRST_LEVEL + level)
        who, total, taken, ended = LookingExpert("never" if arm == NEVER else "well"), 0.0, list[int](), False
        while not ended:
            taken.append(who(observation))
            observation, reward, terminated, truncated, _ = env.step(taken[-1])
            total, ended = total + float(reward), terminated or truncated
        played.append((total, total > 0, len(taken), taken.count(LOOK)))
    return np.array(played, float).T


def summary(found: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Means with intervals for every arm, and how much more return each of two arms has than the one before."""
    rows: dict[str, Any] = {}
    for arm, values in found.items():
        low, high = statistics.interval(statistics.mean, values[0])
        rows[arm] = {name: round(float(mean), 4) for name, mean in zip(MEASURES, values.mean(axis=1), strict=True)}
        rows[arm]["interval"] = [round(float(low), 4), round(float(high), 4)]
    for less, more in ((NEVER, WELL), (WELL, ALWAYS)):
        gap = statistics.contrast(found[more][0], found[less][0])
        numbers = {"estimate": gap.estimate, "low": gap.low, "high": gap.high, "p": gap.p}
        rows[f"{more} - {less}"] = {name: float(f"{float(value):.4g}") for name, value in numbers.items()}
    return rows


def table(found: dict[str, dict[str, Any]]) -> str:
    """Returns with their intervals as Markdown, as the README has them."""
    lines = [f"| | {' | '.join(ARMS)} |", f"|---|{'---|' * len(ARMS)}"]
    for name, rows in found.items():
        cells = [
            f"{rows[arm]['return']:.3f} [{rows[arm]['interval'][0]:.3f}, {rows[arm]['interval'][1]:.3f}]"
            for arm in ARMS
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Play, train, and write what was found beside this file."""
    started, found = time.perf_counter(), dict[str, dict[str, Any]]()
    for who, play, ids in (("LookingExpert", explored, LEVELS), ("PPO", trained, STEPS)):
        for id in ids:
            found[f"{who}, {id}"] = summary({arm: play(id, arm) for arm in ARMS})
            print(f"{who}, {id}: {json.dumps(found[f'{who}, {id}'])}", flush=True)
    print(table(found))
    told = {"levels": LEVELS, "steps": STEPS, "seeds": SEEDS, "episodes": EPISODES, "lanes": LANES, "ppo": SETTINGS}
    write_text(Path(__file__).with_suffix(".json"), json.dumps({"settings": told, "found": found}, indent=1) + "\n")
    print(f"{time.perf_counter() - started:.0f} seconds")


if __name__ == "__main__":
    entry.run(main)
