"""Trained agents that a comparison keeps: the last weights of a run, as a file in the folder `agents`."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rl_lab.agents.algorithm import Algorithm
from rl_lab.compare.checks import slug
from rl_lab.compare.runs import NOT_KEPT, Run
from rl_lab.files import PARTIAL


def stem(folder: Path, environment: str, contender: str, seed: int, key: str) -> Path:
    """Where the agent of a run is kept, without the ending; the key tells it from one that was trained otherwise."""
    return folder / f"{slug(contender)}-{slug(environment)}-{seed}-{key[:8]}"


def save(model: Any, path: Path) -> str:
    """Write the agent of a run, as its library does: its class's `load` reads it; its file's name, or none.

    An agent of ours is written as safetensors, one of Stable-Baselines3 as a zip file and, where it was trained in a
    `VecNormalize`, that as `.vecnormalize.pkl` beside it; models of unknown make are not.
    """
    ours = isinstance(model, Algorithm)
    if not ours and not (hasattr(model, "get_vec_normalize_env") and hasattr(model, "save")):
        return ""
    path.parent.mkdir(parents=True, exist_ok=True)
    if ours:
        model.save(whole := path.with_name(f"{path.name}.safetensors"))
        return whole.name
    if (wrapper := model.get_vec_normalize_env()) is not None:
        _write(wrapper.save, path, ".vecnormalize.pkl")
    return _write(model.save, path, ".zip")


def _write(write: Any, path: Path, ending: str) -> str:
    """Write a file under another name and rename it."""
    name = path.name + ending
    unfinished = path.with_name(f".{name}{PARTIAL}")
    try:
        write(unfinished)
        os.replace(unfinished, path.with_name(name))
    finally:
        unfinished.unlink(missing_ok=True)
    return name


def chosen(runs: Sequence[Run], keep: str, folder: Path) -> dict[str, list[Path]]:
    """Files of agents by contender, those of each environment from the highest final return to the lowest.

    Of "best", those of all seeds but the best are deleted.
    """
    found: dict[str, list[Path]] = {}
    if keep == "none":
        return found
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run.agent and not run.failed and (folder / run.agent).exists():
            groups.setdefault((run.contender, run.environment), []).append(run)
    for (contender, _), own in groups.items():
        own.sort(key=lambda run: -float(np.mean(run.points[-1].returns)))
        for run in own[1:] if keep == "best" else ():
            for file in (folder / run.agent, (folder / run.agent).with_suffix(".vecnormalize.pkl")):
                file.unlink(missing_ok=True)
        found.setdefault(contender, []).extend(folder / run.agent for run in (own[:1] if keep == "best" else own))
    return found


def missing(runs: Iterable[Run], folder: Path, keep: str) -> int:
    """How many runs have no agent there though one could have been written; "best" deleted some that were.

    A note without a reason is of models that are never written; one with a reason may be of a disk that was full.
    """
    return sum(
        run.notes.get(NOT_KEPT) != "" and not (run.agent and (keep == "best" or (folder / run.agent).exists()))
        for run in runs
    )
