"""A game of Go for people: the kernels of `board` with checks, coordinates and a way back."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.debug import runner
from rl_lab.envs.definition import config_record
from rl_lab.envs.go import board, layout, picture, score
from rl_lab.envs.go.diagram import read, write
from rl_lab.envs.go.layout import BLACK, COLOURS, LEGAL, NO_POINT, WHITE, state_dtype, stones_of
from rl_lab.envs.go.rules import Rules
from rl_lab.envs.go.vertices import checked_action, vertex
from rl_lab.errors import LabError

ARGUMENTS = ("komi", "ko", "suicide", "handicap", "max_moves")  # of a Board, beside its size
PROBLEMS = ("", "occupied", "suicide", "ko", "superko")  # by verdict
REASONS = {
    layout.OCCUPIED: "a stone is there already",
    layout.SUICIDE: "that is suicide: the stone would have no liberty and takes nothing",
    layout.KO: "that is ko: the stone there was just taken; play elsewhere first",
    layout.SUPERKO: "that repeats an earlier position, which superko forbids",
}


class Area(NamedTuple):
    """Points of each side: its stones, and the empty points from which only they are reached."""

    black: int
    white: int


class Captures(NamedTuple):
    """Stones that each side has taken; a suicide counts for the other side."""

    black: int
    white: int


class Board:
    """A game of Go.

    Args:
        size: side of the board, 2 to 19.
        komi, ko, suicide, handicap, max_moves: see `rules.Rules`.
        debug: run the kernels as plain Python.

    Attributes:
        rules: of this game.
        setup: stones that were there before the first move, pairs of a colour and an action; see `from_ascii`.
        moves: what was played, likewise.

    Moves are vertices as GTP has them ("C3", "pass"), indices `row * size + column` from the upper left, or
    None for a pass, whose index is `size * size`.

    Example:
        >>> board = Board(5)
        >>> for move in ("C3", "B3", "A1", "B2", "E5", "B4", "E4", "A3", "D1", "C2"):
        ...     board.play(move)
        >>> print(board.ascii())
          A B C D E
        5 . . . . X 5
        4 . O . . X 4
        3 O O X . . 3
        2 . O O . . 2
        1 X . . X . 1
          A B C D E
        black to play, captures 0-0

    Raises:
        LabError: an argument is not allowed.
    """

    def __init__(self, size: int = 9, *, debug: bool = False, **rules: Any) -> None:
        if unknown := rules.keys() - set(ARGUMENTS):
            raise LabError(f"a Board takes no argument {min(unknown)!r}; it takes {', '.join(ARGUMENTS)}")
        self.rules, self.debug = Rules(size, **rules), debug
        self.setup: list[tuple[str, int]] = []
        self.moves: list[tuple[str, int]] = []
        self._states = np.zeros(1, state_dtype(self.rules.capacity))
        self._config = config_record("Go", self.rules.config())
        self._before: list[NDArray[Any]] = []
        self._run("clear")

    @classmethod
    def of(cls, rules: Rules) -> Board:
        """A game under rules that were made elsewhere."""
        return cls(rules.size, **{name: getattr(rules, name) for name in ARGUMENTS})

    @classmethod
    def from_ascii(cls, text: str, to_play: str | None = None, **arguments: Any) -> Board:
        r"""A game that begins at a position, written as `ascii` writes it; no move led there, and there is no ko.

        Args:
            text: rows of `X`, `O` and `.`, with or without their numbers, the letters, and the last line.
            to_play: "black" or "white"; default is what the last line says, or else Black.
            arguments: as for a Board, without size and handicap.

        Raises:
            LabError: that is no square board, or has stones without liberties; or an argument is not allowed.

        Example:
            >>> Board.from_ascii(".X.\nXX.\n.OO", to_play="white").area()
            Area(black=4, white=2)
        """
        position = read(text)
        game = cls(len(position.stones), **arguments)
        if game.rules.handicap:
            raise LabError(f"handicap={game.rules.handicap} is not allowed with a position, which has its own stones")
        black, white = (np.flatnonzero(position.stones == value).tolist() for value in (1, -1))
        game.set_up(black, white, to_play or position.to_play)
        game._states["captures"] = position.captures
        return game

    @classmethod
    def from_state(cls, state: Any, rules: Rules) -> Board:
        """The game that a record holds, with its ko and all that superko remembers, but not the moves that led there.

        The record has the fields of `layout.state_dtype`, and perhaps more.
        """
        game = cls.of(rules)
        for name in game._states.dtype.names or ():
            game._states[name][0] = state[name]
        game._note_setup()
        return game

    @property
    def size(self) -> int:
        """Side of the board."""
        return self.rules.size

    @property
    def to_play(self) -> str:
        """Whose turn it is, "black" or "white"."""
        return COLOURS[int(self._states["to_play"][0])]

    @property
    def first_to_play(self) -> str:
        """Whose turn it was at the beginning."""
        return COLOURS[int((self._before[0] if self._before else self._states)["to_play"][0])]

    @property
    def captures(self) -> Captures:
        """Stones taken by Black and by White."""
        return Captures(*map(int, self._states["captures"][0]))

    @property
    def stones(self) -> NDArray[np.int8]:
        """What stands where, `(size, size)` from the upper left: 1 black, -1 white, 0 nothing."""
        return stones_of(self._states.view(np.recarray)[0], self._config.view(np.recarray)[0])

    @property
    def is_over(self) -> bool:
        """Whether the game is over: after two passes, or when the game is broken off."""
        return self.has_ended or self.truncated

    @property
    def has_ended(self) -> bool:
        """Whether both have passed, one after the other."""
        return bool(self._states["passes"][0] >= 2)

    @property
    def truncated(self) -> bool:
        """Whether the game is broken off, having lasted as long as the rules allow."""
        return not self.has_ended and len(self.moves) >= self.rules.longest

    def play(self, move: str | int | None, colour: str | None = None) -> None:
        """Play a move.

        Args:
            move: a vertex, an index, or None for a pass.
            colour: "black" or "white", in turn or not; by default the side to play.

        Raises:
            LabError: the move is off the board or illegal, with the reason, or the game is over.
        """
        action, colour = checked_action(move, self.size), self._checked_colour(colour)
        name = f"{colour} cannot play {vertex(action, self.size)}"
        if self.has_ended:
            raise LabError(f"{name}: both sides have passed, and the game is over")
        if self.truncated:
            raise LabError(f"{name}: the game was broken off after {self.rules.longest} moves, its max_moves")
        if problem := self._verdict(action, colour):
            raise LabError(f"{name}: {REASONS[problem]}")
        self._before.append(self._states.copy())
        self._states["to_play"] = COLOURS.index(colour)
        self._run("play", action)
        self.moves.append((colour, action))

    def set_up(self, black: Iterable[str | int], white: Iterable[str | int] = (), to_play: str = "black") -> None:
        """Begin at a position, as problems do, and games with a handicap that stands where Black likes.

        No move led there, there is no ko, and superko knows of no position before this one.

        Args:
            black: vertices or indices of black stones.
            white: of white ones.
            to_play: "black" or "white".

        Raises:
            LabError: something stands on the board already, two stones share a point, or a chain has no liberty.
        """
        if self.moves or self.setup or self.rules.handicap:
            raise LabError("a position can be set up on an empty board only; take a new Board")
        stones = np.zeros((self.size, self.size), np.int8)
        for value, colour, side in ((1, "black", black), (-1, "white", white)):
            if not isinstance(side, Iterable):
                raise LabError(f"{colour}={side!r} is not allowed; give the points of its stones, such as ['C3']")
            for action in sorted({checked_action(move, self.size) for move in side}):
                if action == self.size**2 or stones.flat[action]:
                    why = "a pass is no stone" if action == self.size**2 else "a black one is there already"
                    raise LabError(f"a {colour} stone cannot stand on {vertex(action, self.size)}: {why}")
                stones.flat[action] = value
        before = self._states.copy()
        self._run("arrange", stones, COLOURS.index(self._checked_colour(to_play)))
        if not np.array_equal(self.stones, stones):
            self._states[...] = before
            raise LabError("stones without a liberty cannot stand on a board; here some have none")
        self._note_setup()

    def undo(self) -> None:
        """Take the last move back, or raise a `LabError` where there is none."""
        if not self._before:
            raise LabError("there is no move to take back")
        self._states[...] = self._before.pop()
        self.moves.pop()

    def resume(self) -> None:
        """Go on after two passes, as players do who disagree about what is dead."""
        self._states["passes"] = 0

    def give_turn(self, colour: str) -> None:
        """Give the turn to "black" or "white", as programs that speak GTP may ask for."""
        self._states["to_play"] = COLOURS.index(self._checked_colour(colour))

    def set_komi(self, komi: float | None) -> None:
        """Change what White gets, in the middle of a game too; None is the default of the board, see `rules.Rules`."""
        self.rules = dataclasses.replace(self.rules, komi=komi)
        self._config = config_record("Go", self.rules.config())

    def legal(self, colour: str | None = None) -> list[int]:
        """Indices of all legal moves, the pass last; none when the game is over."""
        return [] if self.is_over else np.flatnonzero(self.mask(colour)).tolist()

    def mask(self, colour: str | None = None) -> NDArray[np.bool_]:
        """Which moves the rules allow, bool `(size * size + 1,)`, the pass last and always among them."""
        mask = np.ones(self.size**2 + 1, np.bool_)
        self._run("legal", COLOURS.index(self._checked_colour(colour)), mask)
        return mask

    def is_legal(self, move: str | int | None, colour: str | None = None) -> bool:
        """Whether a move may be played; False for all when the game is over."""
        action, colour = checked_action(move, self.size), self._checked_colour(colour)
        return not self.is_over and self._verdict(action, colour) == LEGAL

    def problem(self, move: str | int | None, colour: str | None = None) -> str:
        """Why the rules forbid a move: "occupied", "suicide", "ko", "superko", or "" where they do not."""
        action, colour = checked_action(move, self.size), self._checked_colour(colour)
        return PROBLEMS[self._verdict(action, colour)]

    def area(self) -> Area:
        """Tromp and Taylor's area of each side as the board stands: nothing is dead but what was taken."""
        counts = np.zeros(2, np.int64)
        self._run("area", counts)
        return Area(int(counts[0]), int(counts[1]))

    def score(self) -> float:
        """Black's area less White's and komi: above 0 Black has won, at 0 it is a draw."""
        black, white = self.area()
        return black - white - self.rules.komi_in_force

    def result(self) -> str:
        """The score as GTP and SGF write it: "B+2.5", "W+1", or "0" for a draw."""
        score = self.score()
        return "0" if score == 0 else f"{'B' if score > 0 else 'W'}+{abs(score):g}"

    def symmetries(self) -> NDArray[np.int8]:
        """The eight boards `(8, size, size)` that are this one turned and mirrored, itself first; see `stones`."""
        return eightfold(self.stones)

    def copy(self) -> Board:
        """Another game that has gone the same way."""
        twin = object.__new__(Board)
        twin.__dict__.update(self.__dict__)
        twin.moves, twin._before, twin._states = list(self.moves), list(self._before), self._states.copy()
        return twin

    def ascii(self) -> str:
        """The board as text, Black `X` and White `O`, with whose turn it is."""
        return write(self._states.view(np.recarray)[0], self._config.view(np.recarray)[0])

    def picture(self) -> NDArray[np.uint8]:
        """The board as an image, uint8 `(height, width, 3)`: a ring on the last move, squares where ko forbids one."""
        last = self.moves[-1][1] if self.moves and self.moves[-1][1] < self.size**2 else None
        empty = np.flatnonzero(self.stones == 0).tolist()
        return picture.draw(self.stones, last, [action for action in empty if "ko" in self.problem(action)])

    def state(self) -> NDArray[Any]:
        """The record of the game `(1,)`, see `layout.state_dtype`: a copy whose bytes are equal where games are."""
        copy = np.zeros(1, self._states.dtype)
        copy[...] = self._states  # `copy()` leaves the gaps between fields unwritten
        return copy

    def holds(self, state: Any) -> bool:
        """Whether a record is at the position of this game, after as many moves."""
        return all(self._states[name][0] == state[name] for name in ("position", "moves", "passes", "to_play"))

    def __repr__(self) -> str:
        return f"Board({self.size}, {len(self.moves)} moves, {self.to_play} to play)"

    def _note_setup(self) -> None:
        for value, colour in ((1, "black"), (-1, "white")):
            self.setup += [(colour, int(action)) for action in np.flatnonzero(self.stones == value)]

    def _verdict(self, action: int, colour: str) -> int:
        if action == self.size**2:
            return LEGAL
        return int(self._run("verdict", action, COLOURS.index(colour)))

    def _checked_colour(self, colour: str | None) -> str:
        if colour is None:
            return self.to_play
        if colour not in COLOURS:
            raise LabError(f"colour={colour!r} is not allowed; it must be black or white")
        return colour

    def _run(self, what: str, *arguments: Any) -> Any:
        return kernel(what, self.rules.capacity, self.debug)(self._states, self._config, *arguments)


