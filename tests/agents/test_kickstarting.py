"""The divergence from a reference policy against torch's, its schedules, and what it does to training."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Categorical, Normal, kl_divergence

from rl_lab import jit
from rl_lab.agents import PPO
from rl_lab.agents.common import distributions
from rl_lab.agents.common.kickstarting import KickstartSchedule, ReferencePolicy
from rl_lab.agents.common.rollout_buffer import flatten
from rl_lab.errors import LabError

categorical, gaussian = jit.specialize(distributions.categorical_pull), jit.specialize(distributions.gaussian_pull)
SMALL = {"num_envs": 4, "n_steps": 32, "batch_size": 64, "n_epochs": 2}


@given(st.integers(1, 20), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_divergences_and_gradients_are_those_of_torch(rows, width, seed):
    rng = np.random.default_rng(seed)
    outputs, other = rng.standard_normal((2, rows, width)).astype(np.float32)
    log_std, other_std = (0.5 * rng.standard_normal((2, width))).astype(np.float32)
    ours, theirs = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (outputs, log_std))
    by_outputs, by_log_std = np.zeros_like(outputs), np.zeros_like(log_std)

    expected = kl_divergence(Categorical(logits=torch.from_numpy(other)), Categorical(logits=ours)).sum()
    expected.backward()
    logs, reference = (torch.from_numpy(array).log_softmax(-1).numpy() for array in (outputs, other))
    total = categorical(logs, log_std, reference, np.float32(1), by_outputs, by_log_std)
    np.testing.assert_allclose(total, expected.item(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(by_outputs, ours.grad.numpy(), rtol=1e-4, atol=1e-5)

    ours.grad, by_outputs[:] = None, 0
    there = Normal(torch.from_numpy(other), torch.from_numpy(other_std).exp())
    expected = kl_divergence(there, Normal(ours, theirs.exp())).sum()
    expected.backward()
    reference = np.concatenate([other, np.broadcast_to(other_std, other.shape)], axis=1)
    total = gaussian(outputs, log_std, reference, np.float32(1), by_outputs, by_log_std)
    np.testing.assert_allclose(total, expected.item(), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(by_outputs, ours.grad.numpy(), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(by_log_std, theirs.grad.numpy(), rtol=1e-3, atol=1e-3)


def test_rates_over_time():
    schedule = KickstartSchedule(kl_coef=2.0, kl_steps=100, warmup_steps=10, ramp_steps=20, actor_rate=0.5)
    assert [schedule.rates(steps) for steps in (0, 9, 10, 20, 30, 50, 100, 1000)] == [
        (0.0, 2.0),
        (0.0, pytest.approx(1.82)),
        (0.0, pytest.approx(1.8)),
        (0.25, pytest.approx(1.6)),
        (0.5, pytest.approx(1.4)),
        (0.5, pytest.approx(1.0)),
        (0.5, 0.0),
        (0.5, 0.0),
    ]
    assert KickstartSchedule(kl_coef=0, kl_steps=0, warmup_steps=0, ramp_steps=0).rates(0) == (1.0, 0.0)


ENGINES = pytest.mark.parametrize("engine", ["compiled", "torch"])


@ENGINES
@pytest.mark.parametrize("env", ["rl_lab/CartPole-v1", "Pendulum-v1"])
def test_warming_up_trains_the_critic_alone(env, engine):
    agent = PPO(env, seed=1, engine=engine, **SMALL)
    agent.kickstart(ReferencePolicy.to(agent.policy, KickstartSchedule(warmup_steps=256, ramp_steps=0)))
    actor, critic = agent.policy.actor.parameters.copy(), agent.policy.critic.parameters.copy()
    log_std = agent.policy.log_std.copy()
    agent.learn(256)
    np.testing.assert_array_equal(agent.policy.actor.parameters, actor)
    np.testing.assert_array_equal(agent.policy.log_std, log_std)
    assert (agent.policy.critic.parameters != critic).any()
    agent.learn(128, reset_num_timesteps=False)
    assert (agent.policy.actor.parameters != actor).any()


@ENGINES
@pytest.mark.parametrize("env", ["rl_lab/CartPole-v1", "Pendulum-v1"])
def test_the_divergence_holds_the_policy(env, engine):
    moved = {}
    for coefficient in (0.0, 100.0):
        agent = PPO(env, seed=1, learning_rate=1e-3, engine=engine, **SMALL)
        agent.kickstart(ReferencePolicy.to(agent.policy, KickstartSchedule(0, 0, 1.0, coefficient, 10**9)))
        agent.learn(128 * 8)
        moved[coefficient] = agent.metrics["train/reference_kl"]
    assert 0 <= moved[100.0] < 0.2 * moved[0.0]


def test_without_a_reference_nothing_changes():
    plain, let_go = PPO("rl_lab/CartPole-v1", **SMALL), PPO("rl_lab/CartPole-v1", **SMALL)
    let_go.kickstart(ReferencePolicy.to(let_go.policy))
    let_go.kickstart(None)
    np.testing.assert_array_equal(plain.learn(512).parameters, let_go.learn(512).parameters)
    assert "train/reference_kl" not in plain.metrics


def test_what_does_not_fit_is_refused():
    cartpole = PPO("rl_lab/CartPole-v1")
    with pytest.raises(LabError, match=r"sizes \(4, 64, 64, 2\) does not fit an agent of 151 inputs and 7 outputs"):
        PPO("rl_lab/Robot-Empty-5x5-v0").kickstart(ReferencePolicy.to(cartpole.policy))
    with pytest.raises(LabError, match="policy= is a network of your own"):
        PPO("rl_lab/CartPole-v1", policy=lambda *sizes: torch.nn.Identity()).kickstart(
            ReferencePolicy.to(cartpole.policy)
        )
    with pytest.raises(LabError, match="kl_coef=-1 is not allowed"):
        KickstartSchedule(kl_coef=-1)


def learning_rates(share):
    """Of actor, critic and log_std; the policy learns at a share of the critic's."""
    policy = 3e-4 * share if share else -1.0
    return np.array([policy, 3e-4, policy])


