"""Checks of what a person writes: one sentence with the value and what is allowed."""

import difflib
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rl_lab.errors import LabError, printable
from rl_lab.validation import own

COUNT_LIMIT = 2**53  # from which on floats do not tell neighbours apart
LONG = 200  # letters of a value that a message shows
SHOWN = 24  # a longer list of names is cut
SEED_LIMIT = 1_000_000  # evaluation seeds begin beyond every training seed


def shown(value: Any) -> str:
    """A value as a message shows it: not longer than a line or two, whatever it is."""
    try:
        text = repr(value)
    except Exception:  # an integer with too many digits, or an object whose __repr__ fails
        text = f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= LONG else f"{text[:LONG]}…"


def unknown(kind: str, name: object, allowed: Iterable[str]) -> LabError:
    """The error for a name that is not among those allowed, with the nearest of them."""
    names = [str(item) for item in allowed]
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    guess = f"did you mean {close[0]!r}? " if close else ""
    listed = names if len(names) <= SHOWN else difflib.get_close_matches(str(name), names, n=SHOWN // 2, cutoff=0.0)
    rest = f" and {len(names) - len(listed)} more" if len(listed) < len(names) else ""
    return LabError(f"unknown {kind} {shown(str(name))}; {guess}{kind} is one of {', '.join(listed)}{rest}")


def slug(text: str) -> str:
    """A text as a file name."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-.") or "unnamed"


def keys(kind: str, table: Mapping[str, Any], allowed: list[str]) -> None:
    """Refuse keys of a table that are not among those allowed."""
    for key in table:
        if key not in allowed:
            raise unknown(f"key of the {kind}", key, allowed)


def table(name: str, value: Any) -> Mapping[str, Any]:
    """The value, if it is a table."""
    if not isinstance(value, Mapping):
        raise LabError(f"{name} is {shown(value)}; it must be a table")
    return value


def sequence(name: str, value: Any) -> Sequence[Any]:
    """The value, if it is a list."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise LabError(f"{name} is {shown(value)}; it must be a list, in TOML [[{name}]]")
    return value


def choice(kind: str, value: Any, allowed: Iterable[str]) -> None:
    """Refuse a value that is not among those allowed."""
    if value not in allowed:
        raise unknown(kind, value, allowed)


def switch(name: str, value: Any) -> None:
    """Refuse what is neither true nor false."""
    if not isinstance(value, bool):
        raise LabError(f"{name} is {shown(value)}; it must be true or false")


def count(name: str, value: Any) -> None:
    """Refuse what is not a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise LabError(f"{name} is {shown(value)}; it must be a whole number of at least 1")
    if value >= COUNT_LIMIT:
        raise LabError(f"{name} is {shown(value)}; it must be below {COUNT_LIMIT:,}")


def text(name: str, value: Any) -> None:
    """Refuse what is not text, or has control characters."""
    if not isinstance(value, str) or printable(value, keep="") != value:
        raise LabError(f"{name} is {shown(value)}; it must be text without control characters")


def number(name: str, value: Any) -> None:
    """Refuse what is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= sys.float_info.max:
        raise LabError(f"{name} is {shown(value)}; it must be a finite number")


def positive(name: str, value: Any) -> None:
    """Refuse what is not a finite number above 0."""
    number(name, value)
    if value <= 0:
        raise LabError(f"{name} is {value}; it must be above 0")


def distinct(kind: str, names: list[str]) -> None:
    """Refuse an empty list of names, and names that are there twice."""
    if not names:
        raise LabError(f"there is no {kind}; a comparison needs at least one")
    for name in names:
        if not isinstance(name, str) or not name.strip() or printable(name, keep="") != name:
            raise LabError(f"{kind} {shown(name)} needs a name, as text without control characters")
        if names.count(name) > 1:
            raise LabError(f"{kind} {name!r} is there {names.count(name)} times; once is enough")


def training_seeds(seeds: Any) -> tuple[int, ...]:
    """The seeds that a number of them or a list of them means."""
    if isinstance(seeds, int) and not isinstance(seeds, bool):
        count("seeds", seeds)
        if seeds > SEED_LIMIT:
            raise LabError(f"seeds is {seeds}; at most {SEED_LIMIT} are possible")
        return tuple(range(seeds))
    chosen = (
        tuple(map(own, seeds)) if isinstance(seeds, Iterable) and not isinstance(seeds, (str, Mapping)) else (seeds,)
    )
    for seed in chosen:
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < SEED_LIMIT:
            raise LabError(f"seed {shown(seed)} is not a whole number from 0 to {SEED_LIMIT - 1}")
    if not chosen or len(set(chosen)) < len(chosen):
        raise LabError(f"seeds are {shown(list(chosen))}; there must be at least one, and none twice")
    return chosen
