"""PPO on DoorKey-8x8 until it is solved: seconds to a mean return of 0.9 over the last 100 training episodes.

    python -m benchmarks doorkey_ppo            one seed of SB3, six minutes of the processor at most for each
    python -m benchmarks doorkey_ppo --full     three seeds of everything, twenty minutes

Three bars: SB3 on MiniGrid, SB3 on our environment, ours on ours; all with 16 environments, 128 steps, minibatches of
256, 4 epochs, learning rate 1e-3, entropy 0.01, and one thread. The clock starts after compilation. Runs of minutes
cannot take turns, so the processor's seconds stand beside those of the wall: on a quiet machine they are the same.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from benchmarks.common import Figure
from rl_lab.agents import PPO

ID, THRESHOLD, EPISODES, LANES = "rl_lab/Robot-DoorKey-8x8-v0", 0.9, 100, 16
SETTINGS: dict[str, Any] = {"n_steps": 128, "batch_size": 256, "n_epochs": 4, "learning_rate": 1e-3, "ent_coef": 0.01}
LIMIT, FULL_LIMIT, MOST_STEPS = 360.0, 1200.0, 20_000_000


class Result(NamedTuple):
    """What one run took."""

    seconds: float
    cpu: float  # seconds of the processor
    steps: int
    solved: bool


def run(full: bool) -> list[Figure]:
    import torch

    torch.set_num_threads(1)
    limit, seeds = (FULL_LIMIT, range(3)) if full else (LIMIT, range(1))
    ours(0, limit, steps=LANES * 128)  # compiles, or loads
    mine = [ours(seed, limit) for seed in range(3)]
    batched = [_theirs(_batched, seed, limit) for seed in seeds]
    minigrid = [_theirs(_minigrid, seed, limit) for seed in seeds]
    return [
        _figure("ours on ours beside SB3 on MiniGrid", mine, minigrid, "SB3 on MiniGrid", bar=30.0),
        _figure("ours on ours beside SB3 on ours", mine, batched, "SB3 on ours"),
        _figure("SB3 on ours beside SB3 on MiniGrid", batched, minigrid, "SB3 on MiniGrid"),
    ]


def _figure(name: str, ours: list[Result], theirs: list[Result], peer_name: str, bar: float | None = None) -> Figure:
    mine, peer = (statistics.median(run.seconds for run in side) for side in (ours, theirs))
    cpu = statistics.median(run.cpu for run in theirs) / statistics.median(run.cpu for run in ours)
    note = f"{_told('one side', ours)}; {_told(peer_name, theirs)}; in seconds of the processor {cpu:.3g} x"
    samples = {"ours": [run.seconds for run in ours], peer_name: [run.seconds for run in theirs]}
    for side, runs in (("ours", ours), (peer_name, theirs)):
        samples[f"processor, {side}"] = [run.cpu for run in runs]
        samples[f"steps, {side}"] = [run.steps for run in runs]
    return Figure(name, "s", mine, peer, peer_name, peer / mine, bar, note=note, samples=samples)


def _told(name: str, runs: list[Result]) -> str:
    steps = statistics.median(run.steps for run in runs)
    missed = sum(not run.solved for run in runs)
    text = f"{name}: {len(runs)} seed{'s' * (len(runs) > 1)}, {steps / 1e6:.2f} M steps"
    return f"{text}, {missed} not solved in time, so that the ratio is a bound" if missed else text


def ours(seed: int, limit: float, steps: int = MOST_STEPS) -> Result:
    """One run of our PPO."""
    agent, clock = PPO(ID, num_envs=LANES, seed=seed, **SETTINGS), _Clock()

    def solved(agent: PPO) -> bool:
        returns = agent.episode_returns()
        return len(returns) == EPISODES and float(returns.mean()) >= THRESHOLD

    agent.learn(steps, callback=lambda agent: not solved(agent) and clock.cpu < limit)
    return Result(clock.seconds, clock.cpu, agent.num_timesteps, solved(agent))


def _theirs(make: Callable[[int], Any], seed: int, limit: float) -> Result:
    from stable_baselines3 import PPO as Theirs
    from stable_baselines3.common.callbacks import BaseCallback

    class Watch(BaseCallback):
        """Stops when it is solved, or too late."""

        result = Result(0.0, 0.0, 0, False)

        def _on_rollout_end(self) -> None:
            episodes = self.model.ep_info_buffer or []
            solved = len(episodes) == EPISODES and np.mean([e["r"] for e in episodes]) >= THRESHOLD
            self.result = Result(clock.seconds, clock.cpu, self.num_timesteps, bool(solved))

        def _on_step(self) -> bool:
            return not self.result.solved and self.result.cpu < limit

    model, watch = Theirs("MlpPolicy", make(seed), seed=seed, device="cpu", **SETTINGS), Watch()
    clock = _Clock()
    model.learn(MOST_STEPS, callback=watch)
    return watch.result


class _Clock:
    """Seconds since it was made, of the wall and of the processor."""

    def __init__(self) -> None:
        self.started = time.perf_counter(), time.process_time()

    @property
    def seconds(self) -> float:
        """Of the wall."""
        return time.perf_counter() - self.started[0]

    @property
    def cpu(self) -> float:
        """Of the processor."""
        return time.process_time() - self.started[1]


def _batched(seed: int) -> Any:
    from rl_lab.sb3 import vec_env

    return vec_env(gym.make_vec(ID, num_envs=LANES))


def _minigrid(seed: int) -> Any:
    from minigrid.wrappers import ImgObsWrapper
    from stable_baselines3.common.env_util import make_vec_env

    def make() -> gym.Env:
        return gym.wrappers.FlattenObservation(ImgObsWrapper(gym.make("MiniGrid-DoorKey-8x8-v0")))

    return make_vec_env(make, n_envs=LANES, seed=seed)
