"""The metrics of a run in its folder: `metrics.csv`, and scalars for TensorBoard where tensorboard is installed."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rl_lab.errors import LabError
from rl_lab.files import write_text, writing

if TYPE_CHECKING:
    from rl_lab.agents.algorithm import Algorithm


class RunLog:
    """`metrics.csv` and TensorBoard events; what was logged after the checkpoint that a run resumes from is dropped.

    Every `log_interval`th iteration of the algorithm is logged, and the last.

    Args:
        folder: of the run.
        iterations: that its agent has behind it.
        step: environment steps that its agent has behind it.

    Raises:
        LabError: the metrics that are there cannot be read, or the disk is full.
    """

    def __init__(self, folder: Path, iterations: int, step: int) -> None:
        self.path = folder / "metrics.csv"
        self.names: list[str] = []
        with writing(self.path):
            if iterations and self.path.exists():
                self.names, *kept = _rows(self.path, iterations)
                write_text(self.path, "".join(",".join(row) + "\n" for row in [self.names, *kept]))
            else:
                self.path.unlink(missing_ok=True)
        self.events = _events(folder / "tensorboard", step)

    def write(self, agent: Algorithm) -> None:
        """Add the metrics of an iteration that is logged."""
        if agent.iterations % agent.log_interval and agent.num_timesteps < agent.total_timesteps:
            return
        metrics = {"rollout/ep_rew_mean": float("nan"), "rollout/ep_len_mean": float("nan")} | agent.metrics
        first = not self.names
        self.names = self.names or sorted(metrics)
        with writing(self.path), self.path.open("a", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if first:
                writer.writerow(self.names)
            writer.writerow([f"{metrics.get(name, float('nan')):.9g}" for name in self.names])
        if self.events is not None:
            self.events.write(agent.metrics, agent.num_timesteps)

    def flush(self) -> None:
        """See that all events are in their file, before a checkpoint counts on them."""
        if self.events is not None:
            self.events.flush()

    def close(self) -> None:
        """Flush and close the events."""
        if self.events is not None:
            self.events.close()


def _rows(path: Path, iterations: int) -> list[list[str]]:
    """The names of the metrics, and the rows of the first iterations, without a last one that was cut off."""
    if path.is_fifo():  # which may never end
        raise LabError(f"{path} is a pipe; move it away, and resume the run again")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            names, *rows = list(csv.reader(file)) or [[]]
        if not names:
            raise LabError(f"{path} is empty; move it away, and resume the run again")
        at = names.index("time/iterations")
        return [names, *(row for row in rows if len(row) == len(names) and float(row[at]) <= iterations)]
    except (csv.Error, ValueError) as error:
        raise LabError(f"{path} is damaged ({error}); move it away, and resume the run again") from None


def _events(folder: Path, step: int) -> _Events | None:
    try:
        return _Events(folder, step)
    except ImportError:
        return None


class _Events:
    """Scalars in TensorBoard's format, in a file for each time that a run is started or resumed.

    TensorBoard's own writers hang where the disk is full, or import torch; its record format is all that is needed.
    """

    def __init__(self, folder: Path, step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter

        self.event, self.summary = Event, Summary
        # Readers take files by name; finer than the usual seconds, names keep the order of quick restarts.
        self.path = folder / f"events.out.tfevents.{time.time_ns()}.rl_lab"
        with writing(folder):
            folder.mkdir(exist_ok=True)
            self.records = RecordWriter(self.path.open("wb"))
        self._add(Event(wall_time=time.time(), file_version="brain.Event:2"))
        start = SessionLog(status=SessionLog.START)  # readers drop what they have from this step on
        self._add(Event(wall_time=time.time(), step=step + 1, session_log=start))
        self.flush()

    def write(self, metrics: dict[str, float], step: int) -> None:
        """Add scalars by tag."""
        values = [self.summary.Value(tag=tag, simple_value=value) for tag, value in metrics.items()]
        self._add(self.event(wall_time=time.time(), step=step, summary=self.summary(value=values)))

    def flush(self) -> None:
        """Write out what is buffered."""
        with writing(self.path):
            self.records.flush()

    def close(self) -> None:
        """Write out what is buffered, and close the file."""
        with writing(self.path):
            self.records.close()

    def _add(self, event: Any) -> None:
        with writing(self.path):
            self.records.write(event.SerializeToString())
