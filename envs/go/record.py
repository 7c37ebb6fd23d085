"""A game of Go as it is kept: the rules, how it began, the moves, and what was said about it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from rl_lab.envs.go.game import Board
from rl_lab.envs.go.rules import Rules, most_moves
from rl_lab.envs.go.vertices import vertex
from rl_lab.errors import LabError
from rl_lab.validation import whole

ABOUT = ("players", "result", "comments")  # fields of a game that its board does not hold


class Players(NamedTuple):
    """Who played."""

    black: str = ""
    white: str = ""


class Start(NamedTuple):
    """A position at which a game begins: indices of stones, and who plays first."""

    black: tuple[int, ...]
    white: tuple[int, ...]
    to_play: str


@dataclass(frozen=True)
class Game:
    """A game as it was played, by rules that it may have broken; `board` plays it again.

    Example:
        >>> board = Board(5)
        >>> board.play("C3")
        >>> Game.of(board, players=("me", "you")).moves
        [('black', 12)]
    """

    rules: Rules
    """Size of the board, komi, ko, suicide, and the fixed handicap."""
    moves: list[tuple[str, int]] = field(default_factory=list)
    """Pairs of a colour and an action, `row * size + column` from the upper left, `size * size` for a pass."""
    start: Start | None = None
    """The position that was set up before the first move, where there was one; a free handicap is that, too."""
    players: Players = field(default_factory=Players)
    """Names, "" where unknown."""
    result: str = ""
    """As SGF has it: "B+2.5", "W+R" after resigning, "0" for a draw, "Void" for none, "" where unknown."""
    comments: dict[int, str] = field(default_factory=dict)
    """By number of moves played: 0 for what is said before the first one."""

    def __post_init__(self) -> None:
        pair = isinstance(self.players, (tuple, list)) and len(self.players) == 2
        if not pair or not all(isinstance(name, str) for name in self.players):
            raise LabError(f"players={self.players!r} is not allowed; it must be two names, Black's and White's")
        object.__setattr__(self, "players", Players(*self.players))
        if not isinstance(self.result, str):
            raise LabError(f"result={self.result!r} is not allowed; it must be a text such as 'B+2.5'")
        if not isinstance(self.comments, dict) or not all(isinstance(text, str) for text in self.comments.values()):
            raise LabError(f"comments={self.comments!r} is not allowed; it must have a text by number of moves")
        if wrong := [number for number in self.comments if number not in range(len(self.moves) + 1)]:
            raise LabError(f"a comment is for move {wrong[0]}; the game has {len(self.moves)}")

    @classmethod
    def of(cls, board: Board, **about: Any) -> Game:
        """The game on a board, whose score is the result if both have passed, with players, result or comments."""
        result = board.copy().result() if board.has_ended else "Void" if board.truncated else ""
        black, white = (tuple(a for c, a in board.setup if c == colour) for colour in ("black", "white"))
        rules = replace(board.rules, handicap=0) if board.setup else board.rules
        begun = bool(board.setup) or (board.first_to_play == "white" and not board.rules.handicap)
        start = Start(black, white, board.first_to_play) if begun else None
        return cls(rules, list(board.moves), start, result=result).with_about(about)

    def with_about(self, about: dict[str, Any]) -> Game:
        """The same moves with other players, result or comments; a `LabError` for another name or a wrong value."""
        if unknown := about.keys() - set(ABOUT):
            raise LabError(f"a game takes no {min(unknown)!r}; what is said about it is {', '.join(ABOUT)}")
        return replace(self, **about)

    @property
    def handicap(self) -> int:
        """Black's stones before White's first move, at fixed places or not."""
        start = self.start
        free = len(start.black) if start and start.to_play == "white" and not start.white else 0
        return self.rules.handicap or (free if free > 1 else 0)

    def board(self, move: int | None = None) -> Board:
        """The board after a move, by default after the last one.

        Passes after two passes change nothing, and where the players went on after them, so does the board.

        Args:
            move: how many moves are played.

        Raises:
            LabError: a move breaks the rules, which says which move and why; there is no such move; or the game is
                longer than superko can remember.
        """
        count = len(self.moves) if move is None else move
        if not whole(count, 0, len(self.moves)):
            raise LabError(f"there is no move {move!r}; the game has {len(self.moves)}")
        most = most_moves(self.rules.size)
        if count > most:
            raise LabError(f"the game has {count} moves, and superko can remember {most}; ask for board({most})")
        longest = max(self.rules.longest, count)
        board = Board.of(replace(self.rules, max_moves=None if longest == 2 * self.rules.size**2 else longest))
        if self.start is not None:
            board.set_up(*self.start)
        for index, (colour, action) in enumerate(self.moves[:count]):
            if board.has_ended:
                if all(later == board.size**2 for _, later in self.moves[index:count]):
                    break
                board.resume()
            try:
                board.play(action, colour)
            except LabError as error:
                reason = str(error).partition(": ")[2] or error
                raise LabError(f"move {index + 1}, {colour} {vertex(action, board.size)}: {reason}") from None
        return board
