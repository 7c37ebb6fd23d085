"""Scout: levels that can be solved, doors that go like clockwork, and a robot for which it matters when it looks."""

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_lab.envs.robot import cells
from rl_lab.envs.robot.looking_expert import LookingExpert
from rl_lab.envs.robot.world import NOWHERE, cells_of
from rl_lab.errors import LabError

SMALL, USUAL, LARGE = (f"rl_lab/Robot-Scout-{n}x{n}-v0" for n in (7, 9, 13))
FORWARD, TOGGLE, LOOK = 2, 5, 7
DOORS = (cells.DOOR, cells.CLOSED_DOOR, cells.LOCKED_DOOR)


def scout(id=SMALL, **arguments):
    return gym.make(id, debug=True, **arguments).unwrapped


def record(env, lane=0):
    return env.lanes.states.view(np.recarray)[lane], env.lanes.config.view(np.recarray)[0]


def kinds(env, lane=0):
    return cells_of(*record(env, lane)) & cells.KIND


def doors(env, lane=0):
    """Places of the doors on a clock, wall by wall."""
    rooms = record(env, lane)[0].rooms
    return [(int(x), int(y)) for x, y in rooms[:, 4:] if x != NOWHERE]


def can_walk(grid, start):
    """Cells that the robot could come to if no door ever shut."""
    reached, frontier = {start}, [start]
    while frontier:
        x, y = frontier.pop()
        for place in {(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)} - reached:
            if grid[place] in (cells.EMPTY, cells.GOAL, *DOORS):
                reached.add(place)
                frontier.append(place)
    return reached


@pytest.mark.parametrize(
    ("id", "arguments"), [(SMALL, {}), (USUAL, {"hazards": 1.0}), (LARGE, {}), (LARGE, {"chambers": 2, "size": 10})]
)
def test_every_level_can_be_solved_and_has_two_doors_in_each_wall(id, arguments):
    env = scout(id, **arguments)
    for seed in range(40):
        env.reset(seed=seed)
        state, config = record(env)
        grid, pairs = kinds(env), np.reshape(doors(env), (-1, 2, 2))
        assert len(pairs) == config.rooms - 1
        assert (pairs[:, 0, 0] == pairs[:, 1, 0]).all()
        assert (pairs[:, 0, 1] != pairs[:, 1, 1]).all()
        (goal,) = map(tuple, np.argwhere(grid == cells.GOAL).tolist())
        reached = can_walk(grid, (int(state.x), int(state.y)))
        assert {goal, *map(tuple, pairs.reshape(-1, 2).tolist())} <= reached
        beside = [pair[0, 0] for pair in pairs]
        assert min(goal[0], state.x) < min(beside) <= max(beside) < max(goal[0], state.x)
        assert (np.asarray(state.contents) == cells.EMPTY).all()


def test_levels_differ_in_all_that_is_drawn():
    env = gym.make_vec(SMALL, num_envs=2_000).unwrapped
    env.reset(seed=0)
    states = env.lanes.states
    walls = states["rooms"][:, 0, 4]
    rows = states["rooms"][:, :2, 5]
    drawn = {
        "phase": states["rooms"][:, 0, 0],
        "wall": walls,
        "doors": 10 * rows[:, 0] + rows[:, 1],
        "direction": states["direction"],
        "side": states["x"] > walls,
        "row": states["y"],
    }
    counts = {"phase": 16, "wall": 3, "doors": 20, "direction": 4, "side": 2, "row": 5}
    for name, values in drawn.items():
        share = np.unique(values, return_counts=True)[1] / len(values)
        assert len(share) == counts[name]
        assert np.allclose(share, 1 / len(share), atol=5 * np.sqrt(1 / len(share) / len(values))), name


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_hazards_are_the_share_of_cells_off_the_ways(share):
    plenty, some = scout(USUAL, hazards=1.0), scout(USUAL, hazards=share)
    off_ways = lava = 0
    for seed in range(100):
        plenty.reset(seed=seed)
        some.reset(seed=seed)
        there, here = kinds(plenty) == cells.LAVA, kinds(some) == cells.LAVA
        assert (there | ~here).all()
        off_ways, lava = off_ways + there.sum(), lava + here.sum()
    assert off_ways > 500
    assert abs(lava - share * off_ways) <= 5 * np.sqrt(share * (1 - share) * off_ways)


@settings(max_examples=20)
@given(seed=st.integers(0, 999), period=st.integers(1, 20).map(lambda half: 2 * half), turns=st.lists(st.booleans()))
def test_of_two_doors_one_is_open_and_neither_can_be_turned_by_hand(seed, period, turns):
    env = scout(period=period, max_steps=1_000, hazards=0.0)
    env.reset(seed=seed)
    first, second = doors(env)
    seen = []
    for turn in [None, *turns, *[False] * 2 * period]:
        if turn is not None:
            env.step(TOGGLE if turn else LOOK)
        grid = kinds(env)
        seen.append(grid[first] == cells.DOOR)
        assert {grid[first], grid[second]} == {cells.DOOR, cells.LOCKED_DOOR}
    assert seen[period:] == seen[:-period]
    assert sum(seen[:period]) == period // 2


CORRIDOR = """
#######
#>/.G.#
#######

clocks = 2, 1, 0
"""


def test_a_door_does_not_shut_on_the_robot_and_shuts_behind_it():
    env = scout(period=4, look=False)
    env.reset(options={"layout": CORRIDOR})
    env.step(FORWARD)  # into the door, which is open at steps 0, 1, 4 and 5
    for _ in range(2):
        env.step(TOGGLE)
        assert kinds(env)[2, 1] == cells.DOOR
    env.step(TOGGLE)
    env.step(TOGGLE)
    env.step(FORWARD)
    assert kinds(env)[2, 1] == cells.LOCKED_DOOR
    assert env.step(FORWARD)[1:3] == (1 - 0.9 * 7 / 49, True)


