"""Levels are drawn as MiniGrid draws them: the same ones are possible, and equally likely.

`python -m benchmarks.proofs.robot_levels` compares 2,000 of MiniGrid's with 8,000 of ours for every id, by the same
tests; seeds are fixed, so they pass always or never.
"""

import importlib

import gymnasium as gym
import numpy as np
import pytest
from minigrid_oracle import MINIGRIDS, ONE_EACH, with_shared_layout
from scipy.ndimage import label

from rl_lab.envs.batch import BatchVectorEnv
from rl_lab.envs.robot import cells

proof = importlib.import_module("benchmarks.proofs.robot_levels")
THEIRS, OURS = 250, 2_000
FIXED = ("rl_lab/Robot-Empty-5x5-v0", "rl_lab/Robot-DistShift1-v0")


@pytest.mark.parametrize("id", [*(id for id in ONE_EACH if id in MINIGRIDS), "rl_lab/Robot-Empty-Random-6x6-v0"])
def test_levels_are_drawn_as_minigrids(id):
    theirs, ours = proof.their_levels(id, THEIRS), proof.our_levels(id, OURS)
    chances = proof.compare(theirs, ours)
    assert len(chances) > 5 or id in FIXED
    corrected = dict(zip(chances, proof.holm(list(chances.values())), strict=True))
    assert min(corrected.values()) > proof.LEVEL, min(corrected.items(), key=lambda pair: pair[1])
    if id in FIXED:
        assert np.array_equal(theirs.grid[0], ours.grid[0])
        assert np.array_equal(theirs.robot[0], ours.robot[0])


def test_the_comparison_notices_what_differs():
    id = "rl_lab/Robot-DoorKey-5x5-v0"
    theirs, ours = proof.their_levels(id, THEIRS), proof.our_levels(id, OURS)
    ours.robot[:, 2] = np.where(np.arange(OURS) % 3 == 0, 0, ours.robot[:, 2])  # facing right too often
    assert min(proof.holm(list(proof.compare(theirs, ours).values()))) < proof.LEVEL
    assert proof.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


@pytest.mark.parametrize("id", ONE_EACH)
def test_plain_python_draws_the_same_levels(id):
    plain, machine = (gym.make_vec(id, num_envs=2, debug=debug).unwrapped for debug in (True, False))
    for env in (plain, machine):
        env.reset(seed=7)
        env.reset()  # over what the first episode left
    assert plain.save_state().tobytes() == machine.save_state().tobytes()


def test_obstacles_move_as_minigrids_do():
    def make(id, **arguments):
        return BatchVectorEnv(with_shared_layout(id, observation="dict"), **arguments)

    id, chances = "rl_lab/Robot-Dynamic-Obstacles-8x8-v0", []
    for seed in range(3):
        chances += proof.moves_compared(id, seed, 500, make).values()
    assert len(chances) == 30
    assert min(proof.holm(chances)) > proof.LEVEL


@pytest.mark.parametrize("braid", [0.0, 1.0])
@pytest.mark.parametrize("size", [9, 15])
def test_mazes_are_connected_and_perfect_or_without_dead_ends(size, braid):
    env = gym.make_vec("rl_lab/Robot-Maze-9x9-v0", num_envs=100, size=size, braid=braid).unwrapped
    env.reset(seed=0)
    states, rooms = env.lanes.states, (size // 2) ** 2
    levels, found = proof.levels_of(env), set()
    for grid, (x, y, _) in zip(levels.grid, levels.robot, strict=True):
        open_ = grid != cells.GREY_WALL
        assert label(open_)[1] == 1
        assert not open_[[0, -1], :].any()
        assert not open_[:, [0, -1]].any()
        ways = sum(np.roll(open_, shift, axis) for shift in (1, -1) for axis in (0, 1))[1::2, 1::2]
        assert open_[1::2, 1::2].all()
        assert (ways.sum() == 2 * (rooms - 1)) if braid == 0 else (ways >= 2).all()
        assert (grid == cells.GREEN_GOAL).sum() == 1
        assert grid[x, y] == cells.EMPTY
        found.add(open_.tobytes())
    assert len(found) > 90
    assert set(states["direction"].tolist()) == {0, 1, 2, 3}
