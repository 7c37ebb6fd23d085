"""CartPole step for step beside Gymnasium's own, from the same states."""

import inspect
import warnings
from pathlib import Path

import gymnasium as gym
import numpy as np
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

import rl_lab  # noqa: F401
from rl_lab.envs.classic import cartpole

FIELDS = ("x", "x_dot", "theta", "theta_dot")
numbers = st.floats(-0.05, 0.05)


def inject(ours, theirs, state):
    theirs.reset(seed=0)
    theirs.unwrapped.state = tuple(state)
    theirs.unwrapped.steps_beyond_terminated = None
    ours.reset(seed=0)
    states = ours.unwrapped.save_state()
    for name, value in zip(FIELDS, state, strict=True):
        states[name] = value
    return ours.unwrapped.load_state(states)[0]


@settings(max_examples=20)
@given(state=st.tuples(numbers, numbers, numbers, numbers), data=st.data())
def test_episodes_are_those_of_gymnasium(state, data):
    ours, theirs = gym.make("rl_lab/CartPole-v1"), gym.make("CartPole-v1")
    observation = inject(ours, theirs, state)
    np.testing.assert_array_equal(observation, np.array(state, np.float32))
    rng, ended = np.random.default_rng(data.draw(st.integers(0, 1000))), False
    while not ended:
        # Mostly balancing, so that some episodes last.
        action = int(observation[2] + 0.3 * observation[3] > 0) if rng.random() < 0.9 else int(rng.integers(2))
        observation, *mine, _ = ours.step(action)
        their_observation, *other, _ = theirs.step(action)
        # NumPy's vectorised sine and the C library's may differ in the last bit of the float64 state.
        np.testing.assert_allclose(
            [*ours.unwrapped.lanes.states[0]][:4], theirs.unwrapped.state, rtol=1e-10, atol=1e-12
        )
        np.testing.assert_allclose(observation, their_observation, rtol=1e-6, atol=1e-12)
        assert observation.dtype == their_observation.dtype
        assert mine == other
        ended = mine[1] or mine[2]


def test_one_step_from_anywhere():
    ours, theirs = gym.make("rl_lab/CartPole-v1"), gym.make("CartPole-v1")
    rng = np.random.default_rng(0)
    ends = set()
    for _ in range(500):
        state, action = rng.uniform([-2.6, -3, -0.25, -3], [2.6, 3, 0.25, 3]), int(rng.integers(2))
        inject(ours, theirs, state)
        observation, reward, terminated, truncated, _ = ours.step(action)
        expected, *rest, _ = theirs.step(action)
        np.testing.assert_allclose(observation, expected, rtol=1e-6)
        assert [reward, terminated, truncated] == rest
        ends.add(terminated)
    assert ends == {True, False}


def test_the_step_limit_is_five_hundred():
    vector = gym.make_vec("rl_lab/CartPole-v1", num_envs=64, autoreset_mode="SameStep")
    observations, _ = vector.reset(seed=0)
    truncations = 0
    for _ in range(1000):
        actions = (observations[:, 2] + 0.3 * observations[:, 3] + 0.02 * observations[:, 0] > 0).astype(int)
        observations, _, _, truncated, info = vector.step(actions)
        if truncated.any():
            assert (info["episode"]["l"][truncated] == 500).all()
            assert (info["episode"]["r"][truncated] == 500).all()
            truncations += truncated.sum()
    assert truncations > 20
    unlimited = gym.make("rl_lab/CartPole-v1", max_steps=0)
    assert unlimited.unwrapped.lanes.config["max_steps"] == 0


def test_starts_are_uniform():
    starts, _ = gym.make_vec("rl_lab/CartPole-v1", num_envs=4000).reset(seed=0)
    for column in starts.T:
        assert stats.kstest(column, stats.uniform(-0.05, 0.1).cdf).pvalue > 1e-4


def test_spaces_are_those_of_gymnasium():
    ours, theirs = gym.make("rl_lab/CartPole-v1"), gym.make("CartPole-v1")
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space


def test_checkers_find_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".*infinity")
        check_env(gym.make("rl_lab/CartPole-v1").unwrapped)
        check_env_for_sb3(gym.make("rl_lab/CartPole-v1").unwrapped)


def test_the_example_stays_small():
    file = inspect.getsourcefile(cartpole)
    assert file is not None
    assert len(Path(file).read_text().splitlines()) <= 60
