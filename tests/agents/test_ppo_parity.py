"""One rollout, one minibatch order: our update against Stable-Baselines3's own."""

from itertools import pairwise

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3 as sb3
import torch

from rl_lab.agents import PPO
from rl_lab.agents.common.rollout_buffer import make_rollout
from rl_lab.agents.ppo_update import Samples, loops

ENVIRONMENTS = {"CartPole-v1": "discrete", "Pendulum-v1": "continuous"}
VARIANTS = {
    "defaults": {},
    "every term": {"ent_coef": 0.01, "clip_range_vf": 0.1, "learning_rate": 1e-3, "batch_size": 48, "vf_coef": 0.7},
    "raw advantages": {"normalize_advantage": False, "max_grad_norm": 0.05},
}


def copy_weights(model, agent):
    """SB3's weights into ours."""
    policy = model.policy
    heads = (
        (agent.policy.actor, [*policy.mlp_extractor.policy_net, policy.action_net]),
        (agent.policy.critic, [*policy.mlp_extractor.value_net, policy.value_net]),
    )
    for mlp, modules in heads:
        linear = [m for m in modules if isinstance(m, torch.nn.Linear)]
        for (weights, bias), layer in zip(mlp.layers(), linear, strict=True):
            weights[:] = layer.weight.detach().numpy().T
            bias[:] = layer.bias.detach().numpy()
    if not agent.policy.discrete:
        agent.policy.log_std[:] = policy.log_std.detach().numpy()


def flat(model):
    twin = PPO(model.get_env().envs[0].unwrapped.spec.id, n_steps=8, batch_size=8)
    copy_weights(model, twin)
    return twin.parameters.copy()


def sb3_model(env, **settings):
    torch.set_num_threads(1)
    vector = sb3.common.env_util.make_vec_env(env, n_envs=4, seed=3)
    model = sb3.PPO("MlpPolicy", vector, n_steps=96, seed=3, **({"batch_size": 64, "n_epochs": 1} | settings))
    model.learn(1)  # one rollout, so that the policy is not quite at its start
    model.collect_rollouts(model.env, callback(model), model.rollout_buffer, 96)
    return model


def callback(model):
    made = sb3.common.callbacks.CallbackList([])
    made.init_callback(model)
    return made


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=ENVIRONMENTS.values())
@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS.keys())
@pytest.mark.parametrize("engine", ["compiled", "torch"])
def test_one_epoch_is_sb3s(env, settings, engine):
    model = sb3_model(env, **settings)
    agent = PPO(env, num_envs=4, n_steps=96, n_epochs=1, engine=engine, **({"batch_size": 64} | settings))
    copy_weights(model, agent)
    give_adam(agent, *adam_of(model, agent))

    train_both(model, agent)
    ours, theirs = agent.parameters, flat(model)
    assert np.abs(ours - theirs).max() <= 1e-5


def train_both(model, agent):
    """Let SB3 and ours learn from SB3's rollout, in the same order; what our engine says of it."""
    np.random.seed(11)
    order = np.stack([np.random.permutation(96 * 4) for _ in range(model.n_epochs)]).astype(np.int64)
    np.random.seed(11)  # SB3's buffer draws the same permutations
    model.train()

    buffer = model.rollout_buffer  # train() has flattened it
    width = 1 if agent.policy.discrete else agent.policy.outputs
    actions = buffer.actions.reshape(-1, width).astype(np.int64 if agent.policy.discrete else np.float32)
    samples = Samples(
        buffer.observations.reshape(-1, agent.policy.encoder.size).astype(np.float32),
        np.ones((len(actions), 0), np.bool_),
        actions,
        *(a.reshape(-1).copy() for a in (buffer.log_probs, buffer.values, buffer.advantages, buffer.returns)),
        np.zeros((len(actions), 0), np.float32),
    )
    agent.num_timesteps = agent.total_timesteps = 1
    return agent.engine.update(samples, order, agent._update_settings()._replace(**constant(agent)))


def constant(agent):
    """Constant schedules, whatever the progress."""
    s = agent.settings
    return {"learning_rate": s.learning_rate, "clip_range": s.clip_range, "clip_range_vf": s.clip_range_vf or -1.0}


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
    copy_weights(model, agent)
    give_adam(agent, *adam_of(model, agent))
    ours, theirs = train_both(model, agent), model.logger.name_to_value
    for name in ("policy_gradient_loss", "value_loss", "entropy_loss", "approx_kl", "clip_fraction", "loss"):
        assert ours[name] == pytest.approx(theirs[f"train/{name}"], rel=1e-3, abs=1e-5), name


def give_adam(agent, first, second, count):
    """Moments in the order of our buffer into either engine."""
    if agent.engine.name == "compiled":
        agent.engine.restore({"adam.first": first, "adam.second": second, "adam.count": np.full(3, count)})
        return
    ends = np.cumsum(
        [0, len(agent.policy.actor.parameters), len(agent.policy.critic.parameters), agent.policy.log_std.size]
    )
    parts = dict(zip(("actor", "critic", "log_std"), pairwise(ends), strict=True))
    for name, parameter in agent.engine.module.named_parameters():
        start, end = parts[name.split(".")[0]]
        agent.engine.adam.state[parameter] = {
            "exp_avg": torch.from_numpy(first[start:end].copy()),
            "exp_avg_sq": torch.from_numpy(second[start:end].copy()),
            "step": torch.tensor(float(count)),
        }


def adam_of(model, agent):
    """SB3's Adam moments in the order of our buffer."""
    moments = []
    for name in ("exp_avg", "exp_avg_sq"):
        twin = PPO(agent.source.name, n_steps=8, batch_size=8)
        saved = [p.data.clone() for p in model.policy.parameters()]
        for p in model.policy.parameters():
            p.data = model.policy.optimizer.state[p][name].clone()
        copy_weights(model, twin)
        for p, data in zip(model.policy.parameters(), saved, strict=True):
            p.data = data
        moments.append(twin.parameters.copy())
    step = int(model.policy.optimizer.state[next(iter(model.policy.parameters()))]["step"])
    return (*moments, step)


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_advantages_are_sb3s(env):
    model = sb3_model(env)
    agent = PPO(env, num_envs=4, n_steps=96)
    copy_weights(model, agent)
    buffer = model.rollout_buffer
    rollout = make_rollout(96, 4, agent.policy.encoder.size, np.dtype("f4"), np.dtype("i8"), 1, 0)
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
