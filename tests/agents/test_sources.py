"""Whatever is called an environment gives the same experience, in every autoreset mode."""

from itertools import pairwise

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from rl_lab.agents import PPO
from rl_lab.agents.common.environments import make_adapter
from rl_lab.agents.common.vec_adapter import CompiledAdapter, SteppedAdapter
from rl_lab.errors import LabError


class Corridor(gym.Env):
    """Walk right to the end; reward 1 a step; cut after six steps. The observation is position and time."""

    observation_space = gym.spaces.Box(-100, 100, (2,), np.float32)
    action_space = gym.spaces.Discrete(2, start=5)

    def __init__(self, bad=None):
        self.bad = bad

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.time = 0, 0
        return self._seen(), {}

    def step(self, action):
        assert self.action_space.contains(int(action))
        self.place += 1 if action == 6 else -1
        self.time += 1
        reward = np.nan if self.bad == "reward" and self.time == 3 else 1.0
        return self._seen(), reward, self.place >= 3, self.time >= 6, {}

    def _seen(self):
        seen = np.array([self.place, self.time], np.float32)
        if self.bad == "observation" and self.time == 2:
            seen[1] = np.inf
        return seen


def walk(source, actions):
    """Observations, rewards, ends and final observations of valid steps, lane by lane."""
    source.reset(0)
    told = [[] for _ in range(source.lanes)]
    taken = [0] * source.lanes
    while min(taken) < len(actions):
        for lane in range(source.lanes):
            source.view.actions[lane] = actions[min(taken[lane], len(actions) - 1)]
        source.step()
        v = source.view
        for lane in np.flatnonzero(v.valid):
            final = v.final_observations[lane].tolist() if v.terminated[lane] or v.truncated[lane] else None
            told[lane].append((v.rewards[lane], bool(v.terminated[lane]), bool(v.truncated[lane]), final))
            taken[lane] += 1
    return [lane[: len(actions)] for lane in told]


def test_all_autoreset_modes_tell_the_same_story():
    actions = np.random.default_rng(0).integers(5, 7, 60).tolist()
    stories = []
    for mode in AutoresetMode:
        vector = gym.vector.SyncVectorEnv([Corridor] * 3, autoreset_mode=mode)
        stories.append(walk(make_adapter(vector, 1), actions))
    stories.append(walk(make_adapter(Corridor, 3), actions))
    assert stories[0] == stories[1] == stories[2] == stories[3]
    ends = [step for step in stories[0][0] if step[1] or step[2]]
    assert any(step[1] for step in ends)
    assert any(step[2] for step in ends)
    assert all(step[3][1] == 6 for step in ends if step[2])


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_truncation_bootstraps_from_what_was_seen_last(mode):
    vector = gym.vector.SyncVectorEnv([Corridor] * 2, autoreset_mode=mode)
    agent = PPO(vector, n_steps=40, batch_size=16, n_epochs=1, gamma=0.9)
    agent.engine.collect(agent.rollout, agent.runner, agent.normalizer)
    rollout = agent.rollout
    valid_ends = rollout.dones & rollout.valid
    raised = valid_ends & (rollout.rewards != 1.0)
    assert raised.any()
    t, lane = np.argwhere(raised)[0]
    seen = rollout.observations[t, lane]
    step = 1 if rollout.actions[t, lane, 0] == 1 else -1
    final = np.array([[seen[0] + step, seen[1] + 1]], np.float32)
    assert final[0, 1] == 6
    assert rollout.rewards[t, lane] == pytest.approx(1 + 0.9 * agent.engine.values(final)[0], abs=1e-6)
    if mode != AutoresetMode.NEXT_STEP:
        assert rollout.valid.all()
    else:
        assert not rollout.valid.all()
        assert (rollout.rewards[~rollout.valid] == 0).all()


@pytest.mark.parametrize("bad", ["reward", "observation"])
@pytest.mark.parametrize("engine", ["compiled", "torch"])
def test_what_is_not_finite_is_named(bad, engine):
    agent = PPO(lambda: Corridor(bad), num_envs=2, n_steps=16, batch_size=16, engine=engine)
    before = agent.parameters.copy()
    where = {"reward": "environment 0, step 3: the reward is nan", "observation": r"step 2: observation\[1\] is inf"}
    with pytest.raises(LabError, match=f"Corridor: .*{where[bad]}"):
        agent.learn(64)
    assert (agent.parameters == before).all()


def test_a_loss_that_explodes_is_named():
    agent = PPO(lambda: Huge(), n_steps=16, batch_size=16)
    with pytest.raises(LabError, match=r"became (nan|inf)|infinite"):
        agent.learn(64)


class Huge(Corridor):
    """Rewards too large for float32's squares."""

    def step(self, action):
        seen, _, terminated, truncated, info = super().step(action)
        return seen, 1e30, terminated, truncated, info


class Parts(gym.Env):
    """An observation of several parts, one of them text."""

    observation_space = gym.spaces.Dict(
        {
            "image": gym.spaces.Box(0, 255, (2, 2, 3), np.uint8),
            "mission": gym.spaces.Text(20),
            "direction": gym.spaces.Discrete(4, start=1),
            "flags": gym.spaces.MultiBinary(2),
            "cards": gym.spaces.MultiDiscrete([2, 3]),
        }
    )
    action_space = gym.spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._seen(), {"action_mask": np.array([True, False, True])}

    def step(self, action):
        assert action != 1
        return (
            self._seen(),
            0.0,
            bool(self.np_random.random() < 0.2),
            False,
            {"action_mask": np.array([True, False, True])},
        )

    def _seen(self):
        image = np.full((2, 2, 3), 255, np.uint8)
        return {
            "image": image,
            "mission": "go",
            "direction": np.int64(3),
            "flags": np.array([1, 0], np.int8),
            "cards": np.array([1, 2]),
        }


