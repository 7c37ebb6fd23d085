"""The optimum: plans carried out in MiniGrid itself, everything tried in small levels, walks that never do better.

`python -m benchmarks.proofs.robot_optimum` does more of it for every id.
"""

import functools
import importlib
import json
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st
from minigrid_oracle import MINIGRIDS, ONE_EACH, Ours, RandomWorld, position, theirs_of

from rl_lab.envs import robot
from rl_lab.envs.robot import difficulty, explorer, optimal_steps, plan, solvable
from rl_lab.envs.robot.planner import UNKNOWN, plan_state
from rl_lab.envs.robot.planning.engine import MOST, PlanSearch, own_search
from rl_lab.envs.robot.registration import ENVIRONMENTS, PREFIX
from rl_lab.errors import LabError

proof = importlib.import_module("benchmarks.proofs.robot_optimum")
tables = importlib.import_module("benchmarks.proofs.robot_optimum_table")
brute = importlib.import_module("benchmarks.proofs.robot_brute")
FEW = proof.Sizes(executed=6, walks=1, walk=15)
FOUND = json.loads(Path(proof.__file__).with_suffix(".json").read_text(encoding="utf-8"))
FAMILIES = [id for id in ONE_EACH if id in proof.IDS]
ROOM, BLOCKED = "rl_lab/Robot-Empty-8x8-v0", "rl_lab/Robot-BlockedUnlockPickup-v0"


def theirs_for(id):
    if id in MINIGRIDS:
        return theirs_of(id, max_steps=proof.LONG)
    return theirs_of("rl_lab/Robot-Empty-5x5-v0", size=9, max_steps=proof.LONG)  # a maze's walls go into it


@pytest.mark.parametrize("id", FAMILIES)
def test_plans_hold_in_minigrid_and_against_everything_tried(id):
    ours = Ours(id, max_steps=proof.LONG)
    seen = proof.executed(theirs_for(id), ours, FEW) + proof.walked(ours, FEW)
    assert seen["wrong"] == 0
    assert min(seen["executed"], seen["brute"]) >= 3
    assert seen["walked"] > 0


def test_worlds_in_which_anything_lies_anywhere():
    theirs, ours, seen = RandomWorld(7, 5, False, proof.LONG), Ours(ROOM, size=7), []
    for seed in range(60):
        theirs.reset(seed=seed)
        try:
            steps = brute.fewest(*brute.read(position(theirs)), brute.Mission("reach"), most=2000)
        except brute.TooMany:
            continue
        ours.reset(options=position(theirs))
        assert optimal_steps(ours) == (UNKNOWN if steps is None else steps)
        assert solvable(ours) == (steps is not None)
        seen.append(steps)
    assert len(seen) > 25
    assert None in seen
    assert max(steps or 0 for steps in seen) > 5


@functools.cache
def blocked():
    return Ours(BLOCKED)


@given(seed=st.integers(0, 10**6))
def test_no_step_brings_success_nearer_by_more_than_one(seed):
    env, rng = blocked(), np.random.default_rng(seed)
    env.reset(seed=seed)
    left = optimal_steps(env)
    for _ in range(6):
        env.step(int(rng.integers(7)))
        before, left = left, optimal_steps(env)
        assert left >= before - 1


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_info_tells_the_optimum_whenever_an_episode_begins(mode):
    envs = gym.make_vec(ROOM, num_envs=32, planner=True, max_steps=12, autoreset_mode=mode)
    _, info = envs.reset(seed=0)
    assert info["_optimal_steps"].all()
    assert (info["optimal_steps"] == optimal_steps(envs)).all()
    rng, begun = np.random.default_rng(0), 0
    for _ in range(40):
        _, _, _, _, info = envs.step(rng.choice((1, 2, 2), 32))
        started = envs.unwrapped.lanes.states["steps"] == 0
        assert (info.get("_optimal_steps", np.zeros(32, bool)) == started).all()
        if started.any():
            assert (info["optimal_steps"][started] == optimal_steps(envs)[started]).all()
        begun += int(started.sum())
    assert begun > 32


def test_a_single_environment_tells_it_too():
    env = gym.make("rl_lab/Robot-DoorKey-5x5-v0", planner=True)
    for seed in range(5):
        _, info = env.reset(seed=seed)
        assert info["optimal_steps"] == optimal_steps(env) == len(plan(env)) == difficulty(env).steps
        assert difficulty(env).handling >= 2  # the key, the door
    env.step(plan(env)[0])
    assert "optimal_steps" not in env.step(0)[4]
    assert env.unwrapped.load_state(env.unwrapped.save_state())[1]["optimal_steps"] == optimal_steps(env)
    assert "optimal_steps" not in gym.make("rl_lab/Robot-DoorKey-5x5-v0").reset(seed=0)[1]


@pytest.mark.parametrize("name", ["Dynamic-Obstacles-5x5-v0", "Playground-v0", "Scout-7x7-v0"])
def test_there_is_none_where_things_move_or_nothing_counts(name):
    env = gym.make(f"rl_lab/Robot-{name}", planner=True, debug=True)
    assert env.reset(seed=0)[1]["optimal_steps"] == UNKNOWN == optimal_steps(env)
    with pytest.raises(LabError, match="by themselves" if "Play" not in name else "or has no definition"):
        plan(env)


