"""The tree search: what its tree adds up to, that it keeps the rules, and that it finds what is there to be found."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_lab.envs.definition import config_record
from rl_lab.envs.go import uct
from rl_lab.envs.go.board import is_eye, point_of
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.players import player
from rl_lab.envs.go.search import Search
from rl_lab.errors import LabError

games = st.fixed_dictionaries(
    {
        "size": st.sampled_from([2, 3, 5]),
        "ko": st.sampled_from(["simple", "positional", "situational"]),
        "suicide": st.booleans(),
        "seed": st.integers(0, 2**32 - 1),
        "moves": st.integers(0, 40),
    }
)


def random_game(size, seed, moves, **arguments):
    """A Board after random moves, a pass now and then, not over."""
    rng, board = np.random.default_rng(seed), Board(size, max_moves=400, **arguments)
    for _ in range(moves):
        legal = board.legal()
        action = int(rng.choice(legal[:-1])) if len(legal) > 1 and rng.random() > 0.05 else legal[-1]
        if action < size**2 or not board.moves or board.moves[-1][1] < size**2:
            board.play(action)
    return board


def thought(board, playouts, seed=0, **arguments):
    search = Search(board.size, playouts, seed, **arguments)
    search.start(board)
    search.think(playouts)
    return search


def fills_an_eye(board, action):
    config = config_record("Go", board.rules.config()).view(np.recarray)[0]
    state = board.state().view(np.recarray)[0]
    colour = ("black", "white").index(board.to_play)
    return action < board.size**2 and is_eye(state, point_of(action, config), colour, board.size + 1)


@given(games)
@settings(max_examples=60)
def test_a_tree_adds_up_and_keeps_the_rules(game):
    board = random_game(**game)
    before, moves = board.state().tobytes(), thought(board, 150).moves()
    assert board.state().tobytes() == before
    assert sum(candidate.visits for candidate in moves) == 150
    assert [candidate.visits for candidate in moves] == sorted((c.visits for c in moves), reverse=True)
    for candidate in moves:
        assert 0 <= candidate.winrate <= 1
        assert abs(candidate.score_lead) <= board.size**2 + board.rules.komi_in_force
        assert candidate.pv[0] == candidate.action
        line = board.copy()
        for action in candidate.pv:  # superko and all
            assert not fills_an_eye(line, action)
            line.play(action)
    if len(moves) > 1:
        assert sum(c.prior for c in moves) <= 1 + 1e-9


@given(games)
@settings(max_examples=8)
def test_plain_python_grows_the_same_tree(game):
    board = random_game(**game)
    ours, plain = (thought(board, 12, debug=debug) for debug in (False, True))
    assert ours.moves() == plain.moves()
    assert ours._streams.tobytes() == plain._streams.tobytes()


def test_thinking_in_pieces_is_thinking_at_once():
    board = random_game(5, 3, 6)
    whole, pieces = thought(board, 900), Search(5, 10)
    pieces.start(board)
    for playouts in (1, 99, 300, 500):
        pieces.think(playouts)
    assert (pieces.moves(), pieces.playouts, pieces.best()) == (whole.moves(), 900, whole.best())


def test_the_seed_decides():
    board = Board(9)
    assert thought(board, 200, seed=1).moves() == thought(board, 200, seed=1).moves()
    assert thought(board, 200, seed=1).moves() != thought(board, 200, seed=2).moves()


def test_every_start_forgets_what_was_thought():
    board, search = Board(5), Search(5, 50)
    search.start(board)
    search.think(50)
    board.play("C3")
    search.start(board)
    assert (search.playouts, search.moves(), search.best()) == (0, [], 25)
    search.think(30)
    assert sum(candidate.visits for candidate in search.moves()) == 30
    search.start(Board(7))  # another size, the same machine code
    search.think(30)
    assert search.best() < 49


def test_a_won_game_is_ended_and_a_lost_one_is_not():
    won = Board(5, komi=0.5)
    for move in ("C3", None):
        won.play(move)
    won.play("B2")
    won.play(None)  # Black owns the board, and White has passed
    search = thought(won, 200)
    assert search.best() == 25
    assert search.moves()[0].winrate == 1.0
    assert search.moves()[0].score_lead == 24.5
    lost = Board(5, komi=0.5)
    for move in (None, "C3", "B2", None):  # on the board it is even, and komi makes it White's
        lost.play(move)
    search = thought(lost, 300)
    assert search.best() != 25
    assert next(candidate for candidate in search.moves() if candidate.action == 25).winrate == 0.0


def test_white_sees_the_mirror_of_what_black_sees():
    rows = "XX.\n.X.\nXX."
    black, white = (
        thought(Board.from_ascii(rows if side == "black" else rows.replace("X", "O"), side, komi=0), 300).moves()
        for side in ("black", "white")
    )
    for moves in (black, white):
        assert all(candidate.winrate > 0.9 for candidate in moves)
        assert all(candidate.score_lead > 5 for candidate in moves)


@pytest.mark.parametrize(
    ("size", "komi", "move", "playouts"),
    [(3, 8.5, "B2", 400), (5, 10.5, "C3", 30000)],  # the only ones that win, as is proven
)
def test_what_is_solved_is_found(size, komi, move, playouts):
    board = Board(size, komi=komi)
    wanted = point_of_vertex(move, size)
    assert [thought(board, playouts, seed).best() for seed in range(3)] == [wanted] * 3


def point_of_vertex(name, size):
    board = Board(size)
    board.play(name)
    return board.moves[0][1]


def test_playouts_near_the_longest_game_are_played_out():
    board = Board(5, komi=0.5, max_moves=13)
    for move in ("A1", "C3", "A2", "C2", "E5", "C4", "E4", "C1", "E3", "C5", "B1", "D3"):
        board.play(move)
    fresh = Board(5, komi=0.5, max_moves=400)
    for _, action in board.moves:
        fresh.play(action)
    assert thought(board, 200).moves() == thought(fresh, 200).moves()


def test_a_long_game_leaves_room_for_what_superko_remembers():
    rng, board = np.random.default_rng(0), Board(9, max_moves=509)
    while len(board.moves) < 508:
        legal = board.legal()
        board.play(int(rng.choice(legal[:-1] or legal)))
        if board.has_ended:
            board.resume()
    search = thought(board, 400)
    assert sum(candidate.visits for candidate in search.moves()) == 400
    assert (search._trees["game"]["positions"] <= 512).all()


@given(st.integers(1, 3000), st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_thinking_in_chunks_makes_the_same_tree(playouts, seed):
    whole, pieces = Search(5, playouts, seed), Search(5, playouts, seed)
    whole.think(playouts)
    *_, last = pieces.chunks(playouts)
    assert last == playouts
    assert whole.moves() == pieces.moves()


def test_thinking_ends_when_the_time_is_up():
    search = Search(5, 10_000_000)
    assert list(search.chunks(10_000_000, seconds=0.0)) == [8]  # it looks at the clock after a chunk


def test_more_playouts_play_better():
    wins = 0
    with player("mcts:300", seed=1) as strong, player("mcts:10", seed=2) as weak:
        for number in range(10):
            board = Board(5, komi=0.5, max_moves=200)
            black, white = (strong, weak) if number % 2 else (weak, strong)
            while not board.is_over:
                board.play((black if board.to_play == "black" else white)(board))
            wins += (board.score() > 0) == (number % 2 == 1)
    assert wins >= 9


def test_upper_confidence_bounds_are_those_of_the_paper():
    nodes = np.zeros(4, uct.NODE).view(np.recarray)
    trees = np.zeros(1, uct.tree_dtype(9)).view(np.recarray)
    uct.plant(trees[0], nodes)
    for value, visits in ((3.0, 10), (1.0, 2), (0.0, 3)):
        child = uct.sprout(trees[0], nodes, 1)
        nodes[child].value, nodes[child].visits = value, visits
        nodes[child].next, nodes[uct.ROOT].first = nodes[uct.ROOT].first, child
    nodes[uct.ROOT].visits = 15
    for colour, means in ((0, (0.3, 0.5, 0.0)), (1, (0.7, 0.5, 1.0))):
        bounds = [
            mean + uct.EXPLORATION * math.sqrt(math.log(16) / visits)
            for mean, visits in zip(means, (10, 2, 3), strict=True)
        ]
        assert uct.favourite(nodes, uct.ROOT, colour) == 1 + int(np.argmax(bounds))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((20, 100), "size=20 is not allowed; a board may be 2 to 19"),
        ((9, 0), "playouts=0 is not allowed; it must be a whole number from 1 to 10000000"),
        ((9, 2.5), "playouts=2.5 is not allowed"),
        ((9, True), "playouts=True is not allowed"),
        ((9, 10, -1), "seed=-1 is not allowed"),
    ],
)
def test_bad_arguments(arguments, sentence):
    with pytest.raises(LabError, match=re.escape(sentence)):
        Search(*arguments)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), "1"])
def test_times_that_never_end_are_refused(seconds):
    with pytest.raises(LabError, match=r"seconds=.* is not allowed; it must be a finite number, or None"):
        next(Search(5, 10).chunks(10, seconds))
    with pytest.raises(LabError, match="playouts=None is not allowed"):
        next(Search(5, 10).chunks(None))
    with pytest.raises(LabError, match=r"board=None is not allowed; give a Board, such as Board\(9\)"):
        Search(5, 10).start(None)


def test_a_board_for_other_machine_code_is_refused():
    with pytest.raises(LabError, match=re.escape("cannot take a board of 13x13; make a Search(13, ...)")):
        Search(9, 10).start(Board(13))
    with pytest.raises(LabError, match="playouts=-3 is not allowed"):
        Search(9, 10).think(-3)
