"""What the compiled engine compiles, and what it need not."""

import numpy as np
import pytest
from numba import typeof

from rl_lab.agents import PPO
from rl_lab.agents.common.rollout_buffer import flatten
from rl_lab.agents.common.vec_adapter import CompiledAdapter
from rl_lab.jit import cache


def machine_code(env="rl_lab/CartPole-v1", **settings):
    """Names of the machine code of an agent's loops."""
    agent = PPO(env, seed=0, **{"num_envs": 2, "n_steps": 8, "batch_size": 8, **settings})
    engine, order = agent.engine, np.zeros((1, 1), np.int64)
    training = engine._training(flatten(agent.rollout), order, agent._settings(), engine._sums())
    state = agent.rollout, agent.runner, agent.normalizer
    calls = [(engine._update, training), *engine._one_step(*state)]
    if isinstance(agent.source, CompiledAdapter):
        calls.append(engine._one_loop(*state))
    return [cache.name_of(loop.module, tuple(map(typeof, arguments))) for loop, arguments in calls]


@pytest.mark.parametrize(
    "settings",
    [
        {"num_envs": 1},
        {"num_envs": 5, "n_steps": 4, "batch_size": 10, "n_epochs": 1},
        {"net_arch": [8]},
        {"net_arch": {"pi": [16, 8, 8], "vf": []}},
        {"activation": "relu"},
        {"gamma": 1, "gae_lambda": 1, "ent_coef": 0, "vf_coef": 1, "max_grad_norm": 1, "learning_rate": 1},
        {"clip_range": 1, "clip_range_vf": 1, "target_kl": 1, "learning_rate": "lin_1"},
        {"normalize_reward": True, "normalize_advantage": False},
    ],
)
@pytest.mark.parametrize("env", ["rl_lab/CartPole-v1", "Pendulum-v1"])
def test_sizes_and_numbers_compile_nothing(env, settings):
    assert machine_code(env, **settings) == machine_code(env)


def test_environments_share_all_but_the_loop_around_one():
    *of_empty, around_empty = machine_code("rl_lab/Robot-Empty-5x5-v0")
    *of_doorkey, around_doorkey = machine_code("rl_lab/Robot-DoorKey-5x5-v0")
    assert of_empty == of_doorkey
    assert around_empty != around_doorkey
    assert machine_code("rl_lab/CartPole-v1")[:-1] == machine_code("CartPole-v1")


def test_normalised_observations_are_other_types():
    assert machine_code("rl_lab/Robot-Empty-5x5-v0") != machine_code(
        "rl_lab/Robot-Empty-5x5-v0", normalize_observation=True
    )
