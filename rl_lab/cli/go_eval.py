"""What `rl-lab eval` reports for agents that play Go: their opponent, and how many games they won."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import gymnasium as gym

    from rl_lab.compare.environments import Maker
    from rl_lab.compare.evaluation import Judgement

DEFINITION = "rl_lab.envs.go.environment:go"
USUAL = "random"


def plays_go(maker: Maker) -> bool:
    """Whether an environment is Go."""
    return maker.spec is not None and maker.spec.kwargs.get("definition") == DEFINITION


def opponent_of(maker: Maker) -> Any:
    """The opponent that an agent plays."""
    return maker.environment.arguments.get("opponent", USUAL)


def against_others(maker: Maker) -> Maker:
    """The same without self-play, whose returns mean nothing: the others of a mixture play, or random moves."""
    from rl_lab.envs.go.opponents import SELF

    names = opponent_of(maker).split("+") if isinstance(opponent_of(maker), str) else []
    if SELF not in names:
        return maker
    return maker.for_training({"opponent": "+".join(name for name in names if name != SELF) or USUAL})


def news_of_others(asked: Maker, met: Maker) -> str:
    """In a line, the opponent that replaces the requested one, and why; "" where they are the same."""
    if opponent_of(asked) == opponent_of(met):
        return ""
    return (
        f"opponent={opponent_of(asked)} is replaced by {opponent_of(met)}: against itself an agent wins as often as "
        "it loses, whatever its strength"
    )


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
    def of(cls, played: Judgement, maker: Maker) -> Tally:
        """Count the games of an evaluation; a return is the result, or the margin."""
        ended, returns = ~played.truncated, played.returns
        won, drawn, lost = (int((ended & side).sum()) for side in (returns > 0, returns == 0, returns < 0))
        return cls(str(opponent_of(maker)), won, drawn, lost, int(played.truncated.sum()))

    @property
    def text(self) -> str:
        """In a line; the score counts draws and games without a result by half."""
        from rl_lab.compare.games import share

        games = self.won + self.drawn + self.lost + self.broken_off
        score = share(self.won + (self.drawn + self.broken_off) / 2, games)
        return (
            f"against {self.opponent}: {self.won} won, {self.drawn} drawn, {self.lost} lost, {self.broken_off} broken "
            f"off; score {score.value:.3f}, 95 % interval {score.low:.3f} to {score.high:.3f} (Wilson)"
        )


def advice(run: Path, maker: Maker, seen: gym.Space) -> str:
    """How to meet others."""
    assert seen.shape is not None
    komi = maker.environment.arguments.get("komi")
    rules = f"--size {seen.shape[-1]}" + (f" --komi {komi:g}" if komi is not None else "")
    return f"others: --env-arg opponent=greedy; a match: rl-lab match {shlex.quote(str(run))} mcts:500 {rules}"
