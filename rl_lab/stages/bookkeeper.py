"""Counting what stages use, as they use it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rl_lab.errors import LabError
from rl_lab.stages.ledger import Ledger


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
        """All that was spent, by this stage and before it.

        Raises:
            LabError: no stage has begun.
        """
        if self._start is None:
            raise LabError("the books are not open; a stage runs as stage.run(context, artifact)")
        counted = Ledger(
            learner_steps=sum(each.taken for each in self._learners),
            demonstration_transitions=sum(env.taken for env in self._shown),
            wall_seconds=time.perf_counter() - self._start[0] - self._apart[0],
            cpu_seconds=time.process_time() - self._start[1] - self._apart[1],
        )
        return self._booked + counted
