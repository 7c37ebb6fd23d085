"""PPO as SB3's users know it: learn, predict, save, load, and what it refuses."""

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest
import torch

from rl_lab.agents import PPO, train_seeds
from rl_lab.errors import LabError

CARTPOLE = "rl_lab/CartPole-v1"
SMALL = {"n_steps": 32, "batch_size": 64, "n_epochs": 2}


@pytest.mark.parametrize("seed", [0, 1])
def test_it_learns_to_balance(seed):
    agent = PPO(CARTPOLE, num_envs=8, seed=seed).learn(120_000)
    assert agent.episode_returns().mean() > 195  # Gymnasium's mark for CartPole-v0; a random policy has 22


def test_it_learns_continuous_actions():
    settings = {"gamma": 0.9, "learning_rate": 1e-3, "n_steps": 1024, "normalize_reward": True}
    agent = PPO("Pendulum-v1", num_envs=4, seed=0, **settings)
    first = agent.learn(8192).episode_returns().mean()
    last = agent.learn(60_000, reset_num_timesteps=False).episode_returns().mean()
    assert first < -900
    assert last > first + 400


def test_the_same_seed_gives_the_same_bytes_and_another_does_not():
    one, two, other = (PPO(CARTPOLE, num_envs=4, seed=seed, **SMALL).learn(1024) for seed in (5, 5, 6))
    assert one.parameters.tobytes() == two.parameters.tobytes()
    assert one.parameters.tobytes() != other.parameters.tobytes()


def test_seeds_side_by_side_are_the_seeds_alone():
    together = train_seeds(CARTPOLE, [3, 4, 5], 2048, num_envs=4, threads=3, **SMALL)
    for seed, agent in zip((3, 4, 5), together, strict=True):
        assert (
            agent.parameters.tobytes() == PPO(CARTPOLE, num_envs=4, seed=seed, **SMALL).learn(2048).parameters.tobytes()
        )


def test_learning_goes_on_where_it_stopped():
    halves = PPO(CARTPOLE, num_envs=4, **SMALL).learn(512).learn(512, reset_num_timesteps=False)
    assert halves.num_timesteps == 1024
    assert halves.parameters.tobytes() == PPO(CARTPOLE, num_envs=4, **SMALL).learn(1024).parameters.tobytes()
    assert halves.learn(256).num_timesteps == 256


def test_a_callback_stops_it():
    seen = []
    agent = PPO(CARTPOLE, num_envs=4, **SMALL).learn(
        10_000, callback=lambda a: seen.append(a.num_timesteps) or len(seen) < 3
    )
    assert seen == [128, 256, 384]
    assert agent.num_timesteps == 384


def test_predict_has_sb3s_shapes():
    agent = PPO(CARTPOLE, num_envs=2, **SMALL)
    one, state = agent.predict(np.zeros(4, np.float32))
    assert state is None
    assert agent.policy.action_space.contains(one)
    many, _ = agent.predict(np.zeros((5, 4), np.float32), deterministic=False)
    assert many.shape == (5,)
    box = PPO("Pendulum-v1", **SMALL)
    assert box.predict(np.zeros(3, np.float32))[0].shape == (1,)
    assert box.policy.action_space.contains(box.predict(np.full(3, 9.0, np.float32), deterministic=False)[0])
    with pytest.raises(LabError, match=r"shape \(3,\); expected \(4,\)"):
        agent.predict(np.zeros(3))
    with pytest.raises(LabError, match="NaN"):
        agent.predict(np.full(4, np.nan))


def test_predict_draws_from_the_policy():
    agent = PPO(CARTPOLE, num_envs=2, **SMALL).learn(64)
    observation = np.array([0.1, 0.5, -0.1, 0.3], np.float32)
    logits = agent.engine.outputs(observation[None])[0]
    expected = np.exp(logits[1]) / np.exp(logits).sum()
    drawn = agent.predict(np.tile(observation, (4000, 1)), deterministic=False)[0]
    assert drawn.mean() == pytest.approx(expected, abs=4 * np.sqrt(0.25 / 4000))
    assert agent.predict(observation)[0] == logits.argmax()


def test_a_mask_rules_actions_out():
    agent = PPO(CARTPOLE, num_envs=2, **SMALL)
    observations = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    for allowed in (0, 1):
        mask = np.arange(2) == allowed
        for deterministic in (True, False):
            assert (agent.predict(observations, action_mask=mask, deterministic=deterministic)[0] == allowed).all()
    with pytest.raises(LabError, match="action_mask"):
        agent.predict(observations, action_mask=np.zeros(2, bool))
    with pytest.raises(LabError, match="action_mask"):
        agent.predict(observations, action_mask=np.ones(3, bool))
    with pytest.raises(LabError, match=r"action_mask has shape \(2, 3\); expected bools of shape \(2,\) or \(3, 2\)"):
        agent.predict(observations[:3], action_mask=np.ones((2, 3), bool))  # which has as many numbers
    with pytest.raises(LabError, match=r"observation has shape \(0, 4\); expected \(4,\) or a batch"):
        agent.predict(observations[:0])


