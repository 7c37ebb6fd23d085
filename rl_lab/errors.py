"""Errors that a user can act on: one sentence that names the value, what is allowed and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager


class LabError(ValueError):
    """Bad input. The command line prints its sentence without a traceback and exits with code 2."""


class KernelError(LabError):
    """A kernel cannot be compiled; the sentence names the kernel, its file and its line."""


class RenderModeError(LabError, TypeError):
    """An environment does not draw in this mode; a TypeError too, after which SB3's `make_vec_env` tries without."""


class MissingMethod(LabError, AttributeError):
    """An object of this kind does not have the method; an AttributeError too, for those who ask with `hasattr`."""


@contextmanager
def extra(name: str, purpose: str) -> Iterator[None]:
    """Import packages that one of the project's extras installs.

    Args:
        name: of the extra.
        purpose: what needs the packages.

    Raises:
        LabError: a package is not installed, or cannot be imported.
    """
    try:
        yield
    except ImportError as error:
        package = str(error.name or error).partition(".")[0]
        missing = isinstance(error, ModuleNotFoundError)
        why = "is not installed" if missing else f"cannot be imported ({error})"
        raise LabError(f"{purpose} needs {package}, which {why}; run pip install -e '.[{name}]'") from None
