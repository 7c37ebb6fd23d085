"""The games of a match: colours alternate, and every opening is played twice, with colours changed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rl_lab.envs.go.game import Board
from rl_lab.envs.go.matches import referee
from rl_lab.envs.go.matches.referee import OTHER, PlayedGame
from rl_lab.envs.go.matches.sides import FAILURES, Side
from rl_lab.envs.go.rules import Rules
from rl_lab.validation import whole_number

TRIES = 100  # at an opening that is not yet among the others


@dataclass(frozen=True)
class Series:
    """What a match consists of.

    Raises:
        LabError: a number is not allowed.
    """

    rules: Rules
    games: int
    openings: int | None = None  # different ones; by default as many as fit, each played twice
    opening_moves: int = 4  # random moves before the sides are asked
    seed: int = 0  # of the openings

    def __post_init__(self) -> None:
        whole_number("games", self.games, 1, 1_000_000)
        if self.openings is not None:
            whole_number("openings", self.openings, 1, 1_000_000)
        whole_number("opening-moves", self.opening_moves, 0, self.rules.longest - 1)
        whole_number("seed", self.seed, 0, 2**63)

    def colour_of_first(self, number: int) -> str:
        """What the first side plays in a game, the first of which has the number 1."""
        return "black" if number % 2 == 1 else "white"


@dataclass(frozen=True)
class Entry:
    """A game of a match."""

    number: int
    opening: tuple[int, ...]
    first: str  # the colour of the first side
    played: PlayedGame

    @property
    def points(self) -> float:
        """Of the first side: 1, 0.5 or 0."""
        return 0.5 if self.played.winner is None else float(self.played.winner == self.first)

    @property
    def failed(self) -> int | None:
        """Which side failed, 0 or 1; None if neither did."""
        if self.played.ended not in FAILURES:
            return None
        return int(self.played.winner == self.first)


def play(series: Series, first: Side, second: Side) -> Iterator[Entry]:
    """Play the games; a side that has failed loses that game and is restarted.

    Raises:
        LabError: a side does not play on such a board, or cannot be started.
        Stopped: Ctrl-C was pressed; it holds the game so far.
    """
    count = (series.games + 1) // 2 if series.openings is None else series.openings
    openings = random_openings(series.rules, count, series.opening_moves, series.seed)
    for number in range(1, series.games + 1):
        colour = series.colour_of_first(number)
        opening = openings[(number - 1) // 2 % len(openings)]
        sides = {colour: first, OTHER[colour]: second}
        played = referee.play({name: sides[name] for name in ("black", "white")}, series.rules, opening)
        entry = Entry(number, opening, colour, played)
        if entry.failed is not None:
            (first, second)[entry.failed].restart()
        yield entry


def random_openings(rules: Rules, count: int, moves: int, seed: int) -> list[tuple[int, ...]]:
    """Random first moves, so that programs that always play alike do not play one game again and again.

    They are all different as long as there are enough of so many moves, and fewer where games would be over by then.
    """
    rng, found = np.random.default_rng(seed), dict[tuple[int, ...], None]()
    for _ in range(count):
        for _ in range(TRIES):
            if (opening := random_opening(rules, moves, rng)) not in found:
                break
        found[opening] = None
    several = list(found)
    return [several[index % len(several)] for index in range(count)]


def random_opening(rules: Rules, moves: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Random moves of both sides in turn, each legal and none a pass."""
    board = Board.of(rules)
    while len(board.moves) < moves and len(legal := board.legal()) > 1:
        board.play(int(rng.choice(legal[:-1])))
    return tuple(action for _, action in board.moves)
