"""Games of uniformly random moves that fill no eye of their own (B. Brügmann's, Monte Carlo Go, 1993)."""

import functools
from collections.abc import Callable

import numpy as np

from rl_lab import jit, random
from rl_lab.envs.go.board import is_eye, play, set_aside, verdict
from rl_lab.envs.go.layout import LEGAL, PASS
from rl_lab.envs.go.score import margin


def random_move(state, stream, config):
    """A legal move that fills no eye, each as likely as any other; PASS if there is none.

    Points that will not do go to the end of the list of empty points, out of the draw.
    """
    colour, left = np.int64(state.to_play), np.int64(state.empties)
    while left > 0:
        index = random.integers(stream, 0, left)
        point = np.int64(state.empty[index])
        if not is_eye(state, point, colour, config.width + 1) and verdict(state, point, colour, config) == LEGAL:
            return point
        set_aside(state, index, left)
        left -= 1
    return PASS


def playout(state, longest, stream, config):
    """Play random moves until both sides pass or the game has had `longest` moves."""
    while state.passes < 2 and state.moves < longest:
        play(state, random_move(state, stream, config), config)


def run(states, streams, config, margins):
    """`repeat`, compiled once for each capacity of boards."""
    return compiled(states.dtype)(states, streams, config, margins)


@functools.cache
def compiled(dtype: np.dtype) -> Callable[..., int]:
    """Machine code of `repeat` for records of this dtype."""
    return jit.specialize(repeat, name="Go's playouts", exact=True)


def repeat(states, streams, config, margins):
    """Play from one game as it stands to the end, again and again; returns the number of moves played.

    The states are the game and a place to play on; `margins`, float64, get Black's margin after komi of each playout.
    """
    moves = 0
    for index in range(margins.shape[0]):
        states[1] = states[0]
        playout(states[1], config[0].max_moves, streams[0], config[0])
        margins[index] = margin(states[1], config[0])
        moves += states[1].moves - states[0].moves
    return moves
