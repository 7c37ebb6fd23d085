"""`reset(options=...)`: any position, and a clear sentence for what is none."""

import gymnasium as gym
import numpy as np
import pytest
from minigrid_oracle import DONE, DROP, FORWARD, PICKUP, RIGHT, TOGGLE, Ours

from rl_lab.envs.robot import cells
from rl_lab.envs.robot.world import cells_of
from rl_lab.errors import LabError

EMPTY, WALL, GOAL = (1, 0, 0), (2, 5, 0), (8, 1, 0)
RED_BOX, BLUE_KEY, BLUE_DOOR = (7, 0, 0), (5, 2, 0), (4, 2, 2)


def room(width=5, height=5, **things):
    """An empty room with things at places such as `x2y3`."""
    grid = np.full((width, height, 3), WALL, np.uint8)
    grid[1:-1, 1:-1] = EMPTY
    for place, thing in things.items():
        grid[int(place[1]), int(place[3])] = thing
    return grid


@pytest.fixture
def env():
    return gym.make("rl_lab/Robot-Empty-8x8-v0", observation="dict", see_through_walls=False).unwrapped


def ahead(observation):
    return tuple(observation["image"][3, 5])


def test_all_options_arrive(env):
    observation, _ = env.reset(
        options={
            "grid": room(6, 5, x2y1=RED_BOX, x4y2=GOAL),
            "agent": (1, 1, 0),
            "carrying": (6, 4),
            "mission": "pick up the red box",
            "contents": {(2, 1): (5, 2)},
            "step": 10,
        }
    )
    assert tuple(observation["image"][3, 6]) == (6, 4, 0)
    assert ahead(observation) == RED_BOX
    assert observation["direction"] == 0
    assert observation["mission"] == "pick up the red box"
    assert env.lanes.states["steps"][0] == 10
    state, config = env.lanes.states.view(np.recarray)[0], env.lanes.config.view(np.recarray)[0]
    assert np.array_equal(cells.unpack(cells_of(state, config)), room(6, 5, x2y1=RED_BOX, x4y2=GOAL))
    assert ahead(env.step(TOGGLE)[0]) == BLUE_KEY


def test_the_rest_may_be_left_out(env):
    observation, _ = env.reset(options={"grid": room(), "agent": [1, 1, 3]})
    assert tuple(observation["image"][3, 6]) == EMPTY
    assert observation["mission"] == "get to the green goal square"
    assert env.lanes.states["steps"][0] == 0
    assert env.reset(options={"grid": room(), "agent": (1, 1, 3), "carrying": None})[0]["mission"]


def test_an_empty_box_opens_to_nothing_and_the_fitting_key_opens_a_door(env):
    env.reset(options={"grid": room(x2y1=RED_BOX, x1y2=BLUE_DOOR), "agent": (1, 1, 0), "carrying": (5, 2)})
    assert ahead(env.step(TOGGLE)[0]) == EMPTY
    env.step(RIGHT)
    assert ahead(env.step(TOGGLE)[0]) == (4, 2, 0)
    assert tuple(env.step(FORWARD)[0]["image"][3, 6]) == BLUE_KEY


def test_the_next_episode_is_drawn_again(env):
    env.reset(options={"grid": room(x2y1=RED_BOX), "agent": (1, 1, 0), "mission": "open the box", "carrying": (5, 0)})
    observation, _ = env.reset()
    assert observation["mission"] == "get to the green goal square"
    assert tuple(observation["image"][3, 6]) == EMPTY
    assert (env.lanes.states["width"], env.lanes.states["height"]) == (8, 8)


def test_chosen_lanes_of_a_batch():
    env = gym.make_vec("rl_lab/Robot-Empty-8x8-v0", num_envs=4, autoreset_mode="Disabled")
    before, _ = env.reset(seed=0)
    mask = np.array([False, True, False, True])
    after, _ = env.reset(options={"grid": room(x1y2=BLUE_KEY), "agent": (1, 1, 1), "reset_mask": mask})
    assert np.array_equal(before[~mask], after[~mask])
    assert (after[mask, 3 * (3 * 7 + 5)] == cells.KEY).all()
    assert (env.step(np.full(4, PICKUP))[0][:, 3 * (3 * 7 + 6)] == [1, cells.KEY, 1, cells.KEY]).all()
    env.step(np.full(4, DROP))


