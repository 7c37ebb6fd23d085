"""Whether what is asked for fits into memory, before any of it is taken."""

import os
from pathlib import Path

from rl_lab.errors import LabError

GIB = 2.0**30


def check_memory(needed: float, what: str, advice: str) -> None:
    """Refuse what needs more bytes of memory than this process can have, with advice.

    Example:
        >>> check_memory(2.0**60, "a rollout of n_steps=1000000000", "choose a smaller n_steps")
        Traceback (most recent call last):
        ...
        rl_lab.errors.LabError: a rollout of n_steps=1000000000 needs 1,073,741,824.0 GiB of memory, ...
    """
    free = available()
    if free is not None and needed > free:
        raise LabError(
            f"{what} needs {needed / GIB:,.1f} GiB of memory, and {free / GIB:,.1f} GiB are available here; {advice}"
        )


def available() -> float | None:
    """Bytes that this process can still take, or None where the system does not say."""
    figures = [_free(), _limit()]
    return min((figure for figure in figures if figure is not None), default=None)


def _free() -> float | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024
    except OSError:
        pass  # no Linux
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (OSError, ValueError, AttributeError):
        return None


def _limit() -> float | None:
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            return float(Path(file).read_text())
        except (OSError, ValueError):  # "max" is no limit
            continue
    return None
