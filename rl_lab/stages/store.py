"""Artifacts on disk: a folder each, named by what it was made from; each keeps only what its parent does not have."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from rl_lab.core import weights
from rl_lab.data import cache
from rl_lab.errors import LabError
from rl_lab.files import distrust, locked, write_text
from rl_lab.stages.artifact import Artifact
from rl_lab.stages.ledger import Ledger

LIMIT = 2 * 2**30  # bytes that a store may hold
IDLE = 3600.0  # seconds for which an artifact must lie unused before it may go
KINDS = {
    **dict.fromkeys(("stage", "environment", "spaces", "key", "digest"), str),
    **dict.fromkeys(("ledger", "notes"), dict),
    **dict.fromkeys(("parents", "inherited"), list),
}
ABOUT, TENSORS = "artifact.json", "artifact.safetensors"


def usual() -> Path | None:
    """The folder of artifacts in the user's cache; None where it cannot be written to, or other users can."""
    folder = cache.folder("artifacts")
    return None if distrust(folder) else folder


def save(artifact: Artifact, folder: Path, parent: Artifact | None = None) -> None:
    """Write `artifact.safetensors` and then `artifact.json`, without which the first counts for nothing.

    Tensors that the artifact shares with a parent that lies beside it are not written again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    beside = parent is not None and (folder.parent / parent.key / ABOUT).exists()
    known = dict(parent.tensors) if parent is not None and beside else {}
    inherited = sorted(name for name, array in artifact.tensors.items() if known.get(name) is array)
    weights.save(folder / TENSORS, {name: array for name, array in artifact.tensors.items() if name not in inherited})
    names = ("stage", "environment", "spaces", "key", "digest")
    body: dict[str, Any] = {name: getattr(artifact, name) for name in names}
    body |= {"ledger": artifact.ledger.as_dict(), "notes": dict(artifact.notes)}
    body |= {"parents": list(artifact.parents), "inherited": inherited}
    write_text(folder / ABOUT, json.dumps(body, indent=1) + "\n")


def load(folder: Path) -> Artifact:
    """Read what `save` wrote; a LabError where a file is missing, damaged or was altered."""
    body = _about(folder)
    tensors = weights.load(folder / TENSORS)
    if body["inherited"]:
        try:
            before = load(folder.parent / body["parents"][-1]).tensors
            tensors |= {name: before[name] for name in body["inherited"]}
        except (KeyError, RecursionError):
            raise _damaged(folder) from None
    ledger, parents = Ledger.from_dict(body["ledger"]), tuple(body["parents"])
    names = body["stage"], tensors, body["environment"], body["spaces"]
    found = Artifact(*names, ledger, parents, body["notes"], body["key"])
    if found.digest != body["digest"]:
        raise LabError(f"{folder} was altered since it was written; delete it, and it is made again")
    os.utime(folder / ABOUT)  # it was used just now
    return found


def holds(folder: Path) -> bool:
    """Whether an artifact lies there, and those that it inherits from beside it."""
    if not (folder / ABOUT).exists():
        return False
    body = _about(folder)
    try:
        return not body["inherited"] or holds(folder.parent / body["parents"][-1])
    except RecursionError:  # it names itself among its parents
        raise _damaged(folder) from None


def prune(folder: Path, limit: int = LIMIT, idle: float = IDLE) -> None:
    """Delete artifacts that were not used for `idle` seconds, oldest first, until at most `limit` bytes are left."""
    found = sorted((about.stat().st_mtime, about.parent) for about in folder.glob(f"*/{ABOUT}"))
    sizes = {each: sum(file.stat().st_size for file in each.iterdir()) for _, each in found}
    total = sum(sizes.values())
    for used, each in found:
        if total <= limit or used > time.time() - idle:
            return
        try:
            with locked(each):
                shutil.rmtree(each)
        except LabError:
            continue  # somebody has it
        total -= sizes[each]


def _about(folder: Path) -> dict:
    """What `artifact.json` says, every value of its own kind."""
    try:
        body = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LabError(f"{folder} holds no artifact; give the folder of one") from None
    except (ValueError, RecursionError):
        raise _damaged(folder) from None
    if not isinstance(body, dict) or not all(isinstance(body.get(name), kind) for name, kind in KINDS.items()):
        raise _damaged(folder)
    costs, parents, inherited = body["ledger"].values(), body["parents"], body["inherited"]
    if not all(type(cost) in (int, float) and 0 <= cost < float("inf") for cost in costs):
        raise _damaged(folder)
    plain = all(isinstance(name, str) and Path(name).name == name and name != ".." for name in parents)
    if not plain or not all(isinstance(name, str) for name in inherited) or (inherited and not parents):
        raise _damaged(folder)
    return body


def _damaged(folder: Path) -> LabError:
    return LabError(f"{folder / ABOUT} is damaged; delete {folder}, and it is made again")
