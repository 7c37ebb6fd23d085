"""Machine code on disk: one file for each generated module and types that it is called with.

A file's name is a hash of all that decides the machine code, and it begins with a hash of its name and the rest, so
that a damaged file is compiled again. Only files that this user or root wrote, and that no other user can write to, are
read: machine code runs unchecked. So a cache may be shared, such as one that root filled in an image.
"""

import contextlib
import functools
import hashlib
import logging
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rl_lab import files
from rl_lab.errors import LabError
from rl_lab.jit import generated
from rl_lab.jit.compile_process import CHILD
from rl_lab.jit.module import Module

SUFFIX = ".code"
KEEP = 500  # files; those used longest ago go first
DAY = 86_400.0
PATIENCE = 300.0  # seconds to wait for another process that compiles the same
logger = logging.getLogger("rl_lab")


def folder() -> Path:
    """Where machine code is written.

    That is `$RL_LAB_CACHE`; where it is not set, or is no folder of this user's own, `rl_lab` in the user's cache
    folder; where that cannot be written to either, a temporary folder.
    """
    if named := _named():
        with contextlib.suppress(OSError):
            _make(named)
            if os.access(named, os.W_OK) and files.trusted(named):
                return named
    import platformdirs

    own = platformdirs.user_cache_path("rl_lab").absolute() / "jit"
    with contextlib.suppress(OSError):
        _make(own)
    return files.private_folder(own)


def places() -> list[Path]:
    """Where machine code is looked for: where it is written, but first in a shared folder that `$RL_LAB_CACHE` is."""
    return list(dict.fromkeys(place for place in (_named(), folder()) if place))


def _named() -> Path | None:
    named = os.environ.get("RL_LAB_CACHE")
    return Path(named).absolute() / "jit" if named else None


def name_of(module: Module, signature: tuple[Any, ...]) -> str:
    """A file name for a module and Numba's types of its arguments, by all that decides the machine code."""
    types = " ".join(map(_described, signature))
    settings = " ".join(f"{name}={value}" for name, value in generated.numba_settings().items())
    way = CHILD if module.apart else ""
    total = hashlib.sha256(f"{module.digest} {types} {settings} {way} {_machine()}".encode())
    return f"{module.entry}_{total.hexdigest()[:20]}"


def file_of(name: str) -> Path:
    """Where the machine code of this name is written."""
    return folder() / f"{name}{SUFFIX}"


def holds(name: str) -> bool:
    """Whether there is a file of this name; it may be one that `read` refuses."""
    return any((place / f"{name}{SUFFIX}").exists() for place in places())


def read(name: str) -> bytes | None:
    """The machine code of this name; None where there is none that is whole and that only this user or root wrote."""
    for place in places():
        path = place / f"{name}{SUFFIX}"
        with contextlib.suppress(OSError), open(path, "rb") as file:
            if not files.trusted(file.fileno()):
                _distrust(place)
                continue
            sealed = file.read()
            code = sealed[hashlib.sha256().digest_size :]
            if sealed == _seal(name, code) + code:
                with contextlib.suppress(OSError):  # of a shared folder
                    os.utime(path)
                return code
    return None


def write(name: str, code: bytes) -> None:
    """Keep machine code; where the disk is full, it is compiled again in the next process."""
    place = folder()
    try:
        files.write_bytes(file_of(name), _seal(name, code) + code, mode=0o644)
    except LabError as error:
        logger.warning("machine code is not kept, and the next process compiles again: %s", error)
    _prune(place)


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Let other processes wait that want to compile the same, so that they load what this one compiled.

    Only time is at stake, so a process goes on without where it waited too long or files cannot be locked.
    """
    path, end = folder() / f"{name}.lock", time.monotonic() + PATIENCE
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            file = stack.enter_context(open(path, "a+b"))
            while time.monotonic() < end:
                with contextlib.suppress(BlockingIOError):
                    files.lock(file.fileno(), wait=False)
                    break
                if holds(name):
                    break
                time.sleep(0.1)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()


def _make(place: Path) -> None:
    """Make a folder that only this user can write to; one that others could write to is closed to them."""
    for folder in (place.parent, place):
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    about = place.stat()
    if hasattr(os, "getuid") and about.st_uid == os.getuid() and about.st_mode & 0o022:
        place.chmod(about.st_mode & 0o755)


@functools.cache
def _distrust(place: Path) -> None:
    logger.warning("machine code in %s that other users wrote, or can write to, is not used", place)


def _seal(name: str, code: bytes) -> bytes:
    return hashlib.sha256(name.encode() + code).digest()


def _described(kind: Any) -> str:
    """A type of Numba's, with the place of every NamedTuple's class: names alone may be two classes'."""
    parts = getattr(kind, "types", None)
    if not isinstance(parts, tuple):
        return str(kind)
    made = getattr(kind, "instance_class", tuple)
    return f"{made.__module__}.{made.__qualname__}({', '.join(map(_described, parts))})"


@functools.cache
def _machine() -> str:
    """Versions and the processor: code compiled for one is not loaded by another."""
    import llvmlite.binding as llvm
    import numba

    versions = f"{platform.python_version()} {sys.flags.optimize} {np.__version__} {numba.__version__}"
    features = llvm.get_host_cpu_features().flatten()
    return f"{versions} {llvm.llvm_version_info} {llvm.get_host_cpu_name()} {features}"


def _prune(place: Path) -> None:
    """Delete what was used longest ago, beyond the number that is kept, and what nothing reads."""

    def used(path: Path) -> float:
        try:
            return path.stat().st_mtime
        except OSError:  # another process prunes too
            return 0.0

    for old in sorted(place.glob(f"*{SUFFIX}"), key=used, reverse=True)[KEEP:]:
        old.unlink(missing_ok=True)
    for stray in place.iterdir():  # of killed processes, and of earlier versions
        if stray.suffix != SUFFIX and used(stray) < time.time() - DAY:
            if stray.is_dir() and not stray.is_symlink():
                shutil.rmtree(stray, ignore_errors=True)
            else:
                stray.unlink(missing_ok=True)
