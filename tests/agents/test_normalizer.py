"""Running normalisation against SB3's VecNormalize on the same experience."""

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3 as sb3
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecNormalize

from rl_lab.agents import PPO
from rl_lab.agents.common import normalizer as n
from rl_lab.agents.engines.collect import loops
from rl_lab.sb3 import from_sb3


class Replay(VecEnv):
    """Tells a story that was written beforehand."""

    def __init__(self, observations, rewards, dones):
        from gymnasium.spaces import Box, Discrete

        self.story, self.place = (observations, rewards, dones), 0
        super().__init__(rewards.shape[1], Box(-1e9, 1e9, observations.shape[2:], np.float32), Discrete(2))

    def reset(self):
        self.place = 0
        return self.story[0][0].copy()

    def step_async(self, actions):
        pass

    def step_wait(self):
        t = self.place
        self.place += 1
        return (
            self.story[0][t + 1].copy(),
            self.story[1][t].copy(),
            self.story[2][t],
            [{} for _ in range(self.num_envs)],
        )

    def close(self):
        pass

    def get_attr(self, name, indices=None):
        return [None] * self.num_envs

    set_attr = env_method = env_is_wrapped = None


Replay.__abstractmethods__ = frozenset()


class Drifting(gym.Env):
    """Shows what no action changes, more and more of it, in episodes that end early or are truncated."""

    observation_space, action_space = gym.spaces.Box(-1e9, 1e9, (3,), np.float32), gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.random, self.steps = np.random.default_rng(5), 0
        self.reset = self.again
        return self.seen(), {}

    def again(self, *, seed=None, options=None):
        self.steps = 0
        return self.seen(), {}

    def seen(self):
        return self.random.normal(3, 50, 3).astype(np.float32)

    def step(self, action):
        self.steps += 1
        return self.seen(), float(self.random.normal(1, 4)), bool(self.random.random() < 0.1), self.steps == 4, {}


@pytest.mark.parametrize("lanes", [1, 5])
def test_it_is_vec_normalize(lanes):
    rng = np.random.default_rng(lanes)
    observations = rng.normal(3, 50, (41, lanes, 3)).astype(np.float32)
    rewards, dones = rng.normal(1, 4, (40, lanes)).astype(np.float32), rng.random((40, lanes)) < 0.2
    theirs = VecNormalize(Replay(observations, rewards, dones), gamma=0.95, clip_obs=2.0, clip_reward=2.0)
    ours = n.make_normalizer(3, lanes, True, True, 2.0, 0.95)
    current = np.zeros((lanes, 3), np.float32)

    loops().observe(ours, observations[0], current)
    np.testing.assert_allclose(current, theirs.reset(), atol=1e-5)
    for t in range(40):
        seen, reward, _, _ = theirs.step(np.zeros(lanes))
        loops().observe(ours, observations[t + 1], current)
        n.update_rewards(ours, rewards[t].astype(np.float64))
        scaled = [n.normalize_reward(ours, float(r)) for r in rewards[t]]
        ours.returns[dones[t]] = 0
        np.testing.assert_allclose(current, seen, atol=1e-4)
        np.testing.assert_allclose(scaled, reward, atol=1e-5)
    np.testing.assert_allclose(ours.mean, theirs.obs_rms.mean, rtol=1e-5)  # SB3 averages in float32
    np.testing.assert_allclose(ours.variance, theirs.obs_rms.var, rtol=1e-5)  # SB3 averages in float32
    np.testing.assert_allclose(
        ours.return_moments[:2], [theirs.ret_rms.mean, theirs.ret_rms.var], rtol=1e-5
    )  # SB3 averages in float32


@pytest.mark.parametrize("engine", ["compiled", "torch"])
def test_a_rollout_is_that_of_sb3_in_vec_normalize_also_where_episodes_are_truncated(engine):
    common = {"n_steps": 40, "batch_size": 40, "n_epochs": 1, "gamma": 0.9, "learning_rate": 0.0}
    settings = {"normalize_observation": True, "normalize_reward": True, "normalize_clip": 2.0}
    ours = PPO(Drifting, engine=engine, **common, **settings)
    seen = VecNormalize(DummyVecEnv([Drifting]), gamma=0.9, clip_obs=2.0, clip_reward=2.0)
    theirs = sb3.PPO("MlpPolicy", seen, **common)
    ours.parameters[:] = from_sb3(theirs.policy).parameters
    theirs.learn(1)
    ours.learn(1)
    assert ours.rollout.truncated.sum() > 3
    for name in ("observations", "values", "rewards", "advantages", "returns"):
        found, wanted = getattr(ours.rollout, name), getattr(theirs.rollout_buffer, name)
        np.testing.assert_allclose(found.reshape(wanted.shape), wanted, atol=1e-5, err_msg=name)


class Rising(gym.Env):
    """Rewards that rise in an episode which no rollout of these tests ends."""

    observation_space, action_space = gym.spaces.Box(-1, 1, (1,), np.float32), gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.steps += 1
        return np.zeros(1, np.float32), float(self.steps), False, False, {}


def test_returns_begin_again_with_their_episodes(tmp_path):
    settings = {"n_steps": 32, "batch_size": 32, "n_epochs": 1, "gamma": 0.99}
    ours = PPO(Rising, **settings, normalize_reward=True)
    seen = VecNormalize(DummyVecEnv([Rising]), norm_obs=False, gamma=0.99)
    theirs = sb3.PPO("MlpPolicy", seen, **settings)
    for _ in range(2):  # `learn` begins new episodes each time
        ours.learn(32)
        theirs.learn(32)
        np.testing.assert_allclose(ours.normalizer.return_moments[:2], [seen.ret_rms.mean, seen.ret_rms.var], rtol=1e-4)
    assert ours.normalizer.returns[0] > 100
    ours.save(tmp_path / "agent")
    assert PPO.load(tmp_path / "agent", env=Rising).normalizer.returns.tolist() == [0]  # its episode is lost
