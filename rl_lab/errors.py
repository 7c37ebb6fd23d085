"""Errors that a user can act on: one sentence that names the value, what is allowed and what to do."""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # make text read in another order than it has


def printable(text: str, keep: str = "\n\t") -> str:
    r"""Text that others wrote, for a terminal: what would move its cursor or change its state is shown as an escape.

    Example:
        >>> print(printable("red \x1b[31m"))
        red \x1b[31m
    """
    return "".join(
        sign.encode("unicode_escape").decode()
        if sign not in keep and (unicodedata.category(sign) in ("Cc", "Cs") or sign in DIRECTIONS)
        else sign
        for sign in text
    )


def short(value: Any) -> str:
    """A value as a part of a sentence: its `repr` in one line of at most 80 characters."""
    text = " ".join(repr(value).split())
    return text if len(text) < 80 else text[:77] + "..."


class LabError(ValueError):
    """Bad input. The command line prints its sentence without a traceback and exits with code 2."""

    def __str__(self) -> str:
        return printable(super().__str__())


class KernelError(LabError):
    """A kernel cannot be compiled; the sentence names the kernel, its file and its line."""


class RenderModeError(LabError, TypeError):
    """An environment does not draw in this mode; a TypeError too, after which SB3's `make_vec_env` tries without."""


class MissingMethod(LabError, AttributeError):
    """An object of this kind does not have the method; an AttributeError too, for those who ask with `hasattr`."""


@contextmanager
def extra(name: str, purpose: str) -> Iterator[None]:
    """Import packages that one of the project's extras installs for a purpose; a LabError where that fails."""
    try:
        yield
    except ImportError as error:
        package = str(error.name or error).partition(".")[0]
        missing = isinstance(error, ModuleNotFoundError)
        why = "is not installed" if missing else f"cannot be imported ({error})"
        raise LabError(f"{purpose} needs {package}, which {why}; run pip install -e '.[{name}]'") from None