def eightfold(grid: NDArray[Any]) -> NDArray[Any]:
    """A square array `(n, n)` turned by 0, 90, 180 and 270 degrees, and mirrored and turned: `(8, n, n)`."""
    return np.stack([np.rot90(way, turns) for way in (grid, np.fliplr(grid)) for turns in range(4)])


def clear_first(states, config):
    """`board.clear` for the one game of a Board."""
    board.clear(states[0], config[0])


def arrange_first(states, config, stones, to_play):
    """Put stones on the empty board `(size, size)`, 1 black, -1 white; the game begins there.

    A chain that has a liberty in the end has one all the way, in whatever order stones come.
    """
    state, size = states[0], config[0].width
    for row in range(size):
        for column in range(size):
            if stones[row, column] != 0:
                colour = BLACK if stones[row, column] > 0 else WHITE
                board.place(state, (row + 1) * (size + 1) + column + 1, colour, size + 1)
    state.to_play = to_play
    state.ko = NO_POINT
    board.start_history(state, config[0])


def play_first(states, config, action):
    """`board.play`, by action."""
    board.play(states[0], board.point_of(action, config[0]), config[0])


def verdict_first(states, config, action, colour):
    """`board.verdict`, by action."""
    return board.verdict(states[0], board.point_of(action, config[0]), colour, config[0])


def legal_first(states, config, colour, mask):
    """`board.verdict` of all points."""
    for action in range(config[0].width * config[0].width):
        mask[action] = board.verdict(states[0], board.point_of(action, config[0]), colour, config[0]) == LEGAL


def area_first(states, config, counts):
    """`score.area`."""
    counts[0], counts[1] = score.area(states[0], config[0])


KERNELS: dict[str, Callable[..., Any]] = {
    "clear": clear_first,
    "arrange": arrange_first,
    "play": play_first,
    "verdict": verdict_first,
    "legal": legal_first,
    "area": area_first,
}


@functools.cache
def kernel(what: str, capacity: int, debug: bool) -> Callable[..., Any]:
    """A kernel for boards up to a capacity, compiled or as plain Python."""
    return runner(f"Go's {what}", KERNELS[what], debug)
