"""Saved states are honest or refused: none of them crashes machine code, and nothing changes where one is refused."""

import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from rl_lab.envs import Definition
from rl_lab.envs.batch import BatchEnv, BatchVectorEnv
from rl_lab.errors import LabError

GO, ROBOT = "rl_lab/Go-9x9-v0", "rl_lab/Robot-DoorKey-5x5-v0"
FUZZER = Path(__file__).with_name("fuzzed_states.py")


def started(name, lanes=3, steps=10, **arguments):
    """A batch in the middle of its episodes."""
    env = gym.make_vec(name, num_envs=lanes, **arguments)
    _, info = env.reset(seed=5)
    rng = np.random.default_rng(5)
    for _ in range(steps):
        masks = info.get("action_mask", np.ones((lanes, env.single_action_space.n), bool))
        *_, info = env.step(np.array([rng.choice(np.flatnonzero(mask)) for mask in masks]))
    return env


DAMAGE = [
    (GO, "positions", 2**30),
    (GO, "positions", 0),
    (GO, "last", 60_000),
    (GO, "chains", 200),
    (GO, "next", 3),
    (GO, "empties", 600),
    (GO, "empties", 0),
    (GO, "history", 1),
    (GO, "seen", 0),
    (GO, "position", 7),
    (GO, "liberties", 0),
    (GO, "counts", 9),
    (GO, "sizes", 99),
    (GO, "near", 0),
    (GO, "stones", 1),
    (GO, "verdicts", 0),
    (GO, "ko", 250),
    (GO, "moves", -1),
    (GO, "passes", 9),
    (GO, "to_play", 2),
    (GO, "opponent", 3),
    (ROBOT, "x", 0),
    (ROBOT, "y", 250),
    (ROBOT, "direction", 4),
    (ROBOT, "cells", 255),
    (ROBOT, "cells", 1),
    (ROBOT, "contents", 5),
    (ROBOT, "carrying", 9),
    (ROBOT, "mission", 249),
    (ROBOT, "width", 41),
    (ROBOT, "variant", 0),
    ("rl_lab/Robot-Dynamic-Obstacles-5x5-v0", "obstacles", 200),
    ("rl_lab/Robot-Dynamic-Obstacles-5x5-v0", "obstacles", 1),
    ("rl_lab/CartPole-v1", "x", np.nan),
    ("rl_lab/CartPole-v1", "theta_dot", np.inf),
    ("rl_lab/CartPole-v1", "random", 0),
    ("rl_lab/CartPole-v1", "steps", -1),
    ("rl_lab/CartPole-v1", "steps", 2**31 - 1),
    ("rl_lab/CartPole-v1", "taken", -(2**60)),
    ("rl_lab/CartPole-v1", "episode_return", np.nan),
]


@pytest.mark.parametrize(("name", "field", "value"), DAMAGE)
def test_a_damaged_field_is_named_and_changes_nothing(name, field, value):
    env = started(name, debug=name.startswith("rl_lab/Robot-Dyn"))
    honest = env.unwrapped.save_state()
    states = honest.copy()
    states[field][1] = value
    with pytest.raises(LabError, match=rf"the state of environment 1 of \w+.* has {field}.*; it must be .*save_state"):
        env.unwrapped.load_state(states)
    assert env.unwrapped.save_state().tobytes() == honest.tobytes()
    env.unwrapped.load_state(honest)


def test_a_flag_that_is_neither_true_nor_false_is_refused():
    env = started("rl_lab/CartPole-v1")
    states = env.unwrapped.save_state()
    states["done"].view(np.uint8)[2] = 7
    with pytest.raises(LabError, match="environment 2 of CartPole has done=7; it must be False or True"):
        env.unwrapped.load_state(states)


