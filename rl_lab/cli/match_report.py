"""A match of Go: its games as they come in, and what they say together, as text and as JSON."""

import math
from dataclasses import dataclass, field
from typing import Any

from rl_lab.compare.statistics import Range, elo, share
from rl_lab.envs.go.matches.series import Entry, Series
from rl_lab.envs.go.matches.sides import FAILURES
from rl_lab.envs.go.vertices import vertex

LONGEST_LABEL = 32  # characters


@dataclass
class Match:
    """Two players and their games so far; every figure is the first one's."""

    names: tuple[str, str]
    """As they were asked for."""
    called: tuple[str, str]
    """As they call themselves."""
    series: Series
    entries: list[Entry] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    """Of the games, in the same order."""

    def add(self, entry: Entry, file: str) -> None:
        """Take in a game and the name of its file."""
        self.entries.append(entry)
        self.files.append(file)

    def count(self, points: float, first: str | None = None) -> int:
        """Games with so many points, of all or of those in which the first side had a colour."""
        return sum(entry.points == points and first in (None, entry.first) for entry in self.entries)

    def points(self, first: str | None = None) -> float:
        """Points, likewise."""
        return sum(entry.points for entry in self.entries if first in (None, entry.first))

    def failures(self) -> dict[str, list[int]]:
        """By kind, how many games each side has lost by it."""
        return {
            kind: [sum(e.failed == side and e.played.ended == kind for e in self.entries) for side in (0, 1)]
            for kind in FAILURES
        }

    @property
    def distinct(self) -> int:
        """How many games differ from all before them in their moves."""
        return len({tuple(entry.played.board.moves) for entry in self.entries})

    @property
    def broken_off(self) -> int:
        """Games that were as long as they may be."""
        return sum(entry.played.ended == "length" for entry in self.entries)

    @property
    def score(self) -> Range:
        """The share of the points."""
        return share(self.points(), len(self.entries))

    def as_json(self) -> dict[str, Any]:
        """All figures and all games; Elo is null where it is infinite."""
        rules, found = self.series.rules, dict[str, Any]()
        found["players"] = [{"spec": spec, "name": name} for spec, name in zip(self.names, self.called, strict=True)]
        found["rules"] = {"size": rules.size, "komi": rules.komi_in_force, "ko": rules.ko, "suicide": rules.suicide}
        found["rules"]["max_moves"] = rules.longest
        found |= {"games_wanted": self.series.games, "games": len(self.entries), "seed": self.series.seed}
        found["opening_moves"] = self.series.opening_moves
        if self.entries:
            found |= {"won": self.count(1), "drawn": self.count(0.5), "lost": self.count(0)}
            found["score"] = self.score._asdict()
            ends = elo(self.score)._asdict().items()
            found["elo"] = {name: value if math.isfinite(value) else None for name, value in ends}
            found["points_as"] = {colour: self.points(colour) for colour in ("black", "white")}
        found |= {"failures": self.failures(), "broken_off": self.broken_off, "distinct": self.distinct}
        found["played"] = [_game(entry, file) for entry, file in zip(self.entries, self.files, strict=True)]
        return found

    @property
    def labels(self) -> tuple[str, str]:
        """What to call them in a line: as they were asked for, or, where that is long, as they call themselves."""
        pairs = zip(self.names, self.called, strict=True)
        first, second = (spec if len(spec) <= LONGEST_LABEL else called for spec, called in pairs)
        return (first, second) if first != second else (f"{first} (1)", f"{second} (2)")

    @property
    def text(self) -> str:
        """The figures, for people."""
        first, second = self.labels
        if not self.entries:
            return f"{first} against {second}: no game was finished"
        games, score, rules = len(self.entries), self.score, self.series.rules
        board = f"{rules.size}x{rules.size}, komi {rules.komi_in_force:g}, {rules.ko} ko{', suicide' * rules.suicide}"
        won, drawn, lost = (self.count(points) for points in (1, 0.5, 0))
        lines = [
            f"{first} against {second}: {won} won, {drawn} drawn, {lost} lost, {games} games on {board}",
            f"score {score.value:.3f}, 95 % interval {score.low:.3f} to {score.high:.3f} (Wilson)",
            "Elo difference {}, 95 % interval {} to {}".format(*map(_signed, elo(score))),
        ]
        by_colour = [(colour, sum(entry.first == colour for entry in self.entries)) for colour in ("black", "white")]
        lines.append(", ".join(f"{self.points(colour):g} of {n} as {colour.title()}" for colour, n in by_colour if n))
        for kind, (ours, theirs) in self.failures().items():
            if ours or theirs:
                lines.append(f"games lost by {kind}: {first} {ours}, {second} {theirs}")
        if not any(map(sum, self.failures().values())):
            lines.append("no illegal move, no time-out, no crash")
        length = f"; {self.broken_off} broken off after {self.series.rules.longest} moves and scored as they stood"
        lines.append(f"{self.distinct} of {games} games are distinct{length if self.broken_off else ''}")
        return "\n".join(lines)


def _game(entry: Entry, file: str) -> dict[str, Any]:
    played, size = entry.played, entry.played.board.size
    return {
        "game": entry.number,
        "first_plays": entry.first,
        "result": played.result,
        "ended": played.ended,
        "failure": played.failure,
        "moves": len(played.board.moves),
        "opening": [vertex(action, size) for action in entry.opening],
        "file": file,
    }


def _signed(value: float) -> str:
    return f"{value:+.0f}" if math.isfinite(value) else "infinite" if value > 0 else "minus infinite"