def test_what_is_loaded_learns_on_exactly(tmp_path):
    agent = PPO(CARTPOLE, num_envs=4, normalize_observation=True, normalize_reward=True, **SMALL).learn(512)
    agent.save(tmp_path / "agent")
    twin = PPO.load(tmp_path / "agent")
    observation = np.ones((3, 4), np.float32)
    assert (twin.engine.outputs(observation) == agent.engine.outputs(observation)).all()
    for learner in (agent, twin):
        learner.learn(512, reset_num_timesteps=False)
    assert agent.parameters.tobytes() == twin.parameters.tobytes()


def test_the_torch_engine_saves_and_goes_on_too(tmp_path):
    agent = PPO(CARTPOLE, num_envs=4, engine="torch", **SMALL).learn(256)
    agent.save(tmp_path / "agent")
    twin = PPO.load(tmp_path / "agent")
    for learner in (agent, twin):
        learner.learn(256, reset_num_timesteps=False)
    assert agent.parameters.tobytes() == twin.parameters.tobytes()


class Shared(torch.nn.Module):
    """A trunk that actor and critic share, which perceptrons of the core do not have."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.trunk = torch.nn.Sequential(torch.nn.Linear(inputs, 32), torch.nn.GELU())
        self.heads = torch.nn.Linear(32, outputs + 1)

    def forward(self, observations):
        both = self.heads(self.trunk(observations))
        return both[:, :-1], both[:, -1]


def test_a_network_of_ones_own(tmp_path):
    agent = PPO(CARTPOLE, num_envs=8, policy=Shared, n_steps=64, batch_size=128, learning_rate=1e-3)
    assert agent.engine.name == "torch"
    agent.learn(12_000)
    assert agent.episode_returns()[-20:].mean() > 40
    agent.save(tmp_path / "own")
    twin = PPO.load(tmp_path / "own", policy=Shared)
    rows = np.ones((2, 4), np.float32)
    assert (twin.engine.outputs(rows) == agent.engine.outputs(rows)).all()


def test_a_loss_of_ones_own():
    def imitate_left(batch):
        return torch.nn.functional.cross_entropy(batch.outputs, torch.zeros(len(batch.outputs), dtype=torch.long))

    agent = PPO(CARTPOLE, num_envs=4, loss=imitate_left, learning_rate=1e-2, **SMALL)
    assert agent.engine.name == "torch"
    agent.learn(1024)
    assert (agent.predict(np.random.default_rng(0).uniform(-0.05, 0.05, (50, 4)))[0] == 0).all()
    with pytest.raises(LabError, match="scalar"):
        PPO(CARTPOLE, loss=lambda batch: 3.0, **SMALL).learn(32)


def test_schedules_follow_the_progress():
    rates = []
    assert "train/clip_range_vf" not in PPO(CARTPOLE, num_envs=4, **SMALL).learn(64).metrics
    given = {"learning_rate": "lin_1e-3", "clip_range": lambda left: 0.1 + left, "clip_range_vf": 0.3}
    agent = PPO(CARTPOLE, num_envs=4, **given, **SMALL)
    agent.learn(512, callback=lambda a: rates.append((a.metrics["train/learning_rate"], a.metrics["train/clip_range"])))
    np.testing.assert_allclose([rate for rate, _ in rates], [0.75e-3, 0.5e-3, 0.25e-3, 0.0])
    np.testing.assert_allclose([clip for _, clip in rates], [0.85, 0.6, 0.35, 0.1])
    assert agent.metrics["train/clip_range_vf"] == 0.3


def test_a_schedule_ends_at_zero_where_the_last_rollout_goes_beyond_the_total():
    agent = PPO(CARTPOLE, num_envs=4, learning_rate="lin_1e-3", clip_range=lambda left: left, **SMALL)
    agent.learn(100)
    assert agent.num_timesteps == 128
    assert agent.metrics["train/learning_rate"] == agent.metrics["train/clip_range"] == 0


@pytest.mark.parametrize("name", ["learning_rate", "clip_range", "clip_range_vf"])
@pytest.mark.parametrize("late", [-0.1, float("nan"), "slow", None])
def test_a_function_of_the_progress_must_return_a_number_of_at_least_0(name, late):
    agent = PPO(CARTPOLE, num_envs=4, **{name: lambda left: 0.1 if left > 0.5 else late}, **SMALL)
    message = rf"the function for {name} returned {late!r} at 0.5 of the progress remaining; .* at least 0"
    with pytest.raises(LabError, match=message):
        agent.learn(256)


@pytest.mark.parametrize("engine", ["compiled", "torch"])
def test_a_deep_copy_predicts_and_does_not_learn(engine, tmp_path):
    agent = PPO(CARTPOLE, num_envs=4, engine=engine, **SMALL).learn(256)
    copied, observations = copy.deepcopy(agent), np.random.default_rng(0).standard_normal((50, 4))
    np.testing.assert_array_equal(copied.predict(observations)[0], agent.predict(observations)[0])
    with pytest.raises(LabError, match="a deep copy of an agent can only predict"):
        copied.learn(128)
    copied.save(tmp_path / "copied")
    loaded = PPO.load(tmp_path / "copied").learn(128, reset_num_timesteps=False)
    np.testing.assert_array_equal(loaded.parameters, agent.learn(128, reset_num_timesteps=False).parameters)
    for refused in (copy.copy, pickle.dumps):
        with pytest.raises(LabError, match=r"cannot be pickled; write it with agent.save"):
            refused(agent)


def test_a_function_is_not_saved_but_asked_for(tmp_path):
    PPO(CARTPOLE, num_envs=2, learning_rate=lambda left: 1e-3 * left, **SMALL).learn(64).save(tmp_path / "agent")
    with pytest.raises(LabError, match="learning_rate='function <lambda>'"):
        PPO.load(tmp_path / "agent")
    assert PPO.load(tmp_path / "agent", learning_rate=1e-3).num_timesteps == 64


def test_an_environment_without_an_id_is_asked_for(tmp_path):
    def make():
        env = gym.make("CartPole-v1").unwrapped
        env.spec = None
        return env

    PPO(make, num_envs=2, **SMALL).learn(64).save(tmp_path / "agent")
    with pytest.raises(LabError, match="give env="):
        PPO.load(tmp_path / "agent")
    assert PPO.load(tmp_path / "agent", env=make).num_timesteps == 64
    with pytest.raises(LabError, match="env_kwargs"):
        PPO(make, env_kwargs={"size": 3})


def test_target_kl_stops_an_update():
    agent = PPO(CARTPOLE, num_envs=4, n_steps=64, batch_size=32, learning_rate=0.05, target_kl=1e-4).learn(256)
    assert agent.engine.moments.count[0] < 10 * 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"env": "Nope-v1"}, "Nope-v1.*cannot be found"),
        ({"env": "MlpPolicy"}, "environment comes first"),
        ({"env": "no_such_module:Env-v0"}, "no_such_module"),
        ({"env": 3}, "3 is no environment"),
        ({"num_envs": 0}, "num_envs=0"),
        ({"seed": -1}, "seed=-1"),
        ({"n_steps": 0}, "n_steps=0"),
        ({"gamma": 1.5}, "gamma=1.5"),
        ({"learning_rate": "fast"}, "learning_rate='fast'"),
        ({"n_step": 5}, "did you mean 'n_steps'"),
        ({"activation": "gelu"}, "activation 'gelu'"),
        ({"engine": "jax"}, "engine 'jax'"),
        ({"engine": "compiled", "loss": len}, "needs engine='torch'"),
        ({"loss": 3}, "loss=3 is not allowed; give a function"),
        ({"device": "cuda:7"}, "not available"),
        ({"net_arch": {"pi": [4]}}, "net_arch"),
        ({"net_arch": [1] * 100_000}, "net_arch has 100000 hidden layers; at most 100"),
        ({"env_kwargs": {"zork": 1}}, "zork"),
    ],
)
def test_bad_arguments_get_one_sentence(arguments, message):
    arguments = {"env": CARTPOLE} | arguments
    with pytest.raises(LabError, match=message) as caught:
        PPO(**arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("steps", [0, -3, 1.5, "many"])
def test_steps_are_whole_numbers(steps):
    with pytest.raises(LabError, match="total_timesteps"):
        PPO(CARTPOLE, **SMALL).learn(steps)


@pytest.mark.parametrize("space", [gym.spaces.MultiBinary(3), gym.spaces.Box(-1, 1, (2, 2))])
def test_action_spaces_that_are_unsupported(space):
    class Odd(gym.Env):
        observation_space, action_space = gym.spaces.Box(-1, 1, (2,)), space

        def reset(self, *, seed=None, options=None):
            return np.zeros(2, np.float32), {}

    with pytest.raises(LabError, match="is unsupported; use Discrete"):
        PPO(Odd)
