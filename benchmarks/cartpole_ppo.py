"""PPO on CartPole at Stable-Baselines3's defaults beside Stable-Baselines3's own.

    python -m benchmarks cartpole_ppo

Eight environments, 2048 steps each, minibatches of 64, ten epochs. SB3 has a `DummyVecEnv` of Gymnasium's CartPole
and torch in one thread, which is faster for it than two.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from benchmarks.common import Figure, compared, interleave, speed
from rl_lab.agents import PPO

LANES, ROLLOUT, ITERATIONS = 8, 8 * 2048, 4


def run(full: bool) -> list[Figure]:
    import torch
    from stable_baselines3 import PPO as Theirs
    from stable_baselines3.common.env_util import make_vec_env

    torch.set_num_threads(1)
    agents = [PPO("rl_lab/CartPole-v1", num_envs=LANES, seed=seed) for seed in range(2)]
    guests = PPO("CartPole-v1", num_envs=LANES)
    for agent in (*agents, guests):
        agent.total_timesteps = sys.maxsize
        agent.iterate()
    model = Theirs("MlpPolicy", make_vec_env("CartPole-v1", n_envs=LANES, seed=0), device="cpu", seed=0)
    model.learn(1)

    def iterate(agent: PPO) -> None:
        for _ in range(ITERATIONS):
            agent.iterate()

    def side_by_side() -> None:
        list(pool.map(iterate, agents))

    with ThreadPoolExecutor(2) as pool:
        samples = interleave(
            5 if full else 3,
            one=lambda: speed(ITERATIONS * ROLLOUT, lambda: iterate(agents[0])),
            two=lambda: speed(2 * ITERATIONS * ROLLOUT, side_by_side),
            guest=lambda: speed(ROLLOUT, guests.iterate),
            sb3=lambda: speed(ROLLOUT, lambda: model.learn(ROLLOUT, reset_num_timesteps=False)),
        )
    theirs = samples["sb3"]
    return [
        compared("PPO on CartPole-v1, one seed on one core", "steps/s", samples["one"], theirs, "SB3", bar=12, goal=19),
        compared("two seeds in two threads", "steps/s", samples["two"], theirs, "SB3", bar=22),
        compared("one seed, on Gymnasium's own CartPole", "steps/s", samples["guest"], theirs, "SB3"),
    ]
