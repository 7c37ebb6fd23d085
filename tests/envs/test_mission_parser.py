"""What missions mean: MiniGrid's own sentences are the oracle, and layouts, options and the explorer agree."""

import gymnasium as gym
import pytest
from minigrid_oracle import FORWARD, ONE_EACH, PICKUP, RIGHT, TOGGLE

from rl_lab.envs.robot import cells, exploration, missions, tasks
from rl_lab.envs.robot.mission_parser import ParsedMission, understood
from rl_lab.errors import LabError

CUSTOM = "rl_lab/Robot-Custom-v0"
GOALS = (tasks.REACH, tasks.DODGE, tasks.SCOUT)


def thing(kind, colour):
    return kind | colour << 4


@pytest.mark.parametrize("id", ONE_EACH)
def test_what_a_family_says_is_what_it_asks_for(id):
    levels = gym.make_vec(id, num_envs=64, debug=True).unwrapped
    levels.reset(seed=0)
    task = int(levels.lanes.config["task"][0])
    for state in levels.lanes.states:
        errand = understood(missions.text(state["mission"]))
        assert errand.task == (tasks.REACH if task in GOALS else task)
        if task in (tasks.PICK_UP, tasks.FETCH, tasks.PUT_NEAR):
            assert errand.first == state["target"]


SENTENCES = {
    "go to the goal": ParsedMission(tasks.REACH),
    "get to the green goal square": ParsedMission(tasks.REACH),
    "": ParsedMission(tasks.REACH),
    "pick up the yellow key and get to the goal": ParsedMission(tasks.REACH),
    "you must pick up the yellow key": ParsedMission(tasks.REACH),
    "pick up the yellow door": ParsedMission(tasks.REACH),
    "pick up a yellow key": ParsedMission(tasks.PICK_UP, thing(cells.KEY, cells.YELLOW)),
    "fetch a yellow key": ParsedMission(tasks.FETCH, thing(cells.KEY, cells.YELLOW)),
    "you must fetch the red ball": ParsedMission(tasks.FETCH, thing(cells.BALL, cells.RED)),
    "open the grey door": ParsedMission(tasks.OPEN, thing(cells.DOOR, cells.GREY)),
    "open the red door then the blue door": ParsedMission(
        tasks.IN_ORDER, thing(cells.DOOR, cells.RED), thing(cells.DOOR, cells.BLUE)
    ),
    "open the red door then the red door": ParsedMission(tasks.REACH),
    "open the red door then the blue box": ParsedMission(tasks.REACH),
    "go to the purple door": ParsedMission(tasks.GO_TO, thing(cells.DOOR, cells.PURPLE)),
    "get the red key from the blue room, unlock the red door and go to the goal": ParsedMission(
        tasks.REACH, hint=thing(cells.DOOR, cells.BLUE)
    ),
}


@pytest.mark.parametrize("mission", SENTENCES)
def test_whole_sentences_count(mission):
    assert understood(mission) == SENTENCES[mission]


ROOM = """
#########
#>k..D.G#
#.....###
#..d.e###
#########

D = green closed door
d = red closed door
e = blue closed door
mission = {}
"""
PLAYED = {
    "go to the goal": [RIGHT, FORWARD, 0, FORWARD, FORWARD, FORWARD, 0, FORWARD, RIGHT, TOGGLE, *[FORWARD] * 3],
    "pick up the yellow key and get to the goal": [PICKUP, *[FORWARD] * 3, TOGGLE, *[FORWARD] * 3],
    "fetch a yellow key": [PICKUP],
    "open the blue door then the green door": [
        *[PICKUP, FORWARD, FORWARD, FORWARD, RIGHT, FORWARD, 0, FORWARD, RIGHT],
        *[TOGGLE, RIGHT, FORWARD, RIGHT, FORWARD, RIGHT, TOGGLE],
    ],
}


@pytest.mark.parametrize("mission", PLAYED)
def test_layouts_mean_it_too(mission):
    env = gym.make(CUSTOM, layout=ROOM.format(mission), debug=True)
    env.reset()
    *before, last = [env.step(action) for action in PLAYED[mission]]
    assert not any(terminated for _, _, terminated, _, _ in before)
    assert last[1] > 0
    assert last[2]


@pytest.mark.parametrize("mission", [*PLAYED, "open the red door", "open the green door"])
def test_the_explorer_means_what_the_layout_means(mission):
    env = gym.make(CUSTOM, layout=ROOM.format(mission), observation="dict", debug=True)
    observation, _ = env.reset()
    robot, ended = exploration.explorer(env), False
    while not ended:
        observation, reward, terminated, truncated, _ = env.step(robot(observation))
        ended = terminated or truncated
    assert reward > 0


def test_who_says_something_else_needs_a_goal():
    with pytest.raises(LabError, match="no way leads to a goal"):
        gym.make(CUSTOM, layout="#####\n#>k.#\n#####\n\nmission = pick up the yellow door", debug=True)
