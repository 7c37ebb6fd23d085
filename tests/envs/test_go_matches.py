"""Matches: our board is the referee, and whoever hangs, dies, talks nonsense or plays illegally loses."""

import itertools
import re
import sys
from contextlib import closing

import pytest
from go_engines import bad
from hypothesis import given
from hypothesis import strategies as st

from rl_lab.envs.go.engine import EngineProcess, EngineSilent
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.matches import referee, series
from rl_lab.envs.go.matches import sides as sides_module
from rl_lab.envs.go.matches.series import Series
from rl_lab.envs.go.matches.sides import AgentSide, EngineSide
from rl_lab.envs.go.players import player
from rl_lab.envs.go.rules import Rules
from rl_lab.errors import LabError

RULES = Rules(5, komi=0.5)


def random_side(seed=0):
    return AgentSide(lambda: player("random", seed), seconds=60)


@pytest.mark.parametrize(
    ("kind", "ended", "result", "sentence"),
    [
        ("hangs", "time-out", "T", r"has not answered '.*' within 0\.3 seconds"),
        ("floods with blanks", "time-out", "T", r"has not answered '.*' within 0\.3 seconds"),
        ("floods without lines", "time-out", "T", r"has not answered '.*' within 0\.3 seconds"),
        ("dies", "crash", "F", r"has died \(code 3\) before it answered 'genmove white'"),
        ("closes its output", "crash", "F", "it has only closed its output"),
        ("starts a child", "crash", "F", r"has died \(code 5\)"),
        ("talks nonsense", "nonsense", "F", "answers genmove with 'what a nice board'"),
        ("speaks no GTP", "nonsense", "F", "with 'Hello!', which is not GTP"),
        ("speaks bytes", "nonsense", "F", "which is not GTP"),
        ("floods", "nonsense", "F", "with more than 1048576 bytes"),
        ("chatters", "nonsense", "F", "with 'info move e5', which is not GTP, where answers begin with = or ?"),
        ("plays illegally", "illegal move", "F", "plays A1: occupied"),
        ("plays off the board", "illegal move", "F", "answers genmove with 't19'"),
        ("refuses moves", "refusal", "F", r"refuses 'play black [A-E][1-5]': illegal move"),
        ("refuses to think", "refusal", "F", "refuses 'genmove white': I would rather not"),
        ("dies in between", "crash", "F", r"has died \(code 4\) before it answered 'clear_board'"),
    ],
)
def test_who_fails_loses_and_the_match_goes_on(kind, ended, result, sentence):
    with closing(EngineSide(bad(kind), 0.3 if ended == "time-out" else 20)) as side:
        entries = list(series.play(Series(RULES, 2, opening_moves=0), random_side(), side))
    first, second = entries
    assert (first.failed, first.played.ended, first.played.result) == (1, ended, f"B+{result}")
    assert re.search(sentence, first.played.failure)
    assert second.failed == 1  # started anew, it does the same
    assert second.played.winner == second.first == "white"


@pytest.mark.parametrize(
    ("kind", "ended"), [("passes", "passes"), ("answers for ever", "passes"), ("resigns", "resignation")]
)
def test_what_is_odd_but_allowed(kind, ended):
    with closing(EngineSide(bad(kind), 20)) as side:
        (entry,) = series.play(Series(RULES, 1, opening_moves=0), side, AgentSide(Passer, 20))
    assert (entry.failed, entry.played.ended) == (None, ended)
    assert entry.points == 0.0  # an empty board is White's


class Passer:
    name = "passer"

    def __call__(self, board):
        return board.size**2

    def prepare(self, board):
        pass

    def close(self):
        pass


class Broken(Passer):
    """An agent that plays whatever it is told to."""

    def __init__(self, action):
        self.action = action

    def __call__(self, board):
        if isinstance(self.action, Exception) and board.moves:
            raise self.action
        return board.size**2 if isinstance(self.action, Exception) else self.action


@pytest.mark.parametrize(
    ("action", "ended", "sentence"),
    [
        (12, "illegal move", "passer plays C3: occupied"),
        (99, "illegal move", "move 99 is off the board of 5x5"),
        (LabError("GNU Go is gone"), "crash", "GNU Go is gone"),
    ],
)
def test_agents_of_this_process_fail_likewise(action, ended, sentence):
    sides = {"black": AgentSide(lambda: Broken(12), 20), "white": AgentSide(lambda: Broken(action), 20)}
    played = referee.play(sides, RULES)
    assert (played.winner, played.ended) == ("black", ended)
    assert sentence in played.failure


def test_an_agent_that_takes_too_long(monkeypatch):
    clock = iter(range(0, 10_000, 7))
    monkeypatch.setattr(sides_module.time, "monotonic", lambda: next(clock))
    played = referee.play({"black": AgentSide(Passer, 10), "white": AgentSide(Passer, 5)}, RULES)
    assert (played.winner, played.result, played.ended) == ("black", "B+T", "time-out")
    assert "more than 5" in played.failure


