"""Files that are whole or not there, and folders that one process has to itself."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rl_lab.errors import LabError


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, flush it to the disk, and give it its name."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            os.unlink(file.name)
            raise
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def write_text(path: Path, text: str) -> None:
    """`write_bytes` for text, as UTF-8."""
    write_bytes(path, text.encode())


def make_folder(folder: Path, option: str = "--out") -> None:
    """Make a folder where it is not there, and see that it can be written to.

    Args:
        folder: its path.
        option: that named it, for messages.

    Raises:
        LabError: it cannot be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise LabError(
            f"{folder} cannot be made or written to ({error.strerror}); name another folder with {option}"
        ) from None


@contextmanager
def locked(folder: Path, wait: bool = False) -> Iterator[None]:
    """Have a folder to oneself; a process that dies, however it dies, gives it back.

    Args:
        folder: made where it is not there.
        wait: until another process gives it back, instead of giving up.

    Raises:
        LabError: another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "a+b") as file:
        try:
            _lock(file.fileno(), wait)
        except OSError:
            raise LabError(f"{folder} is in use by another run; wait for it, stop it, or name another folder") from None
        yield


def _lock(descriptor: int, wait: bool) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
