"""What a person sees while runs go on: a line for all, one for each contender, one for compiling."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rl_lab.compare import wording
from rl_lab.errors import printable

if TYPE_CHECKING:
    from rl_lab.compare.runner import RunTask
    from rl_lab.compare.runs import Run
    from rl_lab.compare.worker import Job


class Display:
    """Progress on a terminal of runs, `jobs` at once; plain lines where there is none; nothing when quiet."""

    def __init__(self, tasks: Sequence[RunTask], jobs: int, quiet: bool = False) -> None:
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
        self.jobs = jobs
        self._compiling: Any = None
        self._left: dict[tuple[str, str], int] = Counter()
        self._runs: dict[str, int] = Counter()
        self._all = self.progress.add_task("[bold]all runs", total=0, note="")
        self._tasks: dict[str, Any] = {}
        self.add(tasks)
        self._finished: dict[str, int] = Counter()
        self._taken: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._partial: dict[int, int] = {}

    def add(self, tasks: Sequence[RunTask]) -> None:
        """Show more runs."""
        totals: dict[str, int] = Counter()
        for task in tasks:
            self._left[task.group] += 1
            self._runs[task.job.contender.name] += 1
            totals[task.job.contender.name] += task.job.steps
        for name, steps in totals.items():
            self._tasks[name] = self.progress.add_task(f"  {_plain(name)}", total=steps, note="")
        total = self.progress.tasks[self._all].total or 0
        self.progress.update(self._all, total=total + sum(totals.values()))

    def __enter__(self) -> Display:
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.progress.stop()

    def say(self, text: str, heading: str = "") -> None:
        """A line of its own, which may hold what others wrote."""
        from rich.text import Text

        self.console.print(Text.assemble((heading, "red"), printable(text)), soft_wrap=True)

    def compiling(self, name: str | None) -> None:
        """The line of what is compiled just now; None takes it away."""
        if self._compiling is not None:
            self.progress.remove_task(self._compiling)
            self._compiling = None
        if name is not None:
            self._began = time.perf_counter()
            self._compiling = self.progress.add_task(
                f"[cyan]preparing {_plain(name)}", total=None, note="compiled once"
            )
            if not self.live:
                self.say(f"preparing {name} (compiled once, later comparisons load it)")

    def step(self, job: Job, step: int, value: float) -> None:
        """A run got on."""
        name = job.contender.name
        self._advance(job, step)
        self.progress.update(self._tasks[name], note=f"{self._note(name)} · return {value:.3g}")

    def finished(self, run: Run, job: Job, seconds: float | None) -> None:
        """A run ended; `seconds` is None if it lay finished in the folder already."""
        group = run.environment, run.contender
        self._advance(job, job.steps)
        self._finished[run.contender] += 1
        self._left[group] -= 1
        if seconds is not None:
            self._taken[group].append(seconds)
        self.progress.update(self._tasks[run.contender], note=self._note(run.contender))
        self.progress.update(self._all, note=self._remaining())
        if run.failed:
            self.say(f"  {wording.failures([run])[0].removeprefix('FAILED').strip()}", "failed")
        elif not self.live and seconds is not None:
            last = sum(run.points[-1].returns) / len(run.points[-1].returns)
            self.say(
                f"{sum(self._finished.values()):>4}/{sum(self._runs.values())}  {run.contender} on {run.environment}, "
                f"seed {run.seed}: return {last:.3g} after {run.seconds:.1f} s of training"
            )

    def _advance(self, job: Job, step: int) -> None:
        more = step - self._partial.get(job.number, 0)
        self._partial[job.number] = step
        self.progress.advance(self._tasks[job.contender.name], more)
        self.progress.advance(self._all, more)

    def _note(self, contender: str) -> str:
        return f"{self._finished[contender]}/{self._runs[contender]} runs"

    def _remaining(self) -> str:
        """Time left, from what finished runs of each contender on each environment took."""
        known = {group: sum(taken) / len(taken) for group, taken in self._taken.items()}
        if not known:
            return ""
        usual = sum(known.values()) / len(known)
        left = sum(number * known.get(group, usual) for group, number in self._left.items()) / self.jobs
        return f"about {left / 60:.0f} min left" if left > 90 else f"about {left:.0f} s left"


def _plain(text: str) -> str:
    """What others wrote, where rich reads markup."""
    from rich.markup import escape

    return escape(printable(text))