def test_a_search_stops_thinking_in_time(monkeypatch):
    """On a clock that goes on by a second at every look; all its playouts would take minutes."""
    searching = AgentSide(lambda: player("mcts:10000000"), 20)
    sides = {"black": searching, "white": AgentSide(Passer, 20)}
    for side in sides.values():
        side.begin(Board.of(RULES))
    clock = itertools.count()
    monkeypatch.setattr(sides_module.time, "monotonic", lambda: float(next(clock)))
    played = referee.play(sides, RULES)
    assert (played.ended, played.winner) == ("passes", "black")
    searching.restart()
    assert searching.agent.seconds < 20


@pytest.mark.parametrize(("seconds", "thinking"), [(0.01, 0.0), (0.1, 0.04), (10, 8.95)])
def test_how_long_a_search_may_think(seconds, thinking):
    assert AgentSide(lambda: player("mcts:5"), seconds).agent.seconds == pytest.approx(thinking)


def test_boards_that_a_side_does_not_play_on_are_an_error():
    passer = AgentSide(Passer, 20)
    passer.agent.size = 9
    with pytest.raises(LabError, match="passer plays on 9x9 only; give --size 9"):
        referee.play({"black": passer, "white": random_side()}, RULES)
    with closing(EngineSide(bad("has no board"), 20)) as side, pytest.raises(LabError, match="unacceptable size"):
        referee.play({"black": side, "white": random_side()}, RULES)


def test_programs_that_speak_no_gtp_at_all_are_told_so_at_once(monkeypatch):
    with pytest.raises(LabError, match=r"has died \(code 0\) before it answered 'name'; try it by hand: echo name | "):
        EngineSide([sys.executable, "-c", ""], 20)
    echo = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"  # as cat does, and no empty line ever
    hint = (
        r"answers 'name' with 'name', which is not GTP, .*; if it does not speak GTP unless told, add how, as in 'gnugo"
    )
    with pytest.raises(LabError, match=hint):
        EngineSide([sys.executable, "-c", echo], 600)
    monkeypatch.setattr(sides_module, "LEAST_START_SECONDS", 0.2)
    hint = r"has not answered 'name' within 0\.2 seconds; if it does not speak GTP unless told, add how, as in 'gnugo"
    with pytest.raises(LabError, match=hint):
        EngineSide([sys.executable, "-c", "import time; time.sleep(600)"], 0.01)


@pytest.mark.parametrize(("seconds", "start"), [(0.3, 10), (2, 20), (7, 60), (60, 60), (300, 300)])
def test_how_long_a_program_may_take_to_start(seconds, start):
    with closing(EngineSide(bad("passes"), seconds)) as side:
        assert side.start_seconds == start


def test_a_program_that_reads_nothing_holds_up_nobody():
    with (
        EngineProcess([sys.executable, "-c", "import time; time.sleep(600)"], 0.3) as engine,
        pytest.raises(EngineSilent),
    ):
        engine.ask(*["protocol_version"] * 20_000)  # more than a pipe holds


def test_rules_are_told_to_who_knows_katagos_names():
    rules = Rules(5, komi=3, ko="situational", suicide=True)
    with closing(EngineSide([sys.executable, "-m", "rl_lab.cli", "gtp", "--agent", "random"], 60, timed=True)) as side:
        side.begin(Board.of(rules))
        told, komi = side.engine.ask("kata-get-rules", "get_komi")
    assert '"ko":"SITUATIONAL"' in told
    assert '"suicide":true' in told
    assert komi == "3"


def test_colours_alternate_and_openings_are_played_twice():
    wanted = Series(Rules(5, max_moves=20), 6, opening_moves=3, seed=1)
    entries = list(series.play(wanted, random_side(1), random_side(2)))
    assert [entry.first for entry in entries] == ["black", "white"] * 3
    assert [entry.opening for entry in entries[::2]] == [entry.opening for entry in entries[1::2]]
    assert len({entry.opening for entry in entries}) == 3
    for entry in entries:
        played = entry.played
        assert tuple(action for _, action in played.board.moves[:3]) == entry.opening
        assert played.ended == ("passes" if played.board.has_ended else "length")
        assert played.result == played.board.result()
    assert any(entry.played.ended == "length" for entry in entries)  # scored as it stands
    again = list(series.play(wanted, random_side(1), random_side(2)))
    assert [entry.played.board.moves for entry in again] == [entry.played.board.moves for entry in entries]


@given(st.integers(2, 9), st.integers(0, 8), st.integers(1, 8), st.integers(0, 2**40))
def test_openings_are_legal_and_differ_while_they_can(size, moves, count, seed):
    rules = Rules(size, max_moves=100)
    found = series.random_openings(rules, count, moves, seed)
    assert len(found) == count
    assert found == series.random_openings(rules, count, moves, seed)
    for opening in set(found):
        board = Board.of(rules)
        for action in opening:
            assert action < size * size
            board.play(action)
    if size > 3 and moves:
        assert len(set(found)) == min(count, size * size) or moves > 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"games": 0},
        {"games": 2, "openings": 0},
        {"games": 2, "opening_moves": 50},
        {"games": 1.5},
        {"games": "a"},
        {"games": True},
    ],
)
def test_numbers_that_make_no_match(wrong):
    with pytest.raises(LabError, match="is not allowed; it must be"):
        Series(RULES, **wrong)
