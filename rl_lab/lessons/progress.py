"""What a lesson is doing, where it takes some seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def telling(name: str) -> Iterator[Callable[[str], None]]:
    """A line that says what is being done, on a terminal; nothing elsewhere.

    Args:
        name: of the lesson.

    Yields:
        What is called with each new line.
    """
    from rich.console import Console

    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield lambda text: None
        return
    with console.status(name) as status:
        yield lambda text: status.update(f"{name}: {text}")
