"""Opponents inside an environment, by name or as a function."""

from collections.abc import Callable
from typing import NamedTuple

from rl_lab.envs.go import turn_kernels, uct
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.players import HIGHEST_LEVEL, MOVES, OutOfRange, known
from rl_lab.envs.go.search import MOST_PLAYOUTS
from rl_lab.envs.go.turn_kernels import Kernel
from rl_lab.errors import LabError

SELF = "self"
Opponent = str | Callable[[Board], int | str]


class Opponents(NamedTuple):
    """The opponent of an agent."""

    moves: tuple[Kernel, ...]
    playouts: tuple[int, ...]  # of those that search, 0 for others
    alone: bool  # whether the agent plays both sides, too
    outside: bool = False  # whether the opponent is no kernel


def opponents(wanted: Opponent) -> Opponents:
    """The opponents that the argument names; a `LabError` if there is none of that name, or one is named twice."""
    names = wanted.split("+") if isinstance(wanted, str) else []
    try:
        kinds = [(SELF, 0) if name == SELF else known(name) or ("", 0) for name in names]
    except OutOfRange as error:
        raise LabError(f"opponent={wanted!r} is not allowed; {error.allowed}") from None
    if callable(wanted) or [kind for kind, _ in kinds] == ["gnugo"]:
        return Opponents((turn_kernels.external_move,), (0,), alone=False, outside=True)
    if not names or len(set(names)) < len(names) or any(kind not in (SELF, "mcts", *MOVES) for kind, _ in kinds):
        raise LabError(
            f"opponent={wanted!r} is not allowed; it must be one of random, greedy, mcts:N, self, or several of these "
            "such as 'self+greedy'; or alone gnugo:LEVEL, or a function that gets a Board and gives a move. N is 1 to "
            f"{MOST_PLAYOUTS}, a level 0 to {HIGHEST_LEVEL}"
        )
    moves = tuple(MOVES.get(kind, uct.mcts_move) for kind, _ in kinds if kind != SELF)
    return Opponents(moves, tuple(playouts for kind, playouts in kinds if kind != SELF), SELF in names)
