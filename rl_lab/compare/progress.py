"""What a person sees while runs go on: a line for all, one for each contender, one for compiling."""

from __future__ import annotations

import time
from collections import defaultdict
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rl_lab.compare.runs import Run


class Display:
    """Progress on a terminal; plain lines where there is none; nothing when quiet.

    Args:
        contenders: their names.
        runs: how many runs each contender has to do.
        steps: of one run.
        jobs: how many run at once.
        quiet: say nothing.
    """

    def __init__(self, contenders: list[str], runs: int, steps: int, jobs: int, quiet: bool = False) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self.console = Console(stderr=True, quiet=quiet)
        self.live = self.console.is_terminal and not quiet
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("[dim]{task.fields[note]}"),
            console=self.console,
            disable=not self.live,
        )
        self.steps, self.runs, self.jobs = steps, runs, jobs
        self._compiling: Any = None
        total = steps * runs
        self._all = self.progress.add_task("[bold]all runs", total=total * len(contenders), note="")
        self._tasks = {name: self.progress.add_task(f"  {name}", total=total, note="") for name in contenders}
        self._finished: dict[str, int] = defaultdict(int)
        self._taken: dict[str, list[float]] = defaultdict(list)
        self._partial: dict[tuple[str, int], int] = {}

    def __enter__(self) -> Display:
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.progress.stop()

    def say(self, text: str) -> None:
        """A line of its own."""
        self.progress.print(text, highlight=False) if self.live else self.console.print(text, highlight=False)

    def compiling(self, name: str | None) -> None:
        """The line of what is compiled just now; None takes it away."""
        if self._compiling is not None:
            self.progress.remove_task(self._compiling)
            self._compiling = None
        if name is not None:
            self._began = time.perf_counter()
            self._compiling = self.progress.add_task(f"[cyan]preparing {name}", total=None, note="compiled once")
            if not self.live:
                self.say(f"preparing {name} (compiled once, later comparisons load it)")

    def step(self, contender: str, number: int, step: int, value: float) -> None:
        """A run got on."""
        self._advance(contender, number, step)
        self.progress.update(self._tasks[contender], note=self._note(contender) + f" · return {value:.3g}")

    def finished(self, run: Run, number: int, seconds: float | None) -> None:
        """A run ended; `seconds` is None if it lay finished in the folder already."""
        self._advance(run.contender, number, self.steps)
        self._partial.pop((run.contender, number), None)
        self._finished[run.contender] += 1
        if seconds is not None:
            self._taken[run.contender].append(seconds)
        self.progress.update(self._tasks[run.contender], note=self._note(run.contender))
        self.progress.update(self._all, note=self._remaining())
        if run.failed:
            self.say(f"[red]failed[/red]  {run.contender} on {run.environment}, seed {run.seed}: {_plain(run.error)}")
        elif not self.live and seconds is not None:
            last = sum(run.points[-1].returns) / len(run.points[-1].returns)
            done = sum(self._finished.values())
            self.say(
                f"{done:>4}/{self.runs * len(self._tasks)}  {run.contender} on {run.environment}, seed {run.seed}: "
                f"return {last:.3g} after {run.seconds:.1f} s of training"
            )

    def _advance(self, contender: str, number: int, step: int) -> None:
        more = step - self._partial.get((contender, number), 0)
        self._partial[contender, number] = step
        self.progress.advance(self._tasks[contender], more)
        self.progress.advance(self._all, more)

    def _note(self, contender: str) -> str:
        return f"{self._finished[contender]}/{self.runs} runs"

    def _remaining(self) -> str:
        """Time left, from what finished runs of each contender took."""
        known = [sum(taken) / len(taken) for taken in self._taken.values()]
        if not known:
            return ""
        left = 0.0
        for name in self._tasks:
            taken = self._taken.get(name)
            left += (self.runs - self._finished[name]) * (sum(taken) / len(taken) if taken else max(known))
        left /= self.jobs
        return f"about {left / 60:.0f} min left" if left > 90 else f"about {left:.0f} s left"


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