@pytest.mark.parametrize("rates", [(1.0, 0.3), (0.5, 2.0), (0.0, 1.0)], ids=str)
@pytest.mark.parametrize("env", ["rl_lab/CartPole-v1", "Pendulum-v1"])
def test_an_update_near_a_reference_policy_is_the_same_in_both_engines(env, rates):
    agents = [PPO(env, seed=1, engine=engine, **SMALL) for engine in ("compiled", "torch")]
    rollout = agents[0].collect()
    held = ReferencePolicy.to(agents[0].policy)
    held.actor.parameters[:] += 0.05 * np.random.default_rng(0).standard_normal(held.actor.parameters.shape)
    held.log_std[:] -= 0.2
    rollout.advantages[:] = np.random.default_rng(1).standard_normal(rollout.advantages.shape)
    order = np.arange(rollout.rewards.size)[None]
    losses = []
    for agent in agents:
        agent.kickstart(held)
        settings = agent._settings()._replace(rates=learning_rates(rates[0]), reference_coef=rates[1])
        samples = flatten(rollout, held.distributions(rollout, agent.policy.encoder.scale))
        losses.append(agent.engine.update(samples, order, settings))
        assert agent.engine.gradient_steps == 2
    assert losses[0].keys() == losses[1].keys()
    assert losses[0]["reference_kl"] > 0
    for name, value in losses[0].items():
        assert losses[1][name] == pytest.approx(value, rel=1e-3, abs=1e-5), name
    np.testing.assert_allclose(agents[0].parameters, agents[1].parameters, atol=1e-5)
    for agent in agents:  # an actor that was replaced starts with full steps, and the critic goes on
        agent.engine.forget_actor()
        agent.engine.update(samples, order, settings._replace(rates=learning_rates(1.0)))
    np.testing.assert_allclose(agents[0].parameters, agents[1].parameters, atol=3e-5)


def test_a_policy_that_was_held_still_starts_with_steps_of_the_right_length():
    """Adam's correction of its first steps is the actor's own: a step is as long as the learning rate."""
    agent = PPO("rl_lab/CartPole-v1", num_envs=4, n_steps=64, batch_size=256, n_epochs=1, max_grad_norm=1e9)
    agent.kickstart(ReferencePolicy.to(agent.policy, KickstartSchedule(warmup_steps=10 * 256, ramp_steps=0, kl_coef=0)))
    before = agent.policy.actor.parameters.copy()
    agent.learn(10 * 256)
    np.testing.assert_array_equal(agent.policy.actor.parameters, before)
    agent.learn(256, reset_num_timesteps=False)
    moved = np.abs(agent.policy.actor.parameters - before)
    assert 0.9 * 3e-4 < moved.max() < 1.01 * 3e-4
    assert agent.engine.moments.count.tolist() == [1, 11, 1]
    assert agent.engine.gradient_steps == 11
    critic = agent.engine.moments.first[len(before) :].copy()
    agent.engine.forget_actor()
    assert agent.engine.moments.count.tolist() == [0, 11, 0]
    assert not agent.engine.moments.first[: len(before)].any()
    np.testing.assert_array_equal(agent.engine.moments.first[len(before) :], critic)
