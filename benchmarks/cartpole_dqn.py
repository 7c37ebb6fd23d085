"""DQN on CartPole beside Stable-Baselines3's own, at SB3's defaults and at those of rl-zoo.

    python -m benchmarks cartpole_dqn

Both explore in 5 % of the steps and have one environment; SB3 has torch in one thread. The note says which part of our
time the matrix products of the networks alone take: forward passes of the target and the trained network, the backward
pass, and acting.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import numpy as np

from benchmarks.common import Figure, compared, interleave, speed
from rl_lab import jit
from rl_lab.agents import DQN
from rl_lab.core import mlp

EXPLORING = {"exploration_initial_eps": 0.05, "exploration_final_eps": 0.05}
ZOO = {"learning_rate": 2.3e-3, "batch_size": 64, "buffer_size": 100_000, "learning_starts": 1000}
ZOO |= {"target_update_interval": 10, "train_freq": 256, "gradient_steps": 128}


def run(full: bool) -> list[Figure]:
    """Steps per second in both settings; five rounds if `full`, otherwise three."""
    rounds = 5 if full else 3
    return [
        _beside("DQN at SB3's defaults", [64, 64], {}, 100_000, 10_000, rounds, 15.0),
        _beside("at rl-zoo's (256-256)", [256, 256], ZOO, 30_720, 5_120, rounds, 4.0),
    ]


def _beside(
    name: str, units: list[int], settings: dict[str, Any], steps: int, steps_of_sb3: int, rounds: int, bar: float
) -> Figure:
    import torch
    from stable_baselines3 import DQN as Theirs

    torch.set_num_threads(1)
    agent = DQN("rl_lab/CartPole-v1", net_arch=units, **settings, **EXPLORING)
    agent.total_timesteps = sys.maxsize
    _advance(agent, 5_000)
    network = {"policy_kwargs": {"net_arch": units}, "device": "cpu", "seed": 0}
    model = Theirs("MlpPolicy", "CartPole-v1", **settings, **EXPLORING, **network)
    model.learn(2_000)
    samples = interleave(
        rounds,
        ours=lambda: speed(steps, lambda: _advance(agent, steps)),
        sb3=lambda: speed(steps_of_sb3, lambda: model.learn(steps_of_sb3, reset_num_timesteps=False)),
        products=lambda: steps / _products(agent, steps),
    )
    shares = [ours / alone for ours, alone in zip(samples["ours"], samples["products"], strict=True)]
    note = f"matrix products take {100 * statistics.median(shares):.0f} % of our time"
    return compared(name, "steps/s", samples["ours"], samples["sb3"], "SB3", bar=bar, note=note)


def _advance(agent: DQN, steps: int) -> None:
    end = agent.num_timesteps + steps
    while agent.num_timesteps < end:
        agent.iterate()


def passes(parameters, sizes, code, rows, row, hidden, delta, gradient, scratch, updates, acts):
    """The networks' part of so many updates and steps."""
    for _ in range(updates):
        mlp.forward(parameters, sizes, code, rows, hidden)
        mlp.forward(parameters, sizes, code, rows, hidden)
        mlp.backward(parameters, sizes, code, rows, hidden, delta, gradient, scratch)
    for _ in range(acts):
        mlp.forward(parameters, sizes, code, row, hidden)


def _products(agent: DQN, steps: int) -> float:
    """Seconds of the products alone in so many steps of an agent."""
    network, config = agent.policy.networks["q"], agent.config
    rows = np.random.default_rng(0).standard_normal((config.batch_size, network.sizes[0])).astype(np.float32)
    memory = (
        np.zeros(mlp.hidden_size(network.sizes, config.batch_size), np.float32),
        np.full((config.batch_size, network.sizes[-1]), 1e-3, np.float32),
        np.zeros_like(network.parameters),
        np.zeros(mlp.scratch_size(network.sizes, config.batch_size), np.float32),
    )
    compiled = jit.specialize(passes, name="the networks' passes")
    updates = steps // config.train_freq * config.gradient_steps
    arguments = network.parameters, network.size_array, network.code, rows, rows[:1], *memory
    compiled(*arguments, 1, 1)  # compiles
    start = time.perf_counter()
    compiled(*arguments, updates, steps)
    return time.perf_counter() - start
