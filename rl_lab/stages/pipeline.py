"""Stages in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from rl_lab.errors import LabError
from rl_lab.fingerprint import describe
from rl_lab.stages.artifact import Artifact
from rl_lab.stages.clone import Clone
from rl_lab.stages.context import Context
from rl_lab.stages.demonstrate import Demonstrate
from rl_lab.stages.finetune import Finetune
from rl_lab.stages.represent import Represent
from rl_lab.stages.stage import ADVICE, Stage
from rl_lab.stages.value import FitValue

KINDS: dict[str, type[Stage]] = {stage.kind: stage for stage in (Demonstrate, Represent, Clone, FitValue, Finetune)}


class Pipeline:
    """Stages, each of which takes what the one before it made.

    Args:
        stages: stages, or tables as plans write them: `{"stage": "clone", "alpha": 0.01}`.

    Raises:
        LabError: a stage is unknown, has a setting that it does not know, or needs what no stage before it gives.

    Example:
        >>> pipeline = Pipeline([{"stage": "demonstrations", "expert": "planner"}, {"stage": "clone"}])
        >>> [stage.kind for stage in pipeline.stages]
        ['demonstrations', 'clone']
    """

    def __init__(self, stages: Sequence[Stage | Mapping[str, Any]]) -> None:
        if isinstance(stages, (str, Mapping, Stage)) or not isinstance(stages, Sequence):
            raise LabError(f"stages are {stages!r}; give a list of them")
        self.stages = [stage if isinstance(stage, Stage) else read(stage) for stage in stages]
        if not self.stages:
            raise LabError(f"a pipeline without stages does nothing; choose among {', '.join(KINDS)}")
        given: set[str] = set()
        for stage in self.stages:
            for part in stage.needs:
                if part not in given:
                    raise LabError(f"stage {stage.kind!r} needs {part}, which no stage before it gives; {ADVICE[part]}")
            given.update(stage.gives)

    def __str__(self) -> str:
        return " → ".join(map(str, self.stages))

    def described(self) -> list[Any]:
        """What counts about its stages, for the names of what they make."""
        return [[describe(type(stage)), stage.described()] for stage in self.stages]

    def run(self, context: Context, artifact: Artifact | None = None) -> Artifact:
        """Run all stages; what was kept from an earlier run is not made again."""
        for stage in self.stages:
            artifact = stage.run(context, artifact)
        assert artifact is not None
        return artifact

    @classmethod
    def load(cls, path: str | Path) -> tuple[Pipeline, dict[str, Any]]:
        """A pipeline from a TOML file: `[[stages]]` tables, and beside them what a `Context` takes.

        Raises:
            LabError: there is no such file, or it makes no sense.
        """
        import tomllib

        try:
            table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise LabError(f"{path} cannot be read: {error.strerror}") from None
        except tomllib.TOMLDecodeError as error:
            raise LabError(f"{path} is no TOML: {error}") from None
        stages = table.pop("stages", [])
        unknown = table.keys() - {"env", "seed", "env_kwargs", "hyperparameters", "budget"}
        if unknown or "env" not in table:
            problem = f"has an unknown key {sorted(unknown)[0]!r}" if unknown else "names no env"
            raise LabError(f"{path} {problem}; it takes env, seed, env_kwargs, hyperparameters, budget and [[stages]]")
        return cls(stages), table


def read(table: Mapping[str, Any]) -> Stage:
    """A stage from a table.

    Raises:
        LabError: the stage is unknown, or has a setting that it does not know.
    """
    if not isinstance(table, Mapping) or "stage" not in table:
        raise LabError(f'stage {table!r} does not say which it is; write, for example, {{ stage = "clone" }}')
    settings = dict(table)
    kind = settings.pop("stage")
    if not isinstance(kind, str) or kind not in KINDS:
        raise LabError(f"stage {kind!r} is unknown; choose among {', '.join(KINDS)}")
    known = [item.name for item in fields(KINDS[kind])]
    if unknown := [name for name in settings if name not in known]:
        raise LabError(f"stage {kind!r} has no setting {unknown[0]!r}; it has {', '.join(known)}")
    return KINDS[kind](**settings)
