"""What an environment reports in info, and what it refuses to begin with."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from rl_lab.envs import Definition
from rl_lab.envs.batch import BatchEnv, BatchVectorEnv
from rl_lab.errors import LabError


def reset(state, config):
    state.laps = 0
    state.place[0] = state.place[1] = 0.0


def step(state, action, config):
    state.laps += 1 + action
    state.place[1] += 1.0
    return 1.0, False


def observe(state, observation, config):
    observation[0] = state.laps


def mask(state, mask, config):
    mask[0] = mask[1] = state.laps < config.stuck


def runner(**changes):
    parts = {
        "name": "Runner",
        "state": np.dtype([("laps", "i4"), ("place", "f8", (2,))]),
        "config": {"max_steps": 3, "stuck": 100},
        "reset": reset,
        "step": step,
        "observe": observe,
        "observation_space": Box(0, 99, (1,)),
        "action_space": Discrete(2),
        "info": ("laps", "place"),
    }
    return Definition(**parts | changes)


def test_fields_are_reported_by_a_single_environment():
    env = BatchEnv(runner(), debug=True)
    _, info = env.reset(seed=0)
    assert info["laps"] == 0
    assert isinstance(info["laps"], int)
    info = env.step(1)[4]
    assert info["laps"] == 2
    np.testing.assert_array_equal(info["place"], [0.0, 1.0])
    assert env.step(1)[4]["place"] is not info["place"]
    np.testing.assert_array_equal(info["place"], [0.0, 1.0])


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_fields_are_reported_by_a_vector_environment(mode):
    env = BatchVectorEnv(runner(), 2, debug=True, autoreset_mode=mode)
    plain = BatchVectorEnv(runner(info=()), 2, debug=True, autoreset_mode=mode)
    _, info = env.reset(seed=0)
    plain.reset(seed=0)
    for number in range(1, 8):
        actions = np.array([0, 1])
        observations, rewards, _, truncated, info = env.step(actions)
        other = plain.step(actions)
        np.testing.assert_array_equal(observations, other[0])
        np.testing.assert_array_equal(rewards, other[1])
        np.testing.assert_array_equal(info["laps"], observations[:, 0])
        assert info["_laps"].all()
        assert info["place"].shape == (2, 2)
        if truncated.any() and mode == "SameStep":
            assert number % 3 == 0
            assert info["laps"].tolist() == [0, 0]
            assert info["final_info"]["laps"].tolist() == [3, 6]
            assert [int(last[0]) for last in info["final_obs"]] == [3, 6]
            assert info["episode"]["l"].tolist() == [3, 3]
    assert env.save_state().tobytes() == plain.save_state().tobytes()


def test_a_name_that_is_no_field_is_refused():
    with pytest.raises(LabError, match="Runner names 'lap' in info; it must be a field of the state, which are: laps"):
        runner(info=("lap",))


def test_help_shows_every_field_of_a_definition():
    for name in Definition.__dataclass_fields__:
        assert f"        {name}: " in Definition.__doc__, name


def test_a_mask_that_allows_nothing_is_refused_while_the_episode_goes_on():
    env = BatchVectorEnv(runner(action_mask=mask, config={"max_steps": 3, "stuck": 2}), 2, debug=True)
    env.reset(seed=0)
    with pytest.raises(LabError, match="mask of Runner allows nothing in environment 1 at step 1; allow an action"):
        env.step(np.array([0, 1]))
    with pytest.raises(LabError, match="allows nothing in environment 0 at step 0"):
        BatchEnv(runner(action_mask=mask, config={"max_steps": 3, "stuck": 0}), debug=True).reset(seed=0)
    ended = BatchVectorEnv(runner(action_mask=mask, config={"max_steps": 1, "stuck": 1}), 1, debug=True)
    ended.reset(seed=0)
    assert ended.step(np.array([0]))[3].all()


def test_more_environments_than_memory_has_room_for_are_refused_before_any_is_taken():
    with pytest.raises(LabError, match=r"num_envs=\d+ of Runner needs [\d,.]+ GiB of memory, and .*; choose fewer"):
        BatchVectorEnv(runner(), 10**13, debug=True)
