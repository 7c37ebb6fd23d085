"""Sharing the lanes of a loop among ordinary threads; OpenMP would kill forked children and nested launches."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

CALLER = 1.25  # the calling thread's share where each other's is 1: they wake some twenty microseconds later

_pool: ThreadPoolExecutor | None = None


def over_lanes(function: Callable[[int, int], Any], lanes: int, threads: int) -> None:
    """Call `function(start, stop)` on contiguous parts of `range(lanes)`, one a thread.

    The calling thread works too, and waits for the others. Threads of a parent are not there after a fork,
    so a child makes its own; any number of threads may call this at once.

    Raises:
        Whatever `function` raised, once all parts have ended.
    """
    if threads == 1 or lanes < 2 * threads:
        function(0, lanes)
        return
    bounds = [0, *(int(lanes * (CALLER + part) / (CALLER + threads - 1)) for part in range(threads))]
    others = [_workers().submit(function, bounds[i], bounds[i + 1]) for i in range(1, threads)]
    try:
        function(bounds[0], bounds[1])
    finally:
        for other in others:
            other.exception()
    for other in others:
        other.result()


def _workers() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(max_workers=max(1, 2 * (os.cpu_count() or 1)), thread_name_prefix="rl_lab")
    return _pool


def _forget_workers() -> None:
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_workers)
