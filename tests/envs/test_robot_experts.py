"""The planner's plans carried out in MiniGrid itself and held against brute force; the explorer, which sees little."""

import gymnasium as gym
import minigrid
import numpy as np
import pytest
from minigrid_oracle import position

from rl_lab.envs.robot.exploration import Explorer
from rl_lab.envs.robot.planner import Planner, plan, solvable
from rl_lab.errors import LabError

assert minigrid  # importing it registers its environments
IDS = ["Empty-5x5", "Empty-8x8", "Empty-Random-6x6", "DoorKey-5x5", "DoorKey-6x6", "DoorKey-8x8", "DoorKey-16x16"]


@pytest.mark.parametrize("name", IDS)
def test_plans_reach_the_goal_in_minigrid(name):
    theirs, ours = gym.make(f"MiniGrid-{name}-v0").unwrapped, gym.make(f"rl_lab/Robot-{name}-v0")
    for seed in range(50):
        theirs.reset(seed=seed)
        ours.reset(options=position(theirs))
        actions = plan(ours)
        for number, action in enumerate(actions, 1):
            _, reward, terminated, truncated, _ = theirs.step(action)
            assert terminated == (number == len(actions))
            assert not truncated
        assert reward == 1 - 0.9 * len(actions) / theirs.max_steps


def fewest(env):
    """The fewest actions to the goal by trying everything, states told apart by all that they hold but the clock."""
    lanes = env.unwrapped.lanes
    names = ("cells", "x", "y", "direction", "carrying")

    def key():
        state = lanes.states[0]
        return b"".join(np.asarray(state[name]).tobytes() for name in names)

    def clean(state):
        state["steps"], state["done"] = 0, False
        return state

    frontier, known, depth = [lanes.save()], {key()}, 0
    while frontier:
        following, depth = [], depth + 1
        for state in frontier:
            for action in range(7):
                lanes.load(clean(state.copy()))
                _, reward, terminated, _, _ = env.unwrapped.step(action)
                if terminated and reward > 0:
                    return depth
                if not terminated and key() not in known:
                    known.add(key())
                    following.append(lanes.save())
        frontier = following
    return None


@pytest.mark.parametrize(("name", "seeds"), [("Empty-Random-5x5", 5), ("DoorKey-5x5", 4)])
def test_plans_are_the_shortest(name, seeds):
    env = gym.make(f"rl_lab/Robot-{name}-v0")
    for seed in range(seeds):
        env.reset(seed=seed)
        length = len(plan(env))
        assert length == fewest(env)


def test_plans_start_from_any_state():
    env = gym.make("rl_lab/Robot-DoorKey-8x8-v0")
    for seed in range(20):
        env.reset(seed=seed)
        left = plan(env)
        while len(left) > 1:
            env.step(left[0])
            assert len(plan(env)) == len(left) - 1
            left = left[1:]


def walled(inside):
    grid = np.tile(np.array([2, 5, 0]), (5, 5, 1))
    grid[1:4, 1:4] = (1, 0, 0)
    for (x, y), cell in inside.items():
        grid[x, y] = cell
    return {"grid": grid, "agent": (1, 1, 0)}


def test_what_is_in_the_way_is_moved_and_a_wall_is_not():
    env = gym.make("rl_lab/Robot-Empty-5x5-v0")
    env.reset(options=walled({(3, 3): (8, 1, 0), (2, 3): (2, 5, 0), (3, 2): (2, 5, 0)}))
    with pytest.raises(LabError, match="success is impossible from here"):
        plan(env)
    assert not solvable(env)
    env.reset(options=walled({(3, 3): (8, 1, 0), (2, 3): (2, 5, 0), (3, 2): (5, 0, 0), (2, 2): (5, 1, 0)}))
    assert plan(env) == [2, 2, 1, 3, 2, 2]
    with pytest.raises(LabError, match="the plan is at its end"):
        Planner()(None)


@pytest.mark.parametrize("mode", ["flat", "dict"])
@pytest.mark.parametrize("name", ["Empty-8x8", "DoorKey-8x8", "DoorKey-16x16"])
def test_the_explorer_finds_the_goal_with_the_camera_alone(name, mode):
    env, explorer, longer = gym.make(f"rl_lab/Robot-{name}-v0", observation=mode), Explorer(), 0
    for seed in range(25):
        observation, info = env.reset(seed=seed)
        explorer.reset()
        shortest, steps, terminated, truncated = len(plan(env)), 0, False, False
        while not (terminated or truncated):
            observation, reward, terminated, truncated, info = env.step(explorer(observation, info))
            steps += 1
        assert reward > 0
        assert steps >= shortest
        longer += steps - shortest
    assert longer > 0  # it does not see through walls


def test_the_explorer_does_not_look_at_the_environment():
    first, second = gym.make("rl_lab/Robot-DoorKey-8x8-v0"), gym.make("MiniGrid-DoorKey-8x8-v0")
    observation, _ = second.reset(seed=3)
    first.reset(options=position(second.unwrapped))
    explorer, actions = Explorer(), []
    for _ in range(30):
        actions.append(explorer(observation, {}))
        observation, _, terminated, _, _ = second.step(actions[-1])
        if terminated:
            break
    assert terminated
    for action in actions:
        _, _, terminated, _, _ = first.step(action)
    assert terminated