def test_a_carried_box_is_given_with_what_is_in_it(env):
    env.reset(options={"grid": room(), "agent": (1, 1, 0), "carrying": (7, 0), "carrying_contents": (5, 2)})
    assert ahead(env.step(DROP)[0]) == RED_BOX
    assert ahead(env.step(TOGGLE)[0]) == BLUE_KEY


RED_DOOR, BLUE_OPEN_DOOR, RED_BALL, BLUE_BALL = (4, 0, 1), (4, 2, 0), (6, 0, 0), (6, 2, 0)
PUT = "put the red ball near the blue key"
POSITIONS = {
    "Unlock": ({"grid": room(x2y1=RED_DOOR)}, [TOGGLE]),
    "UnlockPickup": ({"grid": room(x2y1=RED_BOX), "mission": "pick up the red box"}, [PICKUP]),
    "Fetch-5x5-N2": ({"grid": room(x2y1=RED_BALL), "mission": "go get a red ball"}, [PICKUP]),
    "GoToDoor-5x5": ({"grid": room(x1y2=RED_DOOR), "mission": "go to the red door"}, [DONE]),
    "GoToObject-6x6-N2": ({"grid": room(), "mission": "go to the red box", "target": (2, 1)}, [DONE]),
    "PutNear-6x6-N2": ({"grid": room(x1y2=RED_BALL, x3y2=BLUE_KEY), "mission": PUT}, [RIGHT, PICKUP, 0, DROP]),
    "RedBlueDoors-6x6": ({"grid": room(x2y1=RED_DOOR, x1y2=BLUE_DOOR), "carrying": (5, 2)}, [TOGGLE, RIGHT, TOGGLE]),
    "MemoryS7": ({"grid": room(), "target": (3, 1), "other": (2, 2)}, [FORWARD, FORWARD]),
    "Dynamic-Obstacles-5x5": ({"grid": room(x2y1=GOAL, x3y3=BLUE_BALL)}, [FORWARD]),
}


@pytest.mark.parametrize("name", POSITIONS)
def test_missions_of_every_kind_start_from_a_position(name):
    options, actions = POSITIONS[name]
    env = Ours(f"rl_lab/Robot-{name}-v0", max_steps=10)
    env.reset(options={"agent": (1, 1, 0)} | options)
    *before, (_, reward, terminated, _, _) = [env.step(action) for action in actions]
    assert [step[1:3] for step in before] == [(0, False)] * len(before)
    assert terminated
    assert reward == pytest.approx(1 - 0.09 * len(actions))


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("Unlock", {}, "the mission is about a door, but there is no door in the grid"),
        (
            "Unlock",
            {"grid": room(x1y2=RED_DOOR, x2y1=BLUE_DOOR)},
            "a door, of which the grid holds 2, at .* and .*'target'",
        ),
        ("Unlock", {"grid": room(x2y1=RED_DOOR), "mission": "open the grey door"}, "there is no grey door"),
        (
            "Unlock",
            {"grid": room(x2y1=RED_DOOR), "mission": "open the grey door", "target": (2, 1)},
            r"target is \(2, 1\), where there is red closed door; it must be a grey door",
        ),
        ("Unlock", {"target": (2, 1)}, r"target is \(2, 1\), where there is nothing; it must be a door"),
        ("UnlockPickup", {"mission": "open the door"}, "does not name what is wanted; .* 'pick up the red ball'"),
        ("PutNear-6x6-N2", {"mission": "get a red ball"}, "does not name what is wanted; .* near the blue box"),
        ("GoToDoor-5x5", {"mission": "go to the red door"}, "about a red door, but there is no red door"),
        ("GoToDoor-5x5", {"target": (5, 1)}, r"target is \(5, 1\); it must be a place \(x, y\) in the grid of 5x5"),
        ("GoToDoor-5x5", {"target": "door"}, "target is 'door'; it must be a place"),
        ("GoToDoor-5x5", {"target": (1.5, 1)}, r"target is \(1.5, 1\)"),
        ("GoToDoor-5x5", {"target": (-1, 1)}, r"target is \(-1, 1\)"),
        ("GoToDoor-5x5", {"other": (1, 1)}, "'other' is not known here"),
        ("RedBlueDoors-6x6", {"grid": room(x2y1=RED_DOOR)}, "about a blue door, but there is no blue door"),
        ("MemoryS7", {}, "a place that the grid does not determine; say with 'target'"),
        ("Dynamic-Obstacles-5x5", {"obstacles": [(2, 2)]}, r"names \(2, 2\), where there is no ball"),
        ("Dynamic-Obstacles-5x5", {"obstacles": 3}, "obstacles is 3; it must be a list"),
        (
            "Dynamic-Obstacles-5x5",
            {"grid": room(x2y2=BLUE_BALL), "obstacles": [(2, 2), (2, 2)]},
            "obstacles are 2 balls, or name one twice",
        ),
    ],
)
def test_a_mission_that_does_not_fit_its_position_is_refused_in_one_sentence(name, options, words):
    env = Ours(f"rl_lab/Robot-{name}-v0")
    with pytest.raises(LabError, match=words) as caught:
        env.reset(options={"grid": room(), "agent": (1, 1, 0)} | options)
    assert "\n" not in str(caught.value)


