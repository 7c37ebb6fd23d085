"""Scores of matches: Wilson's interval beside SciPy's, Elo, and what a match says in text and in JSON."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from rl_lab.cli.match_report import Match
from rl_lab.compare.statistics import elo, share
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.matches.referee import PlayedGame
from rl_lab.envs.go.matches.series import Entry, Series
from rl_lab.envs.go.rules import Rules


@given(st.integers(1, 500), st.data())
def test_the_interval_of_wins_is_scipys(games, data):
    wins = data.draw(st.integers(0, games))
    theirs = binomtest(wins, games).proportion_ci(0.95, "wilson")
    assert share(wins, games) == pytest.approx((wins / games, theirs.low, theirs.high))


@given(st.integers(1, 200), st.data())
def test_sides_see_the_same_interval_from_both_ends(games, data):
    points = data.draw(st.integers(0, 2 * games)) / 2
    ours, theirs = share(points, games), share(games - points, games)
    assert ours.low <= ours.value <= ours.high
    assert (1 - ours.high, 1 - ours.low) == pytest.approx((theirs.low, theirs.high))
    if 0 < points < games:
        assert [-x for x in elo(ours)] == pytest.approx([elo(theirs)[i] for i in (0, 2, 1)])


def test_elo_is_four_hundred_points_for_ten_to_one():
    assert elo(share(10, 11)).value == pytest.approx(400)
    assert elo(share(5, 10)).value == 0
    everything = elo(share(20, 20))
    assert everything.value == everything.high == math.inf
    assert 0 < everything.low < math.inf


def match(*results):
    """A match with games as they ended: the first side's colour, who won, how."""
    found = Match(
        ("mcts:10", "a program with a name far longer than that"), ("mcts:10", "Program 1"), Series(Rules(5), 8)
    )
    for number, (first, winner, ended) in enumerate(results, 1):
        board = Board(5)
        board.play(number % 3)
        found.add(Entry(number, (), first, PlayedGame(board, winner, "?", ended)), f"{number}.sgf")
    return found


def test_a_match_counts_what_happened():
    found = match(
        ("black", "black", "passes"),
        ("white", "black", "passes"),
        ("black", None, "length"),
        ("white", "white", "time-out"),
        ("black", "white", "illegal move"),
        ("white", "white", "crash"),
    )
    told = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert (told["won"], told["drawn"], told["lost"], told["games"], told["games_wanted"]) == (3, 1, 2, 6, 8)
    assert told["score"]["value"] == pytest.approx(3.5 / 6)
    assert told["failures"] == {
        **{"illegal move": [1, 0], "time-out": [0, 1], "crash": [0, 1]},
        **{"nonsense": [0, 0], "refusal": [0, 0]},
    }
    assert told["points_as"] == {"black": 1.5, "white": 2}
    assert (told["distinct"], told["broken_off"]) == (3, 1)
    assert [game["file"] for game in told["played"]] == [f"{number}.sgf" for number in range(1, 7)]
    for line in (
        "mcts:10 against Program 1: 3 won, 1 drawn, 2 lost, 6 games on 5x5, komi 25, positional ko",
        "1.5 of 3 as Black, 2 of 3 as White",
        "games lost by time-out: mcts:10 0, Program 1 1",
        "3 of 6 games are distinct; 1 broken off after 50 moves and scored as they stood",
    ):
        assert line in found.text.splitlines()


def test_a_match_without_a_game_and_one_without_a_loss():
    assert match().text.endswith("no game was finished")
    assert "score" not in match().as_json()
    told = match(("black", "black", "passes")).as_json()
    assert told["elo"]["value"] is None  # infinite
    assert json.dumps(told, allow_nan=False)
    assert "no illegal move, no time-out, no crash" in match(("black", "black", "passes")).text
