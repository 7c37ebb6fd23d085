"""A lane does what its seed and its actions say, can be saved, and refuses what makes no sense."""

import io

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, Text
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st
from sample_environments import ALL, allowed_actions, gather, glide

from rl_lab import random
from rl_lab.envs import Definition, lanes
from rl_lab.envs.batch import BatchEnv, BatchVectorEnv
from rl_lab.errors import LabError

STEPS = 25


def run_lanes(vector, seed, steps=STEPS):
    """States after some steps; lane i takes the same actions in every batch."""
    _, info = vector.reset(seed=seed)
    rngs = [np.random.default_rng(lane) for lane in range(vector.num_envs)]
    for _ in range(steps):
        actions = [rng.permutation(np.flatnonzero(m))[0] for rng, m in zip(rngs, info["action_mask"], strict=True)]
        *_, info = vector.step(np.array(actions))
    return vector.save_state()


@given(
    seed=st.integers(0, 2**63),
    few=st.integers(1, 6),
    more=st.integers(0, 20),
    threads=st.integers(1, 4),
    mode=st.sampled_from(["NextStep", "SameStep"]),
)
def test_batch_size_and_threads_change_nothing(seed, few, more, threads, mode):
    small = run_lanes(BatchVectorEnv(gather, few, autoreset_mode=mode), seed)
    large = run_lanes(BatchVectorEnv(gather, few + more, threads=threads, autoreset_mode=mode), seed)
    assert (small == large[:few]).all()
    assert small.tobytes() == large.tobytes()[: small.nbytes]


@given(seed=st.integers(0, 2**63), lane=st.integers(0, 3))
def test_seeding_rules(seed, lane):
    vector, single = BatchVectorEnv(glide, 4), BatchEnv(glide)
    numbered, _ = vector.reset(seed=seed)
    alone, _ = single.reset(seed=seed)
    np.testing.assert_array_equal(numbered[0], alone)  # the single environment is lane 0
    stream = np.zeros(1, np.uint64)
    random.seed_stream(stream, np.random.SeedSequence(seed, spawn_key=(lane,)))
    expected = [random.normal(stream), random.normal(stream)]
    np.testing.assert_allclose(numbered[lane], expected, rtol=1e-6)
    seeds = [(seed + i) % 2**63 for i in range(4)]
    listed, _ = vector.reset(seed=seeds)
    alone, _ = single.reset(seed=seeds[lane])
    np.testing.assert_array_equal(listed[lane], alone)


def test_without_a_seed():
    one, two = BatchVectorEnv(glide, 3), BatchVectorEnv(glide, 3)
    (first, _), (other, _) = one.reset(), two.reset()
    assert not np.array_equal(first, other)
    assert len(np.unique(first)) == 6
    again, _ = one.reset()
    assert not np.array_equal(first, again)  # streams go on
    partly, _ = BatchVectorEnv(glide, 3).reset(seed=[None, 4, None])
    assert len(np.unique(partly)) == 6
    np.testing.assert_array_equal(partly[1], BatchEnv(glide).reset(seed=4)[0])
    repeated = BatchVectorEnv(glide, 3)
    repeated.reset(seed=8)
    kept, _ = repeated.reset(seed=[5, None, None])
    fresh = BatchVectorEnv(glide, 3)
    fresh.reset(seed=8)
    np.testing.assert_array_equal(kept[1:], fresh.reset()[0][1:])  # None lets a stream go on


@pytest.mark.parametrize("name", ALL)
def test_saved_states_go_on_as_the_original_does(name):
    vector = BatchVectorEnv(ALL[name], 4, autoreset_mode="SameStep")
    _, info = vector.reset(seed=1)
    rng = np.random.default_rng(0)
    for _ in range(10):
        *_, info = vector.step(allowed_actions(vector, info, rng))
    file = io.BytesIO()
    np.savez(file, states=vector.save_state())
    twin, other = vector.clone(), BatchVectorEnv(ALL[name], 4, autoreset_mode="SameStep", debug=True)
    other.load_state(np.load(io.BytesIO(file.getvalue()))["states"])
    for _ in range(20):
        actions = allowed_actions(vector, info, rng)
        *_, info = vector.step(actions)
        twin.step(actions)
        other.step(actions)
        assert vector.save_state().tobytes() == twin.save_state().tobytes() == other.save_state().tobytes()


