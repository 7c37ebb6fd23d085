"""A specialised function: compiled at its first call, or loaded from the cache."""

import contextlib
import logging
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rl_lab.errors import KernelError, LabError
from rl_lab.jit import cache, generated
from rl_lab.jit.compile_process import compile_apart
from rl_lab.jit.module import Module
from rl_lab.jit.tuples import portable

logger = logging.getLogger("rl_lab")
SLOW = 20  # functions, from which on it takes seconds
_numba = threading.RLock()  # Numba compiles one function at a time
_names: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)  # two agents may want the same one
_loaded: dict[str, Callable[..., Any]] = {}  # by name in the cache


class Compiled:
    """Machine code for a function; `rl_lab.jit.specialize` makes it. Its arguments are positional.

    Attributes:
        name: for messages.
        module: the generated module.
    """

    def __init__(self, module: Module, name: str) -> None:
        self.module, self.name = module, name
        self._dispatcher: Callable[..., Any] | None = None  # for the types of the last call
        self._dispatchers: dict[tuple[Any, ...], Callable[..., Any]] = {}
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
            try:
                return self._dispatcher(*args)  # type: ignore[misc]
            except generated.OtherTypes:
                return self.prepare(*args)(*portable(args))
        except ZeroDivisionError:
            raise KernelError(f"{self.name} divided by zero; debug=True shows where") from None
        except LabError:
            raise
        except (ArithmeticError, AssertionError, LookupError, ValueError) as error:
            raise KernelError(f"{self.name} failed: {type(error).__name__}: {error}; debug=True shows where") from None

    @property
    def ready(self) -> bool:
        """Whether machine code is loaded."""
        return self._dispatcher is not None

    @property
    def files(self) -> list[Path]:
        """Where its machine code is kept, one file for each combination of types that it was called with."""
        return [cache.file_of(cache.name_of(self.module, signature)) for signature in self._dispatchers]

    def cached(self, *args: Any) -> bool:
        """Whether machine code for arguments like these lies in the cache folder already."""
        from numba import typeof

        return cache.holds(cache.name_of(self.module, tuple(typeof(value) for value in portable(args))))

    def prepare(self, *args: Any) -> Callable[..., Any]:
        """Compile for arguments like these, or load what was compiled before; returns what runs the machine code."""
        from numba import typeof
        from numba.core import config

        if config.DISABLE_JIT:  # type: ignore[attr-defined]
            raise KernelError("NUMBA_DISABLE_JIT is set, but nothing runs uncompiled unless debug=True; unset it")
        moved = portable(args)
        try:
            signature = tuple(typeof(value) for value in moved)
            if signature not in self._dispatchers:
                self._dispatchers[signature] = self._made(signature)
        except KernelError:
            raise
        except Exception as error:  # Numba raises KeyError for a field that a record lacks
            from rl_lab.jit.diagnosis import explain

            raise explain(error, self.name, self.module) from None
        self._homeless = self._homeless or moved is not args
        self._dispatcher = self._dispatchers[signature]
        return self._dispatcher

    def kept(self, signature: tuple[Any, ...]) -> tuple[str, generated.MachineCode]:
        """Machine code and its name in the cache, for Numba's types of arguments; nothing is loaded."""
        name = cache.name_of(self.module, signature)
        with cache.locked(name):
            with contextlib.suppress(Exception):  # earlier versions wrote other contents under the same names
                if code := cache.read(name):
                    return name, generated.unpacked(code)
            return name, generated.unpacked(self._compiled_apart(name, signature, needed=True))

    def _made(self, signature: tuple[Any, ...]) -> Callable[..., Any]:
        """Machine code from this process, from the cache, or new."""
        name = cache.name_of(self.module, signature)
        with _names[name]:
            if name not in _loaded:
                _loaded[name] = self._found(name, signature) or self._compiled(name, signature)
            return _loaded[name]

    def _found(self, name: str, signature: tuple[Any, ...]) -> Callable[..., Any] | None:
        """What was compiled before, if there is anything that can be loaded."""
        with contextlib.suppress(Exception):
            if code := cache.read(name):
                return self._loaded(name, signature, generated.unpacked(code))
        return None

    def _compiled(self, name: str, signature: tuple[Any, ...]) -> Callable[..., Any]:
        with cache.locked(name):
            if found := self._found(name, signature):  # another process was faster
                return found
            announce(self.name, self.module.functions)
            needed = bool(self.module.links)  # only a process of its own links
            if self.module.apart and (code := self._compiled_apart(name, signature, needed)):
                return self._loaded(name, signature, generated.unpacked(code))
            with _numba:
                dispatcher = self._dispatcher_of(name)
                if made := generated.compiled(dispatcher, signature):
                    cache.write(name, made)
                else:
                    logger.warning("%s captures arrays of more than a megabyte; every process compiles it", self.name)
            return dispatcher

    def _compiled_apart(self, name: str, signature: tuple[Any, ...], needed: bool) -> bytes:
        """New machine code, kept; empty where it cannot be kept and is not needed."""
        code = compile_apart(self.module, name, signature, self.name)
        if code:
            cache.write(name, code)
        elif needed:
            raise KernelError(f"{self.name} captures arrays of more than a megabyte; pass them as arguments")
        return code or b""

    def _loaded(self, name: str, signature: tuple[Any, ...], code: generated.MachineCode) -> Callable[..., Any]:
        for link, types, symbol in code.uses:
            callee = Compiled(self.module.links[link], link)
            generated.declare(symbol, callee._made(types), types)
        with _numba:
            dispatcher = self._dispatcher_of(name)
            generated.load(dispatcher, signature, code)
        return dispatcher

    def _dispatcher_of(self, name: str) -> Any:
        return generated.dispatcher_of(name, self.module.text, self.module.tables, self.module.entry)


def prepare(*calls: tuple[Compiled, tuple[Any, ...]]) -> None:
    """Compile several functions for arguments like these, side by side on the processor's cores.

    Raises:
        KernelError: one of them does not compile.
    """
    if all(compiled.cached(*args) for compiled, args in calls):  # then threads would only wait for one another
        for compiled, args in calls:
            compiled.prepare(*args)
        return
    with ThreadPoolExecutor(min(len(calls), os.cpu_count() or 1)) as pool:
        for done in [pool.submit(compiled.prepare, *args) for compiled, args in calls]:
            done.result()


def announce(name: str, functions: int) -> None:
    """Report that something is being compiled: in the log, and for much code at a terminal without a log, too."""
    message = f"compiling {name}, once: later runs load it in a moment"
    if logger.isEnabledFor(logging.INFO):
        logger.info(message)
    elif functions >= SLOW and sys.stderr.isatty():
        print(message, file=sys.stderr)


def _renew_locks() -> None:
    """A thread of the parent may have held a lock; it is not there in the child."""
    global _numba
    _numba = threading.RLock()
    _names.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
