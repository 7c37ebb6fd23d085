"""Random games of Go to the end, beside OpenSpiel's C++ rollouts.

    python -m benchmarks go_playouts

Ours are uniformly random and fill no eyes of their own, from the empty board until both sides pass, with Zobrist
keys kept and the area counted; each row says by which rule of ko. OpenSpiel's are measured through its MCTSBot,
whose evaluator plays uniformly random legal moves, eyes filled, to the end: with as many simulations as the root
has moves and one rollout each, hardly anything but rollouts is done. Both run on one core.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.common import Figure, compared, interleave, speed
from rl_lab import random
from rl_lab.envs.definition import config_record
from rl_lab.envs.go import playouts
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.layout import POSITIONS

PLAYOUTS = {9: 20_000, 19: 4_000}
ROLLOUTS = {9: 800, 19: 120}
BARS = {9: {"bar": 8, "goal": 12}, 19: {}}


def run(full: bool) -> list[Figure]:
    try:
        import pyspiel  # noqa: F401
    except ImportError:
        return []
    figures = []
    for size in (9, 19):
        sides = {"simple": ours(size, "simple"), "positional": ours(size, "positional"), "openspiel": openspiel(size)}
        samples = interleave(9 if full else 5, **sides)
        for ko in ("simple", "positional"):
            limits = BARS[size] if ko == "simple" else {}
            name = f"{size}x{size}, one core, {ko} {'ko' if ko == 'simple' else 'superko'}"
            figures.append(compared(name, "playouts/s", samples[ko], samples["openspiel"], "OpenSpiel", **limits))
    return figures


def ours(size: int, ko: str) -> Callable[[], float]:
    """Playouts per second of our board."""
    board = Board(size, ko=ko, komi=7.5, max_moves=POSITIONS[9 if size <= 9 else 19] - 3)
    states = np.concatenate([board.state(), board.state()])
    config, streams, margins = (
        config_record("Go", board.rules.config()),
        np.zeros((1, 1), np.uint64),
        np.zeros(PLAYOUTS[size]),
    )
    random.seed_stream(streams[0], np.random.SeedSequence(0))

    def work() -> None:
        playouts.run(states, streams, config, margins)

    playouts.run(states, streams, config, margins[:10])  # compiles, or loads
    return lambda: speed(PLAYOUTS[size], work)


def openspiel(size: int) -> Callable[[], float]:
    """Rollouts per second of OpenSpiel's MCTSBot at the empty board."""
    import pyspiel

    game = pyspiel.load_game(f"go(board_size={size},komi=7.5)")
    evaluator = pyspiel.RandomRolloutEvaluator(1, 0)
    bot = pyspiel.MCTSBot(game, evaluator, 2.0, ROLLOUTS[size], 1000, False, 0, False)
    state = game.new_initial_state()
    return lambda: speed(ROLLOUTS[size], lambda: bot.step(state))