def test_single_states():
    env = BatchEnv(glide)
    observation, _ = env.reset(seed=3)
    saved, twin = env.save_state(), env.clone()
    push = np.ones(2, np.float32)
    after = env.step(push)[0]
    np.testing.assert_array_equal(twin.step(push)[0], after)
    np.testing.assert_array_equal(env.load_state(saved)[0], observation)
    np.testing.assert_array_equal(env.step(push)[0], after)
    vector = BatchVectorEnv(glide, 1)
    vector.load_state(saved)  # a single environment is a batch of one
    np.testing.assert_array_equal(vector.step(push[None])[0][0], after)


def test_a_clone_of_the_same_process_is_copied_without_the_checks_of_a_file(monkeypatch):
    env = BatchEnv(glide)
    env.reset(seed=3)
    monkeypatch.setattr(lanes, "check_states", None)
    assert env.clone().save_state().tobytes() == env.save_state().tobytes()
    with pytest.raises(TypeError):
        env.load_state(env.save_state())


def test_options_that_are_refused_change_nothing():
    vector = BatchVectorEnv(glide, 2, autoreset_mode=AutoresetMode.DISABLED)
    vector.reset(seed=3)
    before = vector.save_state()
    with pytest.raises(ValueError, match="broadcast"):
        vector.reset(options={"position": (1.0, 2.0, 3.0)})
    assert vector.save_state().tobytes() == before.tobytes()


def test_unstarted_clones_are_unstarted():
    with pytest.raises(LabError, match="before its first reset"):
        BatchEnv(glide).clone().step(np.zeros(2))


def test_the_dtype_of_the_state_decides_the_machine_code():
    parts = vars(glide())
    half = BatchEnv(Definition(**{**parts, "state": np.dtype([("position", "f4", (2,))])}))
    full = BatchEnv(Definition(**parts))
    half.reset(options={"position": (0.1, 0.2)})
    full.reset(options={"position": (0.1, 0.2)})
    push = np.full(2, 0.3, np.float32)
    np.testing.assert_allclose(half.step(push)[0], full.step(push)[0], rtol=1e-6)
    assert half.lanes._step.files != full.lanes._step.files
    assert half.save_state()["position"].dtype == np.float32


def show_first(state, observation, config):
    observation[0] = state.position[0]


def test_an_observation_may_be_a_single_number():
    changes = {"observation_space": Box(-np.inf, np.inf, (), np.float64), "observe": show_first}
    definition = Definition(**{**vars(glide()), **changes})
    for debug in (False, True):
        vector, single = BatchVectorEnv(definition, 3, debug=debug), BatchEnv(definition, debug=debug)
        observations, _ = vector.reset(seed=0)
        assert observations.shape == (3,)
        assert observations in vector.observation_space
        assert single.reset(seed=0)[0] == observations[0]


