"""Running a generated module, compiling its entry, and machine code as bytes, by Numba's protocol for caches."""

from __future__ import annotations

import pickle
import sys
import types
from typing import Any

import numpy as np

SETTINGS = (  # of Numba, which decide the machine code
    *("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "ENABLE_AVX", "DISABLE_INTEL_SVML", "CPU_NAME", "CPU_FEATURES"),
    *("BOUNDSCHECK", "DEBUGINFO_DEFAULT", "EXTEND_VARIABLE_LIFETIMES", "LLVM_REFPRUNE_PASS", "LLVM_REFPRUNE_FLAGS"),
    *("DEBUG_NRT", "PARFOR_MAX_TUPLE_SIZE", "ENABLE_PROFILING", "USE_LEGACY_TYPE_SYSTEM"),
)


class OtherTypes(Exception):
    """Machine code was called with other types than it is for."""


def numba_settings() -> dict[str, Any]:
    """Numba's settings, however they were made: by its environment variables, its file, or a program."""
    from numba.core import config

    return {name: getattr(config, name, None) for name in SETTINGS}


def dispatcher_of(name: str, text: str, tables: dict[str, np.ndarray], entry: str) -> Any:
    """Run a generated module; Numba's dispatcher of its entry.

    Args:
        name: for `sys.modules`, where machine code that is loaded looks for it.
        text: of the module.
        tables: arrays that it uses, by name.
        entry: the function.
    """
    module = sys.modules[name] = types.ModuleType(name)
    vars(module).update(tables)
    exec(compile(text, f"{name}.py", "exec", dont_inherit=True), vars(module))
    return getattr(module, entry)


def compiled(dispatcher: Any, signature: tuple[Any, ...]) -> bytes | None:
    """Compile for arguments of some types; the machine code, or None where it cannot be kept."""
    keeper = dispatcher._cache = _Keeper()
    dispatcher.compile(signature)
    dispatcher._compile_for_args = _refuse
    return keeper.code


def load(dispatcher: Any, signature: tuple[Any, ...], code: bytes) -> None:
    """Load what `compiled` gave."""
    dispatcher._cache = _Keeper(code)
    dispatcher.compile(signature)
    dispatcher._compile_for_args = _refuse


class _Keeper:
    """What Numba asks for machine code and gives it to, instead of its own files."""

    def __init__(self, code: bytes | None = None) -> None:
        self.code = code

    def load_overload(self, _signature: Any, context: Any) -> Any:
        from numba.core.compiler import CompileResult

        context.refresh()
        return self.code and CompileResult._rebuild(context, *pickle.loads(self.code))

    def save_overload(self, _signature: Any, result: Any) -> None:
        from numba.core.serialize import dumps

        if not result.library.has_dynamic_globals:  # captured arrays of more than a megabyte stay where they are
            self.code = dumps(result._reduce())


def _refuse(*_args: Any) -> None:
    raise OtherTypes
