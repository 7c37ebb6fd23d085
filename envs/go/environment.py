"""Go as an environment: against an opponent inside it, or one move after the other for both sides."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces

from rl_lab import random
from rl_lab.envs import Definition
from rl_lab.envs.go import planes, score
from rl_lab.envs.go.board import clear, play, point_of, verdict
from rl_lab.envs.go.greedy import greedy_move
from rl_lab.envs.go.layout import BLACK, LEGAL, PASS, WHITE, state_dtype
from rl_lab.envs.go.playouts import random_move
from rl_lab.envs.go.render import render
from rl_lab.envs.go.rules import Rules
from rl_lab.errors import LabError

COLOURS = ("black", "white", "drawn")
REWARDS = ("result", "margin")
DRAWN = COLOURS.index("drawn")
MOVES: dict[str, Callable[..., Any]] = {"random": random_move, "greedy": greedy_move}
SELF = "self"


def go(
    size: int = 9,
    opponent: str = "random",
    colour: str = "drawn",
    reward: str = "result",
    komi: float | None = None,
    ko: str = "positional",
    suicide: bool = False,
    handicap: int = 0,
    max_moves: int | None = None,
) -> Definition:
    """A game of Go; `action` is `row * size + column` from the upper left, and `size * size` passes.

    An action that the rules forbid loses at once, with `info["illegal_action"]`; `info["action_mask"]` says which
    are allowed. A game that reaches its longest length is truncated and pays nothing.

    Args:
        size: side of the board, 2 to 19.
        opponent: "random", which plays uniformly random moves that fill no eye of its own, and passes where there
            are none; "greedy", which captures, or else saves what is in atari, or else plays so, see `greedy`; or
            "self": every step is a move of whoever is to play, who sees the board from their own side
            and gets the reward of that move. Or several, such as "self+greedy", of which each game draws one.
        colour: what the agent plays against an opponent: "black", "white", or "drawn" by lot every game.
        reward: "result", 1 for a win, -1 for a loss, 0 for a draw; or "margin", the points that one is ahead after
            komi, and for an illegal action the whole board and komi behind.
        komi: for White; default is Black's margin under best play, see `rules.default_komi`.
        ko: "positional", "situational" or "simple".
        suicide: whether that is allowed.
        handicap: Black's stones before the first move, which is White's then.
        max_moves: of both sides together; default `2 * size**2`. Against an opponent each side gets half of them, but
            as many as that where games with "self" are among them.

    Raises:
        LabError: an argument is not allowed.
    """
    for name, value, allowed in (
        ("colour", colour, COLOURS),
        ("reward", reward, REWARDS),
    ):
        if value not in allowed:
            raise LabError(f"{name}={value!r} is not allowed; it must be one of {', '.join(allowed)}")
    rules = Rules(size, komi, ko, suicide, handicap, max_moves)
    others, alone = opponents(opponent)
    if others and alone:
        Rules(size, max_moves=2 * rules.longest)  # which superko must remember
    begin, step = against(others or (random_move,))
    more = {
        "max_steps": rules.longest if alone else (rules.longest + 1) // 2,
        "colour": COLOURS.index(colour),
        "by_margin": reward == "margin",
        "opponents": len(others) + alone,
        "alone": len(others) if alone else -1,
    }
    return Definition(
        name="Go",
        state=lane_fields(rules.capacity),
        config=rules.config() | more,
        reset=begin,
        step=step,
        observe=planes.observe,
        action_mask=planes.action_mask,
        observation_space=observation_space(rules),
        action_space=spaces.Discrete(size * size + 1),
        render=render,
        render_modes=("ansi",),
        endings=("illegal_action",),
        turned="turned" if alone else "",
    )


def opponents(names: str) -> tuple[tuple[Callable[..., Any], ...], bool]:
    """The moves of opponents, and whether the agent is to play both sides, too.

    Raises:
        LabError: there is no such opponent, or one is named twice.
    """
    allowed = [*MOVES, SELF]
    chosen = names.split("+") if isinstance(names, str) else []
    if not chosen or not set(chosen) <= set(allowed) or len(set(chosen)) < len(chosen):
        raise LabError(
            f"opponent={names!r} is not allowed; it must be one of {', '.join(allowed)}, or several of them such as "
            "'self+greedy'"
        )
    return tuple(MOVES[name] for name in chosen if name != SELF), SELF in chosen


def lane_fields(capacity: int) -> np.dtype:
    """The fields of a game and of what an environment adds."""
    game = state_dtype(capacity)
    fields: list[Any] = [(name, game.fields[name][0]) for name in game.names or ()]  # type: ignore[index]
    return np.dtype(
        [
            *fields,
            ("verdicts", np.uint8, game["stones"].shape),  # by empty point: what the rules say of the next move there
            ("counts", np.int16, game["stones"].shape),  # by chain: its liberties; NO_POINT has none
            ("opponent", np.uint8),  # of this game: its place among them, the last one if the agent plays both sides
            ("illegal_action", np.bool_),  # whether the last action was
            ("turned", np.bool_),  # whether the agent goes on for the other side
        ],
        align=True,
    )


def observation_space(rules: Rules) -> spaces.Box:
    """Planes of 0 and 1, but for komi, which is paid or got."""
    low = np.zeros((len(planes.PLANES), rules.size, rules.size), np.int8)
    high = np.ones_like(low)
    low[planes.KOMI], high[planes.KOMI] = -planes.FULL, planes.FULL
    return spaces.Box(low, high, dtype=np.int8)


@functools.cache
def against(moves: tuple[Callable[..., Any], ...]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The kernels `reset` and `step` of games against opponents, or with both sides.

    Args:
        moves: kernels `move(state, stream, config)` that give the point of an opponent's move.
    """
    move = moves[-1]
    for place in reversed(range(len(moves) - 1)):
        move = either(place, moves[place], move)

    def begin(state, config):
        """Start a game; an opponent begins if he has Black, or White after a handicap."""
        clear(state, config)
        planes.count_liberties(state, config)
        state.opponent = random.integers(state.random, 0, config.opponents) if config.opponents > 1 else 0
        if state.opponent != config.alone:
            colour = config.colour if config.colour != DRAWN else random.integers(state.random, BLACK, WHITE + 1)
            if colour != state.to_play:
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


def either(place: int, first: Callable[..., Any], others: Callable[..., Any]) -> Callable[..., Any]:
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
    """Play a legal move or PASS, and keep the count of liberties, anew only where stones were taken."""
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
