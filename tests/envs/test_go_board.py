"""The Board that people use: moves and their refusals, properties of games, plain Python beside machine code."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_lab import random
from rl_lab.envs.go import playouts
from rl_lab.envs.go.board import is_eye, point_of
from rl_lab.envs.go.game import Board, eightfold
from rl_lab.envs.go.layout import BLACK, state_dtype
from rl_lab.envs.go.rules import Rules, default_komi
from rl_lab.envs.go.vertices import action_at, vertex
from rl_lab.errors import LabError

sizes = st.sampled_from([2, 3, 4, 5, 7])
rules = st.fixed_dictionaries(
    {"ko": st.sampled_from(["simple", "positional", "situational"]), "suicide": st.booleans()}
)
seeds = st.integers(0, 2**32 - 1)


def random_game(size, seed, moves, **arguments):
    """A Board after random moves, and all the boards on the way."""
    rng, board, way = np.random.default_rng(seed), Board(size, max_moves=400, **arguments), []
    while len(board.moves) < moves and not board.is_over:
        way.append(board.copy())
        legal = board.legal()
        board.play(int(rng.choice(legal[:-1])) if len(legal) > 1 and rng.random() > 0.03 else legal[-1])
    return board, way


def played(board, *moves):
    for move in moves:
        board.play(move)
    return board


class TestMoves:
    def test_a_stone_without_liberties_is_taken(self):
        board = played(Board(5), "C3", "A1", "C4", "B1", "A2", "D5", "B2", "E5", "C1")
        assert board.captures == (2, 0)
        assert board.stones[4].tolist() == [0, 0, 1, 0, 0]

    def test_indices_count_from_the_upper_left(self):
        board = played(Board(5), 0, "E1", 12)
        assert board.moves == [("black", 0), ("white", 24), ("black", 12)]
        assert board.stones[0, 0] == board.stones[2, 2] == 1
        assert board.stones[4, 4] == -1

    def test_ko_is_refused_until_something_else_was_played(self):
        for ko in ("simple", "positional", "situational"):
            board = played(Board(4, ko=ko), "B4", "C4", "A3", "D3", "B2", "C2", "C3", "B3")
            assert board.captures == (0, 1)
            with pytest.raises(LabError, match="black cannot play C3: that is ko: the stone there was just taken"):
                board.play("C3")
            played(board, "A1", "D1")
            assert board.is_legal("C3")

    def test_suicide_is_a_rule(self):
        moves = ("A2", "C3", "B1", "D3")
        with pytest.raises(LabError, match="white cannot play A1: that is suicide"):
            played(Board(4), *moves, "D1", "A1")
        board = played(Board(4, suicide=True), "A1", "A2", "D4", "B2", None, "C1", "B1")
        assert board.captures == (0, 2)
        assert board.stones[3].tolist() == [0, 0, -1, 0]

    def test_suicide_of_one_stone_changes_nothing_and_so_repeats_the_position(self):
        moves = ("A4", "A2", "A3", "B2", "D1", "B1")
        assert played(Board(4, suicide=True), *moves).problem("A1") == "superko"
        assert played(Board(4, suicide=True, ko="simple"), *moves, "A1").captures == (0, 1)

    def test_either_side_may_play_out_of_turn(self):
        board = Board(5)
        board.play("C3", "white")
        board.play("C4", "white")
        assert board.to_play == "black"
        assert board.stones[1:3, 2].tolist() == [-1, -1]

    def test_two_passes_end_the_game_and_resuming_goes_on(self):
        board = played(Board(5), "C3", None, "pass")
        assert (board.is_over, board.has_ended, board.truncated, board.legal()) == (True, True, False, [])
        with pytest.raises(LabError, match="white cannot play A1: both sides have passed"):
            board.play("A1")
        board.resume()
        board.play("A1")
        assert not board.is_over

    def test_the_cap_breaks_the_game_off(self):
        board = played(Board(3, max_moves=2), "B2", "A1")
        assert (board.is_over, board.has_ended, board.truncated) == (True, False, True)
        with pytest.raises(LabError, match="black cannot play C3: the game was broken off after 2 moves"):
            board.play("C3")
        assert played(Board(3, max_moves=2), None, None).truncated is False
        assert Board(6).rules.longest == 72

    def test_handicap_stones_stand_before_white_plays(self):
        board = Board(9, handicap=3)
        assert board.to_play == "white"
        assert {vertex(n, 9) for n in np.flatnonzero(board.stones)} == {"C3", "G7", "C7"}


class TestRefusals:
    @pytest.mark.parametrize(
        ("move", "sentence"),
        [
            ("C3", "black cannot play C3: a stone is there already"),
            ("F1", "'F1' is off the board of 5x5, which goes from A1 to E5"),
            ("A6", "off the board"),
            ("A0", "off the board"),
            ("I3", "the columns leave out I; did you mean J3 or H3?"),
            ("", "is no move; write a letter and a number"),
            ("33", "is no move"),
            ("C³", "is no move"),
            ("résumé", "is no move"),
            (26, "points are 0 to 24 by rows"),
            (-1, "off the board"),
            (2.0, "2.0 is no move; give a vertex"),
            (True, "True is no move"),
        ],
    )
    def test_moves(self, move, sentence):
        board = played(Board(5), "C3", "A1")
        before = board.state().tobytes()
        with pytest.raises(LabError, match=re.escape(sentence)):
            board.play(move)
        assert board.state().tobytes() == before

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ({"size": 1}, "size=1 is not allowed; a board may be 2 to 19 points wide"),
            ({"size": 20}, "size=20"),
            ({"size": 0}, "size=0"),
            ({"size": -3}, "size=-3"),
            ({"size": 9.0}, "size=9.0"),
            ({"size": "9"}, "size='9'"),
            ({"size": 5, "komi": math.nan}, "komi=nan is not allowed; it must be a finite number"),
            ({"size": 5, "komi": math.inf}, "komi=inf"),
            ({"size": 5, "komi": 10**400}, "komi=1000"),
            ({"size": 5, "komi": True}, "komi=True"),
            ({"size": 5, "komi": "7"}, "komi='7'"),
            (
                {"size": 5, "ko": "super"},
                "ko='super' is not allowed; it must be one of simple, positional, situational",
            ),
            ({"size": 5, "suicide": 1}, "suicide=1 is not allowed; it must be True or False"),
            ({"size": 5, "handicap": 2}, "handicap=2 is not allowed on 5x5; it must be 0: a fixed handicap needs"),
            ({"size": 9, "handicap": 1}, "handicap=1 is not allowed on 9x9; it must be 0 or 2 to 9"),
            ({"size": 7, "handicap": 5}, "must be 0 or 2 to 4"),
            ({"size": 9, "max_moves": 512}, "may last 1 to 509 moves"),
            ({"size": 9, "max_moves": 0}, "max_moves=0"),
            ({"size": 9, "rules": "japanese"}, "a Board takes no argument 'rules'"),
        ],
    )
    def test_arguments(self, arguments, sentence):
        with pytest.raises(LabError, match=re.escape(sentence)):
            Board(**arguments)

    def test_nothing_to_take_back(self):
        with pytest.raises(LabError, match="no move to take back"):
            Board(5).undo()

    def test_colours(self):
        with pytest.raises(LabError, match="colour='green' is not allowed"):
            Board(5).play("A1", "green")


class TestScores:
    def test_komi_is_blacks_margin_under_best_play(self):
        assert {size: default_komi(size) for size in range(2, 10)} == {2: 1, 3: 9, 4: 2, 5: 25, 6: 4, 7: 9, 8: 10, 9: 7}
        assert default_komi(19) == 7
        assert played(Board(5), "C3").result() == "0"
        assert played(Board(5, komi=24.5), "C3").result() == "B+0.5"
        assert Board(5, komi=7).result() == "W+7"

    @settings(max_examples=40)
    @given(size=sizes, seed=seeds, moves=st.integers(0, 60), arguments=rules)
    def test_area_knows_neither_direction_nor_colour(self, size, seed, moves, arguments):
        """Stones of eight symmetries, and with colours exchanged, set up by placing them one by one."""
        board, _ = random_game(size, seed, moves, **arguments)
        black, white = board.area()
        for grid in eightfold(board.stones):
            assert set_up(grid).area() == (black, white)
            assert set_up(-grid).area() == (white, black)

    def test_symmetries_are_eight_and_begin_with_the_board(self):
        board = played(Board(4), "A1", "B1", "A3")
        boards = board.symmetries()
        assert np.array_equal(boards[0], board.stones)
        assert len({grid.tobytes() for grid in boards}) == 8

    def test_a_region_of_both_counts_for_nobody(self):
        assert played(Board(3), "A1", "C3").area() == (1, 1)
        assert Board(3).area() == (0, 0)


def set_up(grid):
    """A board with these stones; no stone is ever without a liberty on the way if one is left in the end."""
    board = Board(len(grid), ko="simple", max_moves=400)
    for action in np.flatnonzero(grid):
        board.play(int(action), "black" if grid.flat[action] > 0 else "white")
        board._states["ko"] = 0
    assert np.array_equal(board.stones, grid)
    return board


class TestGames:
    @settings(max_examples=30)
    @given(size=sizes, seed=seeds, arguments=rules)
    def test_undo_restores_every_byte(self, size, seed, arguments):
        board, way = random_game(size, seed, 40, **arguments)
        for earlier in reversed(way):
            board.undo()
            assert board.state().tobytes() == earlier.state().tobytes()
            assert board.moves == earlier.moves

    @settings(max_examples=30)
    @given(size=sizes, seed=seeds, arguments=rules)
    def test_no_stone_is_lost(self, size, seed, arguments):
        board, _ = random_game(size, seed, 80, **arguments)
        stones = sum(action < size**2 for _, action in board.moves)
        assert stones == np.count_nonzero(board.stones) + sum(board.captures)

    @settings(max_examples=30)
    @given(size=sizes, seed=seeds, suicide=st.booleans())
    def test_no_position_comes_back_under_superko(self, size, seed, suicide):
        board, way = random_game(size, seed, 120, ko="positional", suicide=suicide)
        moved = [b for b in [*way, board] if not b.moves or b.moves[-1][1] < size**2]
        assert len({b.stones.tobytes() for b in moved}) == len(moved)
        board, way = random_game(size, seed, 120, ko="situational", suicide=suicide)
        moved = [b for b in [*way, board] if b.moves and b.moves[-1][1] < size**2]
        assert len({(b.stones.tobytes(), b.to_play) for b in moved}) == len(moved)

    @settings(max_examples=8)
    @given(size=st.sampled_from([2, 3, 5]), seed=seeds, arguments=rules)
    def test_plain_python_does_what_the_machine_code_does(self, size, seed, arguments):
        board, way = random_game(size, seed, 20, **arguments)
        slow = Board(size, max_moves=400, debug=True, **arguments)
        for earlier, (colour, action) in zip(way, board.moves, strict=True):
            assert slow.state().tobytes() == earlier.state().tobytes()
            assert np.array_equal(slow.mask(), earlier.mask())
            assert slow.copy().area() == earlier.area()  # a copy, since counting leaves its marks in the record
            slow.play(action, colour)

    def test_a_copy_goes_its_own_way(self):
        board = played(Board(5), "C3")
        twin = board.copy()
        played(twin, "A1")
        assert len(board.moves) == 1
        assert board.is_legal("A1")

    @given(size=st.integers(2, 19), data=st.data())
    def test_vertices_and_actions_are_one_to_one(self, size, data):
        action = data.draw(st.integers(0, size**2))
        assert action_at(vertex(action, size).lower(), size) == action


class TestPlayouts:
    def test_moves_are_uniform_over_those_that_fill_no_eye(self):
        board = played(Board(3, ko="simple"), "A2", "C3", "B1", "C2", "B3")  # White's moves but into A1: suicide
        states, config = board._states.view(np.recarray), board._config.view(np.recarray)
        stream, counts = np.zeros(1, np.uint64), np.zeros(10, int)
        random.seed_stream(stream, np.random.SeedSequence(0))
        for _ in range(3000):
            point = int(playouts.random_move(states[0].copy(), stream, config[0]))
            counts[point - 5 - (point - 5) // 4] += 1
        legal = [action for action in board.legal()[:-1]]
        assert counts[legal].sum() == 3000
        assert (np.abs(counts[legal] / 3000 - 1 / len(legal)) < 0.04).all()

    def test_eyes_are_what_libego_takes_for_eyes(self):
        board = played(Board(5), "A2", "E5", "B1", "E4", "B2", "E3", "C2", "D4")
        state, config = board._states.view(np.recarray)[0], board._config.view(np.recarray)[0]
        eye = {vertex(a, 5): bool(is_eye(state, point_of(a, config), BLACK, 6)) for a in board.legal()[:-1]}
        assert eye["A1"]
        assert sum(eye.values()) == 1

    def test_a_playout_ends_with_nothing_left_to_play(self):
        rules = Rules(5, ko="simple", max_moves=500)
        board = Board(5, ko="simple", max_moves=500)
        config = board._config
        states, streams, margins = np.zeros(2, state_dtype(9)), np.zeros((1, 1), np.uint64), np.zeros(300)
        random.seed_stream(streams[0], np.random.SeedSequence(1))
        states[0] = board.state()[0]
        moves = playouts.run(states, streams, config, margins)
        assert 20 * 300 < moves < 200 * 300
        assert states["passes"][1] == 2
        assert set(np.unique(margins + rules.komi_in_force)) <= set(range(-25, 26))
