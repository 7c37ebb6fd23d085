"""Players by name, asked about any board at any time; GNU Go, whatever happens to it."""

import re

import numpy as np
import pytest
from go_engines import bad

from rl_lab.envs.go import gnugo
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.gnugo import GnuGo
from rl_lab.envs.go.players import Player, player
from rl_lab.envs.go.vertices import action_at
from rl_lab.errors import LabError

SPECS = ("random", "greedy", "mcts:20", "gnugo:0")


def random_boards(rng, count):
    """Boards of several sizes and rules, each after some random moves."""
    for _ in range(count):
        size, ko = int(rng.choice([3, 5, 7])), str(rng.choice(["simple", "positional", "situational"]))
        board = Board(size, ko=ko, komi=float(rng.integers(-5, 20)) / 2, max_moves=100)
        for _ in range(int(rng.integers(30))):
            board.play(int(rng.choice(board.legal()[:-1] or board.legal())))
            if board.has_ended:
                break
        yield board


@pytest.mark.parametrize("spec", SPECS)
def test_a_player_answers_about_any_board(spec):
    with player(spec, seed=1) as one, player(spec, seed=1) as other:
        assert one.name == spec
        for board in random_boards(np.random.default_rng(0), 10):
            before = board.state().tobytes(), list(board.moves)
            action = one(board)
            assert isinstance(action, int)
            assert action == other(board)
            assert board.is_legal(action) or (board.has_ended and action == board.size**2)
            assert (board.state().tobytes(), board.moves) == before


@pytest.mark.parametrize("spec", SPECS)
def test_a_finished_game_is_answered_with_a_pass(spec):
    board = Board(5)
    board.play(None)
    board.play(None)
    with player(spec) as somebody:
        assert somebody(board) == 25


def test_the_seed_decides_until_it_is_given_anew():
    board = Board(9)
    for spec in ("random", "greedy", "mcts:20"):
        with player(spec, seed=5) as somebody:
            first = [somebody(board) for _ in range(4)]
            assert len(set(first)) > 1
            somebody.seed(5)
            assert [somebody(board) for _ in range(4)] == first


@pytest.mark.parametrize(
    "spec",
    [
        *("mcts", "mcts:", "mcts:0", "mcts:x", "mcts:-1", "mcts:1e3", "mcts:10000001", "mcts:٣", "MCTS:3"),
        *("gnugo", "gnugo:99", "gnugo:-1", "random:1", "greedy:", "self", "", " random", "katago", 7, None),
    ],
)
def test_unknown_players(spec):
    reasons = {
        "mcts:0": "'mcts:0' is not allowed; a search may have 1 to 10000000 playouts a move",
        "mcts:10000001": "'mcts:10000001' is not allowed; a search may have 1 to 10000000 playouts a move",
        "gnugo:99": "'gnugo:99' is not allowed; GNU Go has levels from 0 to 10",
    }
    reason = reasons.get(spec, f"there is no player {spec!r}; there are: random, greedy, mcts:N")
    with pytest.raises(LabError, match=re.escape(reason)):
        player(spec)


def test_bad_seeds():
    with pytest.raises(LabError, match="seed=-1 is not allowed"):
        player("random", seed=-1)


def test_gnugo_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("rl_lab.envs.go.engine.GAMES", str(tmp_path))
    with pytest.raises(LabError, match="apt-get install gnugo"):
        player("gnugo:1")


def test_gnugo_knows_the_board_whatever_happened_to_it():
    """Moves played, taken back and changed, stones set up, handicaps, other sizes: by difference, or anew."""
    rng, boards = np.random.default_rng(3), [Board(5), Board(5, komi=2.5), Board(7, handicap=3)]
    boards.append(Board.from_ascii(".XO..\n.XO..\nXXO..\n.....\n.....", "white", ko="simple"))
    with GnuGo(0) as player:
        for _ in range(40):
            board = boards[int(rng.integers(len(boards))) if rng.random() < 0.2 else 0]
            for _ in range(int(rng.integers(4))):
                if rng.random() < 0.3 and board.moves:
                    board.undo()
                elif not board.is_over:
                    board.play(int(rng.choice(board.legal())))
            if board.is_over:
                board.undo()
            action = player(board)
            answers = player._engine.ask("list_stones black", "list_stones white", "get_komi", "query_boardsize")
            after = board.copy()
            after.play(action)
            for answer, value in zip(answers[:2], (1, -1), strict=True):
                stones = {action_at(name, board.size) for name in answer.split()}
                assert stones == set(np.flatnonzero(after.stones == value).tolist())
            assert float(answers[2]) == board.rules.komi_in_force
            assert int(answers[3]) == board.size


def test_gnugo_plays_by_each_rule_of_ko():
    """Whom it believes to be bound by what it is started with."""
    for ko in ("simple", "positional", "situational"):
        with GnuGo(0) as player:
            board = Board(4, ko=ko)
            player(board)
            assert gnugo.KO[ko] in player._engine.command


def test_gnugo_obeys_a_ko_that_nobody_can_tell_it_of():
    game = Board.from_ascii(".XO..\nX.XO.\n.XO..\n.....\n.....", "white", komi=0.5)
    game.play("B4")
    board = Board.from_state(game.state()[0], game.rules)
    assert board.problem("C4") == "ko"
    with GnuGo(1) as player:
        for seed in range(3):
            player.seed(seed)
            assert board.is_legal(player(board))
            assert set(player._engine.ask("list_stones black")[0].split()) == {"B5", "A4", "B3"}


class Mortal(GnuGo):
    """Keeps count of how often its process is started."""

    starts = 0

    def _arguments(self, rules):
        self.starts += 1
        return super()._arguments(rules)


def test_gnugo_that_was_killed_is_started_again():
    with Mortal(0) as player:
        board = Board(5)
        for _ in range(3):
            board.play(player(board))
            player._engine.process.kill()
            player._engine.process.wait()
        assert player.starts == 3
        player.close()
        assert board.is_legal(player(board))
        assert player.starts == 4


@pytest.mark.parametrize(
    ("kind", "sentence", "starts"),
    [
        ("dies", "gnugo:0 was started again, but: .* has died", 2),
        ("dies in between", "gnugo:0 was started again, but: .* has died", 2),
        ("hangs", "has not answered '.*' within 0.4 seconds", 1),
        ("talks nonsense", "gnugo:0 was asked for a move, and answers 'what a nice board'", 1),
        ("resigns", "gnugo:0 was asked for a move, and answers 'resign'", 1),
        ("plays illegally", "gnugo:0 plays white A1, which is illegal: occupied", 1),
        ("plays off the board", "answers 'T19': 'T19' is off the board", 1),
        ("refuses moves", "refuses 'play black A1': illegal move", 1),
        ("has no board", "refuses 'boardsize 5': unacceptable size", 1),
        ("floods", "answers 'genmove white' with more than 1048576 bytes", 1),
    ],
)
def test_what_a_program_does_wrong_is_said(kind, sentence, starts):
    board = Board(5)
    board.play("A1")
    with Mortal(0, seconds=0.4 if kind == "hangs" else 20.0, command=tuple(bad(kind))) as player:
        for question in (1, 2):  # a later question finds nothing of the fault left behind
            with pytest.raises(LabError, match=sentence):
                player(board)
            assert player.starts == question * starts


def test_players_are_players():
    assert all(isinstance(player(spec), Player) for spec in SPECS)
