"""Our rules of Go beside GNU Go's, OpenSpiel's, a plain reference's and published numbers.

`python -m benchmarks.proofs.go_rules` does the same on 20,000 positions and more of each.
"""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from rl_lab.envs.go.engine import EngineProcess, find_gnugo
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.vertices import handicap_vertices
from rl_lab.errors import LabError

sys.path.insert(0, str(Path(__file__).parents[2]))
proof = importlib.import_module("benchmarks.proofs.go_rules")
KO_RULES = ("simple", "positional", "situational")


@pytest.fixture(scope="session")
def gnugo():
    try:
        return find_gnugo()
    except LabError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("ko", KO_RULES)
def test_gnugo_agrees_on_random_games(gnugo, ko):
    for size in range(2, 10):
        seen = proof.beside_gnugo(size, ko, positions=60, seed=100 + size)
        assert seen["positions"] >= 60
    assert proof.beside_gnugo(2, ko, positions=300, seed=0)["forbidden by ko"] >= (0 if ko == "simple" else 10)


def test_gnugo_puts_handicap_stones_where_we_do(gnugo):
    with EngineProcess([gnugo, "--mode", "gtp"]) as engine:
        for size in range(7, 20):
            engine.ask(f"boardsize {size}")
            for stones in range(2, 10 if size % 2 and size > 7 else 5):
                _, theirs = engine.ask("clear_board", f"fixed_handicap {stones}")
                board = Board(size, handicap=stones)
                assert set(theirs.split()) == set(handicap_vertices(size, stones))
                assert (board.stones == 1).sum() == stones
                assert board.to_play == "white"


@pytest.mark.parametrize("size", [2, 3, 5, 7, 9])
def test_openspiel_agrees_but_draws_what_repeats(size):
    pytest.importorskip("pyspiel", reason="open_spiel has no wheel for this system")
    seen = proof.beside_openspiel(size, positions=400, seed=size)
    assert seen["scores"] + seen["drawn by repetition"] == seen["games"]
    if size == 2:
        assert seen["drawn by repetition"] > 0  # its rule, not ours


@pytest.mark.parametrize("suicide", [False, True])
@pytest.mark.parametrize("ko", KO_RULES)
def test_a_plain_reference_agrees(ko, suicide):
    seen = sum((proof.beside_reference(n, ko, suicide, 40 // n, seed=n) for n in (2, 3, 4, 6)), proof.Counter())
    assert seen["forbidden by ko"] >= 10
    assert seen["captures"] > 300
    assert (seen["suicides"] > 20) == suicide


def test_both_kernels_handle_a_large_board():
    seen = proof.beside_reference(13, "positional", False, games=1, seed=0, longest=250)  # which asserts at every move
    assert seen["positions"] > 100


@pytest.mark.parametrize("suicide", [False, True])
@pytest.mark.parametrize("ko", KO_RULES[1:])
def test_the_shortcut_to_superko_is_the_slow_way(ko, suicide):
    for size in (2, 3, 4):
        seen = proof.superko_beside_slow_way(size, ko, suicide, moves=50_000, seed=size)
        assert seen["disagreements"] == 0
        assert seen["superko"] > 400
        # To look at captures alone would miss these.
        assert seen["superko without capture"] > 50


def test_the_numbers_of_legal_positions_are_those_of_tromp_and_farneback():
    assert [proof.legal_positions(size) for size in (2, 3)] == [57, 12_675]  # the proof counts 4x4 too


def test_small_boards_have_their_published_values():
    found = proof.solved()
    for ko in ("positional", "situational"):
        for margin in (1, 2):
            answer = found[f"2x2 {ko}, Black is sure of {margin}"]
            assert answer["cut"] == 0
            assert answer["reached"] == (margin == 1)
    assert found["3x3 positional after B2, Black is sure of 9"]["reached"]


def test_the_proof_that_is_kept_has_compared_enough():
    kept = json.loads(Path(proof.__file__).with_suffix(".json").read_text())
    gnugo = [seen["positions"] for sizes in kept["GNU Go"].values() for seen in sizes.values()]
    assert sum(gnugo) >= 20_000
    assert sum(seen["positions"] for seen in kept["OpenSpiel"].values()) >= 20_000
    ways = kept["superko beside the slow way"].values()
    assert all(seen["disagreements"] == 0 for way in ways for seen in way.values())


def test_a_move_that_takes_nothing_may_repeat_a_position():
    board = played(Board(2), "A2", "B2", "A1", "pass", "B1", "B2")
    assert board.problem("A2") == "superko"
    simple = played(Board(2, ko="simple"), "A2", "B2", "A1", "pass", "B1", "B2", "A2")
    assert np.array_equal(simple.stones, played(Board(2), "A2", "B2").stones)
    assert simple.captures == played(Board(2), "A2", "B2", "A1", "pass", "B1", "B2").captures


def played(board, *moves):
    for move in moves:
        board.play(move)
    return board
