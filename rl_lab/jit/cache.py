"""Generated modules on disk: named by a hash of all that decides the machine code, pruned when there are many."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import platform
import sys
import tempfile
import time
import types
from pathlib import Path

import numpy as np

from rl_lab.jit.module import Module

KEEP = 500  # generated modules; those used longest ago go first
# Numba forgets machine code when its module's time of change is another, so every module gets the same one:
# two processes that write it at once would spoil each other's otherwise.
CHANGED = 1_000_000_000


def folder() -> Path:
    """Where generated modules are kept: `$RL_LAB_CACHE`, or `rl_lab` in the user's cache folder."""
    import platformdirs

    place = Path(os.environ.get("RL_LAB_CACHE") or platformdirs.user_cache_path("rl_lab")).absolute() / "jit"
    try:
        place.mkdir(parents=True, exist_ok=True)
        if os.access(place, os.W_OK):
            return place
    except OSError:
        pass
    return _temporary_folder()


@functools.cache
def _temporary_folder() -> Path:
    """A new folder for this process: one with a name that others can guess might hold their code."""
    return Path(tempfile.mkdtemp(prefix="rl_lab-jit-"))


def digest(module: Module, key: str) -> str:
    """A hash of all that decides the machine code."""
    total = hashlib.sha256(module.text.encode())
    for name, table in sorted(module.tables.items()):
        total.update(f"{name} {table.dtype.descr} {table.shape}".encode())
        total.update(table.tobytes())
    total.update(f"{key} {_machine()}".encode())
    return total.hexdigest()[:20]


@functools.cache
def _machine() -> str:
    """Versions and the processor: code compiled for one is not loaded by another."""
    import llvmlite.binding as llvm
    import numba

    features = llvm.get_host_cpu_features().flatten()
    return f"{platform.python_version()} {np.__version__} {numba.__version__} {llvm.get_host_cpu_name()} {features}"


def has_machine_code(path: Path) -> bool:
    """Whether Numba has kept machine code for a generated module."""
    return any(file.suffix == ".nbi" for file in _machine_code(path))


def discard_machine_code(path: Path) -> None:
    """Delete what Numba has kept for a generated module, and forget the module."""
    for file in _machine_code(path):
        file.unlink(missing_ok=True)
    sys.modules.pop(import_name(path), None)


def _machine_code(path: Path) -> list[Path]:
    """The files of a generated module in Python's and Numba's cache folders."""
    places = [path.parent / "__pycache__"]
    if elsewhere := os.environ.get("NUMBA_CACHE_DIR"):
        places += Path(elsewhere).glob("*")
    return [file for place in places for file in place.glob(f"{path.stem}.*")]


def write(module: Module, path: Path) -> None:
    """Write a generated module where it is new."""
    if not path.exists():
        if module.tables:
            _write(path.with_suffix(".npz"), module.tables)
        _write(path, module.text)
        _prune(path.parent)


def load(module: Module, path: Path) -> types.ModuleType:
    """Import a generated module, writing it first where it is new."""
    write(module, path)
    os.utime(path, (time.time(), CHANGED))  # when it was used last, and the time of change
    name = import_name(path)
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        sys.modules[name] = loaded  # Numba's cached types refer to it
    return sys.modules[name]


def import_name(path: Path) -> str:
    """The name under which a generated module is imported."""
    return f"rl_lab_jit_{path.stem}"


def _write(path: Path, content: str | dict[str, np.ndarray]) -> None:
    """Write a file so that nobody sees half of it."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
        if isinstance(content, str):
            file.write(content.encode())
        else:
            np.savez(file, **content)  # type: ignore[arg-type]
    os.utime(file.name, (time.time(), CHANGED))
    os.replace(file.name, path)


def _prune(place: Path) -> None:
    """Delete the generated modules that were used longest ago, beyond the number that is kept."""

    def used(path: Path) -> float:
        try:
            return path.stat().st_atime
        except FileNotFoundError:  # another process prunes too
            return 0.0

    for old in sorted(place.glob("*.py"), key=used, reverse=True)[KEEP:]:
        for file in [*_machine_code(old), old.with_suffix(".npz"), old]:
            file.unlink(missing_ok=True)
