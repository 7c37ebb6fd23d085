"""Evaluation gives a model what its own library's evaluation gives it: memory, masks, normalised observations."""

import random

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Tuple
from gymnasium.wrappers import NormalizeObservation
from sb3_contrib import MaskablePPO, RecurrentPPO
from sb3_contrib.common.wrappers import ActionMasker
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from rl_lab import agents
from rl_lab.agents.common.predictor import Predictor
from rl_lab.compare import Environment, Evaluation
from rl_lab.compare.environments import Maker
from rl_lab.compare.evaluation import Judge
from rl_lab.compare.measure import Meter, Metered
from rl_lab.data import collect
from rl_lab.errors import LabError
from rl_lab.stages import experts

SMALL = {"n_steps": 32, "batch_size": 32, "n_epochs": 1, "device": "cpu"}
SEEDS = [3, 1, 4, 15, 9, 2]


class Cue(gym.Env):
    """Shows a number once; after a while that differs it has to be repeated, and the reward is 1 if it is."""

    observation_space, action_space = Box(-1, 9, (1,), np.float32), Discrete(10)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.cue, self.left = int(self.np_random.integers(10)), int(self.np_random.integers(2, 6))
        return np.full(1, self.cue, np.float32), {}

    def step(self, action):
        self.left -= 1
        over = self.left == 0
        return np.full(1, -1, np.float32), float(over and action == self.cue), over, False, {}


class Remembering:
    """Repeats the first observation of its episode, which `predict` finds in its state."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        assert deterministic
        rows = np.asarray(observation).reshape(-1)
        assert episode_start.shape == rows.shape
        state = np.where(episode_start, rows, -1.0 if state is None else state)
        actions = state.astype(int)
        return (actions if np.ndim(observation) > 1 else actions[0]), state


class InBatches(Remembering):
    """The same for a batch of observations, as models of Stable-Baselines3 answer, by whose module they are known."""

    __module__ = "sb3_contrib.made_up"


class Forwarding:
    """Somebody's own wrapper around a model."""

    def __init__(self, model):
        self.model = model

    def predict(self, observation, **kwargs):
        return self.model.predict(observation, **kwargs)


@pytest.mark.parametrize("model", [Remembering(), InBatches(), Forwarding(Remembering())])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_model_keeps_its_memory_for_an_episode_and_no_longer(model, wrapped):
    judge = Judge(Maker.of(Environment("cue", Cue)), Evaluation(episodes=6), SEEDS)
    outer = gym.wrappers.TransformReward(metered(judge), lambda reward: 5 * reward) if wrapped else None
    assert judge(model, outer).returns.tolist() == [1.0] * 6
    assert judge(model, outer).returns.tolist() == [1.0] * 6


def test_a_model_with_memory_is_an_expert():
    assert collect(Cue(), experts.find(Remembering(), Cue()).act, 4).returns.tolist() == [1.0] * 4


def test_a_recurrent_model_of_sb3_contrib_is_judged_as_by_hand():
    options = SMALL | {"policy_kwargs": {"lstm_hidden_size": 8, "net_arch": [8]}}
    model = RecurrentPPO("MlpLstmPolicy", "CartPole-v1", seed=1, gae_lambda=0.9, **options)
    by_hand, forgetful = [], []
    for found, remembers in ((by_hand, True), (forgetful, False)):
        for seed in SEEDS:
            env = gym.make("CartPole-v1")
            (observation, _), state, start, actions, over = env.reset(seed=seed), None, True, [], False
            while not over:
                state = state if remembers else None
                action, state = model.predict(observation, state, np.array([start]), deterministic=True)
                observation, _, terminated, truncated, _ = env.step(action)
                start, over = False, terminated or truncated
                actions.append(int(action))
            found.append(float(len(actions)))
    assert by_hand != forgetful
    judge = Judge(Maker.of(Environment("CartPole-v1")), Evaluation(episodes=6), SEEDS)
    assert judge(model).returns.tolist() == by_hand


