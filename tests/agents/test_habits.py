"""What users of Stable-Baselines3 try first works, or a sentence shows the lab's way."""

import gymnasium as gym
import numpy as np
import pytest
from sb3_contrib.common.maskable.evaluation import evaluate_policy as evaluate_masked
from stable_baselines3.common.callbacks import CallbackList, EvalCallback
from stable_baselines3.common.evaluation import evaluate_policy
from test_masks import Asked, Turns

from rl_lab import memory
from rl_lab.agents import PPO
from rl_lab.errors import LabError

CARTPOLE = "rl_lab/CartPole-v1"
SMALL = {"n_steps": 32, "batch_size": 64, "n_epochs": 2}


def test_sb3_evaluates_our_agents():
    agent = PPO(CARTPOLE, num_envs=2, **SMALL)
    left = np.zeros(4)
    agent.policy.actor.parameters[:] = 0
    agent.policy.actor.layers()[-1][1][:] = 5, 0  # always to the left
    assert agent.predict(left, None, None, True) == (0, None)
    returns, lengths = evaluate_policy(agent, gym.make("CartPole-v1"), 5, return_episode_rewards=True)
    assert returns == lengths
    assert all(8 <= length <= 12 for length in lengths)


@pytest.mark.parametrize("make", [Turns, Asked])
def test_sb3_contrib_evaluates_our_agents_with_masks(make):
    agent = PPO(make, num_envs=2, engine="torch", **SMALL)
    assert agent.source.masked
    agent._collect()  # the environment asserts that masked actions never come
    if make is Asked:  # SB3-contrib's convention
        assert evaluate_masked(agent, make(), n_eval_episodes=3, warn=False) == (4.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"state": np.ones(2, bool)}, r"state=array\(\[ True, True\]\) is not allowed: .* action_mask="),
        ({"deterministic": "x"}, "deterministic='x' is not allowed; it must be True or False"),
        ({"action_mask": np.ones(2, bool), "action_masks": np.ones(2, bool)}, "give one of them"),
    ],
)
def test_predict_refuses_what_it_would_ignore(arguments, message):
    with pytest.raises(LabError, match=message):
        PPO(CARTPOLE, num_envs=2, **SMALL).predict(np.zeros(4), **arguments)
    with pytest.raises(LabError, match="action_mask goes with Discrete"):
        PPO("Pendulum-v1", **SMALL).predict(np.zeros(3), action_mask=np.ones(1, bool))


@pytest.mark.parametrize("name", ["reset_num_timesteps", "progress_bar"])
def test_learn_takes_no_text_for_true(name):
    with pytest.raises(LabError, match=f"{name}='no' is not allowed; it must be True or False"):
        PPO(CARTPOLE, num_envs=2, **SMALL).learn(64, **{name: "no"})


def test_predict_gives_arrays_of_its_own():
    agent = PPO("Pendulum-v1", num_envs=2, **SMALL)
    first, _ = agent.predict(np.zeros(3))
    kept = first.copy()
    agent.predict(np.ones(3))
    np.testing.assert_array_equal(first, kept)
    assert first.base is None or not np.shares_memory(first, agent.parameters)


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (lambda env: EvalCallback(env), "callback EvalCallback is not allowed; give a function, .* evaluate_policy"),
        (lambda env: CallbackList([]), "callback CallbackList is not allowed"),
        (lambda env: [print], "callback list is not allowed"),
        (lambda env: lambda local_variables, global_variables: True, r"cannot be called as callback\(agent\)"),
    ],
)
def test_callbacks_of_sb3_get_a_sentence(callback, message):
    agent = PPO(CARTPOLE, num_envs=2, **SMALL)
    with pytest.raises(LabError, match=message):
        agent.learn(64, callback=callback(gym.make("CartPole-v1")))
    assert agent.num_timesteps == 0


def test_the_environment_comes_first():
    with pytest.raises(LabError, match=r"the environment comes first: PPO\('CartPole-v1', num_envs=8\)"):
        PPO("MlpPolicy", "CartPole-v1")
    with pytest.raises(LabError, match="the environment comes first"):
        PPO("CnnPolicy", gym.make("CartPole-v1"))


def test_an_agent_has_a_short_name():
    assert repr(PPO(CARTPOLE, num_envs=4)) == "PPO('rl_lab/CartPole-v1', num_envs=4, 0 steps)"


def test_a_rollout_is_a_copy():
    agent = PPO(CARTPOLE, num_envs=4, **SMALL)
    first = agent.collect()
    kept = [array.copy() for array in first]
    returns = agent.episode_returns()
    seen = returns.copy()
    agent.collect()
    for array, before in zip(first, kept, strict=True):
        np.testing.assert_array_equal(array, before)
    np.testing.assert_array_equal(returns, seen)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_steps": 10**9}, r"n_steps=1000000000 with num_envs=8.* needs [\d,.]+ GiB of memory, and 4.0 GiB are"),
        ({"num_envs": 10**9}, r"num_envs=1000000000 needs 953\.7 GiB of memory, and 4\.0 GiB are available"),
        (
            {"net_arch": [10**6, 10**6]},
            r"net_arch=\[1000000, 1000000\].* needs 29,8\d\d.\d GiB .*choose smaller layers",
        ),
        ({"n_epochs": 10**8}, r"100000000 epochs needs"),
    ],
)
def test_sizes_beyond_memory_are_refused_before_any_is_taken(arguments, message, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 4 * 2.0**30)
    with pytest.raises(LabError, match=message):
        PPO(CARTPOLE, **({"num_envs": 8} | arguments))


