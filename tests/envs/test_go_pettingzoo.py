"""Go as PettingZoo has games: its checkers, and games that are those of a Board."""

import warnings

import numpy as np
import pytest
from gymnasium import logger
from hypothesis import given, settings
from hypothesis import strategies as st
from pettingzoo.test import api_test, seed_test
from pettingzoo.test.render_test import render_test

from rl_lab.envs.go import pettingzoo
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.planes import PLANES
from rl_lab.envs.go.vertices import action_at
from rl_lab.errors import LabError

AGENTS = BLACK, WHITE = "black_0", "white_0"
OF_DICTS = ("Observation space for each agent probably", "Observation is not a NumPy array")


@pytest.fixture(autouse=True)
def _every_warning_is_an_error():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for text in OF_DICTS:  # which PettingZoo says of every observation with a mask in it but its own
            warnings.filterwarnings("ignore", text)
        yield


def play(env, *actions):
    env.reset(seed=0)
    for action in actions:
        env.step(action)
    return env


@pytest.mark.parametrize("size", [2, 5, 9, 13])
def test_its_checkers_find_nothing(size, capsys):
    api_test(pettingzoo.env(size=size), 400)
    api_test(pettingzoo.raw_env(size=size, max_moves=7), 100)
    assert capsys.readouterr().out.count("Passed API test") == 2
    seed_test(lambda: pettingzoo.env(size=size), 100)


def test_frames_are_what_it_expects(capsys):
    render_test(lambda render_mode: pettingzoo.env(size=5, render_mode=render_mode))
    assert "white to play, captures 0-0" in capsys.readouterr().out
    logger.min_level, before = logger.ERROR, logger.min_level
    assert play(pettingzoo.raw_env(size=5)).render() is None
    logger.min_level = before
    with pytest.raises(LabError, match="render_mode 'svg' is not offered"):
        pettingzoo.env(render_mode="svg")


@settings(max_examples=25)
@given(
    size=st.sampled_from([2, 3, 5]),
    seed=st.integers(0, 2**32 - 1),
    ko=st.sampled_from(["simple", "positional", "situational"]),
    suicide=st.booleans(),
)
def test_a_game_is_that_of_a_board(size, seed, ko, suicide):
    rng, rules = np.random.default_rng(seed), {"komi": 0, "ko": ko, "suicide": suicide}
    env, board = pettingzoo.raw_env(size, **rules), Board(size, **rules)
    env.reset(seed=0)
    for agent in env.agent_iter():
        seen, reward, terminated, truncated, _ = env.last()
        assert (terminated, truncated) == (board.has_ended, board.truncated)
        sign = 1 if agent == BLACK else -1
        assert np.array_equal(seen["observation"][0], board.stones == sign)
        assert np.array_equal(seen["observation"][1], board.stones == -sign)
        if terminated or truncated:
            assert reward == (np.sign(board.score()) * sign if terminated else 0)
            assert not seen["action_mask"].any()
            env.step(None)
            continue
        assert agent == f"{board.to_play}_0"
        assert np.flatnonzero(seen["action_mask"]).tolist() == board.legal()
        action = int(rng.choice(board.legal()))
        board.play(action)
        env.step(action)


def test_the_side_that_waits_sees_the_board_from_its_side():
    env = play(pettingzoo.raw_env(5, komi=2.5), 12, 0)
    mine, theirs = env.observe(BLACK)["observation"], env.observe(WHITE)["observation"]
    assert np.array_equal(mine[0], theirs[1])
    assert np.array_equal(mine[1], theirs[0])
    for same in ("last move", "move before that", "chains with 2 liberties", "chains with 3 or more liberties"):
        assert np.array_equal(mine[PLANES.index(same)], theirs[PLANES.index(same)])
    colour, komi = PLANES.index("Black is to play"), PLANES.index("komi for the side to play")
    assert (mine[colour] == 1).all()
    assert (theirs[colour] == 0).all()
    assert mine[komi].sum() == -theirs[komi].sum() != 0
    assert not env.observe(WHITE)["action_mask"].any()
    assert env.observe(BLACK)["action_mask"].sum() == 24
    assert env.observation_space(WHITE).contains(env.observe(WHITE))


def test_ko_bars_who_is_to_play_and_not_who_waits():
    moves = ("B4", "C4", "A3", "D3", "B2", "C2", "C3", "B3")
    env = play(pettingzoo.raw_env(4), *(action_at(move, 4) for move in moves))
    plane = PLANES.index("points barred by ko or superko")
    barred = [np.flatnonzero(env.observe(agent)["observation"][plane]).tolist() for agent in AGENTS]
    assert barred == [[action_at("C3", 4)], []]
    assert env.observe(BLACK)["action_mask"][action_at("C3", 4)] == 0


def test_an_illegal_action_loses_and_the_other_side_wins():
    env = play(pettingzoo.env(size=5), 12, 12)
    assert env.rewards == {WHITE: -1.0, BLACK: 1.0}
    assert env.terminations == {BLACK: True, WHITE: True}
    assert env.truncations == {BLACK: False, WHITE: False}
    assert env.infos == {BLACK: {"illegal_action": False}, WHITE: {"illegal_action": True}}
    assert env.last()[1] == 1.0
    env.step(None)
    assert env.last()[1] == -1.0
    env.step(None)
    assert env.agents == []


def test_a_game_that_is_too_long_is_truncated_and_pays_nothing():
    env = play(pettingzoo.env(size=5, max_moves=3), 0, 1, 2)
    assert env.truncations == {BLACK: True, WHITE: True}
    assert not any(env.terminations.values())
    assert env.rewards == {BLACK: 0, WHITE: 0}


def test_rewards_may_be_margins_and_add_up_to_nothing():
    env = play(pettingzoo.env(size=5, komi=3.5, reward="margin"), 12, 25, 25)
    assert env.rewards == {BLACK: 21.5, WHITE: -21.5}


def test_after_a_handicap_white_begins():
    env = play(pettingzoo.env(size=9, handicap=2))
    assert env.agent_selection == WHITE
    assert env.observe(WHITE)["observation"][1].sum() == 2


def test_bad_input():
    for arguments, sentence in (({"size": 20}, "size=20"), ({"ko": "none"}, "ko='none'"), ({"reward": "x"}, "reward=")):
        with pytest.raises(LabError, match=sentence):
            pettingzoo.env(**arguments)
    with pytest.raises(LabError, match=r"action 26 is out of range; Discrete\(26\) allows 0 to 25"):
        play(pettingzoo.raw_env(5), 26)
    with pytest.raises(ValueError, match="the only valid action is None"):
        play(pettingzoo.env(size=5), 25, 25, 0)


def test_a_missing_package_is_named(python):
    said = python("import sys; sys.modules['pettingzoo'] = None; import rl_lab.envs.go.pettingzoo", ok=False)
    sentence = "Go in PettingZoo needs pettingzoo, which is not installed; run pip install -e '.[go]'"
    assert said.strip().splitlines()[-1].endswith(sentence)


def test_arguments_that_there_are_not():
    allowed = "size, komi, ko, suicide, handicap, max_moves, reward, render_mode"
    with pytest.raises(LabError, match=f"Go has no argument 'foo' here; it has {allowed}$"):
        pettingzoo.env(foo=1)
