"""The application that commands register with, and what they share."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from tyro.conf import Positional, arg
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from rl_lab.errors import LabError, printable

if TYPE_CHECKING:
    from rl_lab.lessons.findings import Findings

app = tyro.extras.SubcommandApp()
registry = ConstructorRegistry()

Env = Annotated[Positional[str | None], arg(metavar="ENV")]
"""An environment as a positional argument."""
EnvOption = Annotated[str | None, arg(name="env", metavar="ENV")]


@registry.primitive_rule
def _whole(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[int] | None:
    """Whole numbers may be written as 1e5, too."""
    if info.type is not int:
        return None

    def read(words: list[str]) -> int:
        with contextlib.suppress(ValueError, OverflowError):
            number = float(words[0])
            return int(words[0]) if words[0].lstrip("+-").isdigit() else _exactly(number)
        raise ValueError(f"{words[0]} is not a whole number, such as 100000 or 1e5")

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="INT",
        instance_from_str=read,
        is_instance=lambda value: isinstance(value, int) and not isinstance(value, bool),
        str_from_instance=lambda value: [str(value)],
    )


@registry.primitive_rule
def _path(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Path] | None:
    """An empty path, as of a shell's variable that is not set, is not the current folder."""
    if info.type is not Path:
        return None

    def read(words: list[str]) -> Path:
        if not words[0]:
            raise ValueError("an empty path is not allowed; give one, such as . for the current folder")
        return Path(words[0])

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="PATH",
        instance_from_str=read,
        is_instance=lambda value: isinstance(value, Path),
        str_from_instance=lambda value: [str(value)],
    )


def _exactly(number: float) -> int:
    if not number.is_integer():
        raise ValueError
    return int(number)


def one_env(place: str | None, option: str | None) -> str | None:
    """The environment that a command was given as a positional argument or as an option.

    Raises:
        LabError: two different ones were given.
    """
    if place is not None and option is not None and place != option:
        raise LabError(f"two environments were given, {place} and --env {option}; give one")
    return place or option


def needed_env(place: str | None, option: str | None, command: str) -> str:
    """`one_env` where an environment is required."""
    env = one_env(place, option)
    if env is None:
        raise LabError(f"{command} needs an environment; give a Gymnasium id, such as CartPole-v1, or module:id")
    return env


def know_env(env: str | None) -> None:
    """Import the module of an environment that the user names, since loading a file imports nothing.

    Raises:
        LabError: there is no such module or environment.
    """
    if env is not None:
        from rl_lab.compare.environments import find_spec

        find_spec(env)


def given_options() -> list[str]:
    """The options on the command line, such as "num-envs", also those that are given their default."""
    words = [word.split("=")[0] for word in sys.argv[1:] if word.startswith("--")]
    return [word[2:].replace("_", "-") for word in words]


def key_values(pairs: tuple[str, ...]) -> dict[str, Any]:
    """`key=value` words as a dictionary; a value is read as JSON where it is that, otherwise as text."""
    values: dict[str, Any] = {}
    for pair in pairs:
        key, sign, text = pair.partition("=")
        if not sign or not key.isidentifier():
            raise LabError(f"{pair!r} is not key=value; write, for example, --env-arg size=8")
        if key in values:
            raise LabError(f"{key} is given twice, the second time as {pair!r}; give it once")
        try:
            values[key] = json.loads(text)
        except (ValueError, RecursionError):  # no JSON, too many digits, nested too deeply
            values[key] = {"True": True, "False": False, "None": None}.get(text, text)
    return values


def within(seed: int, **limits: tuple[int | None, int, int]) -> None:
    """Refuse numbers that are too small, or so large that a command would never end or exceed the memory.

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
    """Check that results can be written, before there are any; the check leaves nothing behind.

    Args:
        out: their folder; None is not checked.
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
                with contextlib.suppress(OSError):  # it could not be made, or is not empty any more
                    folder.rmdir()


def show(study: Callable[[], Findings], out: Path | None, as_json: bool) -> Findings:
    """Run a lesson, write its findings to their folder, `results/NAME` by default, and print them.

    Raises:
        LabError: the folder cannot be made; this is checked before the lesson runs.
    """
    ready(out or Path("results"))
    findings = study()
    page = findings.write(out or Path("results") / findings.name)
    print(findings.json if as_json else printable(f"{findings.text}\npage: {page}"))
    return findings
