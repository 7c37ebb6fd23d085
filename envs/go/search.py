"""Tree search on a `Board` in pieces, for people, GTP and players."""

import functools
import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from rl_lab import random
from rl_lab.envs.debug import runner
from rl_lab.envs.definition import config_record
from rl_lab.envs.go import uct
from rl_lab.envs.go.board import action_of
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.layout import COLOURS
from rl_lab.envs.go.rules import Rules
from rl_lab.errors import LabError, short
from rl_lab.validation import whole_number

MOST_PLAYOUTS = 10_000_000  # their nodes fill 400 MB
FIRST_CHUNK = 8  # playouts before the first look around
CHUNK_SECONDS = 0.02  # how long a chunk should take


class Candidate(NamedTuple):
    """A move at the root of a search, and what is known of it."""

    action: int  # `row * size + column`, or `size * size` for a pass
    visits: int  # playouts that went through it
    winrate: float  # share of them that the side to play has won, draws by half
    score_lead: float  # points that the side to play is ahead in them after komi, in the mean
    prior: float  # what was thought of it before the search: all that the search may try are equal here
    pv: list[int]  # how the game may go on, beginning with this move


class Search:
    """UCT with random playouts, for one position after the other.

    Args:
        size: of the boards; those up to 9x9 share machine code, and those above.
        playouts: for how many there is room at first; `think` makes more.
        seed: of the random stream: the same seed and the same questions give the same answers.
        debug: run the kernels as plain Python.

    Attributes:
        playouts: so far, in this position.

    Raises:
        LabError: an argument is not allowed.

    Example:
        >>> board = Board(5)
        >>> for move in ("C3", "C2", "D2", "D3", "B2", "A5"):  # the stone on C2 has one liberty left
        ...     board.play(move)
        >>> search = Search(5, playouts=200)
        >>> search.start(board)
        >>> search.think(200)
        >>> search.best(), search.playouts  # C1
        (22, 200)
    """

    def __init__(self, size: int, playouts: int, seed: int = 0, *, debug: bool = False) -> None:
        self.playouts, self.capacity = 0, Rules(size).capacity
        self._nodes = np.zeros(_playouts(playouts) + 1, uct.NODE)
        self._trees = np.zeros(1, uct.tree_dtype(self.capacity))
        self._streams = np.zeros((1, 1), np.uint64)
        random.seed_stream(self._streams[0], np.random.SeedSequence(whole_number("seed", seed, 0)))
        self._kernels = kernels(self.capacity, debug)
        self.start(Board(size))

    def start(self, board: Board) -> None:
        """Forget what was thought, and take up a position, on a board of the capacity of this search."""
        if not isinstance(board, Board):
            raise LabError(f"board={short(board)} is not allowed; give a Board, such as Board(9)")
        if board.rules.capacity != self.capacity:
            raise LabError(
                f"a search on boards up to {self.capacity}x{self.capacity} cannot take a board of "
                f"{board.size}x{board.size}; make a Search({board.size}, ...)"
            )
        self.playouts, self._games = 0, board.state()
        self._config = config_record("Go", board.rules.config())
        self._kernels.plant(self._trees, self._nodes)

    def think(self, playouts: int) -> None:
        """Add playouts; a hundred and then two hundred make the same tree as three hundred at once."""
        wanted = _playouts(playouts) + self.playouts
        if wanted >= len(self._nodes):
            more = np.zeros(max(wanted + 1, 2 * len(self._nodes)), uct.NODE)
            more[: len(self._nodes)] = self._nodes
            self._nodes = more
        self._kernels.think(self._games, self._trees, self._nodes, self._streams, self._config, playouts)
        self.playouts = wanted

    def chunks(self, playouts: int, seconds: float | None = None) -> Iterator[int]:
        """Think in pieces, after each of which Ctrl-C, other threads and the caller get their turn; one at least.

        Args:
            playouts: in this position at the end; how they are cut changes nothing.
            seconds: after which it is enough; None where only the playouts count.

        Yields:
            The playouts so far.
        """
        if seconds is not None and not (isinstance(seconds, (int, float)) and math.isfinite(seconds)):
            raise LabError(f"seconds={short(seconds)} is not allowed; it must be a finite number, or None for no limit")
        playouts = _playouts(playouts)
        chunk, begun = FIRST_CHUNK, time.monotonic()
        before = begun
        while True:
            self.think(min(chunk, playouts - self.playouts))
            yield self.playouts
            now = time.monotonic()
            if self.playouts >= playouts or (seconds is not None and now - begun >= seconds):
                return
            taken, before = max(now - before, 1e-6), now
            chunk = max(1, min(4 * chunk, int(chunk * CHUNK_SECONDS / taken)))
            if seconds is not None:
                chunk = max(1, min(chunk, int(chunk * (begun + seconds - now) / CHUNK_SECONDS)))

    def moves(self) -> list[Candidate]:
        """What was tried, best first; nothing before the first playout, and when both sides have passed."""
        return [self._candidate(child) for child in self._children(uct.ROOT)]

    def best(self) -> int:
        """The action that most playouts tried; a pass where none was."""
        children = self._children(uct.ROOT)
        return self._action(children[0]) if children else int(self._config["width"][0]) ** 2

    def _children(self, number: int) -> list[int]:
        """Children of a node, those with the most visits first, the older ones of equals first."""
        children, child = list[int](), int(self._nodes["first"][number])
        while child != uct.NO_NODE:
            children.append(child)
            child = int(self._nodes["next"][child])
        return sorted(children, key=lambda child: (-self._nodes["visits"][child], child))

    def _candidate(self, child: int) -> Candidate:
        node, line = self._nodes[child], [child]
        while below := self._children(line[-1]):
            line.append(below[0])
        visits = int(node["visits"])
        winrate, lead = float(node["value"]) / visits, float(node["lead"]) / visits
        if COLOURS[int(self._games["to_play"][0])] == "white":
            winrate, lead = 1.0 - winrate, -lead
        candidates = self._kernels.candidates(self._games, self._config)
        return Candidate(self._action(child), visits, winrate, lead, 1.0 / candidates, [*map(self._action, line)])

    def _action(self, number: int) -> int:
        point = int(self._nodes["point"][number])
        return int(action_of(point, self._config.view(np.recarray)[0]))


class Kernels(NamedTuple):
    """Machine code of a search, or plain Python."""

    plant: Callable[..., Any]
    think: Callable[..., Any]
    candidates: Callable[..., Any]


@functools.cache
def kernels(capacity: int, debug: bool) -> Kernels:
    """The kernels for boards up to a capacity."""
    entries: dict[str, Callable[..., Any]] = {
        "plant": plant_first,
        "search": functools.partial(think_first, uct.random_search),
        "candidates": candidates_first,
    }
    return Kernels(*(runner(f"Go's {name}", kernel, debug) for name, kernel in entries.items()))


def plant_first(trees, nodes):
    """`uct.plant` for the one tree of a Search."""
    uct.plant(trees[0], nodes)


def think_first(search, games, trees, nodes, streams, config, playouts):
    """`uct.search`, likewise."""
    search(games[0], trees[0], nodes, streams[0], config[0], playouts)


def candidates_first(games, config):
    """`uct.candidates`, likewise."""
    return uct.candidates(games[0], config[0])


def _playouts(value: Any) -> int:
    return whole_number("playouts", value, 1, MOST_PLAYOUTS)
