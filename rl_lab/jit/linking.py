"""Calls of linked functions, which are compiled once for their types and not again with each of their callers.

Only the processes that compile need this (`compile_process`). For Numba a linked function is an intrinsic: its type of
result is that of the machine code that is kept, and its call is one of a symbol, which stands for that machine code
wherever the caller is loaded.
"""

import inspect
from typing import Any

import llvmlite.binding as llvm
from numba.core import cgutils, types
from numba.extending import intrinsic

from rl_lab.jit import generated
from rl_lab.jit.compiled import Compiled
from rl_lab.jit.generated import Use
from rl_lab.jit.module import Module

NOWHERE = 1  # an address for symbols where nothing runs


def compiled(name: str, module: Module, signature: tuple[Any, ...]) -> bytes | None:
    """Compile a generated module, and before it what it links to; the machine code, or None if it cannot be kept."""
    uses: dict[str, Use] = {}
    failures: list[Exception] = []
    calls = {link: _call(link, callee, uses, failures) for link, callee in module.links.items()}
    dispatcher = generated.dispatcher_of(name, module.text, module.tables | calls, module.entry)
    try:
        return generated.compiled(dispatcher, signature, uses.values())
    except Exception as error:  # Numba buries what went wrong in a linked function
        raise (failures or [error])[0] from None


def _call(link: str, module: Module, uses: dict[str, Use], failures: list[Exception]) -> Any:
    """What calls a linked function; each use is added to `uses`, by its symbol, and what does not compile reported."""
    function = Compiled(module, link)

    def typed(_context: Any, *arguments: Any) -> Any:
        signature = tuple(map(types.unliteral, arguments))
        try:
            symbol, code = function.kept(signature)
        except Exception as error:
            failures.append(error)
            raise
        uses[symbol] = Use(link, signature, symbol)
        llvm.add_symbol(symbol, NOWHERE)

        def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            function_type = context.call_conv.get_function_type(code.result, signature)
            callee = cgutils.get_or_insert_function(builder.module, function_type, symbol)
            status, result = context.call_conv.call_function(builder, callee, code.result, signature, values)
            with cgutils.if_unlikely(builder, status.is_error):
                context.call_conv.return_status_propagate(builder, status)
            return result

        return code.result(*signature), generate

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, kind) for name in ("context", *module.parameters)]
    typed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return intrinsic(typed)
