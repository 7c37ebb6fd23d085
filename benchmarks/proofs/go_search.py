"""Small boards solved by full search with our rules, to be held against published values."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rl_lab import jit
from rl_lab.envs.definition import config_record
from rl_lab.envs.go import board as kernels
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.layout import BLACK, LEGAL, PASS
from rl_lab.envs.go.score import area

UNKNOWN, LOST, WON = range(3)  # for Black


class Answer(NamedTuple):
    """What a search found."""

    reached: bool
    """Whether Black can be sure of the margin."""
    nodes: int
    """Positions visited."""
    cut: int
    """Lines that were cut off and counted as lost for Black; 0 makes a `False` a proof as well."""


def can_reach(margin: int, game: Board, depth: int, most: int = 10**9) -> Answer:
    """Whether Black is sure of a margin in area, whatever White does.

    Args:
        margin: wanted, komi not counted.
        game: as it stands.
        depth: moves after which a line is cut off.
        most: nodes after which the search gives up.

    Returns:
        The answer; no two lines are taken for one, since under superko what was played before matters.
    """
    states, tried = np.zeros(depth + 1, game.state().dtype), np.zeros((depth + 1, 1), np.int64)
    states[0] = game.state()[0]
    counts = np.zeros(2, np.int64)
    search = jit.specialize(prove, exact=True)
    result = search(states, tried, config_record("Go", game.rules.config()), margin, most, counts)
    return Answer(bool(result == WON), *counts.tolist())


def prove(states, tried, config, margin, most, counts):
    """Depth-first search of an and-or tree; see `can_reach`.

    Args:
        states: records `(depth + 1,)`, one a ply; the first is where the search starts.
        tried: int64 `(depth + 1, 1)`: actions tried at each ply.
        config: record `(1,)`.
        margin: that Black wants.
        most: nodes.
        counts: int64 `(2,)`: nodes, and lines cut off.
    """
    ply = 0
    tried[0, 0] = 0
    result = UNKNOWN
    while True:
        if result == UNKNOWN:
            point = next_move(states[ply], tried[ply], config[0])
            if point >= 0:
                states[ply + 1] = states[ply]
                ply += 1
                kernels.play(states[ply], point, config[0])
                tried[ply, 0] = 0
                counts[0] += 1
                result = seen_at_once(states[ply], config[0], margin)
                if result == UNKNOWN and (ply == states.shape[0] - 1 or counts[0] >= most):
                    counts[1] += 1
                    result = LOST
                continue
            result = loss_of(states[ply].to_play)
        if ply == 0:
            return result
        ply -= 1
        if result == loss_of(states[ply].to_play):
            result = UNKNOWN  # whoever moved there may do better


def loss_of(colour):
    """The result that a side does not want."""
    return LOST if colour == BLACK else WON


def seen_at_once(state, config, margin):
    """The result after two passes, or where whoever is to play passes second and has what they want."""
    if state.passes == 0:
        return UNKNOWN
    black, white = area(state, config)
    result = WON if black - white >= margin else LOST
    return result if state.passes >= 2 or result != loss_of(state.to_play) else UNKNOWN


def next_move(state, tried, config):
    """The next legal point in order, then the pass, then -1; counts them in `tried`."""
    actions, colour = config.width * config.width, np.int64(state.to_play)
    while tried[0] < actions:
        point = kernels.point_of(tried[0], config)
        tried[0] += 1
        if kernels.verdict(state, point, colour, config) == LEGAL:
            return point
    tried[0] += 1
    return PASS if tried[0] == actions + 1 else -1
