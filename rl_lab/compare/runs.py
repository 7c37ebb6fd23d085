"""What one run leaves behind, and the folder in which finished runs are kept."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from rl_lab.compare.evaluation import JudgedEpisode
from rl_lab.compare.measure import Point
from rl_lab.errors import LabError
from rl_lab.files import write_text

NOT_KEPT = "agent not kept"  # in a run's notes: why, or nothing for models that neither we nor SB3 made
UNSEEDED = "unseeded"  # in a run's notes where its environment does not begin the same episode with the same seed


@dataclass(frozen=True)
class Run:
    """One contender on one environment from one seed."""

    environment: str
    contender: str
    seed: int
    points: list[Point] = field(default_factory=list)
    """Evaluations during training; the last one is of the final model."""
    steps: int = 0
    """Environment steps taken."""
    seconds: float = 0.0
    """Of training, without set-up and evaluation."""
    cpu_seconds: float = 0.0
    """The same in seconds of the processor."""
    setup_seconds: float = 0.0
    """Making environments, loading or compiling machine code, importing."""
    evaluation_seconds: float = 0.0
    """Of evaluating the model during training."""
    ledger: Mapping[str, Any] = field(default_factory=dict)
    """What it cost, as `Ledger.as_dict` says it."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """Figures that its stages found."""
    best: JudgedEpisode | None = None
    """Of the last evaluation."""
    worst: JudgedEpisode | None = None
    """Of the last evaluation."""
    agent: str = ""
    """Name of the file in the folder `agents` that holds its last weights; empty if there is none."""
    error: str = ""
    """Why the run failed, in a sentence; empty if it did not."""
    traceback: str = ""
    """Where it failed."""

    @property
    def failed(self) -> bool:
        """Whether it ended without a model."""
        return bool(self.error)

    @property
    def sound(self) -> bool:
        """Whether it did not fail, and its numbers can be judged."""
        steps = [point.step for point in self.points]
        numbers = [self.steps, self.seconds, self.cpu_seconds, self.setup_seconds, self.evaluation_seconds]
        numbers += self.ledger.values()
        numbers += [
            figure for episode in (self.best, self.worst) if episode for figure in (episode.seed, episode.value)
        ]
        if isinstance(self.notes, dict):  # a report counts with these
            numbers += [self.notes[name] for name in ("updates", "switch") if name in self.notes]
            numbers += self.notes.get("pretraining", {}).values()
        for point in self.points:
            numbers += [point.step, point.seconds, point.cpu_seconds, *point.returns, *point.lengths]
        rising = all(before < after for before, after in pairwise(steps))
        judged = bool(steps) and all(point.returns for point in self.points)
        inside = Path(self.agent).name == self.agent != ".."  # files of agents are deleted: none elsewhere may be named
        typed = isinstance(self.notes, dict) and isinstance(self.seed, int)
        return not self.failed and judged and rising and inside and typed and all(map(math.isfinite, numbers))

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Run:
        """The reverse of `as_dict`."""
        known = {item.name for item in fields(cls)}
        values = {key: value for key, value in values.items() if key in known}
        for end in ("best", "worst"):
            values[end] = JudgedEpisode(**values[end]) if values.get(end) else None
        return cls(**{**values, "points": [Point(**point) for point in values.get("points", [])]})


class Store:
    """A folder with one file for each finished run, named by the hash of everything that decides it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str, environment: str, contender: str, seed: int) -> Run | None:
        """The finished run under a key, under the names that it has now; None if there is none."""
        try:
            values = json.loads(self._path(key).read_text(encoding="utf-8"))
            run = Run.from_dict({**values, "environment": environment, "contender": contender})
            return run if run.sound and run.seed == seed else None
        except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):  # missing, or not ours
            return None

    def put(self, key: str, run: Run) -> None:
        """Keep a run."""
        write(self._path(key), json.dumps(run.as_dict()))

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def write(path: str | Path, text: str) -> None:
    """Write a file atomically: readers see the old one or the new one."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        raise LabError(f"{str(path)!r} cannot be written: {error.strerror}") from error
