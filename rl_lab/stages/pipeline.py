"""Stages in a row."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from rl_lab.agents import run_folder
from rl_lab.agents.on_policy import OnPolicyAlgorithm
from rl_lab.errors import LabError
from rl_lab.files import read_toml
from rl_lab.fingerprint import describe
from rl_lab.stages.artifact import Artifact
from rl_lab.stages.clone import Clone
from rl_lab.stages.context import Context
from rl_lab.stages.demonstrate import Demonstrate
from rl_lab.stages.finetune import Finetune
from rl_lab.stages.represent import Represent
from rl_lab.stages.stage import ADVICE, Stage, load_policy
from rl_lab.stages.value import FitValue

logger = logging.getLogger("rl_lab")

KINDS: dict[str, type[Stage]] = {stage.kind: stage for stage in (Demonstrate, Represent, Clone, FitValue, Finetune)}


@dataclass(frozen=True)
class Trained(Artifact):
    """What a pipeline made: an agent, and the artifact of its last stage."""

    context: Context = field(kw_only=True, repr=False, compare=False)
    tuned: OnPolicyAlgorithm | None = field(default=None, kw_only=True, repr=False, compare=False)

    @cached_property
    def agent(self) -> OnPolicyAlgorithm:
        """The agent: the one that the last stage trained, or a new one with the weights that the stages made."""
        if self.tuned is not None:
            self.tuned.kickstart(None)
            self.tuned.pretraining_steps = self.num_timesteps - self.tuned.num_timesteps
            return self.tuned
        if not self.part("actor") and not self.part("trunk"):
            raise _no_policy(self.stage)
        agent = self.context.agent()
        load_policy(agent, self)
        agent.pretraining_steps = self.num_timesteps
        return agent

    @property
    def num_timesteps(self) -> int:
        """All steps that went into it, those of its own teacher included: what it cost where it is an expert."""
        return self.ledger.steps("teacher")

    def predict(self, observation: Any, *arguments: Any, **named: Any) -> Any:
        """What `predict` of the agent returns."""
        return self.agent.predict(observation, *arguments, **named)

    def save(self, path: str | Path) -> None:
        """Write the agent, as `Algorithm.save` does."""
        self.agent.save(path)


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

    def run(self, context: Context, artifact: Artifact | None = None) -> Trained:
        """Run all stages; what was kept from an earlier run is not made again.

        Returns:
            The agent, as its `agent`, with what it cost, as its `ledger`; `predict` and `save` are the agent's.
        """
        for stage in self.stages:
            artifact = stage.run(context, artifact)
        assert artifact is not None
        tuned = context.trained if isinstance(self.stages[-1], Finetune) else None
        return Trained(**vars(artifact), context=context, tuned=tuned)

    @classmethod
    def load(cls, path: str | Path) -> tuple[Pipeline, dict[str, Any]]:
        """A pipeline from a TOML file: `[[stages]]` tables, and beside them what a `Context` takes."""
        stages, table = _read_file(path)
        if "env" not in table:
            raise LabError(f"{path} names no env; {KEYS_OF_FILE}")
        return cls(stages), table

    @classmethod
    def train(cls, path: str | Path, out: str | Path, store: Path | None = None, **given: Any) -> OnPolicyAlgorithm:
        """Train an agent with the stages of a TOML file and write it as a run; `rl-lab train --stages` does this.

        A run that is killed begins its last training again; what the stages before it made is kept in `store`.

        Args:
            path: as for `load`; the environment may also be in `given`.
            out: folder of the run; it must be new.
            store: see `Context`.
            given: what a `Context` takes, in place of what the file says; hyperparameters are merged.

        Raises:
            LabError: the file makes no sense, the folder holds a run, or a stage cannot work here.
        """
        stages, table = _read_file(path)
        pipeline = cls(stages)
        merged = {**table.pop("hyperparameters", {}), **given.pop("hyperparameters", {})}
        options = {**table, **given, "hyperparameters": merged}
        if "env" not in options:
            raise LabError(f"{path} names no env; name it there, or with --env")
        run_folder.check_new(Path(out))
        last = pipeline.stages[-1].kind
        if not {"actor", "trunk"} & {part for stage in pipeline.stages for part in stage.gives}:
            raise _no_policy(last)
        if last != Finetune.kind:
            logger.warning(
                "%s ends with stage %r: the agent is only pretrained, and does not learn from reward; to train it, add "
                "a stage 'finetune'",
                path,
                last,
            )
        trained = pipeline.run(Context(store=store, **options))
        run_folder.keep(trained.agent, options["env"], Path(out))
        return trained.agent


FILE = {"algorithm": str, "env": str, "seed": int, "env_kwargs": dict, "hyperparameters": dict, "budget": int}
FILE |= {"stages": list}
KEYS_OF_FILE = "it takes algorithm, env, seed, env_kwargs, hyperparameters, budget and [[stages]]"


def _no_policy(last: str) -> LabError:
    return LabError(f"the pipeline ends with stage {last!r} and makes no policy; add a stage 'clone'")


def _read_file(path: str | Path) -> tuple[list[Any], dict[str, Any]]:
    table = read_toml(path, "pipeline")
    for name, value in table.items():
        if name not in FILE:
            raise LabError(f"{path} has an unknown key {name!r}; {KEYS_OF_FILE}")
        if type(value) is not FILE[name]:
            raise LabError(f"{path} has {name} = {value!r}; it must be of type {FILE[name].__name__}")
    return table.pop("stages", []), table


def read(table: Mapping[str, Any]) -> Stage:
    """A stage from a table; a LabError where it is unknown, or has a setting that it does not know."""
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
