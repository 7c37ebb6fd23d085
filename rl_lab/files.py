"""Files that are whole or not there, and folders that one process has to itself."""

import atexit
import contextlib
import errno
import functools
import logging
import os
import shutil
import stat
import tempfile
import time
import tomllib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rl_lab.errors import LabError, short
from rl_lab.memory import check_memory

PARTIAL = ".rl_lab-partial"  # ends the names of files that are being written
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
MOST_OF_PIPE = 2**28  # bytes that are read from a pipe, which does not say how many will come
MOST_OF_TOML = 10**7  # characters
ADVICE = "set RL_LAB_CACHE to a folder that only you can write to"


def path_of(given: Any) -> Path:
    """The path that the user names; a LabError where it is none."""
    if not isinstance(given, (str, os.PathLike)) or not os.fspath(given):
        raise LabError(f"path={short(given)} is not allowed; give the path of a file, such as 'agent.safetensors'")
    return Path(given)


@contextmanager
def writing(path: Path, what: str = "written") -> Iterator[None]:
    """Writing to a file, where what the disk refuses becomes a sentence: it cannot be `what`."""
    try:
        yield
    except (OSError, ValueError) as error:  # a ValueError for a null byte in the name
        if isinstance(error, LabError):
            raise
        full = isinstance(error, OSError) and error.errno in FULL
        advice = "free space there, or name" if full else "name"
        problem = getattr(error, "strerror", None) or error
        raise LabError(f"{path} cannot be {what}: {problem}; {advice} another folder") from None


def write_bytes(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file under a temporary name, flush it to the disk, and give it its name; or leave what was there."""
    temporary = path.with_name(f".{path.name[:50]}.{uuid.uuid4().hex[:8]}{PARTIAL}")
    with writing(path):
        try:
            with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_text(path: Path, text: str) -> None:
    """`write_bytes` for text, as UTF-8; halves of surrogate pairs, as in names that are no UTF-8, are escaped."""
    write_bytes(path, text.encode(errors="backslashreplace"))


def read_bytes(path: Path, wanted: str) -> bytes:
    """The content of a file that the user names; `wanted` is what it should be, such as "a CSV file of numbers".

    Raises:
        LabError: it is missing, a folder or a device, not allowed to be read, larger than memory, or an endless pipe.
    """
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode) or stat.S_ISCHR(about.st_mode) or stat.S_ISBLK(about.st_mode):
            kind = "a folder" if stat.S_ISDIR(about.st_mode) else "a device"
            raise LabError(f"{path} is {kind}; give {wanted}")
        check_memory(2.0 * about.st_size, f"{path}", "give a smaller file")
        if stat.S_ISREG(about.st_mode):
            return path.read_bytes()
        with path.open("rb") as file:
            content = file.read(MOST_OF_PIPE + 1)
        if len(content) > MOST_OF_PIPE:
            raise LabError(f"{path} is a pipe with more than {MOST_OF_PIPE:,} bytes; give {wanted} that is on a disk")
        return content
    except (OSError, ValueError) as error:  # a ValueError for a null byte in the name
        if isinstance(error, LabError):
            raise
        problem = getattr(error, "strerror", None) or error
        raise LabError(f"{path} cannot be read ({problem}); give {wanted}") from None


def read_toml(path: str | Path, what: str) -> dict[str, Any]:
    """The table of a TOML file, which is a `what`, such as "plan"; a LabError where it cannot be read."""
    name = f"{what} {str(path)!r}"
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read(MOST_OF_TOML + 1)
        if len(text) > MOST_OF_TOML:
            raise LabError(f"{name} has more than {MOST_OF_TOML:,} characters; give the path of a smaller TOML file")
        return tomllib.loads(text)
    except FileNotFoundError:
        raise LabError(f"there is no {name}; give the path of a TOML file") from None
    except OSError as error:
        raise LabError(f"{name} cannot be read: {error.strerror}; give the path of a TOML file") from None
    except RecursionError:
        raise LabError(f"{name} is nested too deeply") from None
    except ValueError as error:  # no UTF-8, no TOML, a number with too many digits, a null byte in the name
        if isinstance(error, LabError):
            raise
        raise LabError(f"{name} is not TOML: {error}") from None


def make_folder(folder: Path, option: str = "--out") -> None:
    """Make a folder, named by `option`, where it is not there, and see that it can be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise LabError(
            f"{folder} cannot be made or written to ({error.strerror}); name another folder with {option}"
        ) from None


def trusted(path: Path | int) -> bool:
    """Whether no other user can have written a file, or put files into a folder: owner and mode, where there are any.

    A folder may have been open to others before: what lies in one and is run, such as machine code, is asked about too.

    Raises:
        OSError: there is no such file.
    """
    about = os.stat(path)
    if not hasattr(os, "getuid"):
        return True
    closed = not about.st_mode & stat.S_IWGRP or (_private(about.st_gid) and not _has_list(path))
    return about.st_uid in (0, os.getuid()) and closed and not about.st_mode & stat.S_IWOTH


def _private(group: int) -> bool:
    """Whether a group is this user's own: Debian and Fedora give everyone one of the same name, and a umask of 002."""
    import grp
    import pwd

    try:
        name, entry = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(group)
    except KeyError:
        return False
    return entry.gr_name == name and set(entry.gr_mem) <= {name}


def _has_list(path: Path | int) -> bool:
    """Whether an access control list names more users: the group's bits of the mode are then its mask."""
    return not hasattr(os, "listxattr") or "system.posix_acl_access" in os.listxattr(path)


def distrust(folder: Path) -> str:
    """Why a folder, made for this user alone where it is not there, is no place for files to trust; or nothing."""
    try:
        folder.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
        if not trusted(folder):
            return "other users can write to it"
        return "" if os.access(folder, os.W_OK) else "it cannot be written to"
    except OSError as error:
        return error.strerror or str(error)


def private_folder(folder: Path) -> Path:
    """A folder whose files can be trusted, made for this user alone where it is not there.

    Where it cannot be written to or other users can, it is a new one that this process deletes at its end, with a
    warning.
    """
    reason = distrust(folder)
    return temporary_folder(folder, f"{reason}; {ADVICE}") if reason else folder


@functools.cache
def temporary_folder(instead_of: Path, reason: str) -> Path:
    """A new folder for this process, whose name cannot be guessed, with a warning that names the reason."""
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


def discard_partial(folder: Path, age: float = 0.0) -> None:
    """Delete what a process that died was writing in a folder, and what no process has written to for `age` seconds."""
    for left in folder.glob(f".*{PARTIAL}"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime >= age:
                left.unlink()


@contextmanager
def locked(folder: Path, wait: bool = False) -> Iterator[None]:
    """Have a folder, made where it is not there, to oneself; a process that dies, however it dies, gives it back.

    What a process that died was writing there is deleted.

    Raises:
        LabError: another process has it, and `wait` is not given, or it may not be written to.
    """
    with writing(folder, "made"):
        folder.mkdir(parents=True, exist_ok=True)
    with writing(folder):
        file = open(folder / ".lock", "a+b")  # noqa: SIM115  # closed below
    with file:
        try:
            lock(file.fileno(), wait)
        except OSError:
            raise LabError(f"{folder} is in use by another run; wait for it, stop it, or name another folder") from None
        discard_partial(folder)
        yield


def lock(descriptor: int, wait: bool) -> None:
    """Lock an open file against other processes until it is closed.

    Raises:
        OSError: another process has it, or files cannot be locked there.
    """
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
