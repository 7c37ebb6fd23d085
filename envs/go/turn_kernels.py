"""The turns of a game as kernels: the agent's move, the opponent's answer, and what that pays."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from rl_lab import random
from rl_lab.envs.go import planes, score
from rl_lab.envs.go.board import clear, play, point_of, verdict
from rl_lab.envs.go.layout import BLACK, COLOURS, LEGAL, PASS, WHITE

CHOICES = (*COLOURS, "drawn")  # of what the agent plays
DRAWN = CHOICES.index("drawn")
Kernel = Callable[..., Any]


@functools.cache
def against(moves: tuple[Kernel, ...]) -> tuple[Kernel, Kernel]:
    """The kernels `reset` and `step` of games against opponents, or with both sides.

    `moves` are kernels `move(state, stream, config)` that give the point of an opponent's move.
    """
    move = one_of(moves)

    def begin(state, config):
        """Start a game; an opponent begins if he has Black, or White after a handicap."""
        if start(state, config):
            advance(state, move(state, state.random, config), config)
        planes.look(state, config)

    def step(state, action, config):
        """Play a move, and let the opponent answer unless the game is over; the reward is the mover's."""
        colour = np.int64(state.to_play)
        state.turned = state.opponent == config.alone
        if not make(state, action, config):
            return forfeit(config), True
        if not state.turned and state.passes < 2:
            advance(state, move(state, state.random, config), config)
        planes.look(state, config)
        return (outcome(state, colour, config), True) if state.passes >= 2 else (0.0, False)

    return begin, step


def begin_external(state, config):
    """Start a game against an opponent who is no kernel, and wait for him if he begins."""
    state.waiting = start(state, config)
    planes.look(state, config)


def external_move(state, stream, config):
    """The move of an opponent who is no kernel: he was asked before."""
    return point_of(np.int64(state.answer), config)


def continue_external(state, config):
    """Go on with a game for whose opening it waited."""
    state.waiting = False
    advance(state, external_move(state, state.random, config), config)
    planes.look(state, config)


def start(state, config):
    """Draw who plays what; whether an opponent begins: he has Black, or White after a handicap."""
    clear(state, config)
    planes.count_liberties(state, config)
    state.opponent = random.integers(state.random, 0, config.opponents) if config.opponents > 1 else 0
    if state.opponent == config.alone:
        return False
    colour = config.colour if config.colour != DRAWN else random.integers(state.random, BLACK, WHITE + 1)
    return colour != state.to_play


def one_of(moves: tuple[Kernel, ...]) -> Kernel:
    """The move of the opponent that a game has drawn."""
    move = moves[-1]
    for place in reversed(range(len(moves) - 1)):
        move = either(place, moves[place], move)
    return move


def either(place: int, first: Kernel, others: Kernel) -> Kernel:
    """The move of the opponent at one place, or of whoever else it is."""

    def move(state, stream, config):
        return first(state, stream, config) if state.opponent == place else others(state, stream, config)

    return move


def make(state, action, config):
    """Play a move if the rules allow it; whether they did."""
    point = point_of(action, config)
    state.illegal_action = point != PASS and verdict(state, point, np.int64(state.to_play), config) != LEGAL
    if state.illegal_action:
        return False
    advance(state, point, config)
    return True


def advance(state, point, config):
    """Play a legal move or PASS, and keep the count of liberties, from scratch only where stones were taken."""
    taken = state.captures[BLACK] + state.captures[WHITE]
    play(state, point, config)
    if state.captures[BLACK] + state.captures[WHITE] != taken:
        planes.count_liberties(state, config)
    elif point != PASS:
        planes.recount_liberties(state, point, config)


def outcome(state, colour, config):
    """The reward of a colour in a finished game."""
    margin = score.margin(state, config) if colour == BLACK else -score.margin(state, config)
    if config.by_margin:
        return margin
    return 1.0 if margin > 0 else -1.0 if margin < 0 else 0.0


def forfeit(config):
    """The reward of an illegal action."""
    return -(config.width * config.width + abs(config.komi)) if config.by_margin else -1.0
