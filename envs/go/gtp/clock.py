"""How long to think: Canadian time as GTP has it (GTP 2, 4.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

LAG = 0.05  # seconds that an answer may be on its way
FEWEST_TO_COME = 8  # own moves for which main time must last, at least


@dataclass
class GameClock:
    """Time of both sides, in seconds; without settings there is no limit."""

    main: float = 0.0
    period: float = 0.0  # of overtime, for `stones` moves; after them a new one begins
    stones: int = 0
    limited: bool = False
    # By colour: what is left, and for how many stones; 0 stones stand for main time.
    left: dict[str, tuple[float, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, main: float, period: float, stones: int) -> GameClock:
        """A clock as `time_settings` describes it: overtime for no stones means no limit, and so does no time at all.

        Example:
            >>> GameClock.of(60, 0, 0).budget("black", 20)
            2.95
            >>> GameClock.of(0, 30, 0).budget("black", 20) is None
            True
        """
        return cls(main, period, stones, limited=(main > 0 and period == 0) or (period > 0 and stones > 0))

    def restart(self) -> None:
        """Begin a game."""
        self.left.clear()

    def budget(self, colour: str, to_come: int) -> float | None:
        """Seconds for the next move of a side that has so many moves to come; None without a limit."""
        if not self.limited:
            return None
        seconds, stones = self._left(colour)
        if stones:
            share = seconds / stones
        else:
            overtime = self.period / self.stones if self.stones else 0.0
            share = seconds / max(FEWEST_TO_COME, to_come) + overtime
        return max(0.0, share - LAG)

    def spend(self, colour: str, seconds: float) -> None:
        """Note how long a side has thought about a move."""
        if not self.limited:
            return
        left, stones = self._left(colour)
        left -= seconds
        if stones:
            self.left[colour] = (left, stones - 1) if stones > 1 else (self.period, self.stones)
        elif left <= 0 and self.stones:
            self.left[colour] = (self.period, self.stones)
        else:
            self.left[colour] = (left, 0)

    def _left(self, colour: str) -> tuple[float, int]:
        start = (self.main, 0) if self.main > 0 or not self.stones else (self.period, self.stones)
        return self.left.get(colour, start)
