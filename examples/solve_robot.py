"""PPO on four of the robot's families, held against the best that can be done on the very same levels.

    python examples/solve_robot.py             ten seeds each, and what they reach; about three minutes of one core
    python examples/solve_robot.py --seeds 1   a first look; at the first run, what is new is compiled before

The planner knows the whole level and takes the fewest steps; the agent sees what its camera sees, and remembers
nothing. Both play a thousand levels, drawn from seeds that no training uses. A task is solved where the agent's mean
return is at least 0.9 of the planner's, as far as the interval over seeds reaches.
"""

import argparse
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import rl_lab  # noqa: F401  registers the environments
from rl_lab.agents import PPO
from rl_lab.compare.statistics import interval, mean
from rl_lab.envs.robot import optimal_steps
from rl_lab.files import make_folder, write_text

LEVELS, FIRST_SEED, SOLVED = 1000, 10_000_000, 0.9
COMMON: dict[str, Any] = {
    "num_envs": 64,
    "n_steps": 128,
    "batch_size": 512,
    "n_epochs": 4,
    "learning_rate": "lin_1e-3",
    "ent_coef": 0.003,
    "normalize_advantage": False,  # which, until a first reward is found, would blow noise up to full steps
}


@dataclass(frozen=True)
class Task:
    """What PPO learns, and how."""

    name: str
    """Id without the prefix."""
    steps: int
    """Of training."""
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    """Beside the common ones."""
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    """Arguments of the environment."""

    @property
    def id(self) -> str:
        """Gymnasium's id."""
        return f"rl_lab/Robot-{self.name}"


TASKS = (
    Task("Empty-Random-6x6-v0", 200_000),
    Task("DoorKey-6x6-v0", 600_000),
    Task("LavaGapS6-v0", 600_000),
    Task("SimpleCrossingS9N1-v0", 600_000),
)


def levels(task: Task) -> tuple[Any, np.ndarray]:
    """A batch with a level in each lane, and what is seen at its start."""
    envs = gym.make_vec(task.id, num_envs=LEVELS, **task.env_kwargs)
    observations, _ = envs.reset(seed=[FIRST_SEED + level for level in range(LEVELS)])
    return envs, observations


def optimum(task: Task) -> np.ndarray:
    """The return of a shortest plan on every level, `(LEVELS,)`."""
    envs, _ = levels(task)
    limit = int(envs.unwrapped.lanes.config["max_steps"][0])
    return 1 - 0.9 * np.asarray(optimal_steps(envs)) / limit


def judge(agent: PPO, task: Task, deterministic: bool = False) -> np.ndarray:
    """The agent's return on every level, `(LEVELS,)`."""
    envs, observations = levels(task)
    returns, going = np.zeros(LEVELS), np.ones(LEVELS, bool)
    while going.any():
        actions, _ = agent.predict(observations, deterministic=deterministic)
        observations, rewards, terminated, truncated, _ = envs.step(actions)
        returns += np.where(going, rewards, 0.0)
        going &= ~(terminated | truncated)
    return returns


def solve(task: Task, seeds: int) -> dict[str, Any]:
    """Train with every seed; what was reached as a share of the optimum, with its 95 % interval over several seeds."""
    best = optimum(task).mean()
    shares, likeliest, seconds = [], [], []
    for seed in range(seeds):
        agent = PPO(task.id, seed=seed, env_kwargs=task.env_kwargs, **COMMON | task.hyperparameters)
        agent.learn(task.steps)
        seconds.append(agent.seconds)
        shares.append(float(judge(agent, task).mean() / best))
        likeliest.append(float(judge(agent, task, deterministic=True).mean() / best))
    bounds = [float(bound) for bound in interval(mean, shares)] if seeds > 1 else None
    return asdict(task) | {
        "optimum": float(best),
        "mean": float(np.mean(shares)),
        "interval": bounds,
        "solved": (bounds or shares)[0] >= SOLVED,
        "shares": shares,
        "shares of likeliest actions": likeliest,
        "seconds": seconds,
    }


def told(result: dict[str, Any]) -> str:
    """A line about what came of a task."""
    count = len(result["shares"])
    spread = "by one seed"
    if count > 1:
        low, high = result["interval"]
        spread = f"[{low:.3f}, {high:.3f}], the worst of {count} seeds {min(result['shares']):.3f}"
    likeliest, seconds = np.mean(result["shares of likeliest actions"]), np.median(result["seconds"])
    return (
        f"{result['name']:22} {result['mean']:.3f} of the optimum {spread}; "
        f"likeliest actions {likeliest:.3f}; the optimum is {result['optimum']:.3f}; "
        f"{result['steps']:,} steps in {seconds:.1f} s of training: {'solved' if result['solved'] else 'NOT SOLVED'}"
    )


def main(seeds: int, names: list[str], out: Path | None) -> None:
    """Solve the tasks of these names, or all, and tell what came of it."""
    results = []
    for task in TASKS:
        if not names or task.name in names:
            print(f"{task.name}: {seeds} x {task.steps:,} steps, after compiling where that is new", flush=True)
            results.append(solve(task, seeds))
            print(told(results[-1]), flush=True)
    if out is not None:
        write_text(out, json.dumps({"levels": LEVELS, "common": COMMON, "tasks": results}, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="tasks; all by default")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, help="file for all that was found, as JSON")
    given = parser.parse_args()
    if unknown := set(given.names) - {task.name for task in TASKS}:
        parser.error(f"there is no task {', '.join(sorted(unknown))}; there are {', '.join(t.name for t in TASKS)}")
    if given.seeds < 1:
        parser.error(f"--seeds {given.seeds} is not allowed; give at least 1")
    if given.out is not None:
        if given.out.is_dir():
            parser.error(f"--out {given.out} is a folder; give a file, such as found.json")
        make_folder(given.out.parent)
    main(given.seeds, given.names, given.out)
