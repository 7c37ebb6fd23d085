"""The outcome of a comparison."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rl_lab.compare import logs, wording
from rl_lab.compare.plan import Plan
from rl_lab.compare.runs import Run
from rl_lab.compare.verdict import Verdict, judge
from rl_lab.files import path_of


@dataclass(frozen=True)
class Result:
    """Runs and what follows from them."""

    plan: Plan
    runs: Sequence[Run]
    """Every run, those that failed among them."""
    paired: bool = True
    """Whether the same seed of two contenders belongs together."""
    command: str = ""
    """What makes the comparison again."""
    versions: dict[str, str] = field(default_factory=dict)
    """Of Python and of the packages that decide what a run does."""
    hardware: str = ""
    agents: Mapping[str, list[Path]] = field(default_factory=dict)
    """Files of trained agents by contender, from the best final return on; see `keep` of `compare`."""

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """One for each environment, question and contender but the baseline."""
        return judge(self.plan, self.runs, self.paired)

    @property
    def verdict(self) -> str:
        """All verdicts as text."""
        return wording.in_full(self.plan, self.runs, self.verdicts)

    @property
    def failures(self) -> list[str]:
        """A sentence for each reason why runs failed."""
        return wording.failures(self.runs)

    def save(self, path: str | Path) -> Path:
        """Write the report, one self-contained HTML file, or `runs.csv` or `verdicts.json` by the path's ending."""
        path = path_of(path)
        if path.suffix == ".csv":
            logs.write_runs(path, self.plan, self.runs)
        elif path.suffix == ".json":
            logs.write_verdicts(path, self.plan, self.verdicts)
        else:
            from rl_lab.compare.report import write_report

            write_report(path, self)
        return path

    def save_all(self, folder: str | Path) -> Path:
        """Write `report.html`, `runs.csv` and `verdicts.json` into a folder; returns the report's path."""
        from rl_lab.compare.report import write_report

        folder = path_of(folder)
        self.save(folder / "runs.csv")
        self.save(folder / "verdicts.json")
        write_report(folder / "report.html", self, beside=True)
        return folder / "report.html"

    def __str__(self) -> str:
        return self.verdict

    def __repr__(self) -> str:
        failed = sum(run.failed for run in self.runs)
        return (
            f"Result({len(self.runs)} runs{f', {failed} failed' if failed else ''}: "
            f"{', '.join(contender.name for contender in self.plan.contenders)} on "
            f"{', '.join(environment.name for environment in self.plan.environments)})"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdicts."""
        return f"<pre>{html.escape(self.verdict)}</pre>"
