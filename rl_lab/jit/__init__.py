"""Compile plain Python functions to machine code.

`specialize` writes a function, with everything that it calls, into one generated module, lets Numba compile
that for the types that it is called with, and keeps the machine code in the user's cache folder. Numba's own
disk cache never hits for a loop that a factory made, and does not notice when a function in another file
changed; machine code that is named by a hash of a self-contained module and of its types has neither fault.
So a second process starts without compiling, a change to a kernel, to a function that it calls or to one entry
of a captured table is always seen, and what was compiled before changes no result.

Loops over lanes release the GIL, and `over_lanes` shares them among ordinary threads.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from rl_lab.jit.compiled import Compiled, prepare
from rl_lab.jit.module import write as _write
from rl_lab.jit.threads import over_lanes

__all__ = ["Compiled", "by_hand", "fast", "inline", "linked", "over_lanes", "prepare", "specialize"]

Function = TypeVar("Function", bound=Callable[..., Any])


def fast(function: Function) -> Function:
    """Mark a function for `fastmath`: arithmetic of the core alone, since it deletes checks for NaN."""
    function.__jit_options__ = "fastmath=True, error_model='numpy'"  # type: ignore[attr-defined]
    return function


def inline(function: Function) -> Function:
    """Mark a small `fast` function that must be inlined, so that the loop around it vectorises."""
    function.__jit_options__ = "fastmath=True, error_model='numpy', inline='always'"  # type: ignore[attr-defined]
    return function


def linked(function: Function) -> Function:
    """Mark a function that is compiled once for its types and linked into whatever calls it, not compiled with it.

    For large functions with many callers: a call costs about 20 ns. All parameters are given by position.
    """
    function.__jit_linked__ = True  # type: ignore[attr-defined]
    return function


def by_hand(module: str) -> Callable[[Function], Function]:
    """Mark a `fast` function whose machine code is written by hand: the Numba intrinsic of its name in `module`.

    Its plain Python says what it computes, and is what debugging and tests run.
    """

    def mark(function: Function) -> Function:
        function.__jit_by_hand__ = module  # type: ignore[attr-defined]
        return fast(function)

    return mark


def specialize(function: Callable[..., Any], /, *, name: str = "", exact: bool = False, **bound: Any) -> Compiled:
    """Compile `function` with some of its parameters bound to functions or constants.

    The bound parameters leave the signature; the rest are passed at each call, best always with the same types:
    each combination of types has machine code of its own.
    As plain Python, `functools.partial(function, **bound)` does the same, slowly: that is what debugging uses.
    A partial is welcome as the function and as a bound value too; a function that needs functions gets them so.
    What is specialised already may be bound too: it is linked (see `linked`), with the machine code that it has.

    Args:
        function: a plain Python function, `def` at any level, whose source can be read.
        name: what people know it by, for the log; default is the function's own name.
        exact: refuse functions marked `fast` or `inline`, as environments do.
        bound: values of parameters: plain or compiled functions, numbers, tuples or NumPy arrays.

    Returns:
        A callable with the remaining parameters, compiled at its first call or loaded from the cache.

    Raises:
        KernelError: a source cannot be read, or something in it or captured by it cannot be compiled.
    """
    return Compiled(_write(function, bound, exact), name or getattr(function, "func", function).__name__)
