"""The batch against Gymnasium: its SyncVectorEnv of our single environments, its wrappers, its checkers."""

import dataclasses
import pickle
import warnings
from copy import deepcopy

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from sample_environments import ALL, allowed_actions, dice, gather, glide
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

from rl_lab.envs import Definition, register
from rl_lab.envs.batch import BatchEnv, BatchVectorEnv
from rl_lab.errors import LabError

LANES, SEEDS = 5, [11, 3, 3, 0, 2**40]


def assert_same(ours, theirs, where=""):
    """Equal in structure, values and, for arrays, dtype."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), where
        for key in theirs:
            assert_same(ours[key], theirs[key], f"{where}/{key}")
    elif isinstance(theirs, np.ndarray) and theirs.dtype == object:
        for mine, other in zip(ours, theirs, strict=True):
            assert (mine is None) == (other is None), where
            if other is not None:
                assert_same(mine, other, where)
    else:
        assert np.asarray(ours).dtype == np.asarray(theirs).dtype, where
        np.testing.assert_array_equal(ours, theirs, where)


def pair(definition, mode, **options):
    ours = BatchVectorEnv(definition, LANES, autoreset_mode=mode, **options)
    theirs = SyncVectorEnv([lambda: BatchEnv(definition)] * LANES, autoreset_mode=mode)
    return ours, theirs


def reset_ended(vector, ended):
    """In the mode DISABLED the caller resets the lanes that ended; the options come back unchanged."""
    options = {"reset_mask": ended.copy()}
    result = vector.reset(options=options)
    if isinstance(vector, BatchVectorEnv):
        assert options.keys() == {"reset_mask"}
    return result


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("name", ALL)
def test_equal_to_sync_vector_env(name, mode):
    ours, theirs = pair(ALL[name], mode, episode_statistics=False)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert ours.metadata["autoreset_mode"] == theirs.metadata["autoreset_mode"]
    rng = np.random.default_rng(0)
    (observations, info), (their_observations, their_info) = ours.reset(seed=SEEDS), theirs.reset(seed=SEEDS)
    assert_same(observations, their_observations)
    assert_same(info, their_info)
    kinds = set()
    for _ in range(150):
        actions = allowed_actions(ours, info, rng)
        mine, other = ours.step(actions), theirs.step(actions)
        for part, their_part in zip(mine, other, strict=True):
            assert_same(part, their_part)
        info, ended = mine[4], mine[2] | mine[3]
        kinds |= {(bool(t), bool(u)) for t, u in zip(mine[2], mine[3], strict=True)}
        if mode == AutoresetMode.DISABLED and ended.any():
            observations, info = reset_ended(ours, ended)
            their_observations, their_info = reset_ended(theirs, ended)
            assert_same(observations, their_observations)
            for key, value in their_info.items():
                if not key.startswith("_"):
                    assert_same(info[key][ended], value[ended])
    assert kinds >= {(False, False), (True, False)}
    assert name == "dice" or (False, True) in kinds


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_episode_statistics_are_those_of_gymnasium(mode):
    ours = BatchVectorEnv(gather, LANES, autoreset_mode=mode)
    theirs = RecordEpisodeStatistics(BatchVectorEnv(gather, LANES, autoreset_mode=mode, episode_statistics=False))
    rng, episodes = np.random.default_rng(1), 0
    (_, info), _ = ours.reset(seed=4), theirs.reset(seed=4)
    for _ in range(80):
        actions = allowed_actions(ours, info, rng)
        _, _, terminated, truncated, info = ours.step(actions)
        *_, their_info = theirs.step(actions)
        ended = terminated | truncated
        episodes += ended.sum()
        assert ("episode" in info) == ("episode" in their_info) == ended.any()
        if ended.any():
            for key in "rl":
                assert_same(info["episode"][key], their_info["episode"][key])
                assert_same(info["episode"]["_" + key], ended)
            assert_same(info["_episode"], their_info["_episode"])
            if mode == AutoresetMode.SAME_STEP:
                assert_same(info["final_info"]["episode"], info["episode"])
        if mode == AutoresetMode.DISABLED and ended.any():
            reset_ended(theirs, ended)
            _, info = reset_ended(ours, ended)
    assert episodes > 20


def test_statistics_inside_final_info_are_where_wrapped_single_environments_put_them():
    ours, _ = pair(gather, AutoresetMode.SAME_STEP)
    single = [lambda: gym.wrappers.RecordEpisodeStatistics(BatchEnv(gather))] * LANES
    theirs = SyncVectorEnv(single, autoreset_mode=AutoresetMode.SAME_STEP)
    rng = np.random.default_rng(1)
    (_, info), _ = ours.reset(seed=SEEDS), theirs.reset(seed=SEEDS)
    compared = 0
    for _ in range(40):
        actions = allowed_actions(ours, info, rng)
        info, their_info = ours.step(actions)[4], theirs.step(actions)[4]
        if "final_info" in their_info:
            for key in ("r", "l", "_r", "_l"):
                assert_same(info["final_info"]["episode"][key], their_info["final_info"]["episode"][key])
            compared += 1
    assert compared > 5


@pytest.mark.parametrize("definition", [gather, glide, dice])
def test_copy_decides_who_owns_the_arrays(definition):
    def arrays(step):
        observations, *rest, info = step
        leaves = list(observations.values()) if isinstance(observations, dict) else [observations]
        return leaves + rest + ([info["action_mask"]] if "action_mask" in info else [])

    rng = np.random.default_rng(0)
    for copy in (True, False):
        vector = BatchVectorEnv(definition, 4, copy=copy)
        first_actions = allowed_actions(vector, vector.reset(seed=0)[1], rng)
        first = vector.step(first_actions)
        before = [array.copy() for array in arrays(first)]
        second = vector.step(allowed_actions(vector, first[4], rng))
        shared = [np.shares_memory(a, b) for a, b in zip(arrays(first), arrays(second), strict=True)]
        assert shared == [not copy] * len(shared)
        kept = [np.array_equal(a, b) for a, b in zip(arrays(first), before, strict=True)]
        assert all(kept) == copy


def test_results_of_reset_are_owned_too():
    vector = BatchVectorEnv(gather, 4)
    observations, info = vector.reset(seed=0)
    mask = info["action_mask"].copy()
    vector.reset(seed=9)
    np.testing.assert_array_equal(info["action_mask"], mask)
    assert not np.shares_memory(observations["cells"], vector.reset()[0]["cells"])


def test_reset_mask_leaves_other_lanes_alone():
    vector = BatchVectorEnv(gather, LANES, autoreset_mode="Disabled")
    vector.reset(seed=0)
    before = vector.save_state()
    chosen = np.array([True, False, True, False, False])
    vector.reset(options={"reset_mask": chosen})
    after = vector.save_state()
    assert (before == after).tolist() == (~chosen).tolist()
    vector.reset(seed=7, options={"reset_mask": ~chosen})
    seeded = BatchVectorEnv(gather, LANES)
    seeded.reset(seed=7)
    assert (vector.save_state() == seeded.save_state()).tolist() == (~chosen).tolist()


def test_options_reach_the_chosen_lanes():
    vector = BatchVectorEnv(glide, 3, autoreset_mode=AutoresetMode.DISABLED)
    before, _ = vector.reset(seed=0)
    chosen = np.array([False, True, True])
    observations, _ = vector.reset(options={"reset_mask": chosen, "position": (0.25, -0.5)})
    np.testing.assert_array_equal(observations[1:], [[0.25, -0.5]] * 2)
    np.testing.assert_array_equal(observations[0], before[0])
    single, _ = BatchEnv(glide).reset(options={"position": (0.25, -0.5)})
    np.testing.assert_array_equal(single, [0.25, -0.5])


@pytest.fixture(params=ALL)
def registered(request):
    register(f"sample/{request.param}-v0", ALL[request.param])
    yield f"sample/{request.param}-v0"
    del gym.registry[f"sample/{request.param}-v0"]


def test_checkers_find_nothing(registered):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".*(infinity|unconventional shape)")
        check_env(gym.make(registered).unwrapped, skip_render_check=True)
        check_env_for_sb3(gym.make(registered).unwrapped)
    vector = gym.make_vec(registered, num_envs=3)
    assert isinstance(vector, BatchVectorEnv)
    assert vector.spec.id == registered
    observations, _ = vector.reset(seed=0)
    assert observations in vector.observation_space


def test_definitions_can_be_registered_as_they_are_and_with_defaults():
    register("sample/Direct-v0", glide(max_steps=2))
    register("sample/Short-v0", "sample_environments:gather", max_steps=3)
    try:
        env = gym.make("sample/Direct-v0")
        env.reset(seed=0)
        assert [env.step(np.zeros(2, np.float32))[3] for _ in range(2)] == [False, True]
        assert gym.make("sample/Short-v0").unwrapped.lanes.config["max_steps"] == 3
        assert gym.make_vec("sample/Short-v0", num_envs=2, max_steps=5).lanes.config["max_steps"] == 5
        assert isinstance(gym.make("sample/Direct-v0").unwrapped.definition, Definition)
    finally:
        del gym.registry["sample/Direct-v0"], gym.registry["sample/Short-v0"]


def test_the_specs_of_environments_carry_the_step_limit():
    id = "rl_lab/CartPole-v1"
    one, short = gym.make(id), gym.make(id, max_steps=20)
    assert (one.spec.max_episode_steps, short.spec.max_episode_steps) == (500, 20)
    assert isinstance(one.env.env, BatchEnv)  # order and checker, and no TimeLimit
    assert gym.spec(id).max_episode_steps is None  # or make would put a TimeLimit around it
    assert gym.make(id, max_episode_steps=9).spec.max_episode_steps == 9
    timed = gym.wrappers.TimeAwareObservation(short, flatten=False)
    assert timed.observation_space["time"].high == 20
    assert gym.make_vec(short.spec, num_envs=2).definition.config["max_steps"] == 20
    with pytest.raises(LabError, match="a limit of 500 steps, and max_episode_steps=9 is not possible in a batch"):
        gym.make_vec(id, num_envs=2, max_episode_steps=9)
    with pytest.raises(LabError, match="max_steps, if it has one, and the id instead of a spec"):
        gym.make_vec(short.spec, num_envs=2, max_steps=40)


def test_a_spec_keeps_its_step_limit():
    """`gym.make` would put a TimeLimit of the spec's 20 steps around the 40."""
    spec = gym.make("rl_lab/CartPole-v1", max_steps=20).spec
    for same in (spec, deepcopy(spec), pickle.loads(pickle.dumps(spec)), gym.make(spec).spec):
        assert gym.make(same).spec.max_episode_steps == 20
        with pytest.raises(
            LabError, match=r"limit of 40 steps .* spec has one of 20, .*; give gym.make the id instead"
        ):
            gym.make(same, max_steps=40)
    assert gym.make(spec.id, **{**spec.kwargs, "max_steps": 40}).spec.max_episode_steps == 40
    assert EnvSpec.from_json(spec.to_json()) == spec


def test_rendering():
    single = BatchEnv(gather, render_mode="ansi")
    single.reset(seed=0)
    vector = BatchVectorEnv(gather, 2, render_mode="ansi")
    vector.reset(seed=0)
    assert single.render() == vector.render()[0] == f"at {single.lanes.states['place'][0]}"
    assert BatchEnv(gather).render() is BatchVectorEnv(gather, 2).render() is None


def test_masks_of_a_single_environment():
    env = BatchEnv(gather)
    _, info = env.reset(seed=0)
    np.testing.assert_array_equal(env.action_masks(), info["action_mask"])
    assert info["action_mask"].dtype == bool


def test_endings_are_bool_fields_of_the_state():
    with pytest.raises(LabError, match="names 'place' in endings; it must be a field of the state"):
        dataclasses.replace(gather(), endings=("place",))