BAD_CALLS = {
    "threads=0 is not allowed; it must be a whole number of at least 1": lambda: BatchVectorEnv(gather, 2, threads=0),
    "num_envs=-3 is not allowed": lambda: BatchVectorEnv(gather, -3),
    "num_envs=2.0 is not allowed": lambda: BatchVectorEnv(gather, 2.0),
    "num_envs=True is not allowed": lambda: BatchVectorEnv(gather, True),
    "autoreset_mode 'sometimes' is not allowed; use one of NextStep, SameStep, Disabled": lambda: BatchVectorEnv(
        gather, 2, autoreset_mode="sometimes"
    ),
    "render_mode 'human' is not offered by Gather; it offers: ansi": lambda: BatchEnv(gather, render_mode="human"),
    "render_mode 'ansi' is not offered by Glide; it offers: none": lambda: BatchVectorEnv(glide, render_mode="ansi"),
    "gather takes no argument 'size'; its arguments are: max_steps, capacity, danger": lambda: BatchEnv(gather, size=3),
    "Glide takes no argument 'size'; its arguments are: none": lambda: BatchEnv(glide(), size=3),
    "no environment is at 'nowhere:gather'": lambda: BatchEnv("nowhere:gather"),
    "no environment is at 'sample_environments:gathr'": lambda: BatchEnv("sample_environments:gathr"),
    "Gather has max_steps=-1; it must be a whole number of steps, or 0 for no limit": lambda: BatchEnv(
        gather, max_steps=-1
    ),
    "config 'danger' of Gather is 'much'; it must hold numbers": lambda: BatchEnv(gather, danger="much"),
    "config 'danger' of Gather is 9223372036854775809; it must hold numbers that fit int64": lambda: BatchEnv(
        gather, danger=2**63 + 1
    ),
    "the config of Gather cannot be read as numbers: ": lambda: BatchEnv(gather, danger=[[1], [2, 3]]),
    "<lambda> returns 3; it must return a Definition": lambda: BatchEnv(lambda: 3),
    "Glide masks no actions": lambda: BatchEnv(glide).action_masks(),
    "Gather was stepped before its first reset; call reset": lambda: BatchVectorEnv(gather, 2).step([0, 0]),
    "Glide was stepped before its first reset; call reset": lambda: BatchEnv(glide).step(np.zeros(2)),
    "seed=-1 is not allowed; it must be a whole number of at least 0": lambda: BatchEnv(gather).reset(seed=-1),
    "seed=1.5 is not allowed": lambda: BatchVectorEnv(gather, 2).reset(seed=[0, 1.5]),
    "3 seeds were given for 2 environments; give one for each, or one number": lambda: BatchVectorEnv(gather, 2).reset(
        seed=[1, 2, 3]
    ),
    "Gather takes no reset options, but got 'grid'": lambda: BatchEnv(gather).reset(options={"grid": 3}),
    r"reset_mask is \[True, False\]; it must be an array of bool with shape \(2,\)": lambda: BatchVectorEnv(
        gather, 2
    ).reset(options={"reset_mask": [True, False]}),
    "reset_mask chooses no environment; at least one must be True": lambda: BatchVectorEnv(gather, 2).reset(
        options={"reset_mask": np.zeros(2, bool)}
    ),
    "reset_mask must choose all environments in the first reset": lambda: BatchVectorEnv(gather, 2).reset(
        options={"reset_mask": np.array([True, False])}
    ),
    r"a state of shape \(4,\) cannot be loaded into Gather with 2 environments; load one of shape \(2,\)": lambda: (
        BatchVectorEnv(gather, 2).load_state(BatchVectorEnv(gather, 4).save_state())
    ),
    "a state of another family or variant cannot be loaded into Gather; load what the same": lambda: BatchEnv(
        gather
    ).load_state(BatchEnv(glide).save_state()),
    "a state of Gather cannot be of type list": lambda: BatchEnv(gather).load_state([1, 2]),
    "a state of Gather cannot be of type NoneType": lambda: BatchEnv(gather).load_state(None),
    "a state of Gather cannot be of type bytes; load what save_state": lambda: BatchEnv(gather).load_state(b"x"),
    "a state of Gather cannot be of type float64 array": lambda: BatchEnv(gather).load_state(np.zeros(1)),
}


@pytest.mark.parametrize("message", BAD_CALLS)
def test_bad_calls(message):
    with pytest.raises(LabError, match=message):
        BAD_CALLS[message]()


BAD_ACTIONS = {
    "gather": {
        "action 4 is out of range; Discrete\\(4\\) allows 0 to 3": [0, 4],
        "action -1 is out of range": np.array([-1, 0]),
        "needs integers of shape \\(2,\\)": [0, 1, 2],
        "action \\[0.0, nan\\] is not allowed; .* needs integers": [0.0, np.nan],
        "action \\[True, False\\] is not allowed": [True, False],
        "action 'left' is not allowed": "left",
        "action None is not allowed": None,
    },
    "glide": {
        "holds NaN or infinity; every number must be finite": [[0.0, np.nan], [0.0, 0.0]],
        "action 1.5 is out of range": [[0.0, 1.5], [0.0, 0.0]],
        "needs numbers of shape \\(2, 2\\)": [0.0, 0.0],
    },
    "dice": {"action 5 is out of range": [[0, 0], [0, 5]], "needs integers of shape": [[0.0, 0.0], [1.0, 1.0]]},
}


