"""What a stage hands on: tensors, what they cost, and what they were made from; kept by content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rl_lab.core import weights
from rl_lab.errors import LabError
from rl_lab.files import write_text
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

    def save(self, folder: Path) -> None:
        """Write `artifact.safetensors` and then `artifact.json`, without which the first counts for nothing."""
        folder.mkdir(parents=True, exist_ok=True)
        weights.save(folder / "artifact.safetensors", self.tensors)
        body = {
            "stage": self.stage,
            "environment": self.environment,
            "spaces": self.spaces,
            "ledger": self.ledger.as_dict(),
            "parents": list(self.parents),
            "notes": dict(self.notes),
            "key": self.key,
            "digest": self.digest,
        }
        write_text(folder / "artifact.json", json.dumps(body, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Artifact:
        """Read what `save` wrote.

        Raises:
            LabError: a file is missing, damaged or was altered.
        """
        try:
            body = json.loads((folder / "artifact.json").read_text())
            known = [body[name] for name in ("stage", "environment", "spaces", "ledger", "parents", "notes", "key")]
            digest = body["digest"]
        except FileNotFoundError:
            raise LabError(f"{folder} holds no artifact; give the folder of one") from None
        except (KeyError, TypeError, ValueError):
            raise LabError(f"{folder / 'artifact.json'} is damaged; delete {folder}, and it is made again") from None
        stage, environment, spaces, ledger, parents, notes, key = known
        tensors = weights.load(folder / "artifact.safetensors")
        found = cls(stage, tensors, environment, spaces, Ledger.from_dict(ledger), tuple(parents), notes, key)
        if found.digest != digest:
            raise LabError(f"{folder} was altered since it was written; delete it, and it is made again")
        return found
