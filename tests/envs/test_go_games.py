"""Whole games against GNU Go over GTP; `python -m benchmarks.proofs.go_games` plays twenty on each board."""

import importlib
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
proof = importlib.import_module("benchmarks.proofs.go_games")


@pytest.mark.parametrize("size", [5, 7, 9])
def test_nobody_disagrees_about_what_is_legal(size):
    seen = proof.whole_games(size, games=2, playouts=20, seed=40 + size)
    assert seen["games"] == 2
    assert seen["lists of legal moves compared"] > 2 * 2 * seen["moves"]  # both sides' view, asked of both


def test_the_kept_games_are_enough():
    kept = json.loads((ROOT / "benchmarks" / "proofs" / "go_games.json").read_text())
    assert set(kept) == {"5x5", "7x7", "9x9"}
    assert all(seen["games"] >= 20 for seen in kept.values())
