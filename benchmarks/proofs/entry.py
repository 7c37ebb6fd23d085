"""What the proofs have in common as commands: help, one sentence for what is wrong, exit code 2."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

import tyro

from rl_lab.errors import LabError


def run(main: Callable[..., Any], description: str | None = None) -> None:
    """Run a function as a command; `--help` only describes it, and words that it does not know are refused.

    Args:
        main: the function.
        description: for the help; by default the function's own.
    """
    try:
        tyro.cli(main, description=description)
    except LabError as error:
        print(f"benchmarks.proofs: {error}", file=sys.stderr)
        sys.exit(2)


def missing(package: str, extra: str) -> NoReturn:
    """End the program with a sentence about a package that is not installed, and how it would be."""
    print(
        f"benchmarks.proofs: this is held against {package}, which is not installed; "
        f"pip install -c constraints.txt -e '.[{extra}]'",
        file=sys.stderr,
    )
    sys.exit(2)
