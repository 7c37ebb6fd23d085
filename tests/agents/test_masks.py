"""Masks are read by one rule, from info or from `action_masks()`, in every autoreset mode."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from rl_lab.agents.common.masks import ActionMasks
from rl_lab.errors import LabError


class Turns(gym.Env):
    """Only action `t % 3` is allowed in step t, and an episode has four steps, whose end has no usable mask."""

    observation_space, action_space = gym.spaces.Box(0, 9, (1,), np.float32), gym.spaces.Discrete(3)

    def __init__(self, end="none", early=False):
        self.end, self.early = end, early

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1, np.float32), self.info()

    def step(self, action):
        assert action == self.t % 3
        self.t += 1
        return np.full(1, self.t, np.float32), 1.0, self.t >= 4, False, self.info()

    def info(self):
        if self.t < 4:
            return {"action_mask": np.arange(3) == self.t % 3}
        return {} if self.end == "missing" else {"action_mask": np.zeros(3, np.int8)}


class Asked(Turns):
    """The same, with SB3-contrib's method in place of info."""

    def action_masks(self):
        assert self.t < 4
        return np.arange(3) == self.t % 3

    def info(self):
        return {}


@pytest.mark.parametrize("make", [Turns, lambda: Turns("missing"), Asked], ids=["none", "missing", "method"])
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_masks_of_a_vector_environment(make, mode):
    vector = SyncVectorEnv([make] * 2, autoreset_mode=mode)
    reader = ActionMasks(vector, "Turns")
    masks = reader.begin(vector.reset(seed=0)[1])
    assert reader.given
    for step in range(12):
        _, _, ended, _, info = vector.step(masks.argmax(axis=1))  # the environment asserts that the action is right
        if mode == AutoresetMode.DISABLED and ended.any():
            masks = reader.after(vector.reset(options={"reset_mask": ended})[1])
        else:
            live = ~ended if mode == AutoresetMode.NEXT_STEP else None
            masks = reader.after(info, live, f"step {step}")
        assert masks.shape == (2, 3)


def test_masks_of_a_single_environment_and_of_processes():
    env = gym.wrappers.TimeLimit(Asked(), 9)
    reader = ActionMasks(env, "Asked")
    assert reader.begin(env.reset()[1]).tolist() == [True, False, False]
    assert reader.after(env.step(0)[4], where="step 0").tolist() == [False, True, False]
    vector = AsyncVectorEnv([Asked] * 2)
    reader = ActionMasks(vector, "Asked")
    assert reader.begin(vector.reset()[1]).tolist() == [[True, False, False]] * 2
    vector.close()


@pytest.mark.parametrize("id", ["CartPole-v1", "rl_lab/CartPole-v1", "Pendulum-v1"])
def test_nothing_is_masked_without_masks(id):
    env = gym.make(id)
    reader = ActionMasks(env, id)
    assert reader.begin(env.reset(seed=0)[1]) is None
    assert not reader.given


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ({}, "environment 0, step 7: there is no action_mask"),
        (
            {"action_mask": np.ones((2, 3)), "_action_mask": np.array([True, False])},
            "environment 1, step 7: there is no",
        ),
        ({"action_mask": np.array([[1, 0, 0], [0, 0, 0]])}, "environment 1, step 7: action_mask allows no action"),
        ({"action_mask": np.ones((2, 4), bool)}, r"action_mask is array\(.*must hold 3 bools"),
        ({"action_mask": np.array([[0.0, -np.inf, 0.0]] * 2)}, "must hold 3 bools"),
        ({"action_mask": [None, "left"]}, "there is no action_mask"),
    ],
)
def test_what_is_no_mask_is_refused(info, message):
    vector = SyncVectorEnv([Turns] * 2)
    reader = ActionMasks(vector, "Turns")
    reader.begin(vector.reset()[1])
    with pytest.raises(LabError, match=message):
        reader.after(info, where="step 7")


def test_masks_that_a_reset_does_not_announce_are_refused():
    reader = ActionMasks(gym.make("CartPole-v1"), "CartPole-v1")
    reader.begin({})
    with pytest.raises(LabError, match="gives an action_mask with step 1 and gave none when it was reset"):
        reader.after({"action_mask": np.ones(2, bool)}, where="step 1")
