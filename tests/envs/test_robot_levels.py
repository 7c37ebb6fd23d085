"""Levels are drawn as MiniGrid draws them: the same ones are possible, and equally likely.

Every comparison is a chi-square test of homogeneity on `THEIRS` levels of MiniGrid's own generator and `OURS`
of ours, at a level of 0.001; the seeds are fixed, so it passes always or never.
"""

from collections import Counter
from itertools import combinations

import gymnasium as gym
import minigrid
import numpy as np
import pytest
from minigrid.core.constants import OBJECT_TO_IDX
from scipy.stats import chi2_contingency

from rl_lab.envs.robot import cells
from rl_lab.envs.robot.registration import ENVIRONMENTS
from rl_lab.envs.robot.world import cells_of

assert minigrid  # importing it registers its environments
THEIRS, OURS, LEVEL = 3_000, 8_000, 0.001
KINDS = {name: OBJECT_TO_IDX[name] for name in ("goal", "door", "key")}


def features(grid, agent):
    """What is random in a level: where the robot and the things are."""
    found = {"agent x": agent[0], "agent y": agent[1], "direction": agent[2]}
    for name, number in KINDS.items():
        for x, y in np.argwhere(grid[..., 0] == number):
            found |= {f"{name} x": int(x), f"{name} y": int(y)}
    return found


def their_levels(id, count):
    env = gym.make(id.replace("rl_lab/Robot-", "MiniGrid-")).unwrapped
    for seed in range(count):
        env.reset(seed=seed)
        yield env.grid.encode(), (*(int(n) for n in env.agent_pos), int(env.agent_dir))


def our_levels(id, count):
    env = gym.make_vec(id, num_envs=count).unwrapped
    env.reset(seed=1)
    config = env.lanes.config.view(np.recarray)[0]
    for state in env.lanes.states.view(np.recarray):
        yield cells.unpack(cells_of(state, config)), (int(state.x), int(state.y), int(state.direction))


def table(theirs, ours, names):
    """Counts of joint values `(2, values)`; those that are too rare for the test in one bin."""
    counts = [Counter(tuple(level[name] for name in names) for level in levels) for levels in (theirs, ours)]
    total, share = sum(counts, Counter()), len(theirs) / (len(theirs) + len(ours))
    rare = {value for value in total if total[value] * share < 5}
    columns = [[count[value] for count in counts] for value in sorted(set(total) - rare)]
    rest = [sum(count[value] for value in rare) for count in counts]
    return np.array(columns + [rest] * (sum(rest) > 0)).T


@pytest.mark.parametrize("id", [id for id in ENVIRONMENTS if "Random" in id or "DoorKey" in id])
def test_levels_are_drawn_as_minigrids(id):
    count = THEIRS if "16x16" not in id else THEIRS // 3
    theirs = [features(*level) for level in their_levels(id, count)]
    ours = [features(*level) for level in our_levels(id, OURS)]
    names = [name for name in theirs[0] if len({level[name] for level in theirs}) > 1]
    assert len(names) >= 3
    for name in theirs[0]:
        assert {level[name] for level in theirs} == {level[name] for level in ours}, name
    for joint in [*((name,) for name in names), *combinations(names, 2)]:
        p = chi2_contingency(table(theirs, ours, joint)).pvalue
        assert p > LEVEL / 28, (joint, p)  # Bonferroni: at most seven features and their 21 pairs


@pytest.mark.parametrize("id", ["rl_lab/Robot-DoorKey-6x6-v0", "rl_lab/Robot-Empty-Random-6x6-v0"])
def test_walls_are_where_minigrid_has_them(id):
    theirs = {(grid[..., 0] == 2).tobytes() for grid, _ in their_levels(id, 500)}
    assert theirs == {(grid[..., 0] == 2).tobytes() for grid, _ in our_levels(id, 500)}


@pytest.mark.parametrize("id", [id for id in ENVIRONMENTS if "Empty" in id and "Random" not in id])
def test_empty_rooms_are_those_of_minigrid(id):
    (their_grid, their_agent), (our_grid, our_agent) = next(their_levels(id, 1)), next(our_levels(id, 1))
    assert np.array_equal(their_grid, our_grid)
    assert their_agent == our_agent
