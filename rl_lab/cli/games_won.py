"""What `rl-lab eval` reports of games of two sides: how many an agent won, and against whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rl_lab.compare.environments import Maker
    from rl_lab.compare.evaluation import Judgement
    from rl_lab.envs.definition import Versus


def versus(maker: Maker) -> Versus | None:
    """Against whom an agent plays in an environment; None where it is no game of two sides."""
    env = maker.single()
    try:
        definition = getattr(env.unwrapped, "definition", None)
        return definition.versus if definition else None
    finally:
        env.close()


@dataclass(frozen=True)
class Tally:
    """Games that an agent has played."""

    opponent: str
    won: int
    drawn: int
    lost: int
    broken_off: int
    """At their longest length, without a result."""

    @classmethod
    def of(cls, played: Judgement, opponent: str) -> Tally:
        """Count the games of an evaluation; a return is the result, or the margin."""
        ended, returns = ~played.truncated, played.returns
        won, drawn, lost = (int((ended & side).sum()) for side in (returns > 0, returns == 0, returns < 0))
        return cls(opponent, won, drawn, lost, int(played.truncated.sum()))

    @property
    def text(self) -> str:
        """In a line; the score counts draws and games without a result by half."""
        from rl_lab.compare.statistics import share

        games = self.won + self.drawn + self.lost + self.broken_off
        score = share(self.won + (self.drawn + self.broken_off) / 2, games)
        return (
            f"against {self.opponent}: {self.won} won, {self.drawn} drawn, {self.lost} lost, {self.broken_off} broken "
            f"off; score {score.value:.3f}, 95 % interval {score.low:.3f} to {score.high:.3f} (Wilson)"
        )