@pytest.mark.parametrize("name", ["rl_lab/CartPole-v1", GO, ROBOT])
@pytest.mark.parametrize("seed", ["1", "2"])
def test_no_damage_ends_the_process_or_never_ends(name, seed):
    done = subprocess.run(
        [sys.executable, str(FUZZER), name, seed], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "'refused': 0" not in done.stdout


@pytest.mark.parametrize("ko", ["positional", "situational", "simple"])
@pytest.mark.parametrize("opponent", ["random", "self"])
def test_every_position_of_random_games_is_accepted(ko, opponent):
    env = started(GO, 16, steps=0, opponent=opponent, ko=ko, suicide=ko != "simple", size=4, max_moves=160)
    twin = env.unwrapped.clone()
    rng, info = np.random.default_rng(1), twin.load_state(env.unwrapped.save_state())[1]
    forbidden = 0
    for _ in range(120):
        actions = [
            rng.choice(np.flatnonzero(mask)[:-1]) if mask[:-1].any() else len(mask) - 1 for mask in info["action_mask"]
        ]
        *_, info = env.step(np.array(actions))
        twin.load_state(env.unwrapped.save_state())
        forbidden += (twin.lanes.states["verdicts"] >= 3).sum()
    assert forbidden > 0  # ko and superko were among them


ROBOTS = [
    ("Dynamic-Obstacles-6x6", {}),
    ("GoToDoor-5x5", {}),
    ("PutNear-6x6-N2", {}),
    ("RedBlueDoors-6x6", {}),
    ("MemoryS7", {}),
    ("ObstructedMaze-1Dlhb", {}),
    ("Scout-7x7", {}),
    ("Custom", {"observation": "state", "frame_stack": 3}),
    ("DoorKey-5x5", {"observation": "full", "frame_stack": 2}),
    ("DoorKey-5x5", {"observation": "dict", "frame_stack": 3, "look": True}),
]


@pytest.mark.parametrize(("name", "arguments"), ROBOTS)
def test_every_position_of_random_walks_is_accepted(name, arguments):
    env = started(f"rl_lab/Robot-{name}-v0", 2, steps=0, debug=True, max_steps=30, **arguments)
    rng = np.random.default_rng(2)
    for _ in range(40):
        env.step(np.where(rng.random(2) < 0.4, 2, rng.integers(0, env.single_action_space.n, 2)))
        saved = env.unwrapped.save_state()
        env.unwrapped.load_state(saved)
        assert env.unwrapped.save_state().tobytes() == saved.tobytes()


def counter_reset(state, config):
    state.count = 0


def counter_step(state, action, config):
    state.count += 1
    return 0.0, False


def counter_observe(state, observation, config):
    observation[0] = state.count


def small_counts(states, config):
    yield "count", states["count"] <= config.most, f"0 to {config.most}"


def counter(**changes):
    """Counts its steps."""
    parts = {
        "name": "Counter",
        "state": np.dtype([("count", "i4"), ("pair", [("flag", "?")], (2,))]),
        "config": {"max_steps": 0, "most": 5},
        "reset": counter_reset,
        "step": counter_step,
        "observe": counter_observe,
        "observation_space": Discrete(50),
        "action_space": Discrete(2),
    }
    return Definition(**parts | changes)


def test_without_rules_of_its_own_what_an_environment_shows_must_be_in_its_space():
    env = BatchEnv(counter(), debug=True)
    env.reset(seed=0)
    states = env.save_state()
    for value in (-1, 50):
        states["count"] = value
        with pytest.raises(LabError, match=f"shows the observation {value}, which is not in Discrete"):
            env.load_state(states)
    states["count"] = 49
    assert env.load_state(states)[0] == 49
    states["pair"]["flag"].view(np.uint8)[0, 1] = 2
    with pytest.raises(LabError, match=r"has pair\.flag\[1\]=2; it must be False or True"):
        env.load_state(states)


def test_an_environment_may_have_rules_of_its_own():
    definition = counter(validate=small_counts, observation_space=Box(0, 9, (1,)))
    env = BatchVectorEnv(definition, 1500, debug=True)
    env.reset(seed=0)
    states = env.save_state()
    states["count"][1400] = 6
    with pytest.raises(LabError, match="environment 1400 of Counter has count=6; it must be 0 to 5"):
        env.load_state(states)


def test_states_of_an_environment_that_was_never_reset_are_refused():
    with pytest.raises(LabError, match=r"has random.*=0; it must be a stream that reset"):
        BatchEnv(counter(), debug=True).load_state(BatchEnv(counter(), debug=True).save_state())


def test_an_ended_episode_that_is_loaded_begins_again_where_no_step_would():
    ended = BatchVectorEnv(counter(config={"max_steps": 3, "most": 5}), 2, debug=True)
    ended.reset(seed=0)
    for _ in range(3):
        ended.step(np.zeros(2, int))
    again = BatchVectorEnv(ended.definition, 2, debug=True, autoreset_mode="SameStep")
    assert again.load_state(ended.save_state())[0].tolist() == [0, 0]
    assert ended.load_state(ended.save_state())[0].tolist() == [3, 3]
