"""What a profile of training found, as a table for people and as figures for programs."""

import io
import math
import sys
from dataclasses import dataclass
from typing import Any

NOTABLE = 1.3  # a gain from which a faster environment is worth writing


@dataclass(frozen=True)
class Timing:
    """Seconds that some steps of training took."""

    name: str
    steps: int
    environment: float
    policy: float
    update: float

    @property
    def seconds(self) -> float:
        """All of them."""
        return self.environment + self.policy + self.update

    @property
    def steps_per_second(self) -> float:
        """Speed of training."""
        return self.steps / self.seconds

    @property
    def share(self) -> float:
        """The environment's share, from 0 to 1."""
        return self.environment / self.seconds

    @property
    def gain(self) -> float:
        """How many times as fast training were if the environment took no time (Amdahl, 1967)."""
        rest = self.policy + self.update
        return self.seconds / rest if rest > 0 else math.inf


@dataclass(frozen=True)
class ProfileReport:
    """What `profile` found; `text` is for people, `as_dict` for programs."""

    env: str
    num_envs: int
    compiled: bool
    timings: tuple[Timing, ...]

    def as_dict(self) -> dict[str, Any]:
        """All figures, as JSON can hold them."""
        rows = [
            {
                "name": timing.name,
                "steps": timing.steps,
                "steps_per_second": timing.steps_per_second,
                "seconds": {part: getattr(timing, part) for part in ("environment", "policy", "update")},
                "environment_share": timing.share,
                "speedup_if_environment_were_free": timing.gain,
            }
            for timing in self.timings
        ]
        return {"env": self.env, "num_envs": self.num_envs, "timings": rows, "conclusion": self.conclusion}

    @property
    def conclusion(self) -> str:
        """What the figures mean, in some sentences."""
        theirs, ours = self.timings[0], self.timings[-1]
        ratio = ours.steps_per_second / theirs.steps_per_second
        sentences = [
            f"The environment takes {theirs.share:.0%} of SB3's time here: were it free, SB3 would train "
            f"{theirs.gain:.3g} times as fast.",
            f"The lab's PPO trains {ratio:.3g} times as fast as SB3 in the same environment, which takes "
            f"{ours.share:.0%} of its time.",
        ]
        if self.compiled:
            sentences.append("Python is no bottleneck: the environment is compiled, and the learner takes the rest.")
        elif ours.gain >= NOTABLE:
            sentences.append(
                f"With a fast learner, Python is the bottleneck: with a compiled environment it could be up to "
                f"{ours.gain:.3g} times as fast again. envs/classic/cartpole.py shows how one is written."
            )
        else:
            sentences.append("The environment is not the bottleneck, the learner is.")
        return "\n".join(sentences)

    @property
    def text(self) -> str:
        """A table and the conclusion; coloured where the output is a terminal."""
        from rich import box
        from rich.console import Console
        from rich.table import Table

        terminal = sys.stdout.isatty()
        table = Table(box=box.SIMPLE_HEAD if terminal else None, pad_edge=False)
        table.add_column(f"PPO, {self.num_envs} environments", style="bold")
        for heading in ("steps/s", "environment", "policy", "update", "with a free environment"):
            table.add_column(heading, justify="right")
        for timing in self.timings:
            shares = (getattr(timing, part) / timing.seconds for part in ("environment", "policy", "update"))
            cells = f"{timing.steps_per_second:,.0f}", *(f"{share:.1%}" for share in shares), f"{timing.gain:.2f} x"
            table.add_row(timing.name, *cells)
        output = io.StringIO()
        console = Console(file=output, force_terminal=terminal, width=None if terminal else 120, highlight=False)
        console.print(f"Where the time goes in {self.env}\n", markup=False)
        console.print(table)
        console.print(f"\n{self.conclusion}", markup=False, soft_wrap=True)
        return "\n".join(line.rstrip() for line in output.getvalue().splitlines())
