"""What weights have cost: steps, labels, gradients, seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

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

        Args:
            view: "free" counts the learner's own steps; "charged", the default, the demonstrations too; "teacher"
                also what it took to make the expert.
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
