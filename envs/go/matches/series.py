"""The games of a match: colours alternate, and every opening is played twice, with colours changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rl_lab.envs.go.matches import referee
from rl_lab.envs.go.matches.openings import random_openings
from rl_lab.envs.go.matches.referee import OTHER, PlayedGame
from rl_lab.envs.go.matches.sides import FAILURES, Side
from rl_lab.envs.go.rules import Rules
from rl_lab.errors import LabError
from rl_lab.validation import whole


@dataclass(frozen=True)
class Series:
    """What a match consists of.

    Raises:
        LabError: a number is not allowed.
    """

    rules: Rules
    games: int
    openings: int | None = None
    """Different ones; by default as many as fit, each played twice."""
    opening_moves: int = 4
    """Random moves before the sides are asked."""
    seed: int = 0
    """Of the openings."""

    def __post_init__(self) -> None:
        most = self.rules.longest - 1
        for name, value, low, high in (
            ("games", self.games, 1, 1_000_000),
            ("openings", 1 if self.openings is None else self.openings, 1, 1_000_000),
            ("opening-moves", self.opening_moves, 0, most),
            ("seed", self.seed, 0, 2**63),
        ):
            if not whole(value, low) or value > high:
                raise LabError(f"{name}={value!r} is not allowed; it must be a whole number, {low} to {high}")

    def colour_of_first(self, number: int) -> str:
        """What the first side plays in a game, the first of which has the number 1."""
        return "black" if number % 2 == 1 else "white"

    def drawn_openings(self) -> list[tuple[int, ...]]:
        """The openings."""
        count = (self.games + 1) // 2 if self.openings is None else self.openings
        return random_openings(self.rules, count, self.opening_moves, self.seed)


@dataclass(frozen=True)
class Entry:
    """A game of a match."""

    number: int
    opening: tuple[int, ...]
    first: str
    """The colour of the first side."""
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
    openings = series.drawn_openings()
    for number in range(1, series.games + 1):
        colour = series.colour_of_first(number)
        opening = openings[(number - 1) // 2 % len(openings)]
        sides = {colour: first, OTHER[colour]: second}
        played = referee.play({name: sides[name] for name in ("black", "white")}, series.rules, opening)
        entry = Entry(number, opening, colour, played)
        if entry.failed is not None:
            (first, second)[entry.failed].restart()
        yield entry
