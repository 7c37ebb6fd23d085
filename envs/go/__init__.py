"""Go on square boards from 2x2 to 19x19: rules, scores and random games at machine speed.

`game.Board` is a game for people and for other programs. Underneath, a game is a record (`layout`) that plain
Python kernels read and write: `board` has the rules, `score` the area, `playouts` games of random moves.

Example:
    >>> from rl_lab.envs.go import Board
    >>> game = Board(5)
    >>> game.play("C3")
    >>> game.to_play, game.score(), game.rules.komi_in_force
    ('white', 0.0, 25.0)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rl_lab.envs.go.game import Board as Board


def __getattr__(name: str) -> Any:
    """`Board`, on demand: who registers environments should not wait for it."""
    if name == "Board":
        from rl_lab.envs.go.game import Board

        return Board
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
