"""Running a generated module, compiling its entry, and machine code as bytes, by Numba's protocol for caches."""

import pickle
import sys
import types
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

SETTINGS = (  # of Numba, which decide the machine code
    *("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "ENABLE_AVX", "DISABLE_INTEL_SVML", "CPU_NAME", "CPU_FEATURES"),
    *("BOUNDSCHECK", "DEBUGINFO_DEFAULT", "EXTEND_VARIABLE_LIFETIMES", "LLVM_REFPRUNE_PASS", "LLVM_REFPRUNE_FLAGS"),
    *("DEBUG_NRT", "PARFOR_MAX_TUPLE_SIZE", "ENABLE_PROFILING", "USE_LEGACY_TYPE_SYSTEM"),
)


class OtherTypes(Exception):
    """Machine code was called with other types than it is for."""


class Use(NamedTuple):
    """A linked function that machine code calls."""

    link: str  # its name in the calling module
    signature: tuple[Any, ...]  # Numba's types of the arguments
    symbol: str  # what the machine code calls it


class MachineCode(NamedTuple):
    """Machine code as it is kept."""

    uses: list[Use]
    result: Any  # Numba's type
    parts: bytes  # pickled, of a `CompileResult`; only where the module has been run can they be read


def numba_settings() -> dict[str, Any]:
    """Numba's settings, however they were made: by its environment variables, its file, or a program."""
    from numba.core import config

    return {name: getattr(config, name, None) for name in SETTINGS}


def dispatcher_of(name: str, text: str, values: Mapping[str, Any], entry: str) -> Any:
    """Run a generated module; Numba's dispatcher of its entry.

    It is in `sys.modules` under its name, where machine code that is loaded looks for it; `values` are what it uses
    beside its own functions, by name.
    """
    module = sys.modules[name] = types.ModuleType(name)
    vars(module).update(values)
    exec(compile(text, f"{name}.py", "exec", dont_inherit=True), vars(module))
    return getattr(module, entry)


def compiled(dispatcher: Any, signature: tuple[Any, ...], uses: Iterable[Use] = ()) -> bytes | None:
    """Compile for arguments of some types; the machine code, or None where it cannot be kept.

    Compiling adds to `uses` the linked functions that the entry turns out to call.
    """
    from numba.core.serialize import dumps

    keeper = dispatcher._cache = _Keeper()
    dispatcher.compile(signature)
    dispatcher._compile_for_args = _refuse
    result = keeper.result
    if result.library.has_dynamic_globals:  # captured arrays of more than a megabyte stay where they are
        return None
    return dumps(tuple(MachineCode(list(uses), result.signature.return_type, dumps(result._reduce()))))


def unpacked(code: bytes) -> MachineCode:
    """What `compiled` gave."""
    return MachineCode(*pickle.loads(code))


def load(dispatcher: Any, signature: tuple[Any, ...], code: MachineCode) -> None:
    """Load machine code; the linked functions that it calls have been made known to LLVM."""
    dispatcher._cache = _Keeper(code.parts)
    dispatcher.compile(signature)
    dispatcher._compile_for_args = _refuse


def declare(symbol: str, dispatcher: Any, signature: tuple[Any, ...]) -> None:
    """Tell LLVM where the machine code of a linked function begins, which stays loaded as long as the process runs."""
    import llvmlite.binding as llvm

    result = dispatcher.overloads[signature]
    llvm.add_symbol(symbol, result.library.get_pointer_to_function(result.fndesc.llvm_func_name))


class _Keeper:
    """What Numba asks for machine code and gives it to, instead of its own files."""

    def __init__(self, parts: bytes = b"") -> None:
        self.parts = parts
        self.result: Any = None

    def load_overload(self, _signature: Any, context: Any) -> Any:
        from numba.core.compiler import CompileResult

        context.refresh()
        return CompileResult._rebuild(context, *pickle.loads(self.parts)) if self.parts else None

    def save_overload(self, _signature: Any, result: Any) -> None:
        self.result = result


def _refuse(*_args: Any) -> None:
    raise OtherTypes