class Turns(gym.Env):
    """In turn one action of four is allowed; any other ends the episode with -1."""

    observation_space, action_space = Box(0, 99, (1,), np.float32), Discrete(4)

    def __init__(self, told="method", last=None):
        self.told, self.last, self.over = told, last, True

    def action_masks(self):
        if self.told != "method":
            raise AttributeError
        return self.mask()

    def mask(self):
        return np.arange(4) == self.t % 4

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.length, self.over = 0, int(self.np_random.integers(4, 9)), False
        return self.look()

    def look(self):
        given = self.told == "info" and not (self.over and self.last == "missing")
        mask = np.zeros(4, np.int8) if self.over and self.last == "none" else self.mask()
        return np.zeros(1, np.float32), {"action_mask": mask} if given else {}

    def step(self, action):
        wrong = action != self.t % 4
        self.t += 1
        self.over = wrong or self.t == self.length
        observation, info = self.look()
        return observation, -1.0 if wrong else 0.0, self.over, False, info


class Obedient:
    """Takes the only action that its mask allows."""

    def predict(self, observation, action_masks=None):
        return int(np.flatnonzero(action_masks)[0])


@pytest.mark.parametrize("last", [None, "none", "missing"])
@pytest.mark.parametrize("told", ["info", "method", "wrapper"])
def test_masks_are_given_wherever_the_environment_has_them(told, last):
    def make():
        env = Turns(told, last)
        return ActionMasker(env, Turns.mask) if told == "wrapper" else env

    trained = ActionMasker(Turns(), Turns.mask)
    models = [Obedient(), MaskablePPO("MlpPolicy", trained, seed=0, **SMALL)]
    for model in [*models, Forwarding(models[1])]:
        judge = Judge(Maker.of(Environment("turns", make)), Evaluation(episodes=6), SEEDS)
        outer = gym.wrappers.TransformReward(metered(judge), lambda reward: 5 * reward)
        assert judge(model).returns.tolist() == [0.0] * 6
        assert judge(model, outer).returns.tolist() == [0.0] * 6
        shown = collect(EndsWell(make()), experts.find(model, make()).act, 4)
        assert shown.returns.tolist() == [1.0] * 4


