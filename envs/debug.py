"""Kernels as plain Python, where an integer that does not fit is an error.

Compiled code widens small integers and wraps large ones in silence, NumPy's scalars wrap with a warning, and
both cut off what is stored into a field that is too small. Here each of these raises, as does an index out of range.
"""

import bdb
import functools
import linecache
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from rl_lab import jit
from rl_lab.envs.loops import StepBuffers
from rl_lab.errors import KernelError

NOT_KERNELS = (__file__, os.path.dirname(np.__file__))


class CheckedArray(np.ndarray):
    """An array of numbers that refuses what does not fit."""

    def __setitem__(self, index: Any, value: Any) -> None:
        check_fits(value, self.dtype)
        super().__setitem__(index, value)


class CheckedRecord(np.record):  # type: ignore[misc]
    """A lane's state, config or observation with attributes for fields, which refuses what does not fit."""

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        return value.view(CheckedArray) if type(value) is np.ndarray else value

    def __setattr__(self, name: str, value: Any) -> None:
        if self.dtype.fields and name in self.dtype.fields:
            check_fits(value, self.dtype.fields[name][0])
        super().__setattr__(name, value)


def check_fits(value: Any, dtype: np.dtype) -> None:
    """Refuse, by an OverflowError, to store a number that an integer field cannot hold."""
    if dtype.base.kind not in "iu":
        return
    low, high = _limits(dtype.base)
    if isinstance(value, (int, float, np.integer, np.floating)):  # much faster than the other way
        fits = bool(low <= value <= high)
    else:
        numbers = np.asarray(value)
        fits = bool(((numbers >= low) & (numbers <= high)).all())
    if not fits:
        raise OverflowError(f"{value} does not fit {dtype.base}, which holds {low} to {high}")


@functools.cache
def _limits(dtype: np.dtype) -> tuple[int, int]:
    """The smallest and the largest number that an integer field holds."""
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def runner(name: str, loop: Callable[..., Any], debug: bool) -> Callable[..., Any]:
    """A loop as machine code, or with `debug` as plain Python."""
    return plainly(name, loop) if debug else jit.specialize(loop, name=name, exact=True)


def plainly(name: str, loop: Callable[..., Any]) -> Callable[..., Any]:
    """A loop over lanes as plain Python, under the name of its environment.

    Where a kernel fails, an integer does not fit or a number is divided by zero, it raises `KernelError` with the line.
    """

    def run(*arguments: Any) -> Any:
        try:
            with np.errstate(over="raise", divide="raise"):
                return loop(*map(_checked, arguments))
        except bdb.BdbQuit:  # the user left the debugger
            raise
        except Exception as error:
            raise KernelError(f"{name}: {_place(error)} failed: {_reason(error)}") from error

    return run


def _checked(argument: Any) -> Any:
    if isinstance(argument, StepBuffers):
        return StepBuffers(*map(_checked, argument))
    if not isinstance(argument, np.ndarray):
        return argument
    return argument.view(np.dtype((CheckedRecord, argument.dtype)) if argument.dtype.names else CheckedArray)


def _reason(error: Exception) -> str:
    if isinstance(error, ZeroDivisionError) or "divide" in str(error):
        return str(error)
    if isinstance(error, ArithmeticError):
        return f"{error}; widen small integers with np.int64"
    if isinstance(error, AttributeError) and isinstance(record := getattr(error, "obj", None), np.record):
        return f"AttributeError: there is no field {error.name!r}; there are {', '.join(record.dtype.names or ())}"
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _place(error: BaseException) -> str:
    """The innermost line of a kernel that an error went through."""
    kernel, trace = None, error.__traceback__
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(NOT_KERNELS):
            kernel = trace
        trace = trace.tb_next
    assert kernel is not None
    code = kernel.tb_frame.f_code
    text = linecache.getline(code.co_filename, kernel.tb_lineno).strip()
    return f"kernel {code.co_name!r} ({code.co_filename}, line {kernel.tb_lineno}: {text!r})"
