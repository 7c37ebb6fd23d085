"""Where the runs of a comparison are done: the protocol that local processes implement, and other machines may."""

from collections.abc import Iterator
from typing import Any, Protocol

from rl_lab.compare.worker import Job

Message = dict[str, Any]


class Executor(Protocol):
    """Does jobs, each of which ends with one outcome, whatever became of where it ran."""

    @property
    def slots(self) -> int:
        """How many more jobs could begin now."""

    def submit(self, job: Job) -> None:
        """Begin a job in a free slot; that it could not be sent is an event like any other."""

    def events(self) -> Iterator[Message]:
        """What was reported since the last call, waiting a moment for the first: `{"job": number, ...}`.

        A message has `"step"` and `"return"` of an evaluation, or the `"outcome"` that ends its job.
        """

    def close(self) -> None:
        """End all jobs, whatever they are doing."""