class Uninformed:
    """Takes neither masks nor anything that it does not name."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.int64(0), None


def test_a_model_that_takes_no_masks_is_asked_without_them_through_a_wrapper_too():
    judge = Judge(Maker.of(Environment("turns", Turns)), Evaluation(episodes=3), SEEDS[:3])
    assert judge(Forwarding(Uninformed())).lengths.tolist() == judge(Uninformed()).lengths.tolist() == [2] * 3
    agent = agents.PPO("rl_lab/CartPole-v1")
    ours = agent.predict(np.zeros(4, np.float32), action_mask=np.array([False, True]))[0]
    assert Predictor(Forwarding(agent))(np.zeros(4, np.float32), np.array([False, True])) == ours == 1


class Pairs(gym.Env):
    """Two numbers are chosen, and of each only one is allowed, in turn."""

    observation_space, action_space = Box(0, 1, (1,), np.float32), MultiDiscrete([2, 3])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1, np.float32), {}

    def action_masks(self):
        return np.concatenate([np.arange(2) == self.t % 2, np.arange(3) == self.t % 3])

    def step(self, action):
        right = list(action) == [self.t % 2, self.t % 3]
        self.t += 1
        return np.zeros(1, np.float32), float(right), self.t == 6, False, {}


def test_masks_of_several_discrete_actions_are_given_as_sb3_contrib_has_them():
    model = MaskablePPO("MlpPolicy", Pairs(), seed=0, **SMALL)
    assert Judge(Maker.of(Environment("pairs", Pairs)), Evaluation(episodes=2), [0, 1])(model).returns.tolist() == [
        6,
        6,
    ]


class EndsWell(gym.Wrapper):
    """A reward of 1 at the end of an episode."""

    def step(self, action):
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward + (terminated or truncated), terminated, truncated, info


def test_masks_hold_in_episodes_that_count_for_nothing_as_well():
    class Strict(Turns):
        """An action that is not allowed is an error; its episodes last as long as their seed says, others 9 steps."""

        def reset(self, *, seed=None, options=None):
            found = super().reset(seed=seed)
            self.length = 9 if seed is None else seed
            return found

        def step(self, action):
            assert self.mask()[action]
            return super().step(action)

    judge = Judge(Maker.of(Environment("turns", Strict)), Evaluation(episodes=2), [4, 30])
    model = MaskablePPO("MlpPolicy", Turns(), seed=0, **SMALL)
    assert judge(model).lengths.tolist() == [4, 30]
    assert judge(model, gym.wrappers.TransformReward(metered(judge), float)).lengths.tolist() == [4, 30]


def test_a_mask_that_allows_nothing_while_an_episode_goes_on_gets_a_sentence():
    class Empty(Turns):
        def mask(self):
            return np.zeros(4, bool)

    judge = Judge(Maker.of(Environment("turns", Empty)), Evaluation(episodes=2), [0, 1])
    with pytest.raises(LabError, match=r"turns.* allows no action"):
        judge(Obedient())


class Far(gym.Env):
    """Shows numbers around 1000."""

    observation_space, action_space = Box(-np.inf, np.inf, (1,), np.float64), Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.look(), {}

    def look(self):
        return self.np_random.normal(1000, 10, 1)

    def step(self, action):
        self.t += 1
        return self.look(), 1.0, False, self.t == 5, {}


class Noting:
    """Notes the observations that it gets."""

    def __init__(self):
        self.seen = []

    def predict(self, observation, deterministic=True):
        self.seen.append(np.array(observation, np.float64).reshape(-1))
        return np.zeros(len(self.seen[-1]), int) if np.ndim(observation) > 1 else 0


class NotingInBatches(Noting):
    __module__ = "stable_baselines3.made_up"


def metered(judge):
    return Metered(judge.maker.single(), judge.maker, Meter(10_000, 1, judge))


def walk(env, steps):
    env.reset()
    for _ in range(steps):
        if any(env.step(env.action_space.sample())[2:4]):
            env.reset()


@pytest.mark.parametrize("kind", [Noting, NotingInBatches])
def test_statistics_of_a_wrapper_are_those_of_training_at_every_evaluation_and_stay(kind):
    judge = Judge(Maker.of(Environment("far", Far)), Evaluation(episodes=2), [7, 8])
    outer = NormalizeObservation(metered(judge))
    raw = [Far().reset(seed=seed)[0][0] for seed in (7, 8)]
    means = []
    for _ in range(3):
        walk(outer, 50)
        mean, variance, count = outer.obs_rms.mean.copy(), outer.obs_rms.var.copy(), outer.obs_rms.count
        model = kind()
        judge(model, outer)
        first = [model.seen[0], model.seen[5]] if kind is Noting else model.seen[:1]
        expected = (np.array(raw) - mean) / np.sqrt(variance + outer.epsilon)
        np.testing.assert_allclose(np.concatenate(first), expected, rtol=1e-5)
        assert (outer.obs_rms.mean, outer.obs_rms.var, outer.obs_rms.count) == (mean, variance, count)
        assert outer.update_running_mean
        means.append(mean.item())
    assert len(set(means)) == 3


def test_an_expert_gets_observations_as_its_vec_normalize_makes_them():
    model = PPO("MlpPolicy", VecNormalize(DummyVecEnv([Far])), seed=0, **SMALL).learn(64)
    wrapper, seen = model.get_vec_normalize_env(), []
    original = model.predict
    model.predict = lambda observation, deterministic: (seen.append(observation), original(observation))[1]
    shown = collect(Far(), experts.find(model, Far()).act, 1)
    np.testing.assert_array_equal(seen[0], wrapper.normalize_obs(shown.episodes[0].observations[0]))


def test_an_expert_that_needs_a_wrapper_that_is_not_there_gets_a_sentence():
    model = PPO("MlpPolicy", NormalizeObservation(Far()), seed=0, **SMALL)
    assert experts.find(model, NormalizeObservation(Far()))
    with pytest.raises(LabError, match="trained with observations from NormalizeObservation, but the environment"):
        experts.find(model, Far())


def test_what_is_kept_of_an_episode_is_not_changed_later():
    class Writing(Far):
        action_space = Box(-1, 1, (1,), np.float32)

        def step(self, action):
            outcome = super().step(0)
            action[:] = 9
            return outcome

    class Reusing:
        action = np.zeros(1, np.float32)

        def predict(self, observation):
            self.action[:] = np.ravel(observation)[0] > 1000
            return self.action.reshape(np.shape(observation))

    for kind in (Reusing, type("InBatches", (Reusing,), {"__module__": "sb3_contrib.made_up"})):
        found = Judge(Maker.of(Environment("writing", Writing)), Evaluation(episodes=1), [5])(kind())
        env = Writing()
        observation, _ = env.reset(seed=5)
        for action in found.best.actions:
            assert np.ravel(action) == float(observation[0] > 1000)
            observation = env.step(np.zeros(1))[0]


class Silent(gym.Wrapper):
    """Forgets the seed."""

    def reset(self, **arguments):
        return self.env.reset()


class Lives(gym.Wrapper):
    """Makes an episode of three steps, and its reset takes a step as those of games do that have to be started."""

    def reset(self, **arguments):
        self.left = 3
        self.env.reset(**arguments)
        observation, _, _, _, info = self.env.step(np.zeros(1, np.float32))
        return observation, info

    def step(self, action):
        observation, reward, _, truncated, info = self.env.step(action)
        self.left -= 1
        return observation, reward, self.left <= 0, truncated, info


class Still:
    """Does nothing."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.zeros((*np.shape(observation)[:-1], 1)), None


