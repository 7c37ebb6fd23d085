"""The application that commands register with, and what they share."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from rl_lab.errors import LabError

if TYPE_CHECKING:
    from rl_lab.lessons.findings import Findings

app = tyro.extras.SubcommandApp()


def key_values(pairs: tuple[str, ...]) -> dict[str, Any]:
    """`key=value` words as a dictionary; a value is read as JSON where it is that, otherwise as text."""
    values: dict[str, Any] = {}
    for pair in pairs:
        key, sign, text = pair.partition("=")
        if not sign or not key.isidentifier():
            raise LabError(f"{pair!r} is not key=value; write, for example, --env-arg size=8")
        try:
            values[key] = json.loads(text)
        except json.JSONDecodeError:
            values[key] = {"True": True, "False": False, "None": None}.get(text, text)
    return values


def within(seed: int, **limits: tuple[int | None, int, int]) -> None:
    """Refuse numbers of a command that are too small, or so large that it would never end or not fit into memory.

    Args:
        seed: from 0 to 2³² − 1, as NumPy's and scikit-learn's.
        limits: by option, its value (None is not checked), the least and the most.

    Raises:
        LabError: names the option and what is allowed.
    """
    for name, (value, least, most) in {"seed": (seed, 0, 2**32 - 1), **limits}.items():
        if value is not None and not least <= value <= most:
            raise LabError(f"{name}={value} is not allowed; it must be from {least:,} to {most:,}")


def ready(out: Path | None, option: str = "--out") -> None:
    """See that results can be kept, before there are any; nothing is left of the trial.

    Args:
        out: their folder, if there is to be one.
        option: that named it, for messages.

    Raises:
        LabError: the folder cannot be made, or not be written to.
    """
    from rl_lab.files import make_folder

    if out is not None:
        new = [folder for folder in (out, *out.parents) if not folder.exists()]
        try:
            make_folder(out, option)
        finally:
            for folder in new:
                with contextlib.suppress(OSError):  # it could not be made, or somebody has put something there
                    folder.rmdir()


def show(study: Callable[[], Findings], out: Path | None, as_json: bool) -> Findings:
    """Hold a lesson, write what it found to its folder, `results/NAME` by default, and print it.

    Raises:
        LabError: the folder cannot be made, which is said before the lesson is held.
    """
    ready(out)
    findings = study()
    page = findings.write(out or Path("results") / findings.name)
    print(findings.json if as_json else f"{findings.text}\npage: {page}")
    return findings
