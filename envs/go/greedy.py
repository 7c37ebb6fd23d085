"""A player that looks one move ahead: it captures, it saves what is in atari, and else plays at random."""

import numpy as np

from rl_lab import random
from rl_lab.envs.go.board import around, in_atari_at, is_first, near_count, verdict
from rl_lab.envs.go.layout import COUNT, EMPTY, LEGAL, PASS, SQUARES_SHIFT, SUM, SUM_SHIFT, UNITS
from rl_lab.envs.go.playouts import random_move


def greedy_move(state, stream, config):
    """A legal move of the first kind that there is; PASS if there is none.

    Take as many stones as can be taken at once. Or else save as many as can be saved, by giving chains in atari a
    second liberty. Or else `random_move`. Among equals each is as likely as any other.
    """
    stride, colour = config.width + 1, np.int64(state.to_play)
    best, most, equals = np.int64(PASS), 0, 0
    for index in range(state.empties):
        point = np.int64(state.empty[index])
        gain = worth(state, point, colour, stride)
        if gain > 0 and gain >= most and verdict(state, point, colour, config) == LEGAL:
            equals = equals + 1 if gain == most else 1
            if random.integers(stream, 0, equals) == 0:
                best = point
            most = gain
    return best if most > 0 else random_move(state, stream, config)


def worth(state, point, colour, stride):
    """What a stone on an empty point is worth: the stones that it saves, and for any that it takes far more."""
    if near_count(state, point, EMPTY) == 4:
        return 0
    taken, saved = in_atari_beside(state, point, 1 - colour, stride), 0
    if taken == 0:
        saved = in_atari_beside(state, point, colour, stride)
        saved *= saved > 0 and has_two_liberties(liberties_after(state, point, colour, stride))
    return taken * state.stones.shape[0] + saved


def in_atari_beside(state, point, colour, stride):
    """How many stones of a colour have `point` as their only liberty."""
    stones = np.int64(0)
    for beside in around(point, stride):
        atari = state.stones[beside] == colour and in_atari_at(state, beside, point)
        if atari and is_first(state, beside, point, stride):
            stones += np.int64(state.sizes[state.chains[beside]])
    return stones


def liberties_after(state, point, colour, stride):
    """The pseudo-liberties of the chain that a stone would make, which takes nothing."""
    liberties = np.uint64(0)
    for beside in around(point, stride):
        stone = state.stones[beside]
        if stone == EMPTY:
            liberties += UNITS[beside]
        elif stone == colour:
            if is_first(state, beside, point, stride):
                liberties += state.liberties[state.chains[beside]]
            liberties -= UNITS[point]
    return liberties


def has_two_liberties(word):
    """Whether pseudo-liberties are those of two points at least: their variance is not 0."""
    count = word & COUNT
    total = (word >> SUM_SHIFT) & SUM
    return total * total != count * (word >> SQUARES_SHIFT)
