"""Demonstrations as Minari data sets that Minari itself loads, and that replay to the same rewards."""

import gymnasium as gym
import minari
import numpy as np
import pytest

from rl_lab.data import Demonstrations, collect
from rl_lab.envs.robot.planner import Planner
from rl_lab.errors import LabError


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))


def left(observation, info):
    return 0


def same(one, other):
    if isinstance(one, dict):
        return all(same(one[name], other[name]) for name in one)
    return one == other if isinstance(one, str) else np.array_equal(one, other)


@pytest.mark.parametrize("mode", ["flat", "dict"])
def test_minari_reads_what_was_written_and_it_replays(mode):
    env = gym.make("rl_lab/Robot-DoorKey-6x6-v0", observation=mode)
    shown = collect(env, Planner(), 5, seed=3)
    shown.write("doorkey/planner-v0", "planner")
    dataset = minari.load_dataset("doorkey/planner-v0")
    assert (dataset.total_episodes, dataset.total_steps) == (5, shown.transitions)
    again = dataset.recover_environment()
    read = Demonstrations.read("doorkey/planner-v0")
    assert (read.environment, read.arguments) == (shown.environment, shown.arguments)
    for theirs, ours, episode in zip(dataset.iterate_episodes(), shown.episodes, read.episodes, strict=True):
        assert episode.seed == ours.seed
        assert all(same(a, b) for a, b in zip(episode.observations, ours.observations, strict=True))
        observation, _ = again.reset(seed=episode.seed)
        assert same(observation, ours.observations[0])
        rewards = [again.step(action)[1] for action in theirs.actions]
        np.testing.assert_array_equal(rewards, ours.rewards)
        assert theirs.terminations[-1] == ours.terminated


def test_continuous_actions_and_limits_of_time():
    env = gym.make("Pendulum-v1", max_episode_steps=7)
    shown = collect(env, lambda observation, info: np.array([0.5]), 2)
    assert shown.actions().shape == (14, 1)
    assert not any(episode.terminated for episode in shown.episodes)
    shown.write("pendulum/still-v0")
    read = Demonstrations.read("pendulum/still-v0")
    np.testing.assert_array_equal(read.actions(), shown.actions())
    assert not any(episode.terminated for episode in read.episodes)


def test_predict_of_a_model_is_an_expert():
    from stable_baselines3 import PPO

    model = PPO("MlpPolicy", "CartPole-v1", n_steps=64)
    shown = collect(gym.make("CartPole-v1"), lambda observation, info: model.predict(observation), 2)
    assert shown.transitions == sum(shown.returns)


def test_bad_experts_and_names_get_a_sentence():
    env = gym.make("rl_lab/Robot-DoorKey-5x5-v0", max_steps=20)
    with pytest.raises(LabError, match=r"the expert answered 9 at step 0 .*Discrete\(7\): a whole number from 0 to 6"):
        collect(env, lambda observation, info: 9, 1)
    with pytest.raises(LabError, match="earned no reward in 3 episodes; an expert that never succeeds teaches nothing"):
        collect(env, left, 3)
    with pytest.raises(LabError, match="episodes=0 is not allowed"):
        collect(env, Planner(), 0)
    shown = collect(env, Planner(), 1)
    shown.write("doorkey/one-v0")
    with pytest.raises(LabError, match="data set 'doorkey/one-v0' exists already"):
        shown.write("doorkey/one-v0")
    with pytest.raises(LabError, match="'no name' is no name of a data set"):
        shown.write("no name")
    with pytest.raises(LabError, match=r"'nowhere-v0' cannot be read .*local data sets: doorkey/one-v0"):
        Demonstrations.read("nowhere-v0")
    six = gym.make("rl_lab/Robot-DoorKey-6x6-v0")
    with pytest.raises(LabError, match=r"these are demonstrations of rl_lab/Robot-DoorKey-5x5-v0 .* but the"):
        shown.check_fits("six", six.observation_space, six.action_space, six.spec)
    shown.check_fits("five", env.observation_space, env.action_space, env.spec)
    other = gym.make("CartPole-v1")
    with pytest.raises(LabError, match=r"demonstrations of rl_lab/Robot-DoorKey-5x5-v0 .* give demonstrations of the"):
        shown.check_fits("CartPole", other.observation_space, other.action_space)


class Nan(gym.ObservationWrapper):
    def observation(self, observation):
        return observation * np.float32(np.nan)


def test_what_goes_wrong_while_an_expert_plays_is_told_with_its_place():
    with pytest.raises(
        LabError, match="the observation of the environment holds nan at step 0 of the episode with seed 3"
    ):
        collect(Nan(gym.make("CartPole-v1")), lambda observation, info: 0, 1, seed=3)
    with pytest.raises(
        LabError, match=r"the expert failed at step 0 .*: ZeroDivisionError: .*test_demonstrations.py, line \d+"
    ):
        collect(gym.make("CartPole-v1"), lambda observation, info: 1 // 0, 1)
    with pytest.raises(LabError, match="it is called as expert\\(observation, info\\)"):
        collect(gym.make("CartPole-v1"), lambda observation: 1, 1)
    with pytest.raises(LabError, match="seed=-5 is not allowed"):
        collect(gym.make("CartPole-v1"), lambda observation, info: 1, 1, seed=-5)
    with pytest.raises(LabError, match=r"float32 of shape \(1,\), and this has shape \(2,\)"):
        collect(gym.make("Pendulum-v1"), lambda observation, info: [0.0, 0.0], 1)