def test_above_the_cap_it_is_unknown():
    env = Ours(BLOCKED)
    env.reset(seed=0)
    assert optimal_steps(env) > 0
    assert optimal_steps(env, cap=10) == UNKNOWN
    for ask in (plan, solvable, difficulty):
        with pytest.raises(LabError, match=r"found 10 states without an end, .* raise cap"):
            ask(env, cap=10)
    for cap in (0, -1, MOST + 1, 1.5, True, None):
        with pytest.raises(LabError, match=f"cap={cap!r} is not allowed; it must be a whole number"):
            optimal_steps(env, cap=cap)


def test_so_many_things_are_in_the_way_that_it_is_unknown():
    env, balls = Ours(ROOM), np.tile(np.array([2, 5, 0]), (8, 8, 1))
    balls[1:7, 1:7] = 6, 0, 0
    balls[1, 1:3] = 1, 0, 0
    balls[6, 6] = 8, 1, 0
    env.reset(options={"grid": balls, "agent": (1, 1, 0)})
    assert optimal_steps(env) == UNKNOWN
    with pytest.raises(LabError, match="more than 24 things or 40 doors are in the way"):
        plan(env)


def test_the_cap_may_be_raised():
    env = gym.make("rl_lab/Robot-Empty-5x5-v0", debug=True)
    env.reset(seed=0)
    assert optimal_steps(env, cap=MOST) == 5


def test_compiled_and_plain_python_find_the_same():
    env = Ours("rl_lab/Robot-UnlockPickup-v0")
    for seed in range(3):
        env.reset(seed=seed)
        plain, compiled = PlanSearch(1 << 12, debug=True), own_search()
        assert plain(env.lanes.states, env.lanes.config) == compiled(env.lanes.states, env.lanes.config)
        assert plain.plan == compiled.plan == plan_state(env.lanes.states[0], env.lanes.config[0])


def test_what_cannot_be_planned_is_said():
    env = gym.make("rl_lab/Robot-Empty-5x5-v0", debug=True)
    for ask in (plan, optimal_steps, solvable, difficulty):
        with pytest.raises(LabError, match=r"has no level yet; call reset\(\) first"):
            ask(env)
        with pytest.raises(LabError, match="is not a robot environment"):
            ask(gym.make("rl_lab/CartPole-v1"))
        with pytest.raises(LabError, match="None is not a robot environment"):
            ask(None)
    env.reset(seed=0)
    for action in plan(env):
        env.step(action)
    for ask in (plan, optimal_steps, solvable, difficulty):
        with pytest.raises(LabError, match="the episode is over"):
            ask(env)
    envs = gym.make_vec("rl_lab/Robot-Empty-5x5-v0", num_envs=3, debug=True)
    envs.reset(seed=0)
    with pytest.raises(LabError, match="has 3 environments; ask for optimal_steps"):
        plan(envs)
    with pytest.raises(LabError, match="planner='yes' is not allowed; it must be True or False"):
        gym.make("rl_lab/Robot-Empty-5x5-v0", planner="yes")


def test_lanes_that_are_over_have_no_optimum():
    envs = gym.make_vec("rl_lab/Robot-Empty-5x5-v0", num_envs=2, debug=True, autoreset_mode=AutoresetMode.DISABLED)
    envs.reset(seed=0)
    for action in (2, 2, 1, 2):
        envs.step([action, 0])
    assert optimal_steps(envs).tolist() == [1, 5]
    envs.step([2, 0])
    assert optimal_steps(envs).tolist() == [UNKNOWN, 6]


@pytest.mark.parametrize("id", FAMILIES)
def test_the_explorer_does_every_mission(id):
    env = Ours(id)
    robot = explorer(env)
    for seed in range(2):
        observation, _ = env.reset(seed=seed)
        robot.reset(env)
        fewest, steps, done = optimal_steps(env), 0, False
        while not done:
            observation, reward, terminated, truncated, _ = env.step(robot(observation))
            done, steps = terminated or truncated, steps + 1
        assert reward > 0
        assert steps >= fewest


def test_the_explorer_says_what_it_cannot_take():
    with pytest.raises(LabError, match="is not a robot environment; the explorer supports"):
        explorer(gym.make("rl_lab/CartPole-v1"))
    with pytest.raises(LabError, match="the explorer was given None; give it the environment"):
        explorer(None)
    with pytest.raises(LabError, match="has 3 environments, and an explorer takes one; make an Explorer"):
        explorer(gym.make_vec(ROOM, num_envs=3, debug=True))
    with pytest.raises(LabError, match="by themselves"):
        explorer(gym.make("rl_lab/Robot-Dynamic-Obstacles-5x5-v0", debug=True))
    with pytest.raises(LabError, match=r"looking is an action .* take looking_expert\.LookingExpert"):
        explorer(gym.make(ROOM, look=True, debug=True))
    for arguments in ({"observation": "full"}, {"observation": "onehot"}, {"observation": "dict", "frame_stack": 2}):
        env = gym.make(ROOM, debug=True, **arguments)
        observation, _ = env.reset(seed=0)
        with pytest.raises(LabError, match="the explorer needs observations with an image"):
            explorer(env)(observation)


def test_the_proof_that_is_kept_found_nothing_wrong():
    assert FOUND.keys() == set(proof.IDS)
    assert sum(row.get("wrong", 0) for row in FOUND.values()) == 0


def test_the_readme_says_what_the_proof_found():
    lines = (Path(robot.__file__).parent / "README.md").read_text(encoding="utf-8").splitlines()
    assert set(tables.explorers(FOUND)) <= set(lines)
    listed = [line.strip("|").split("|") for line in lines if line.startswith("| `") and line.count("|") == 7]
    assert {f"{PREFIX}{cells[0].strip(' `')}": cells[5].strip() for cells in listed} == {
        id: tables.verdict(id, FOUND) for id in ENVIRONMENTS
    }