def test_who_waits_before_a_shut_door_bumps_and_who_looks_sees_it_open():
    env = scout(period=4, observation="dict", between_looks="blank")
    env.reset(options={"layout": CORRIDOR.replace("0\n", "2\n").replace("/", "D")})
    observation, *_ = env.step(FORWARD)
    assert observation["bump"] == 1
    assert not observation["image"].any()
    observation, *_ = env.step(LOOK)
    assert observation["image"][3, 5].tolist() == [cells.DOOR, cells.YELLOW, cells.OPEN]


def test_levels_are_written_as_text_with_their_clocks():
    env, again = scout(look=False), scout(look=False)
    for seed in range(5):
        env.reset(seed=seed)
        for _ in range(seed):
            env.step(LOOK - 1)
        again.reset(options={"layout": env.ascii()})
        for _ in range(20):
            assert np.array_equal(kinds(env), kinds(again))
            assert len({(int(r.x), int(r.y), int(r.direction)) for r, _ in (record(env), record(again))}) == 1
            env.step(LOOK - 1)
            again.step(LOOK - 1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"clocks": [(2, 1)]}, r"clocks is \[\(2, 1\)\]; it must be a dict"),
        ({"clocks": {(3, 1): 0}}, r"a door in clocks is \(3, 1\), where there is nothing; it must be a door"),
        ({"clocks": {(9, 1): 0}}, r"a door in clocks is \(9, 1\); it must be a place"),
        ({"clocks": {(2, 1): 256}}, r"the door at \(2, 1\) has phase 256; it must be a whole number from 0 to 255"),
        ({"clocks": {(2, 1): 0.5}}, "phase 0.5"),
        ({"clocks": {(x, 1): 0 for x in range(9)}}, "names 9 doors; up to 8"),
        ({"layout": CORRIDOR.replace("2, 1, 0", "2, 1")}, "line 6, column 10: '2, 1' is no clock"),
    ],
)
def test_clocks_that_are_not_allowed(options, words):
    env = scout()
    env.reset(seed=0)
    with pytest.raises(LabError, match=words):
        env.reset(options={"layout": CORRIDOR.replace("\nclocks = 2, 1, 0", "")} | options)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": 6}, "size=6 .* from 7 to 41"),
        ({"chambers": 1}, "chambers=1 .* from 2 to 5"),
        ({"size": 9, "chambers": 3}, "chambers=3 is not allowed; size=9 has room for 2, make it larger for more"),
        ({"chambers": 9}, "chambers=9 .* from 2 to 5"),
        ({"size": 41, "chambers": 6}, "chambers=6 .* from 2 to 5"),
        ({"hazards": 1.5}, "hazards=1.5 .* from 0 to 1"),
        ({"hazards": True}, "hazards=True"),
        ({"period": 7}, "period=7 .* must be even"),
        ({"period": 0}, "period=0 .* from 2 to 200"),
    ],
)
def test_arguments_that_are_not_allowed(arguments, words):
    with pytest.raises(LabError, match=words):
        scout(**arguments)


def played(env, looks, seed):
    """Return of an episode, its steps and its looks."""
    observation, _ = env.reset(seed=seed)
    who, total, actions, ended = LookingExpert(looks), 0.0, [], False
    while not ended:
        actions.append(who(observation))
        observation, reward, terminated, truncated, _ = env.step(actions[-1])
        total, ended = total + float(reward), terminated or truncated
    return total, len(actions), actions.count(LOOK)


def test_who_never_looks_fares_worse_than_who_looks_well_who_fares_worse_than_who_always_sees():
    looking, seeing = scout(observation="dict", first_look=False), scout(observation="dict", look=False)
    never, well, always = (
        np.array([played(env, looks, seed) for seed in range(40)])
        for env, looks in ((looking, "never"), (looking, "well"), (seeing, "well"))
    )
    assert (well[:, 0] > 0).all()
    assert (always[:, 0] > 0).all()
    assert never[:, 0].mean() < 0.5 * well[:, 0].mean()
    assert well[:, 0].mean() < always[:, 0].mean()
    assert never[:, 2].sum() == always[:, 2].sum() == 0


@pytest.mark.parametrize("between_looks", ["frozen", "blank"])
def test_the_looker_does_the_same_whatever_it_is_shown(between_looks):
    shown = [{"observation": "dict"}, {"observation": "flat"}, {"observation": "flat", "between_looks": between_looks}]
    games = [[played(scout(**arguments), "well", seed) for seed in range(5)] for arguments in shown]
    assert games[0] == games[1] == games[2]


@pytest.mark.parametrize("id", ["rl_lab/Robot-LavaCrossingS9N2-v0", "rl_lab/Robot-Maze-9x9-v0"])
def test_the_looker_finds_goals_elsewhere(id):
    env = gym.make(id, debug=True, look=True, observation="dict", first_look=False)
    assert all(played(env, "well", seed)[0] > 0 for seed in range(5))


def test_what_the_looker_cannot_take():
    with pytest.raises(LabError, match="looks='often' is not allowed; it must be one of well, never"):
        LookingExpert("often")
    for arguments in ({"observation": "onehot"}, {"view_size": 9}, {"frame_stack": 2}):
        with pytest.raises(LabError, match="the looking expert takes the robot's observations"):
            LookingExpert()(scout(**arguments).reset()[0])
