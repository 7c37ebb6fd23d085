"""debug=True runs the author's own functions, gives the same states, and raises where integers do not fit."""

import sys

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from sample_environments import ALL, allowed_actions, glide

import rl_lab  # noqa: F401
from rl_lab.envs import Definition
from rl_lab.envs.batch import BatchEnv, BatchVectorEnv
from rl_lab.envs.classic import cartpole
from rl_lab.errors import KernelError

SHIPPED = [id for id in gym.registry if id.startswith("rl_lab/")]
# One for each piece of machine code; `test_robot` looks at every family.
FEW = [
    f"rl_lab/{name}"
    for name in ("CartPole-v1", "Robot-DoorKey-5x5-v0", "Robot-DoorKey-16x16-v0", "Go-5x5-v0", "Go-13x13-v0")
]


def run_both_ways(make, steps, lanes):
    compiled, plain = make(lanes, False), make(lanes, True)
    (first, info), (also, _) = compiled.reset(seed=3), plain.reset(seed=3)
    rng, episodes = np.random.default_rng(0), 0
    assert_bytes(first, also)
    for _ in range(steps):
        actions = allowed_actions(compiled, info, rng)
        results, others = compiled.step(actions), plain.step(actions)
        for result, other in zip(results[:4], others[:4], strict=True):
            assert_bytes(result, other)
        assert compiled.unwrapped.save_state().tobytes() == plain.unwrapped.save_state().tobytes()
        info, episodes = results[4], episodes + results[2].sum() + results[3].sum()
    return episodes


def assert_bytes(one, other):
    if isinstance(one, dict):
        for key in one:
            assert_bytes(one[key], other[key])
    else:
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("id", FEW)
def test_shipped_environments_run_both_ways(id):
    def make(lanes, debug):
        return gym.make_vec(id, num_envs=lanes, debug=debug, autoreset_mode="SameStep")

    run_both_ways(make, 100 if "Go-1" in id else 1000, 1)  # large boards are slow in plain Python


@pytest.mark.parametrize("name", ALL)
def test_sample_environments_run_both_ways(name):
    def make(lanes, debug):
        return BatchVectorEnv(ALL[name], lanes, debug=debug, autoreset_mode="SameStep")

    assert run_both_ways(make, 100, 3) > 20


@pytest.mark.parametrize("id", SHIPPED)
def test_machine_code_of_environments_is_exact(id):
    lanes = gym.make_vec(id, num_envs=1).unwrapped.lanes
    for loop in (lanes._reset, lanes._step, lanes._observe):
        assert "njit(" in loop.module.text
        assert "fastmath" not in loop.module.text
        assert "error_model" not in loop.module.text


def test_checks_for_nan_survive(write_module):
    module = write_module("""
        import math
        def step(state, action, config):
            state.position[0] = math.inf if state.steps > 2 else 0.0
            wrong = state.position[0] - state.position[0]
            return 1.0, math.isnan(wrong) or wrong != wrong
    """)
    parts = {**vars(glide()), "step": module.step}
    env = BatchEnv(Definition(**parts))
    env.reset(seed=0)
    assert [env.step(np.zeros(2))[2] for _ in range(3)] == [False, False, True]


def trace_calls(function, action):
    """Whether `function` itself runs when `action` does, so that breakpoints in it are met."""
    seen = []

    def tracer(frame, event, argument):
        if frame.f_code is function.__code__:
            seen.append(event)
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        action()
    finally:
        sys.settrace(before)
    return "line" in seen


def test_the_authors_functions_run_line_by_line():
    for debug in (True, False):
        env = gym.make("rl_lab/CartPole-v1", debug=debug)
        assert trace_calls(cartpole.reset, lambda env=env: env.reset(seed=0)) == debug
        assert trace_calls(cartpole.step, lambda env=env: env.step(1)) == debug
        assert trace_calls(cartpole.observe, lambda env=env: env.step(1)) == debug
        vector = gym.make_vec("rl_lab/CartPole-v1", num_envs=8, threads=4, debug=debug)
        vector.reset(seed=0)
        assert trace_calls(cartpole.step, lambda v=vector: v.step(np.ones(8, int))) == debug  # in this very thread


def test_breakpoints(write_module, monkeypatch):
    module = write_module("""
        def step(state, action, config):
            doubled = state.position[0] * 2.0
            breakpoint()
            return doubled, False
    """)
    seen = []
    monkeypatch.setattr(sys, "breakpointhook", lambda: seen.append(sys._getframe(1).f_locals["doubled"]))
    env = BatchEnv(Definition(**{**vars(glide()), "step": module.step}), debug=True)
    env.reset(seed=0)
    _, reward, *_ = env.step(np.zeros(2))
    assert seen == [reward]


NARROW = np.dtype([("small", "i1"), ("cells", "u1", (4,)), ("inner", [("deep", "i2")]), ("wide", "i8"), ("x", "f8")])
OVERFLOWS = {
    "state.small = state.small + state.small": "overflow encountered in scalar add",
    "state.small = np.int64(state.small) * 2": "200 does not fit int8, which holds -128 to 127",
    "state.small += 100": "overflow",
    "state.small = 300": "300 does not fit int8",
    "state.cells[2] = np.int64(-1)": "-1 does not fit uint8, which holds 0 to 255",
    "state.cells[1:3] = 256": "256 does not fit uint8",
    "state.inner.deep = np.int64(40000)": "40000 does not fit int16",
    "state.wide = state.wide * state.wide": "overflow encountered in scalar multiply",
    "state.wide = math.inf": "inf does not fit int64",
    "observation[0] = np.int64(state.wide)": "does not fit uint8",
    "state.x = 1.0 / state.x": "divide by zero",
    "state.x = 1.0 / float(state.x)": "division by zero",
}


def failure(write_module, statement):
    """What a statement in the middle of an observation raises."""
    module = write_module(f"""
        import math
        import numpy as np
        def reset(state, config):
            state.small = 100
            state.wide = 2**62
        def step(state, action, config):
            return 0.0, False
        def observe(state, observation, config):
            if state.steps:
                {statement}
    """)
    definition = Definition(
        name="Narrow",
        state=NARROW,
        config={"max_steps": 0},
        reset=module.reset,
        step=module.step,
        observe=module.observe,
        observation_space=Box(0, 255, (1,), np.uint8),
        action_space=Discrete(2),
    )
    env = BatchEnv(definition, debug=True)
    env.reset(seed=0)
    with pytest.raises(KernelError, match=r"Narrow's steps: kernel 'observe' .*kernels\.py, line 11: ") as caught:
        env.step(0)
    assert statement in str(caught.value)
    return caught.value


@pytest.mark.parametrize("statement", OVERFLOWS)
def test_what_does_not_fit_is_an_error(write_module, statement):
    error = failure(write_module, statement)
    assert OVERFLOWS[statement] in str(error)
    assert str(error).endswith("widen small integers with np.int64") == ("/" not in statement)
    assert isinstance(error.__cause__, ArithmeticError)  # a debugger finds the kernel's frame there


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        ("state.x = state.speed", AttributeError),
        ("state.cells[7] = 1", IndexError),
        ("state.x = state.x + [1].pop(2)", IndexError),
        ("state.x = state.x + print", TypeError),
    ],
)
def test_other_mistakes_are_errors_with_their_line(write_module, statement, cause):
    error = failure(write_module, statement)
    assert isinstance(error.__cause__, cause)
    assert f" failed: {type(error.__cause__).__name__}: " in str(error)
