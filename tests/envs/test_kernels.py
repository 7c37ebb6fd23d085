"""The usual mistakes in a first environment of your own: each is a sentence with kernel, file and line."""

import re

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from rl_lab.envs import Definition
from rl_lab.envs.batch import BatchEnv
from rl_lab.errors import LabError

STATE = np.dtype([("x", "f8"), ("speed", "f8", (2,))])


def reset(state, config):
    state.x = 0.0


def step(state, action, config):
    return 1.0, False


def observe(state, observation, config):
    observation[0] = state.x


def slowed(state, action, config):
    state.speed = 0.95 * state.speed
    return 1.0, False


def slowed_by_name(state, action, config):
    speed = 0.95 * state.speed
    state.speed = speed
    return 1.0, False


def listed(state, action, config):
    state.speed = [1.0, 2.0]
    return 1.0, False


def one_way_out(state, action, config):
    if action == 1:
        return 1.0, False


def longer(state, action, config):
    config.max_steps = 9
    return 1.0, False


def rewarded_by_array(state, action, config):
    reward = -0.1 * state.speed
    return reward, False


def ended_by_array(state, action, config):
    return 1.0, state.speed > 1.0


def shown(state, observation, config):
    return np.array([state.x])


def shown_as_another(state, observation, config):
    observation = np.array([state.x])  # noqa: F841


def allowed(state, mask, config):
    return np.array([True, False])


def returned(state, config):
    state.x = 0.0
    return state


def replaced(state, config):
    state = np.zeros(3)  # noqa: F841


def copied(state, action, config):
    state.speed = state.other
    state.other[:] = 2.0 * state.speed
    if action == 1:
        return 1.0, False
    while True:
        state.x += 1.0
        if state.x > 3.0:
            return 2.0, True


MISTAKES = [
    ({"step": slowed}, "'slowed' assigns to the array field state.speed; fill it in place, state.speed[:] = ... ("),
    ({"step": listed}, "'listed' assigns to the array field state.speed"),
    ({"step": one_way_out}, "'one_way_out' returns nothing where it comes to this end; step must return the reward"),
    ({"step": longer}, "'longer' changes the config, which is fixed; keep what changes in the state ("),
    ({"observe": shown}, "'shown' returns a value, which is lost; fill 'observation' in place and return nothing ("),
    ({"observe": shown_as_another}, "'shown_as_another' assigns to 'observation', which changes nothing outside"),
    ({"action_mask": allowed}, "'allowed' returns a value, which is lost; fill 'mask' in place and return nothing ("),
    ({"reset": returned}, "'returned' returns a value, which is lost; fill 'state' in place"),
    ({"reset": replaced}, "'replaced' assigns to 'state', which changes nothing outside; set its fields ("),
    ({"state": np.dtype([("x", "U5")])}, "Mine has a field 'x' of dtype <U5; a state holds bools, integers"),
    ({"state": np.dtype([("x", ">f8")])}, "Mine has a field 'x' of dtype >f8; a state holds bools"),
    ({"state": np.dtype([("x", "f2")])}, "Mine has a field 'x' of dtype float16; a state holds"),
    ({"config": [("max_steps", 5)]}, "the config of Mine is [('max_steps', 5)]; it must be a dictionary of numbers"),
    ({"observation_space": Box(0, 1, (1,), np.float16)}, "observation space Box(0.0, 1.0, (1,), float16) is not supp"),
    ({"action_space": Box(0, 1, (1,), np.float16)}, "action space Box(0.0, 1.0, (1,), float16) is not supported; use"),
    ({"state": np.dtype([("x", [("y", "O")])])}, "Mine has a field 'y' of dtype object"),
    ({"state": [("x", float)]}, "the state of Mine is [('x', <class 'float'>)]; it must be a NumPy dtype"),
    ({"state": {"x": float}}, "the state of Mine is {'x': <class 'float'>}; it must be a NumPy dtype"),
]


def mine(**changes):
    """An environment with something changed."""
    parts = {"name": "Mine", "state": STATE, "config": {"max_steps": 5}, "reset": reset, "step": step}
    spaces = {"observe": observe, "observation_space": Box(-9, 9, (1,)), "action_space": Discrete(2)}
    return Definition(**parts | spaces | changes)


@pytest.mark.parametrize(("changes", "sentence"), MISTAKES)
def test_a_mistake_that_can_be_read_is_named_when_the_environment_is_defined(changes, sentence):
    with pytest.raises(LabError, match=re.escape(sentence)) as raised:
        mine(**changes)
    assert not sentence.startswith("'") or "test_kernels.py, line" in str(raised.value)


@pytest.mark.parametrize(
    ("kernel", "sentence"),
    [
        (slowed_by_name, "'slowed_by_name' cannot be compiled: if state.speed is an array, fill it in place"),
        (rewarded_by_array, "'rewarded_by_array' returns an array or a text as the reward; it must be one number"),
        (ended_by_array, "'ended_by_array' returns an array or a text as whether the episode ended"),
    ],
)
def test_a_mistake_that_only_compiling_shows_names_the_line_of_the_author(kernel, sentence):
    env = BatchEnv(mine(step=kernel))
    env.reset(seed=0)
    with pytest.raises(LabError, match=re.escape(sentence)) as raised:
        env.step(0)
    assert "test_kernels.py, line" in str(raised.value)


def test_what_is_right_is_not_refused():
    state = np.dtype([("x", "f8"), ("speed", "f8", (2,)), ("other", "f8", (2,))])
    env = BatchEnv(mine(step=copied, state=state), debug=True)
    env.reset(seed=0)
    assert env.step(1)[1:3] == (1.0, False)
    assert env.step(0)[1:3] == (2.0, True)
