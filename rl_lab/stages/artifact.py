"""What a stage hands on: tensors, what they cost, and what they were made from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rl_lab.stages.ledger import Ledger


@dataclass(frozen=True)
class Artifact:
    """Weights or demonstrations on their way through a pipeline.

    Attributes:
        stage: what made it.
        tensors: arrays by name: `actor.0.weight` and so on for a policy, `demonstrations.rows`, `normalizer.mean`.
        environment: id of the environment that it belongs to.
        spaces: of that environment, as text.
        ledger: all that it cost, its parents included.
        parents: keys of the artifacts that it was made from, the nearest last.
        notes: figures that the stage found, such as an accuracy.
        key: names what it was made from and how; empty where it is not kept.
    """

    stage: str
    tensors: Mapping[str, np.ndarray]
    environment: str
    spaces: str
    ledger: Ledger = field(default_factory=Ledger)
    parents: tuple[str, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""

    def part(self, name: str) -> dict[str, np.ndarray]:
        """Tensors whose names begin with `name` and a dot, without that; empty if there are none."""
        return {key[len(name) + 1 :]: value for key, value in self.tensors.items() if key.startswith(f"{name}.")}

    @property
    def digest(self) -> str:
        """Hash of the tensors: equal for equal bytes."""
        total = hashlib.sha256()
        for name, array in sorted(self.tensors.items()):
            total.update(f"{name} {array.dtype} {array.shape}".encode())
            total.update(np.ascontiguousarray(array).tobytes())
        return total.hexdigest()[:20]
