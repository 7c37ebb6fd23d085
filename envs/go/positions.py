"""Games of an environment that begin somewhere else: what `reset(options=...)` asks for, checked and put in place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rl_lab.envs.go import planes
from rl_lab.envs.go.game import ARGUMENTS, Board
from rl_lab.envs.go.layout import COLOURS, POSITIONS
from rl_lab.envs.go.rules import Rules
from rl_lab.envs.go.turn_kernels import DRAWN, advance
from rl_lab.errors import LabError

OPTIONS = ("moves", "position", "to_play")


@dataclass(frozen=True)
class Beginning:
    """Puts the game that reset options describe into a lane; see `Definition.inject`."""

    rules: Rules
    longest: int  # how many moves the environment may play
    move: Callable[..., Any]  # the kernel of an opponent's move, who begins if the agent has not got the side to play
    outside: bool  # whether the opponent is no kernel, and has to be asked instead

    def __call__(self, state: Any, config: Any, options: dict[str, Any]) -> None:
        """Check the options, see `board_from`, and change the lane."""
        game = board_from(options, self.rules, self.longest).state()
        for name in game.dtype.names or ():
            state[name] = game[name][0]
        planes.count_liberties(state, config)
        begins = state.opponent != config.alone and config.colour not in (DRAWN, state.to_play)
        state.waiting = begins and self.outside
        if begins and not self.outside:
            advance(state, self.move(state, state.random, config), config)
        planes.look(state, config)


def board_from(options: dict[str, Any], rules: Rules, longest: int) -> Board:
    """The game that options describe, under the rules of an environment in which `longest` moves may follow.

    The options are "moves", a list of vertices or actions; "position", a text as `Board.ascii` writes it, from which
    they go on; and "to_play", "black" or "white", who plays first from there.
    """
    if unknown := options.keys() - set(OPTIONS):
        raise LabError(f"Go takes no reset option {min(map(str, unknown))!r}; it takes {', '.join(OPTIONS)}")
    first = options.get("to_play")
    if first is not None and not (isinstance(first, str) and first in COLOURS):
        raise LabError(f"to_play={options['to_play']!r} is not allowed; it must be {' or '.join(COLOURS)}")
    arguments = {name: getattr(rules, name) for name in ARGUMENTS}
    if "position" in options:
        board = Board.from_ascii(options["position"], options.get("to_play"), **arguments)
        if board.size != rules.size:
            raise LabError(f"the position is {board.size}x{board.size}, but this environment is {rules.size} wide")
    elif "to_play" in options:
        raise LabError(f"to_play={options['to_play']!r} needs a position: a game from the start begins by the rules")
    else:
        board = Board.of(rules)
    play_all(board, options.get("moves", ()))
    if board.is_over:
        raise LabError("the game that the reset options describe is over; leave out its last move")
    if len(board.moves) > (room := POSITIONS[rules.capacity] - 1 - longest):  # superko remembers them all, see `Rules`
        raise LabError(
            f"{len(board.moves)} moves before the start are too many with max_moves={rules.longest}; give {room} or "
            "less, or ask for a smaller max_moves"
        )
    return board


def play_all(board: Board, moves: Any) -> None:
    """Play moves one after the other; a `LabError` if they are no list, or says which of them is illegal."""
    listed = moves.ndim > 0 if isinstance(moves, np.ndarray) else isinstance(moves, Sequence)
    if isinstance(moves, str) or not listed:
        raise LabError(f"moves={moves!r} is not allowed; it must be a list of moves such as ['C3', 'D2']")
    for number, move in enumerate(moves, 1):
        try:
            board.play(move)
        except LabError as error:
            raise LabError(f"move {number} of {len(moves)} cannot be played: {error}") from None
