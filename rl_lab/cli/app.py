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
Json = Annotated[bool, arg(name="json")]
EnvOption = Annotated[str | None, arg(name="env", metavar="ENV")]


def _primitive(
    kind: type, metavar: str, read: Callable[[str], Any], is_instance: Callable[[Any], bool]
) -> Callable[[PrimitiveTypeInfo], PrimitiveConstructorSpec[Any] | None]:
    """A rule by which tyro reads values of a type from a word."""
    spec = PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=lambda words: read(words[0]),
        is_instance=is_instance,
        str_from_instance=lambda value: [str(value)],
    )
    return lambda info: spec if info.type is kind else None


def _whole(word: str) -> int:
    """Whole numbers may be written as 1e5, too."""
    with contextlib.suppress(ValueError, OverflowError):
        if word.lstrip("+-").isdigit():
            return int(word)
        if (number := float(word)).is_integer():
            return int(number)
    raise ValueError(f"{word} is not a whole number, such as 100000 or 1e5")


def _path(word: str) -> Path:
    """An empty path, as of a shell's variable that is not set, is not the current folder."""
    if not word:
        raise ValueError("an empty path is not allowed; give one, such as . for the current folder")
    return Path(word)


registry.primitive_rule(
    _primitive(int, "INT", _whole, lambda value: isinstance(value, int) and not isinstance(value, bool))
)
registry.primitive_rule(_primitive(Path, "PATH", _path, lambda value: isinstance(value, Path)))


def one_env(place: str | None, option: str | None) -> str | None:
    """The environment that a command was given as a positional argument or as an option."""
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
    """Import the module of an environment that the user names, since loading a file imports nothing."""
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
    """Refuse numbers, of which None is not checked, outside of (value, least, most); a seed is one of NumPy's."""
    for name, (value, least, most) in {"seed": (seed, 0, 2**32 - 1), **limits}.items():
        if value is not None and not least <= value <= most:
            raise LabError(f"{name}={value} is not allowed; it must be from {least:,} to {most:,}")


def ready(out: Path | None, option: str = "--out") -> None:
    """Check that results can be written to a folder, before there are any; the check leaves nothing behind."""
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
    """Run a lesson, write its findings to their folder, `results/NAME` by default, and print them."""
    ready(out or Path("results"))
    findings = study()
    page = findings.write(out or Path("results") / findings.name)
    print(findings.json if as_json else printable(f"{findings.text}\npage: {page}"))
    return findings
