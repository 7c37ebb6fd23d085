"""Data that is made once: arrays in the lab's cache folder, named by a hash of all that decides them."""

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rl_lab.core import weights
from rl_lab.errors import LabError


def folder(name: str) -> Path:
    """A folder under `$RL_LAB_CACHE`, or under `rl_lab` in the user's cache folder; it may not be there yet."""
    import platformdirs

    return Path(os.environ.get("RL_LAB_CACHE") or platformdirs.user_cache_path("rl_lab")).absolute() / name


def kept(name: str, key: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Arrays by name, read from a folder where they were kept and made where not; `key` is all that decides them."""
    path = folder(name) / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.safetensors"
    with contextlib.suppress(LabError):  # missing or damaged: made again
        return weights.load(path)
    arrays = make()
    with contextlib.suppress(OSError, LabError):  # a folder that cannot be written costs time, nothing else
        path.parent.mkdir(parents=True, exist_ok=True)
        weights.save(path, arrays)
    return arrays
