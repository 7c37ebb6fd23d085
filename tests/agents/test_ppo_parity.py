"""One rollout, one minibatch order: our update against Stable-Baselines3's own."""

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3 as sb3
from parity import copy_weights, flat, in_the_state_of, train_both, trained_model

from rl_lab.agents import PPO
from rl_lab.agents.common.rollout_buffer import make_rollout_buffer
from rl_lab.agents.engines.collect import loops

ENVIRONMENTS = {"CartPole-v1": "discrete", "Pendulum-v1": "continuous"}
VARIANTS = {
    "defaults": {},
    "every term": {"ent_coef": 0.01, "clip_range_vf": 0.1, "learning_rate": 1e-3, "batch_size": 48, "vf_coef": 0.7},
    "raw advantages": {"normalize_advantage": False, "max_grad_norm": 0.05},
}


def sb3_model(env, **settings):
    return trained_model(sb3.PPO, env, 96, **({"batch_size": 64, "n_epochs": 1} | settings))


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=ENVIRONMENTS.values())
@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS.keys())
@pytest.mark.parametrize("engine", ["compiled", "torch"])
def test_one_epoch_is_sb3s(env, settings, engine):
    model = sb3_model(env, **settings)
    agent = PPO(env, num_envs=4, n_steps=96, n_epochs=1, engine=engine, **({"batch_size": 64} | settings))
    in_the_state_of(model, agent)

    train_both(model, agent, model.n_epochs)
    ours, theirs = agent.parameters, flat(model, agent)
    assert np.abs(ours - theirs).max() <= 1e-5


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=ENVIRONMENTS.values())
@pytest.mark.parametrize("engine", ["compiled", "torch"])
@pytest.mark.parametrize(
    "settings",
    [
        {"n_epochs": 3, "clip_range_vf": 0.05, "learning_rate": 1e-3},
        {"n_epochs": 4, "target_kl": 1e-3, "learning_rate": 1e-3, "batch_size": 48},
    ],
    ids=["epochs", "early stopping"],
)
def test_metrics_are_what_sb3_logs(env, engine, settings):
    model = sb3_model(env, **settings)
    agent = PPO(env, num_envs=4, n_steps=96, engine=engine, **({"batch_size": 64} | settings))
    in_the_state_of(model, agent)
    ours, theirs = train_both(model, agent, model.n_epochs), model.logger.name_to_value
    for name in ("policy_gradient_loss", "value_loss", "entropy_loss", "approx_kl", "clip_fraction", "loss"):
        assert ours[name] == pytest.approx(theirs[f"train/{name}"], rel=1e-3, abs=1e-5), name


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_advantages_are_sb3s(env):
    model = sb3_model(env)
    agent = PPO(env, num_envs=4, n_steps=96)
    copy_weights(model, agent)
    buffer = model.rollout_buffer
    rollout = make_rollout_buffer(96, 4, agent.policy, np.dtype("f4"))
    rollout.values[:], rollout.rewards[:] = buffer.values, buffer.rewards
    rollout.dones[:-1] = buffer.episode_starts[1:].astype(bool)
    rollout.dones[-1] = model._last_episode_starts
    last_values = agent.engine.values(model._last_obs)
    loops().estimate_advantages(rollout, last_values, float(model.gamma), float(model.gae_lambda))
    np.testing.assert_allclose(rollout.advantages, buffer.advantages, atol=2e-4, rtol=1e-5)
    np.testing.assert_allclose(rollout.returns, buffer.returns, atol=2e-4, rtol=1e-5)


def test_first_weights_have_sb3s_scales():
    agent = PPO("CartPole-v1", num_envs=1)
    model = sb3.PPO("MlpPolicy", gym.make("CartPole-v1"))
    twin = PPO("CartPole-v1", num_envs=1)
    copy_weights(model, twin)
    for name, tensor in agent.policy.tensors().items():
        assert np.linalg.norm(tensor) == pytest.approx(np.linalg.norm(twin.policy.tensors()[name]), rel=1e-5), name
