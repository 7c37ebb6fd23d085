"""The game that a GTP client and a program have before them, and the rules that they set."""

import logging
from dataclasses import dataclass, field, replace

from rl_lab.envs.go.game import Board
from rl_lab.envs.go.gtp.framing import Refused, refusing
from rl_lab.envs.go.gtp.rules import KataRules
from rl_lab.envs.go.record import Game
from rl_lab.envs.go.rules import Rules, default_komi, most_moves
from rl_lab.envs.go.vertices import handicap_vertices, vertex
from rl_lab.errors import LabError

FEWEST_HANDICAP = 2

log = logging.getLogger("rl_lab")


@dataclass
class GameTable:
    """A game with the liberties that GTP takes: any order of colours, moves after two passes, komi at any time."""

    size: int = 9
    komi: float | None = None  # what was asked for; None is the default of the board
    rules: KataRules = field(default_factory=KataRules)
    handicap: int = 0  # Black's stones before the first move

    def __post_init__(self) -> None:
        self.board = Board.of(self._agreed(self.size))

    def clear(self, size: int | None = None) -> None:
        """Begin a game, on another board where one is named; a `LabError` if there is none of that size."""
        size = self.size if size is None else size
        self.board, self.size, self.handicap = Board.of(self._agreed(size)), size, 0

    def play(self, action: int, colour: str) -> None:
        """Play a move, of either side at any time; `Refused` if it is illegal, or the game too long to remember."""
        self.check_room()
        if self.board.has_ended:
            self.board.resume()
        with refusing("illegal move"):
            self.board.play(action, colour)

    def check_room(self) -> None:
        """Refuse what needs a longer game than can be remembered."""
        if self.board.truncated:
            raise Refused(f"the game has {self.board.rules.longest} moves, which is all that can be remembered")

    def undo(self) -> None:
        """Take the last move back; handicap stones stay."""
        with refusing("cannot undo"):
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
        with refusing("komi out of range"):
            self.board.set_komi(komi + self.rules.bonus(self.handicap))
        self.komi = komi

    def set_rules(self, rules: KataRules) -> None:
        """Change rules; `Refused` if moves that were played are not legal under the new ones."""
        before, self.rules = self.rules, rules
        try:
            agreed = replace(self._agreed(self.size), handicap=self.board.rules.handicap)
            self.board = replace(Game.of(self.board), rules=agreed).board()
        except LabError as error:
            self.rules = before
            raise Refused(f"these rules do not fit the game: {error}") from None
        self._renew_komi()

    def place_fixed(self, stones: int) -> list[str]:
        """Put Black's handicap on its usual points; returns them."""
        self.check_empty()
        if not stones:
            raise Refused("invalid number of stones")
        with refusing("invalid number of stones"):
            vertices = handicap_vertices(self.size, stones)
        return self.place(vertices)

    def place_freely(self, stones: int) -> list[str]:
        """Put Black's handicap where we like it: on the usual points, or else far from each other."""
        self.check_empty()
        if not FEWEST_HANDICAP <= stones < self.size**2:
            raise Refused("invalid number of stones")
        try:
            return self.place(handicap_vertices(self.size, stones))
        except LabError:
            return self.place([vertex(action, self.size) for action in spread(self.size, stones)])

    def place(self, vertices: list[str]) -> list[str]:
        """Put Black's handicap on different points of an empty board, where each stone has a liberty; White is next."""
        self.check_empty()
        board = Board.of(self._agreed(self.size))
        with refusing("bad vertex list"):
            board.set_up(vertices, to_play="white")
        if len(board.setup) < len(vertices):  # one was named twice
            raise Refused("bad vertex list")
        self.board, self.handicap = board, len(vertices)
        self._renew_komi()
        return vertices

    def load(self, path: str, move: int | None = None, size: int | None = None) -> None:
        """Take over a game from an SGF, with its rules.

        Args:
            path: of the file.
            move: the number of a move; the game is taken up to the position before it. None for all moves.
            size: the only one that will do; None for any.
        """
        from rl_lab.envs.go import sgf

        try:
            game = sgf.read(path)
            if size not in (None, game.rules.size):
                raise LabError(f"the board of {path!r} is not {size}x{size}")
            game = replace(game, rules=replace(game.rules, max_moves=most_moves(game.rules.size)))
            board = game.board(None if move is None else min(max(0, move - 1), len(game.moves)))
        except LabError as error:
            log.error("rl-lab: %s", error)
            raise Refused("cannot load file") from None
        self.board, self.size, self.handicap = board, board.size, game.handicap
        self.rules = KataRules(board.rules.ko.upper(), suicide=bool(board.rules.suicide))
        self.komi = board.rules.komi_in_force

    def check_empty(self) -> None:
        """Refuse what needs an empty board."""
        if self.board.stones.any():
            raise Refused("board not empty")

    def _renew_komi(self) -> None:
        base = default_komi(self.size) if self.komi is None else self.komi
        self.board.set_komi(base + self.rules.bonus(self.handicap))

    def _agreed(self, size: int) -> Rules:
        """The rules for a board, without handicap; a game may last as long as superko can remember."""
        rules = Rules(size, self.komi, self.rules.ko.lower(), self.rules.suicide)
        return replace(rules, max_moves=most_moves(size))


def spread(size: int, stones: int) -> list[int]:
    """Points of a board, each as far as may be from those before it and from the edge.

    Example:
        >>> spread(5, 3)
        [12, 6, 8]
    """
    points = [divmod(action, size) for action in range(size * size)]
    edge = [2 * min(row + 1, column + 1, size - row, size - column) for row, column in points]
    room, chosen = list(edge), list[int]()
    for _ in range(stones):
        best = max(range(size * size), key=lambda action: (room[action], edge[action]))
        chosen.append(best)
        y, x = points[best]
        room = [min(near, abs(row - y) + abs(column - x)) for near, (row, column) in zip(room, points, strict=True)]
    return chosen
