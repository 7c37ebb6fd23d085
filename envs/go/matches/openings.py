"""Random first moves, so that programs that always play alike do not play one game again and again."""

from __future__ import annotations

import numpy as np

from rl_lab.envs.go.game import Board
from rl_lab.envs.go.rules import Rules

TRIES = 100  # at an opening that is not yet among the others


def random_openings(rules: Rules, count: int, moves: int, seed: int) -> list[tuple[int, ...]]:
    """Openings of random legal moves, all different as long as there are enough of them.

    Args:
        rules: of the games.
        count: how many openings.
        moves: in each; none where the game would be over by then.
        seed: the same gives the same.

    Returns:
        The actions of each.
    """
    rng, found = np.random.default_rng(seed), dict[tuple[int, ...], None]()
    for _ in range(count):
        for _ in range(TRIES):
            opening = random_opening(rules, moves, rng)
            if opening not in found:
                break
        found[opening] = None
    several = list(found)
    return [several[index % len(several)] for index in range(count)]


def random_opening(rules: Rules, moves: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Random moves of both sides in turn, each legal and none a pass."""
    board = Board.of(rules)
    while len(board.moves) < moves and len(legal := board.legal()) > 1:
        board.play(int(rng.choice(legal[:-1])))
    return tuple(action for _, action in board.moves)