@pytest.mark.parametrize(
    ("name", "message"), [(name, message) for name, messages in BAD_ACTIONS.items() for message in messages]
)
def test_bad_actions(name, message):
    vector, single = BatchVectorEnv(ALL[name], 2), BatchEnv(ALL[name])
    vector.reset(seed=0)
    single.reset(seed=0)
    before, actions = vector.save_state(), BAD_ACTIONS[name][message]
    with pytest.raises(LabError, match=message):
        vector.step(actions)
    assert vector.save_state().tobytes() == before.tobytes()
    with pytest.raises(LabError, match="action"):
        single.step([actions])  # one bracket too many for any of them


def test_lanes_that_ended_must_be_reset():
    vector, single = BatchVectorEnv(glide, 3, autoreset_mode="Disabled", max_steps=1), BatchEnv(glide, max_steps=1)
    vector.reset(seed=0)
    vector.step(np.zeros((3, 2)))
    with pytest.raises(LabError, match=r"environments \[0, 1, 2\] of Glide have ended and autoreset is disabled"):
        vector.step(np.zeros((3, 2)))
    single.reset(seed=0)
    single.step(np.zeros(2))
    with pytest.raises(LabError, match=r"Glide was stepped after its episode had ended; call reset\(\)"):
        single.step(np.zeros(2))
    single.reset()
    single.step(np.zeros(2))


def define(**changes):
    parts = {
        "name": "Broken",
        "state": np.dtype([("x", "f8")]),
        "config": {"max_steps": 0},
        "reset": glide().reset,
        "step": glide().step,
        "observe": glide().observe,
        "observation_space": Box(0, 1, (1,)),
        "action_space": Discrete(2),
    }
    return Definition(**parts | changes)


def takes_one(state):
    return 0.0, False


def one_value(state, action, config):
    if action:
        return 0.0, False
    return 1.0


def three_values(state, action, config):
    return 1.0, False, {}


def no_value(state, action, config):
    state.steps = 0


BAD_DEFINITIONS = {
    "the state of Broken has dtype float64; give it named fields": {"state": np.dtype("f8")},
    "Broken has a field 'size', an attribute of np.record; choose another name": {"state": np.dtype([("size", "i4")])},
    "Broken has a field 'item', an attribute": {"config": {"max_steps": 0, "item": 3}},
    "Broken has a field 'data', an attribute": {"observation_space": Dict(data=Discrete(2))},
    "Broken has a field 'T', an attribute": {"state": np.dtype([("inner", [("T", "i4")], (2,))])},
    "Broken has a field 'a b', which kernels cannot write": {"state": np.dtype([("a b", "i4")])},
    "Broken has a field 'steps', which the framework adds itself": {"state": np.dtype([("steps", "i4")])},
    "Broken has max_steps=None; it must be a whole number": {"config": {}},
    "Broken has max_steps=True": {"config": {"max_steps": True}},
    "step of Broken is <built-in function abs>; it must be a plain function": {"step": abs},
    r"reset of Broken is takes_one\(state\); it must take what reset\(state, config\) takes": {"reset": takes_one},
    r"step of Broken is takes_one\(state\); it must take what step\(state, action, config\) takes": {"step": takes_one},
    "kernel 'one_value' must return two values, .* 'return 1.0'": {"step": one_value},
    "kernel 'three_values' must return two values": {"step": three_values},
    "kernel 'no_value' returns nothing": {"step": no_value},
    "observation space Text.* is not supported; use Box": {"observation_space": Dict(mission=Text(5))},
    "action space Dict.* is not supported; use Discrete": {"action_space": Dict(a=Discrete(2))},
    "Broken masks actions of Box": {"action_space": Box(0, 1, (1,)), "action_mask": gather().action_mask},
}


@pytest.mark.parametrize("message", BAD_DEFINITIONS)
def test_bad_definitions(message):
    with pytest.raises(LabError, match=message):
        define(**BAD_DEFINITIONS[message])


def test_unknown_arguments_through_gymnasium():
    for make in (gym.make, gym.make_vec):
        with pytest.raises(LabError, match="cartpole takes no argument 'gravity'; its arguments are: max_steps"):
            make("rl_lab/CartPole-v1", gravity=3)
