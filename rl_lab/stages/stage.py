"""A stage: it takes what the stage before it made, makes something better, and says what that cost."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np

from rl_lab.agents.on_policy import OnPolicyAlgorithm
from rl_lab.core import weights
from rl_lab.core.layer_transfer import copy_layers
from rl_lab.errors import LabError
from rl_lab.files import locked
from rl_lab.fingerprint import describe, own_source, processor, versions
from rl_lab.stages import store
from rl_lab.stages.artifact import Artifact
from rl_lab.stages.context import Context
from rl_lab.stages.ledger import Ledger


@dataclass(frozen=True)
class Stage:
    """One step of a pipeline; a stage of your own says what it needs and gives, and has a `make`.

    Attributes:
        kind: its name in plans.
        needs: parts that the artifact before it must have: "demonstrations", "actor", "critic".
        gives: parts that its own artifact has beside those.
        kept: whether its artifact is kept, and not made twice.
    """

    kind: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ()
    gives: ClassVar[tuple[str, ...]] = ()
    kept: ClassVar[bool] = True

    def make(self, context: Context, artifact: Artifact | None) -> Artifact:
        """Do the work; the books are kept around it."""
        raise NotImplementedError

    def __str__(self) -> str:
        given = ((item, getattr(self, item.name)) for item in fields(self))
        changed = [(item, value) for item, value in given if value != item.default]
        settings = ", ".join(f"{item.name} = {getattr(value, '__name__', None) or value}" for item, value in changed)
        return f"{self.kind} ({settings})" if settings else self.kind

    def described(self) -> dict[str, Any]:
        """What counts about its settings, as JSON can hold it."""
        return {item.name: describe(getattr(self, item.name)) for item in fields(self)}

    def minimal(self) -> Stage:
        """The same stage with as little work as possible, to compile what it needs."""
        return self

    def least(self, rollout: int, budget: int) -> int:
        """Environment steps that it will charge at least, given those of a rollout and of the pipeline's budget."""
        return 0

    def run(self, context: Context, artifact: Artifact | None = None) -> Artifact:
        """The artifact of this stage: the one that was kept, or a new one with its whole cost."""
        self.check_fits(context, artifact)
        key = self.key(context, artifact)
        folder = context.store / key if context.store and self.kept else None
        if folder is None:
            return self._made(context, artifact, key)
        with locked(folder, wait=True):
            if store.holds(folder):
                context.report(f"{self.kind}: made before, {folder.name}")
                return store.load(folder)
            made = self._made(context, artifact, key)
            store.save(made, folder, artifact)
        store.prune(folder.parent)
        return made

    def key(self, context: Context, artifact: Artifact | None) -> str:
        """Names all that decides the artifact: the stage, its settings, its parent, the environment, the seed."""
        said = [
            describe(type(self)),
            self.described(),
            artifact.key if artifact else None,
            context.environment.description,
            context.seed,
            context.algorithm,
            describe(context.hyperparameters),
            own_source(),
            versions(),
            processor(),  # seconds that are charged again are those of the same machine
        ]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:20]

    def check_fits(self, context: Context, artifact: Artifact | None) -> None:
        """Refuse an artifact that lacks a part or belongs to other spaces."""
        for part in self.needs:
            if artifact is None or not artifact.part(part):
                raise LabError(f"stage {self.kind!r} needs {part}, which no stage before it gives; {ADVICE[part]}")
        name, spaces = context.environment.name, context.environment.spaces
        if artifact is not None and (artifact.environment, artifact.spaces) != (name, spaces):
            raise LabError(
                f"stage {self.kind!r} got an artifact of {artifact.environment} with {artifact.spaces}, but "
                f"{name} has {spaces}; pipelines stay in one environment"
            )

    def _made(self, context: Context, artifact: Artifact | None, key: str) -> Artifact:
        context.books.begin(artifact.ledger if artifact else Ledger())
        made = self.make(context, artifact)
        parents = (*artifact.parents, artifact.key) if artifact else ()
        return replace(made, ledger=context.books.ledger(), parents=parents, key=key)


MOMENTS = ("mean", "variance", "count", "return_moments")  # of a normalizer, which are handed on
MAKERS = {"demonstrations": "demonstrations", "actor": "clone", "critic": "value"}
ADVICE = {part: f"put a stage {kind!r} before it" for part, kind in MAKERS.items()}


def extended(
    stage: Stage, context: Context, artifact: Artifact | None, notes: dict[str, Any], **parts: Any
) -> Artifact:
    """An artifact with the tensors and notes of the one before it, and new ones for some parts, each by name."""
    tensors = dict(artifact.tensors) if artifact else {}
    for part, arrays in parts.items():
        tensors = {name: array for name, array in tensors.items() if not name.startswith(f"{part}.")}
        tensors |= {f"{part}.{name}": np.array(array) for name, array in arrays.items()}
    known = dict(artifact.notes) if artifact else {}
    return Artifact(
        stage.kind, tensors, context.environment.name, context.environment.spaces, notes={**known, stage.kind: notes}
    )


def policy_parts(agent: OnPolicyAlgorithm) -> dict[str, dict[str, np.ndarray]]:
    """The agent's tensors, by part: actor, critic, for continuous actions log_std, and a normalizer if it has one."""
    parts: dict[str, dict[str, np.ndarray]] = {}
    for name, array in agent.policy.tensors().items():
        part, _, rest = name.partition(".")
        parts.setdefault(part, {})[rest or "value"] = array
    if agent.normalizer.observations or agent.normalizer.rewards:
        parts["normalizer"] = {name: getattr(agent.normalizer, name) for name in MOMENTS}
    return parts


def load_policy(agent: OnPolicyAlgorithm, artifact: Artifact, *parts: str) -> None:
    """Put an artifact's policy into an agent of the same net_arch, or only some of its parts.

    Where the artifact has a trunk, actor and critic start from its layers; their own parts, if it has them, count more.
    """
    if (trunk := artifact.part("trunk")) and (not parts or "trunk" in parts):
        for network in (agent.policy.actor, agent.policy.critic):
            copy_layers(weights.network(trunk, network.activation), network)
    for part, arrays in policy_parts(agent).items():
        given = artifact.part(part) if not parts or part in parts else {}
        for name in arrays.keys() & given.keys():
            if given[name].shape != arrays[name].shape:
                raise LabError(
                    f"{part}.{name} of the artifact has shape {given[name].shape}, but this agent's has "
                    f"{arrays[name].shape}; use the same net_arch in all stages"
                )
            arrays[name][...] = given[name]