def test_images_in_a_perceptron_are_warned_about(caplog):
    class Sees(gym.Env):
        observation_space = gym.spaces.Dict({"camera": gym.spaces.Box(0, 255, (3, 40, 40), np.uint8)})
        action_space = gym.spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            return {"camera": np.zeros((3, 40, 40), np.uint8)}, {}

    PPO(Sees, n_steps=8, net_arch=[4])
    assert "images of shape (3, 40, 40), and a perceptron does not see" in caplog.text
    caplog.clear()
    PPO("rl_lab/Robot-Empty-5x5-v0")
    assert not caplog.text


class Tensor:
    """Like torch's where it requires gradients."""

    shape = (4,)

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")


@pytest.mark.parametrize(
    ("observation", "message"),
    [
        (Tensor(), r"cannot be read as numbers \(.*Use tensor.detach\(\)"),
        (["a"] * 4, "cannot be read as numbers"),
        ([[1, 2, 3, 4], [1]], "cannot be read as numbers"),
        ([1j] * 4, r"cannot be read as numbers \(it holds complex128\)"),
        (np.zeros(4, "M8[s]"), r"cannot be read as numbers \(it holds datetime64\[s\]\)"),
        (np.ma.masked_equal([0, 1, 2, 3], 1), "hides values behind a mask"),
    ],
)
def test_observations_that_numpy_would_cut_down_to_numbers_are_refused(observation, message):
    with pytest.raises(LabError, match=message):
        PPO(CARTPOLE, num_envs=2, **SMALL).predict(observation)


@pytest.mark.parametrize("mask", [["False", "True"], [0.5, 0.5], [-1, 1], np.ma.masked_equal([1, 0], 1)])
def test_masks_that_are_no_bools_are_refused(mask):
    agent = PPO(CARTPOLE, num_envs=2, **SMALL)
    with pytest.raises(LabError, match=r"action_mask (holds|hides|cannot be read)"):
        agent.predict(np.zeros(4), action_mask=mask)
    assert agent.predict(np.zeros(4), action_mask=[0, 1])[0] == 1


@pytest.mark.parametrize("path", [None, 5, "", b"x", ["a"]])
def test_paths_that_are_none_are_refused(path):
    for use in (PPO(CARTPOLE, num_envs=2, **SMALL).save, PPO.load):
        with pytest.raises(LabError, match=r"path=.* is not allowed; give the path of a file"):
            use(path)


@pytest.mark.parametrize("name", ["learning_rate", "clip_range", "clip_range_vf"])
@pytest.mark.parametrize("function", [lambda: 1, lambda left, more: 1, lambda *, left: 1])
def test_schedules_that_cannot_be_called_with_the_progress_are_refused(name, function):
    with pytest.raises(LabError, match=f"the function for {name} cannot be called with the progress remaining"):
        PPO(CARTPOLE, num_envs=2, **SMALL | {name: function})


def test_a_schedule_that_fails_is_named():
    with pytest.raises(LabError, match=r"the function for clip_range failed at 1 of .*: KeyError: 'x' \(.*:\d+\)"):
        PPO(CARTPOLE, num_envs=2, **SMALL | {"clip_range": lambda left: {}["x"]})


def test_numpys_numbers_are_hyperparameters():
    given = {
        "gamma": np.float32(0.5),
        "gae_lambda": np.float16(0.5),
        "vf_coef": np.int64(1),
        "target_kl": np.float32(2),
    }
    given |= {"normalize_advantage": np.bool_(False), "n_epochs": np.int64(1)}
    settings = PPO(CARTPOLE, num_envs=np.int64(2), **SMALL | given).config
    for name, value in given.items():
        assert getattr(settings, name) == value
        assert type(getattr(settings, name)) in (float, int, bool)
    with pytest.raises(LabError, match=r"gamma=2.0 is not allowed; it must be a number from 0 to 1"):
        PPO(CARTPOLE, num_envs=2, **SMALL | {"gamma": np.float32(2)})


def test_hyperparameters_that_are_spelt_wrongly_are_refused():
    agent = PPO(CARTPOLE, num_envs=2, **SMALL)
    for name, meant in (("gama", "gamma"), ("ent_coeff", "ent_coef"), ("learning_rates", "learning_rate")):
        with pytest.raises(LabError, match=f"PPO has no hyperparameter '{name}'; did you mean '{meant}'?"):
            setattr(agent, name, 0.5)
    agent.best, agent.ent_coef = 3.0, 0.5  # notes of your own stay possible
    assert (agent.best, agent.config.ent_coef) == (3.0, 0.5)