def test_parts_stand_side_by_side_and_text_is_dropped(caplog):
    with caplog.at_level("INFO", logger="rl_lab"):
        agent = PPO(Parts, num_envs=3, n_steps=16, batch_size=8)
    assert "text is dropped (mission)" in caplog.text
    assert agent.policy.encoder.size == 5 + 4 + 2 + 12
    agent.learn(96)  # the environment asserts that masked actions never come
    expected = dict(agent.policy.encoder.space.spaces)
    row = agent.policy.encoder(Parts()._seen(), 1)[0]
    parts = {"cards": [0, 1, 0, 0, 1], "direction": [0, 0, 1, 0], "flags": [1, 0], "image": [1] * 12}
    np.testing.assert_array_equal(row, np.concatenate([parts[name] for name in expected if name in parts]))
    action, _ = agent.predict(Parts()._seen(), action_mask=np.array([False, False, True]))
    assert action == 2


def test_compiled_and_stepped_give_the_same_experience():
    """The loop around a compiled environment, and Python calling the same steps."""
    both = []
    for compiled in (True, False):
        agent = PPO("rl_lab/CartPole-v1", num_envs=4, n_steps=600, batch_size=64, normalize_observation=True, seed=7)
        assert agent.source.compiled
        if not compiled:
            from rl_lab.agents.engines.compiled import CompiledEngine

            agent.source.compiled = False
            agent.engine = CompiledEngine(agent.policy, agent.source, 64, agent.loss, agent.optimizer, "PPO")
        agent.learn(2 * 2400)
        both.append(agent)
    assert both[0].parameters.tobytes() == both[1].parameters.tobytes()
    assert both[0].rollout.rewards.tobytes() == both[1].rollout.rewards.tobytes()


def test_nothing_is_learned_from_steps_that_only_reset():
    class Short(Corridor):
        def step(self, action):
            return self._seen(), 1.0, True, False, {}

    agent = PPO(gym.vector.SyncVectorEnv([Short] * 2), n_steps=1, batch_size=16)
    weights, learned = [agent.parameters.copy()], []
    for _ in range(4):  # every other step resets both
        agent.learn(2, reset_num_timesteps=False)
        weights.append(agent.parameters.copy())
        learned.append("train/loss" in agent.metrics)
    assert learned == [True, False, True, False]
    assert [(a != b).any() for a, b in pairwise(weights)] == learned


def test_our_environments_are_compiled_and_others_are_not():
    assert isinstance(make_adapter("rl_lab/CartPole-v1", 2), CompiledAdapter)
    assert isinstance(make_adapter("CartPole-v1", 2), SteppedAdapter)
    assert isinstance(make_adapter(gym.make("CartPole-v1"), 1), SteppedAdapter)


@pytest.mark.parametrize(
    ("env", "words"),
    [
        (lambda: gym.make("CartPole-v1"), "num_envs=4 is not possible with CartPole-v1, which is one environment"),
        (lambda: gym.make_vec("CartPole-v1", num_envs=2), "num_envs=4 is .* a VectorEnv of 2 environments; leave"),
        (lambda: gym.make_vec("rl_lab/CartPole-v1", num_envs=2), "a VectorEnv of 2 environments; leave num_envs out"),
    ],
)
def test_an_environment_object_is_not_multiplied(env, words):
    with pytest.raises(LabError, match=words):
        PPO(env(), num_envs=4)
    made = env()
    own = getattr(made, "num_envs", 1)
    assert make_adapter(made, own).lanes == make_adapter(env(), 1).lanes == own


def test_gymnasiums_own_vector_environments_work():
    vector = gym.make_vec("CartPole-v1", num_envs=3)  # steps its lanes by itself, with resets in the next step
    agent = PPO(vector, n_steps=128, batch_size=64).learn(768)
    assert agent.episode_returns().mean() == pytest.approx(
        agent.runner.recent_lengths[: len(agent.episode_returns())].mean()
    )


def test_neighbouring_seeds_share_no_lane():
    starts = []
    for seed in (0, 1):
        source = make_adapter("CartPole-v1", 4)
        source.reset(seed)
        starts += [tuple(row) for row in source.view.observations]
    assert len(set(starts)) == 8


class Far(gym.Env):
    """Numbers that float64 holds and float32 does not, in the second step, which is the last."""

    action_space = gym.spaces.Discrete(2)

    def __init__(self, parts=False, at=1):
        box = gym.spaces.Box(-np.inf, np.inf, (2,), np.float64)
        self.at, self.parts = at, parts
        self.observation_space = gym.spaces.Dict(a=gym.spaces.Discrete(2), b=box) if parts else box

    def seen(self, far):
        row = np.array([0.0, -1e39 if far else 0.0])
        return {"a": 0, "b": row} if self.parts else row

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.seen(self.at == 0), {}

    def step(self, action):
        self.t += 1
        return self.seen(self.t == self.at), 0.0, self.t == 2, False, {}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("parts", "column"), [(False, 1), (True, 3)])
@pytest.mark.parametrize(
    ("at", "where"),
    [(0, "a reset: obs"), (1, "step 1: obs"), (2, "step 2: the last obs")],
    ids=["reset", "step", "end"],
)
def test_a_number_beyond_float32_is_named_with_its_value(parts, column, at, where):
    place = rf"Far: environment 0, {where}ervation\[{column}\] is -1e\+39, and agents see float32, at most 3.4e\+38"
    with pytest.raises(LabError, match=place):
        PPO(lambda: Far(parts, at), n_steps=8, batch_size=8, seed=0).learn(8)
