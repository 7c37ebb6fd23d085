"""PPO on DoorKey-8x8 until it is solved: seconds to a mean return of 0.9 over the last 100 training episodes.

    python -m benchmarks doorkey_ppo            one seed of SB3, six minutes at most for each
    python -m benchmarks doorkey_ppo --full     three seeds of everything

Three bars: SB3 on MiniGrid, SB3 on our environment, ours on ours; all with 16 environments, 128 steps, minibatches of
256, 4 epochs, learning rate 1e-3, entropy 0.01, and one thread. The clock starts after compilation.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from benchmarks.common import Figure
from rl_lab.agents import PPO

ID, THRESHOLD, EPISODES, LANES = "rl_lab/Robot-DoorKey-8x8-v0", 0.9, 100, 16
SETTINGS: dict[str, Any] = {"n_steps": 128, "batch_size": 256, "n_epochs": 4, "learning_rate": 1e-3, "ent_coef": 0.01}
LIMIT, FULL_LIMIT, MOST_STEPS = 360.0, 1200.0, 20_000_000
Result = tuple[float, int, bool]  # seconds, steps, whether it was solved


def run(full: bool) -> list[Figure]:
    import torch

    torch.set_num_threads(1)
    limit, seeds = (FULL_LIMIT, range(3)) if full else (LIMIT, range(1))
    _ours(0, 60.0, steps=LANES * 128)  # compiles, or loads
    ours = [_ours(seed, limit) for seed in range(3)]
    batched = [_theirs(_batched, seed, limit) for seed in seeds]
    minigrid = [_theirs(_minigrid, seed, limit) for seed in seeds]
    return [
        _figure("ours on ours beside SB3 on MiniGrid", ours, minigrid, "SB3 on MiniGrid", bar=30.0),
        _figure("ours on ours beside SB3 on ours", ours, batched, "SB3 on ours"),
        _figure("SB3 on ours beside SB3 on MiniGrid", batched, minigrid, "SB3 on MiniGrid"),
    ]


def _figure(name: str, ours: list[Result], theirs: list[Result], peer_name: str, bar: float | None = None) -> Figure:
    mine, peer = (statistics.median(seconds for seconds, _, _ in side) for side in (ours, theirs))
    notes = [_told("ours" if bar else "first", ours), _told(peer_name, theirs)]
    samples = {"ours": [r[0] for r in ours], peer_name: [r[0] for r in theirs]}
    samples |= {"steps of ours": [r[1] for r in ours], f"steps of {peer_name}": [r[1] for r in theirs]}
    return Figure(name, "s", mine, peer, peer_name, peer / mine, bar, note="; ".join(notes), samples=samples)


def _told(name: str, results: list[Result]) -> str:
    missed = sum(not solved for _, _, solved in results)
    steps = statistics.median(steps for _, steps, _ in results)
    text = f"{name}: {len(results)} seed{'s' * (len(results) > 1)}, {steps / 1e6:.2f} M steps"
    return f"{text}, {missed} not solved in time: the ratio is a bound" if missed else text


def _ours(seed: int, limit: float, steps: int = MOST_STEPS) -> Result:
    agent = PPO(ID, num_envs=LANES, seed=seed, **SETTINGS)
    start = time.perf_counter()

    def solved(agent: PPO) -> bool:
        returns = agent.episode_returns()
        return len(returns) == EPISODES and float(returns.mean()) >= THRESHOLD

    agent.learn(steps, callback=lambda agent: not solved(agent) and time.perf_counter() - start < limit)
    return time.perf_counter() - start, agent.num_timesteps, solved(agent)


def _theirs(make: Callable[[int], Any], seed: int, limit: float) -> Result:
    from stable_baselines3 import PPO as Theirs
    from stable_baselines3.common.callbacks import BaseCallback

    class Watch(BaseCallback):
        """Stops when it is solved, or too late."""

        solved, late, seconds = False, False, 0.0

        def _on_rollout_end(self) -> None:
            episodes = self.model.ep_info_buffer or []
            self.solved = len(episodes) == EPISODES and np.mean([e["r"] for e in episodes]) >= THRESHOLD
            self.seconds = time.perf_counter() - start
            self.late = self.seconds >= limit

        def _on_step(self) -> bool:
            return not self.solved and not self.late

    model, watch = Theirs("MlpPolicy", make(seed), seed=seed, device="cpu", **SETTINGS), Watch()
    start = time.perf_counter()
    model.learn(MOST_STEPS, callback=watch)
    return watch.seconds, model.num_timesteps, watch.solved


def _batched(seed: int) -> Any:
    from rl_lab.sb3 import vec_env

    return vec_env(gym.make_vec(ID, num_envs=LANES))


def _minigrid(seed: int) -> Any:
    from minigrid.wrappers import ImgObsWrapper
    from stable_baselines3.common.env_util import make_vec_env

    def make() -> gym.Env:
        return gym.wrappers.FlattenObservation(ImgObsWrapper(gym.make("MiniGrid-DoorKey-8x8-v0")))

    return make_vec_env(make, n_envs=LANES, seed=seed)
