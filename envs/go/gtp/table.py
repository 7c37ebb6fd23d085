"""The game that a GTP client and a program have before them, and the rules that they set."""

from __future__ import annotations

from dataclasses import dataclass, field

from rl_lab.envs.go.game import Board
from rl_lab.envs.go.gtp.framing import Refused
from rl_lab.envs.go.gtp.rules import KataRules
from rl_lab.envs.go.rules import default_komi, most_moves
from rl_lab.envs.go.vertices import handicap_vertices, vertex
from rl_lab.errors import LabError

FEWEST_HANDICAP = 2


@dataclass
class Table:
    """A game with the liberties that GTP takes: any order of colours, moves after two passes, komi at any time."""

    size: int = 9
    komi: float | None = None
    """What was asked for; None is the default of the board."""
    rules: KataRules = field(default_factory=KataRules)
    handicap: int = 0
    """Black's stones before the first move."""
    setup: int = 0
    """How many of the board's moves only put them there."""

    def __post_init__(self) -> None:
        self.board = Board(self.size, **self._agreed(), handicap=0)

    def clear(self, size: int | None = None) -> None:
        """Begin a game, on another board where one is named.

        Raises:
            LabError: there is no such board.
        """
        size = self.size if size is None else size
        board = Board(size, **self._agreed(size))
        self.board, self.size, self.handicap, self.setup = board, size, 0, 0

    def play(self, action: int, colour: str) -> None:
        """Play a move, of either side at any time.

        Raises:
            Refused: it is illegal, or the game is longer than the rules of ko can remember.
        """
        self.check_room()
        if self.board.has_ended:
            self.board.resume()
        try:
            self.board.play(action, colour)
        except LabError:
            raise Refused("illegal move") from None

    def check_room(self) -> None:
        """Refuse what needs a longer game than can be remembered."""
        if self.board.truncated:
            raise Refused(f"the game has {self.board.rules.longest} moves, which is all that can be remembered")

    def undo(self) -> None:
        """Take the last move back; handicap stones stay."""
        if len(self.board.moves) <= self.setup:
            raise Refused("cannot undo")
        self.board.undo()

    def board_for(self, colour: str) -> Board:
        """A copy of the game, in which it is this side's turn."""
        board = self.board.copy()
        if board.has_ended:
            board.resume()
        board.give_turn(colour)
        return board

    def set_komi(self, komi: float) -> None:
        """Change komi."""
        try:
            self.board.set_komi(komi + self.rules.bonus(self.handicap))
        except LabError:
            raise Refused("komi out of range") from None
        self.komi = komi

    def set_rules(self, rules: KataRules) -> None:
        """Change rules; moves that were played must be legal under the new ones.

        Raises:
            Refused: they are not.
        """
        before, self.rules = self.rules, rules
        try:
            self.board = self._replayed()
        except LabError as error:
            self.rules = before
            raise Refused(f"these rules do not fit the game: {error}") from None

    def place_fixed(self, stones: int) -> list[str]:
        """Put Black's handicap on its usual points; returns them.

        Raises:
            Refused: the board is not empty, or too small for so many.
        """
        self.check_empty()
        try:
            vertices = handicap_vertices(self.size, stones) if stones else []
        except LabError:
            vertices = []
        if not vertices:
            raise Refused("invalid number of stones")
        return self.place(vertices)

    def place_freely(self, stones: int) -> list[str]:
        """Put Black's handicap where we like it: on the usual points, or else far from each other.

        Raises:
            Refused: the board is not empty, or has not so many points.
        """
        self.check_empty()
        if not FEWEST_HANDICAP <= stones < self.size**2:
            raise Refused("invalid number of stones")
        try:
            return self.place(handicap_vertices(self.size, stones))
        except LabError:
            return self.place([vertex(action, self.size) for action in spread(self.size, stones)])

    def place(self, vertices: list[str]) -> list[str]:
        """Put Black's handicap on points of an empty board; White is next.

        Raises:
            Refused: the board is not empty, a stone has no liberty, or the points are not all different.
        """
        self.check_empty()
        board = Board(self.size, **self._agreed())
        try:
            for name in vertices:
                board.play(name, "black")
        except LabError:
            raise Refused("bad vertex list") from None
        self.board, self.handicap, self.setup = board, len(vertices), len(vertices)
        self._renew_komi()
        return vertices

    def adopt(self, board: Board, handicap: int = 0) -> None:
        """Take over a game from elsewhere, with its rules."""
        rules = board.rules
        self.size, self.board, self.handicap, self.setup = rules.size, board, handicap, 0
        self.rules = KataRules(rules.ko.upper(), suicide=bool(rules.suicide))
        self.komi = rules.komi_in_force

    def check_empty(self) -> None:
        """Refuse what needs an empty board."""
        if self.board.stones.any():
            raise Refused("board not empty")

    def _renew_komi(self) -> None:
        base = default_komi(self.size) if self.komi is None else self.komi
        self.board.set_komi(base + self.rules.bonus(self.handicap))

    def _agreed(self, size: int | None = None) -> dict[str, object]:
        size = self.size if size is None else size
        longest = most_moves(size) if 0 < size <= 19 else None
        return {"komi": self.komi, "ko": self.rules.ko.lower(), "suicide": self.rules.suicide, "max_moves": longest}

    def _replayed(self) -> Board:
        board = Board(self.size, **self._agreed(), handicap=self.board.rules.handicap)
        for colour, action in self.board.moves:
            if board.has_ended:
                board.resume()
            board.play(action, colour)
        base = default_komi(self.size) if self.komi is None else self.komi
        board.set_komi(base + self.rules.bonus(self.handicap))
        return board


def spread(size: int, stones: int) -> list[int]:
    """Points of a board, each as far as may be from those before it and from the edge.

    Example:
        >>> spread(5, 3)
        [12, 6, 8]
    """
    points = [divmod(action, size) for action in range(size * size)]
    chosen: list[tuple[int, int]] = []

    def distance(point: tuple[int, int]) -> tuple[int, int]:
        row, column = point
        edge = 2 * min(row + 1, column + 1, size - row, size - column)
        others = min((abs(row - y) + abs(column - x) for y, x in chosen), default=edge)
        return min(edge, others), others

    for _ in range(stones):
        chosen.append(max((point for point in points if point not in chosen), key=distance))
    return [row * size + column for row, column in chosen]
