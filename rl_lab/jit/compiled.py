"""A specialised function: compiled at its first call, or loaded from the cache."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rl_lab.errors import KernelError
from rl_lab.jit import cache
from rl_lab.jit.apart import compile_apart
from rl_lab.jit.module import Module
from rl_lab.jit.tuples import portable

logger = logging.getLogger("rl_lab")
SLOW = 20  # functions, from which on it takes seconds
_numba = threading.RLock()  # Numba compiles one function at a time
_files: defaultdict[Path, threading.RLock] = defaultdict(threading.RLock)  # two agents may want the same one


class Compiled:
    """Machine code for a function; `rl_lab.jit.specialize` makes it. Its arguments are positional.

    Attributes:
        name: what people know it by.
        module: the generated module.
        path: where that is kept.
    """

    def __init__(self, module: Module, key: str, name: str) -> None:
        self.module, self.name = module, name
        self.path: Path = cache.folder() / f"{module.entry}_{cache.digest(module, key)}.py"
        self._dispatcher: Callable[..., Any] | None = None
        self._failures: tuple[type[Exception], ...] = ()
        self._homeless = False  # whether arguments have classes that only this process knows

    def __call__(self, *args: Any) -> Any:
        """Run the machine code.

        Raises:
            KernelError: it does not compile for arguments of these types, or divides by zero.
        """
        if self._dispatcher is None:
            self.prepare(*args)
        if self._homeless:
            args = portable(args)
        try:
            return self._dispatcher(*args)  # type: ignore[misc]
        except ZeroDivisionError:
            raise KernelError(f"{self.name} divided by zero; debug=True shows where") from None
        except self._failures as error:
            raise self._explain(error) from None

    @property
    def ready(self) -> bool:
        """Whether the machine code is loaded."""
        return self._dispatcher is not None

    @property
    def cached(self) -> bool:
        """Whether machine code for it lies in the cache folder already."""
        return cache.has_machine_code(self.path)

    def prepare(self, *args: Any) -> None:
        """Compile for arguments like these, or load what was compiled before.

        Raises:
            KernelError: it does not compile for arguments of these types.
        """
        from numba import typeof
        from numba.core import config, errors

        if self.ready:
            return
        if config.DISABLE_JIT:  # type: ignore[attr-defined]
            raise KernelError("NUMBA_DISABLE_JIT is set, but nothing runs uncompiled unless debug=True; unset it")
        self._homeless = portable(args) is not args
        signature = tuple(typeof(value) for value in portable(args))
        with _files[self.path]:
            try:
                dispatcher = self._loaded(signature) or self._compiled(signature)
            except Exception as error:  # Numba raises KeyError for a field that a record lacks
                raise self._explain(error) from None
            self._failures = (errors.NumbaError,)
            self._dispatcher = dispatcher

    def _loaded(self, signature: tuple[Any, ...]) -> Callable[..., Any] | None:
        """What was compiled before, unless there is nothing or it is damaged."""
        if not self.cached:
            return None
        try:
            return self._dispatcher_for(signature)
        except Exception:
            cache.discard_machine_code(self.path)
            return None

    def _compiled(self, signature: tuple[Any, ...]) -> Callable[..., Any]:
        announce(self.name, self.module.functions)
        if self.module.fast or self.module.large:
            cache.write(self.module, self.path)
            compile_apart(self.path, cache.import_name(self.path), self.module.entry, signature)
        return self._dispatcher_for(signature)

    def _dispatcher_for(self, signature: tuple[Any, ...]) -> Callable[..., Any]:
        with _numba:
            dispatcher = getattr(cache.load(self.module, self.path), self.module.entry)
            dispatcher.compile(signature)
        return dispatcher

    def _explain(self, error: Exception) -> KernelError:
        from rl_lab.jit.diagnosis import explain

        return explain(error, self.name, self.module, self.path.name)


def prepare(*calls: tuple[Compiled, tuple[Any, ...]]) -> None:
    """Compile several functions for arguments like these, side by side on the processor's cores.

    Raises:
        KernelError: one of them does not compile.
    """
    waiting = [(compiled, args) for compiled, args in calls if not compiled.ready]
    if all(compiled.cached for compiled, _ in waiting):  # then threads would only wait for one another
        for compiled, args in waiting:
            compiled.prepare(*args)
        return
    with ThreadPoolExecutor(min(len(waiting), os.cpu_count() or 1)) as pool:
        for done in [pool.submit(compiled.prepare, *args) for compiled, args in waiting]:
            done.result()


def announce(name: str, functions: int) -> None:
    """Say that something is being compiled, to somebody at a terminal also where nobody has asked for a log."""
    message = f"compiling {name}, once: later runs load it in a moment"
    if logger.isEnabledFor(logging.INFO):
        logger.info(message)
    elif functions >= SLOW and sys.stderr.isatty():
        print(message, file=sys.stderr)


def _renew_locks() -> None:
    """A thread of the parent may have held a lock; it is not there in the child."""
    global _numba
    _numba = threading.RLock()
    _files.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