def test_doors_in_the_border_stay_shut_where_opening_one_ends_the_episode():
    env = Ours("rl_lab/Robot-GoToDoor-5x5-v0")
    env.reset(options={"grid": DOOR_IN_BORDER, "agent": (1, 1, 0), "mission": "go to the blue door"})
    grid = DOOR_IN_BORDER.copy()
    grid[2, 0] = BLUE_OPEN_DOOR
    with pytest.raises(LabError, match="could walk out"):
        env.reset(options={"grid": grid, "agent": (1, 1, 0), "mission": "go to the blue door"})


OPEN = room()
OPEN[0, 2] = EMPTY
DOOR_IN_BORDER = room()
DOOR_IN_BORDER[2, 0] = BLUE_DOOR


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gird": 1}, "'gird' is not known here; allowed are: grid, agent, carrying, carrying_contents, mission, "),
        ({"target": (1, 1)}, "'target' is not known here"),
        ({"grid": room()}, "lack 'agent'"),
        ({"agent": (1, 1, 0)}, "lack 'grid'"),
        ({"step": 3}, "options with step lack 'grid'"),
        ({"grid": None}, "grid is None; it must be integers of shape"),
        ({"grid": "room"}, "grid is 'room'"),
        ({"grid": [[1, 2], [3]]}, r"grid is \[\[1, 2\], \[3\]\]"),
        ({"grid": room()[..., :2]}, r"grid is uint8 of shape \(5, 5, 2\)"),
        ({"grid": room()[..., 0]}, r"grid is uint8 of shape \(5, 5\)"),
        ({"grid": room() / 2}, r"grid is float64 of shape \(5, 5, 3\)"),
        ({"grid": room(2, 5)}, "grid is 2x5; a side must be 3 to 9 cells"),
        ({"grid": room(10, 5)}, "grid is 10x5; a side must be 3 to 9 cells"),
        ({"grid": room(x1y3=(11, 0, 0))}, r"grid cell \(1, 3\) is \(11, 0, 0\); objects are 1 empty, .* 9 lava"),
        ({"grid": room(x1y3=(10, 0, 0))}, r"grid cell \(1, 3\) is \(10, 0, 0\); objects are"),
        ({"grid": room(x1y3=(0, 0, 0))}, r"grid cell \(1, 3\) is \(0, 0, 0\); objects are"),
        ({"grid": -room().astype(int)}, r"grid cell \(0, 0\) is \(-2, -5, 0\); objects are"),
        ({"grid": room(x3y1=(5, 6, 0))}, r"grid cell \(3, 1\) is \(5, 6, 0\); colours are 0 red, .* 5 grey"),
        ({"grid": room(x3y1=(4, 1, 3))}, r"grid cell \(3, 1\) is \(4, 1, 3\); states are 0 open, 1 closed, 2 locked"),
        ({"grid": room(x3y1=(5, 1, 1))}, r"grid cell \(3, 1\) is \(5, 1, 1\); the state of all but doors is 0"),
        ({"grid": room(x3y1=(1, 1, 0))}, r"grid cell \(3, 1\) is \(1, 1, 0\); an empty cell is \(1, 0, 0\)"),
        ({"agent": (1, 1)}, r"agent is \(1, 1\); it must be three integers"),
        ({"agent": (1.5, 1, 0)}, r"agent is \(1.5, 1, 0\)"),
        ({"agent": None}, "agent is None"),
        ({"agent": (5, 1, 0)}, r"agent is at \(5, 1\), outside the grid of 5x5"),
        ({"agent": (-1, 1, 0)}, r"agent is at \(-1, 1\), outside"),
        ({"agent": (1, 1, 4)}, "direction 4; directions are 0 right, 1 down, 2 left, 3 up"),
        ({"agent": (0, 1, 0)}, r"agent stands at \(0, 1\) in a grey wall; put it on"),
        ({"grid": room(x1y1=BLUE_DOOR)}, r"agent stands at \(1, 1\) in a blue locked door"),
        ({"grid": room(x1y1=RED_BOX)}, r"agent stands at \(1, 1\) in a red box"),
        ({"grid": OPEN}, r"could walk out of the grid at \(0, 2\), where there is nothing"),
        ({"grid": DOOR_IN_BORDER}, r"could walk out of the grid at \(2, 0\), where there is blue locked door"),
        ({"carrying": (2, 0)}, r"carrying is \(2, 0\); objects here are 5 key, 6 ball, 7 box"),
        ({"carrying": (5, 9)}, r"carrying is \(5, 9\)"),
        ({"carrying": 5}, "carrying is 5; it must be a pair"),
        ({"carrying_contents": (5, 0)}, r"carrying_contents is \(5, 0\), but no box is carried"),
        ({"carrying": (7, 0), "carrying_contents": (4, 0)}, r"carrying_contents is \(4, 0\); objects here are"),
        ({"mission": "fly to the moon"}, "mission 'fly to the moon' has the word 'fly'"),
        ({"mission": "the " * 21}, "has 21 words; it may have up to 20"),
        ({"mission": None}, "mission None is not allowed"),
        ({"contents": [(1, 1)]}, "contents is .*; it must be a dict"),
        ({"contents": {(1, 3): (5, 0)}}, r"contents names \(1, 3\), where there is no box"),
        ({"contents": {(9, 9): (5, 0)}}, r"contents names \(9, 9\), where there is no box"),
        ({"contents": {3: (5, 0)}}, "a position in contents is 3"),
        (
            {"grid": room(x3y3=RED_BOX), "contents": {(3, 3): (4, 0)}},
            r"contents of \(3, 3\) is \(4, 0\); objects here are",
        ),
        ({"step": -1}, "step=-1 is not allowed; it must be a whole number from 0 to 255"),
        ({"step": 256}, "step=256 is not allowed"),
        ({"step": 1.0}, "step=1.0 is not allowed"),
    ],
)
def test_what_is_no_position_is_refused_in_one_sentence(env, options, words):
    needed = {} if words.startswith(("lack", "options with")) else {"grid": room(), "agent": (1, 1, 0)}
    before = env.reset(seed=0)[0]
    with pytest.raises(LabError, match=words) as caught:
        env.reset(options=needed | options)
    assert "\n" not in str(caught.value)
    assert np.array_equal(env.reset(seed=0)[0]["image"], before["image"])


def test_a_cell_on_the_border_that_the_robot_cannot_reach_is_no_way_out(env):
    grid = room(9, 9)
    grid[4, :] = WALL
    grid[8, 3] = EMPTY
    env.reset(options={"grid": grid, "agent": (1, 1, 0)})
    with pytest.raises(LabError, match="walk out"):
        env.reset(options={"grid": grid, "agent": (5, 1, 0)})
