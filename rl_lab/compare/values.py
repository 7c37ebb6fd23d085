"""Hyperparameters of contenders by name, tried out before the first run: each would fail with every seed."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym

from rl_lab.agents import registry
from rl_lab.agents.common import checks
from rl_lab.agents.common.environments import LEAST_BYTES
from rl_lab.agents.common.networks import ActorCritic
from rl_lab.compare import contenders, pretrained
from rl_lab.compare.environments import Maker
from rl_lab.compare.plan import Contender
from rl_lab.errors import LabError
from rl_lab.memory import check_memory


def check_values(contender: Contender, maker: Maker) -> None:
    """Refuse values that the algorithm of a named contender does not take, and sizes beyond memory.

    Args:
        contender: one that `contenders.check` has accepted.
        maker: of the environment that it trains on.

    Raises:
        LabError: names the contender, and the value as far as its algorithm does.
    """
    if not (contenders.is_lab(contender) or contenders.is_sb3(contender)):
        return
    count, env = contender.num_envs, maker.single()
    try:
        check_memory(float(count) * LEAST_BYTES, f"num_envs={count}", "choose fewer")
        if contenders.is_lab(contender):
            given = dict(contender.hyperparameters)
            algorithm = registry.algorithm_named(str(contender.algorithm))
            config = algorithm.config_class.of(
                {name: value for name, value in given.items() if name not in ("num_envs", pretrained.STAGES)}
            )
            policy = ActorCritic(env.observation_space, env.action_space, config.net_arch, config.activation)
            algorithm.check_memory(config, policy, count)
        else:
            _make_sb3(contender, maker, env)
    except LabError as error:
        raise LabError(f"contender {contender.name!r}: {error}") from error
    finally:
        env.close()


def _make_sb3(contender: Contender, maker: Maker, env: gym.Env[Any, Any]) -> None:
    """Make a model once, on one environment that says it were all of them."""
    import torch
    from stable_baselines3.common.vec_env import DummyVecEnv

    count, steps = contender.num_envs, contenders.n_steps_of(contender)
    seen = env.observation_space
    parts = [env.action_space, *(seen.spaces.values() if isinstance(seen, gym.spaces.Dict) else [seen])]
    row = 4.0 * sum(math.prod(part.shape or (1,)) for part in parts) + checks.SCALARS
    check_memory(steps * count * row, f"a rollout of n_steps={steps} with num_envs={count}", "choose smaller ones")
    try:
        venv = DummyVecEnv([lambda: env])
        venv.num_envs = count
        with torch.random.fork_rng(devices=[]):
            contenders.make_sb3(contender, maker, venv)
    except LabError:
        raise
    except Exception as error:  # of Stable-Baselines3, torch and NumPy: of many kinds
        text = " ".join(str(error).split())
        raise LabError(f"{contender.algorithm} cannot be made with its hyperparameters: {text}") from error
