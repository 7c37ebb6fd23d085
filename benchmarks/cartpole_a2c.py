"""A2C on CartPole at Stable-Baselines3's defaults beside Stable-Baselines3's own.

    python -m benchmarks cartpole_a2c

Eight environments, rollouts of 5 steps each. SB3 has a `DummyVecEnv` of Gymnasium's CartPole and torch in one thread,
which is faster for it than two.
"""

from __future__ import annotations

import sys

from benchmarks.common import Figure, compared, interleave, speed
from rl_lab.agents import A2C

NUM_ENVS, STEPS, STEPS_OF_SB3 = 8, 100_000, 10_000


def run(full: bool) -> list[Figure]:
    import torch
    from stable_baselines3 import A2C as Theirs
    from stable_baselines3.common.env_util import make_vec_env

    torch.set_num_threads(1)
    agent, guest = A2C("rl_lab/CartPole-v1", num_envs=NUM_ENVS), A2C("CartPole-v1", num_envs=NUM_ENVS)
    for each in (agent, guest):
        each.total_timesteps = sys.maxsize
        each.iterate()
    model = Theirs("MlpPolicy", make_vec_env("CartPole-v1", n_envs=NUM_ENVS, seed=0), device="cpu", seed=0)
    model.learn(1)

    def train(agent: A2C, steps: int) -> None:
        for _ in range(steps // agent.rollout_steps):
            agent.iterate()

    samples = interleave(
        5 if full else 3,
        one=lambda: speed(STEPS, lambda: train(agent, STEPS)),
        guest=lambda: speed(STEPS_OF_SB3, lambda: train(guest, STEPS_OF_SB3)),
        sb3=lambda: speed(STEPS_OF_SB3, lambda: model.learn(STEPS_OF_SB3, reset_num_timesteps=False)),
    )
    theirs = samples["sb3"]
    return [
        compared("A2C on CartPole-v1, one core", "steps/s", samples["one"], theirs, "SB3", bar=10),
        compared("on Gymnasium's own CartPole", "steps/s", samples["guest"], theirs, "SB3"),
    ]
