"""Players by name: each is called with a board and returns a move."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from rl_lab import jit, random
from rl_lab.envs.definition import config_record
from rl_lab.envs.go.board import action_of
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.greedy import greedy_move
from rl_lab.envs.go.playouts import random_move
from rl_lab.envs.go.search import MOST_PLAYOUTS, Search
from rl_lab.errors import LabError
from rl_lab.validation import whole_number

HIGHEST_LEVEL = 10  # of GNU Go
SPECS = f"random, greedy, mcts:N with 1 to {MOST_PLAYOUTS} playouts a move, gnugo:LEVEL with a level from 0 to 10"

RANGES = {
    "mcts": f"a search may have 1 to {MOST_PLAYOUTS} playouts a move",
    "gnugo": f"GNU Go has levels from 0 to {HIGHEST_LEVEL}",
}


class OutOfRange(LabError):
    """A player is known, but not with such a number; `allowed` says which numbers there are, as a clause."""

    def __init__(self, text: str, allowed: str) -> None:
        super().__init__(text)
        self.allowed = allowed


class Player:
    """Answers questions about boards, any board at any time; use it in a `with` statement, or close it."""

    name: str  # what it is called, as `player` takes it

    def __call__(self, board: Board) -> int:
        """The action of a move for the side to play; a pass where both have passed already."""
        raise NotImplementedError

    def prepare(self, board: Board) -> None:
        """Compile what there is to compile for such boards, and start what there is to start, before anybody waits."""
        self(board.copy())

    def seed(self, seed: int) -> None:
        """Restart its random stream."""
        raise NotImplementedError

    def close(self) -> None:
        """Give back what it holds, such as a process; it may be asked again all the same."""

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def player(spec: str, seed: int = 0) -> Player:
    """A player by name.

    Args:
        spec: "random", "greedy", "mcts:N" with N playouts a move, or "gnugo:LEVEL", GNU Go at a level from 0 to 10.
        seed: of its random stream: the same seed and the same questions give the same answers.

    Raises:
        LabError: there is no such player, or GNU Go is not installed.

    Example:
        >>> with player("mcts:100") as anna:
        ...     anna.name, anna(Board(3, komi=8.5))  # the centre
        ('mcts:100', 4)
    """
    whole_number("seed", seed, 0)
    if (found := known(spec)) is None:
        if isinstance(spec, str) and "+" in spec:
            raise LabError(f"{spec!r} is not one player; only training draws from several, as random+greedy")
        raise LabError(f"there is no player {spec!r}; there are: {SPECS}")
    kind, number = found
    if kind == "mcts":
        return Searcher(number, seed)
    if kind == "gnugo":
        from rl_lab.envs.go.gnugo import GnuGo

        return GnuGo(number, seed)
    return Mover(kind, seed)


def known(spec: Any) -> tuple[str, int] | None:
    """The kind of player that a name means, and its number, 0 where it has none; None if there is no such kind.

    Raises:
        OutOfRange: it has another number than there may be.
    """
    kind, colon, text = spec.partition(":") if isinstance(spec, str) else ("", "", "")
    if kind in MOVES and not colon:
        return kind, 0
    if kind not in RANGES or not (text.isascii() and text.isdecimal()):
        return None
    number = int(text) if len(text) < 10 else -1
    if not (1 <= number <= MOST_PLAYOUTS if kind == "mcts" else 0 <= number <= HIGHEST_LEVEL):
        raise OutOfRange(f"{spec!r} is not allowed; {RANGES[kind]}", RANGES[kind])
    return kind, number


class Mover(Player):
    """Plays what a kernel of `MOVES` says."""

    def __init__(self, name: str, seed: int = 0) -> None:
        self.name, self._streams = name, np.zeros((1, 1), np.uint64)
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Restart its random stream."""
        random.seed_stream(self._streams[0], np.random.SeedSequence(seed))

    def __call__(self, board: Board) -> int:
        """The kernel's move."""
        if board.has_ended:
            return board.size**2
        config = config_record("Go", board.rules.config())
        return int(move_kernel(self.name, board.rules.capacity)(board.state(), self._streams, config))


class Searcher(Player):
    """Plays the best move of a tree search with so many playouts, which starts from scratch at every move.

    Attributes:
        seconds: for a move, after which it stops thinking; None, as at first, where only the playouts count.
    """

    def __init__(self, playouts: int, seed: int = 0) -> None:
        self.name, self.playouts = f"mcts:{playouts}", playouts
        self.seconds: float | None = None
        self._searches: dict[int, Search] = {}  # by capacity
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Restart its random stream."""
        self._seed = seed
        self._searches.clear()

    def __call__(self, board: Board) -> int:
        """The move that most playouts tried."""
        if board.has_ended:
            return board.size**2
        if (capacity := board.rules.capacity) not in self._searches:
            self._searches[capacity] = Search(board.size, self.playouts, self._seed)
        search = self._searches[capacity]
        search.start(board)
        for _ in search.chunks(self.playouts, self.seconds):
            pass  # Ctrl-C is heard here
        return search.best()

    def prepare(self, board: Board) -> None:
        """Compile the search by a single playout, of which its random stream knows nothing."""
        search = Search(board.size, 1)
        search.start(board)
        search.think(1)


MOVES: dict[str, Callable[..., Any]] = {"random": random_move, "greedy": greedy_move}


def first_move(move, states, streams, config):
    """A kernel's move in the one game of a Board, as an action."""
    return action_of(move(states[0], streams[0], config[0]), config[0])


@functools.cache
def move_kernel(name: str, capacity: int) -> Callable[..., Any]:
    """Machine code of a player for boards up to a capacity."""
    loop = functools.partial(first_move, MOVES[name])
    return jit.specialize(loop, name=f"Go's {name} player", exact=True)
