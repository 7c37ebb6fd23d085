"""What a checkpoint may say: plain values in their bounds, of environments that are registered already.

A file names no code. Its environment is looked up among those that are registered and no module is imported for it;
arguments that name code are refused. Who trusts a file names its module or its arguments again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym

from rl_lab.errors import LabError, short

FORMAT = 1
COUNTERS = ("num_timesteps", "total_timesteps", "pretraining_steps", "iterations", "seconds")
CODE = ("definition", "entry_point", "vector_entry_point", "wrappers", "vector_kwargs")  # arguments that name it
PLACE = re.compile(r"[^:]+:[^\W\d][\w./-]*\s*")  # module:name, but not mcts:500
UNSAVED = "not saved"


def plain(value: Any) -> Any:
    """What JSON holds of an argument that it does not know: numbers of arrays; what is code is only named."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    return {UNSAVED: getattr(value, "__qualname__", type(value).__name__)}


def _whole(least: int, most: float = 2**62) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


RULES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "algorithm": ("a name", lambda value: isinstance(value, str)),
    "environment": ("a name", lambda value: isinstance(value, str) and value != ""),
    "env_kwargs": ("a table", lambda value: isinstance(value, dict)),
    "spaces": ("a description", lambda value: isinstance(value, (dict, str))),
    "num_envs": ("a whole number of at least 1", _whole(1)),
    "seed": ("a whole number of at least 0", _whole(0, math.inf)),
    "engine": ("'compiled' or 'torch'", lambda value: value in ("compiled", "torch")),
    "device": ("a name", lambda value: isinstance(value, str)),
    "settings": ("a table", lambda value: isinstance(value, dict)),
    "lanes": ("a text or null", lambda value: value is None or isinstance(value, str)),
    "started": ("true or false", lambda value: isinstance(value, bool)),
    "num_timesteps": ("a whole number of at least 0", _whole(0)),
    "total_timesteps": ("a whole number of at least 0", _whole(0)),
    "pretraining_steps": ("a whole number of at least 0", _whole(0)),
    "iterations": ("a whole number of at least 0", _whole(0)),
    "seconds": ("a number of at least 0", lambda value: type(value) in (int, float) and 0 <= value < 2**62),
}


def checked(body: Any, path: Path) -> dict[str, Any]:
    """The body of a checkpoint, with every value in its bounds.

    Raises:
        LabError: names the first that is not.
    """
    if not isinstance(body, dict):
        raise LabError(f"{path} holds {short(body)} where a table must be; use another checkpoint")
    if body.get("format") != FORMAT or isinstance(body["format"], bool):
        raise LabError(f"{path} has format {short(body.get('format'))}; this version reads format {FORMAT}")
    body = {"device": "cpu", "pretraining_steps": 0} | body  # which the first files do not have
    for name, (allowed, holds) in RULES.items():
        if name not in body or not holds(body[name]):
            value = short(body[name]) if name in body else "missing"
            raise LabError(f"{path} cannot be used: {name} is {value}; it must be {allowed}: use another checkpoint")
    return body


def registered(name: str, file: Path) -> str:
    """The id under which the environment of a file is registered here; its module is not imported.

    Raises:
        LabError: it is not registered.
    """
    module, _, plain_name = name.rpartition(":")
    try:
        gym.spec(plain_name)
    except (gym.error.Error, ValueError):
        trust = (
            f"a file has no module imported. Where you trust {module!r}, name it yourself: give env={name!r}, or "
            f"--env {name} on the command line"
        )
        raise LabError(
            f"{file} was trained on {plain_name}, which is not registered here; {trust if module else 'give env= too'}"
        ) from None
    return plain_name


def checked_arguments(body: dict[str, Any], env: str, file: Path) -> dict[str, Any]:
    """The arguments that a file gives to its environment.

    Raises:
        LabError: one of them names code, or could not be saved.
    """
    spec = gym.registry.get(env.rpartition(":")[2])
    for name, value in body["env_kwargs"].items():
        default = spec.kwargs.get(name) if spec is not None else None
        again = f"give env_kwargs= with it yourself, where you trust {file}"
        if isinstance(value, dict) and UNSAVED in value:
            raise LabError(f"{file} cannot hold env_kwargs {name!r}, which was {short(value[UNSAVED])}; {again}")
        if name in CODE or callable(default) or any(map(PLACE.fullmatch, _texts(value))):
            raise LabError(f"{file} has env_kwargs {name!r}: {short(value)}, which may name code to be run; {again}")
    return body["env_kwargs"]


def _texts(value: Any) -> Iterator[str]:
    """All texts in a value of JSON, names in tables among them."""
    if isinstance(value, (list, dict)):
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _texts(part)
    elif isinstance(value, str):
        yield value
