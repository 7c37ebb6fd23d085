"""What weights have cost, in steps, labels, gradients and seconds, and counting it as stages use it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from rl_lab.errors import LabError

VIEWS = ("free", "charged", "teacher")


@dataclass(frozen=True)
class Ledger:
    """Costs, which add up from stage to stage."""

    learner_steps: int = 0
    """Environment steps that the learner took itself."""
    demonstration_transitions: int = 0
    """Environment steps that an expert showed."""
    teacher_steps: int = 0
    """Environment steps that it took to make the expert, such as the training of an agent."""
    labels: int = 0
    """Targets that were learned from, each counted once a fit."""
    gradient_steps: int = 0
    """Minibatches."""
    evaluation_steps: int = 0
    """Environment steps that only judged; they are charged to nobody."""
    wall_seconds: float = 0.0
    """Without those of judging."""
    cpu_seconds: float = 0.0
    """The same in seconds of the processor."""

    def __add__(self, other: Ledger) -> Ledger:
        return Ledger(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))

    def steps(self, view: str = "charged") -> int:
        """Environment steps on the axis of a view.

        "free" counts the learner's own steps; "charged", the default, the demonstrations too; "teacher" also what it
        took to make the expert.
        """
        charged = self.learner_steps
        if view in ("charged", "teacher"):
            charged += self.demonstration_transitions
        return charged + self.teacher_steps if view == "teacher" else charged

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Ledger:
        """The reverse of `as_dict`."""
        return cls(**{item.name: values[item.name] for item in fields(cls) if item.name in values})


class Counting(Protocol):
    """Something that counts the environment steps that it takes."""

    @property
    def taken(self) -> int:
        """Steps so far."""


class Bookkeeper:
    """Adds up the costs of one stage, and of those before it."""

    def __init__(self) -> None:
        self._learners: list[Counting] = []
        self._shown: list[Counting] = []
        self._booked = Ledger()
        self._start: tuple[float, float] | None = None
        self._apart = [0.0, 0.0]  # seconds that are not charged, of the wall and of the processor

    def begin(self, spent: Ledger) -> None:
        """Start from what was spent before a stage."""
        self._learners, self._shown, self._booked = [], [], spent
        self._start, self._apart = (time.perf_counter(), time.process_time()), [0.0, 0.0]

    def learner(self, env: Counting) -> None:
        """Charge the steps of an environment to the learner."""
        self._learners.append(env)

    def shown(self, env: Counting) -> None:
        """Charge the steps of an environment as demonstrations."""
        self._shown.append(env)

    def book(self, cost: Ledger) -> None:
        """Add other costs."""
        self._booked += cost

    @contextmanager
    def off_the_clock(self) -> Iterator[None]:
        """What is done within takes no time that is charged."""
        before = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self._apart[0] += time.perf_counter() - before[0]
            self._apart[1] += time.process_time() - before[1]

    def ledger(self) -> Ledger:
        """All that was spent, by this stage and before it."""
        if self._start is None:
            raise LabError("the books are not open; a stage runs as stage.run(context, artifact)")
        counted = Ledger(
            learner_steps=sum(each.taken for each in self._learners),
            demonstration_transitions=sum(env.taken for env in self._shown),
            wall_seconds=time.perf_counter() - self._start[0] - self._apart[0],
            cpu_seconds=time.process_time() - self._start[1] - self._apart[1],
        )
        return self._booked + counted