class StillBatch(Still):
    __module__ = "sb3_contrib.made_up"


@pytest.mark.parametrize("model", [Still(), StillBatch()])
@pytest.mark.parametrize("wrapper", [lambda env: gym.wrappers.TimeLimit(env, 10), Silent, Lives])
def test_wrappers_that_end_episodes_early_or_forget_the_seed_change_nothing_in_what_is_counted(model, wrapper):
    by_hand = []
    for seed in SEEDS:
        env = gym.make("Pendulum-v1")
        env.reset(seed=seed)
        by_hand.append(sum(env.step(np.zeros(1))[1] for _ in range(200)))
    judge = Judge(Maker.of(Environment("Pendulum-v1")), Evaluation(episodes=6), SEEDS)
    outer = wrapper(metered(judge))
    for _ in range(2):
        found = judge(model, outer)
        assert found.returns.tolist() == pytest.approx(by_hand)
        assert found.lengths.tolist() == [200] * 6
        assert found.truncated.all()


class Returning:
    def __init__(self, action):
        self.action = action

    def predict(self, observation):
        return self.action


class ReturningBatch(Returning):
    __module__ = "sb3_contrib.made_up"


class Sums(gym.Env):
    """Two steps whose reward is the sum of what was done."""

    observation_space = Box(0, 1, (1,), np.float32)

    def __init__(self, action_space):
        self.action_space = action_space

    def reset(self, *, seed=None, options=None):
        self.left = 2
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.left -= 1
        return np.zeros(1, np.float32), float(np.sum(action + np.zeros(2))), self.left == 0, False, {}


@pytest.mark.parametrize(
    ("space", "action", "found"),
    [
        (Box(-1, 1, (2,)), (0.25, 0.5), r"shape \(\) and type float64; expected is one of shape \((1, )?2,?\) for Box"),
        (Box(-1, 1, (2,)), [np.nan, 0.5], "returned the action nan; the action space is Box"),
        (Box(-1, 1, (2,)), [[0.25, 0.5]], 1.5),
        (Discrete(3), 1.5, r"returned the action 1.5; the action space is Discrete\(3\)"),
        (Discrete(3), [3], "returned the action 3"),
        (Discrete(3, start=3), np.array([4]), 16.0),
        (MultiDiscrete([3, 3]), 1, r"shape \(\) and type int64; expected is one of shape \((1, )?2,?\) for Multi"),
        (MultiDiscrete([3, 3]), [1, 2], 6.0),
        (MultiBinary(2), [0.0, 1.0], 2.0),
        (MultiBinary(2), [0, 2], "returned the action 2"),
        (Tuple((Discrete(2), Discrete(2))), (1, 0), r"shape \(\) and type int64"),
    ],
)
def test_what_is_no_action_of_the_environment_gets_a_sentence(space, action, found):
    judge = Judge(Maker.of(Environment("sums", lambda: Sums(space))), Evaluation(episodes=1), SEEDS[:1])
    for model in (Returning(action), ReturningBatch(action)):
        if isinstance(found, str):
            with pytest.raises(LabError, match=found):
                judge(model)
        else:
            assert judge(model).returns.tolist() == [found]


class Drawing:
    """Draws from the streams that all of a process shares."""

    def predict(self, observation):
        return int(random.random() + np.random.random() + float(torch.rand(1))) % 2


def test_judging_moves_no_random_stream_that_training_may_draw_from():
    judge = Judge(Maker.of(Environment("CartPole-v1")), Evaluation(episodes=1), SEEDS[:1])

    def drawn():
        return random.random(), np.random.random(), float(torch.rand(1))

    def seed():
        random.seed(3)
        np.random.seed(3)
        torch.manual_seed(3)

    seed()
    untouched = drawn()
    seed()
    judge(Drawing())
    assert drawn() == untouched
