"""Files that are whole or not there, and folders that one process has to itself."""

from __future__ import annotations

import atexit
import functools
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rl_lab.errors import LabError

ADVICE = "set RL_LAB_CACHE to a folder that only you can write to"


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


def trusted(path: Path) -> bool:
    """Whether no other user can have written a file, or put files into a folder: owner and mode, where there are any.

    A folder may have been open to others before: what lies in one and is run, such as machine code, is asked about too.

    Raises:
        OSError: there is no such file.
    """
    about = os.stat(path)
    return not hasattr(os, "getuid") or (about.st_uid in (0, os.getuid()) and not about.st_mode & 0o022)


def private_folder(folder: Path) -> Path:
    """A folder whose files can be trusted, since other users cannot write there.

    Args:
        folder: made for this user alone where it is not there.

    Returns:
        The folder; or, where it cannot be written to or other users can, a new one that this process deletes at its
        end, of which a warning is logged.
    """
    try:
        folder.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
        if not trusted(folder):
            reason = "other users can write to it"
        elif os.access(folder, os.W_OK):
            return folder
        else:
            reason = "it cannot be written to"
    except OSError as error:
        reason = error.strerror or str(error)
    return temporary_folder(folder, f"{reason}; {ADVICE}")


@functools.cache
def temporary_folder(instead_of: Path, reason: str) -> Path:
    """A new folder for this process, which nobody can guess, with a warning that names the reason."""
    made, owner = Path(tempfile.mkdtemp(prefix="rl_lab-")), os.getpid()

    def delete() -> None:
        if os.getpid() == owner:  # and not a process that it forked
            shutil.rmtree(made, ignore_errors=True)

    atexit.register(delete)
    logging.getLogger("rl_lab").warning(
        "rl-lab: the cache folder %s is not used (%s); %s takes its place until this process ends",
        instead_of,
        reason,
        made,
    )
    return made


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
