"""Whole games between `rl-lab gtp` and GNU Go, over GTP: `python -m benchmarks.proofs.go_games`.

Both are processes, our board is the referee, and at every position all three are asked what is legal, for either side.
What was found is written beside this file; the tests play a few games of the same.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.proofs import entry
from rl_lab.envs.go.engine import find_gnugo
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.matches import series
from rl_lab.envs.go.matches.series import Series
from rl_lab.envs.go.matches.sides import EngineSide
from rl_lab.envs.go.rules import Rules
from rl_lab.envs.go.vertices import action_at
from rl_lab.files import write_text

GAMES = {5: 20, 7: 20, 9: 20}  # by size
GNUGO = ("--positional-superko", "--forbid-suicide", "--chinese-rules", "--capture-all-dead", "--level", "1")
PATIENCE = 120.0  # seconds for an answer


class Witness(EngineSide):
    """A program that plays, and that is asked at every move, like the other one, what it takes for legal.

    Args:
        command: the program and its arguments.
        seen: what is counted.
    """

    def __init__(self, command: list[str], seen: Counter[str]) -> None:
        super().__init__(command, PATIENCE)
        self.seen, self.both = seen, [self]

    def move(self, board: Board) -> int:
        """Compare what is legal, and what stands where, and move."""
        for side in self.both:
            side.compare(board)
        action = super().move(board)
        self.seen["moves"] += 1
        return action

    def compare(self, board: Board) -> None:
        """Ask for all legal moves of both sides, and for all stones."""
        size = board.size
        asked = [f"{question} {colour}" for question in ("all_legal", "list_stones") for colour in ("black", "white")]
        answers = [{action_at(name, size) for name in answer.split()} for answer in self.engine.ask(*asked)]
        for colour, theirs in zip(("black", "white"), answers[:2], strict=True):
            ours = set(np.flatnonzero(board.mask(colour)[:-1]).tolist())
            assert ours == theirs, (self.name, colour, ours ^ theirs, board.moves, board.ascii())
            self.seen["lists of legal moves compared"] += 1
            self.seen["barred by ko or superko"] += sum(
                board.problem(action, colour) in ("ko", "superko") for action in range(size**2)
            )
        stones = board.stones.reshape(-1)
        assert answers[2:] == [{*np.flatnonzero(stones == value).tolist()} for value in (1, -1)], board.ascii()


def whole_games(size: int, games: int, playouts: int, seed: int) -> Counter[str]:
    """Play games between our server and GNU Go, colours in turn, each from random openings.

    Returns:
        What was seen: games, how they ended, who won, moves, lists of legal moves compared, and points on them that
        ko and superko bar.

    Raises:
        AssertionError: somebody sees another legal move than our board, or other stones, or fails.
    """
    seen = Counter[str]()
    ours = [sys.executable, "-m", "rl_lab.cli", "gtp", "--agent", f"mcts:{playouts}", "--seed", str(seed)]
    sides = [Witness(ours, seen), Witness([find_gnugo(), "--mode", "gtp", *GNUGO, "--seed", str(seed)], seen)]
    sides[0].both = sides[1].both = sides
    try:
        for entry in series.play(Series(Rules(size), games, opening_moves=2, seed=seed), sides[0], sides[1]):
            assert entry.failed is None, entry.played.failure
            seen["games"] += 1
            seen[f"ended by {entry.played.ended}"] += 1
            seen["drawn" if entry.points == 0.5 else "won by rl-lab" if entry.points else "won by GNU Go"] += 1
            assert sides[0].engine.ask("final_score") == [entry.played.board.result()]
            for side in sides:
                side.compare(entry.played.board)
    finally:
        for side in sides:
            side.close()
    return seen


def main() -> None:
    """Play 20 games on each of three boards."""
    started = time.perf_counter()
    found = {f"{size}x{size}": dict(whole_games(size, games, 200, size)) for size, games in GAMES.items()}
    for seen in found.values():
        assert seen["games"] >= 20
    write_text(Path(__file__).with_suffix(".json"), json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))
    print(f"{time.perf_counter() - started:.0f} seconds")


if __name__ == "__main__":
    entry.run(main)
