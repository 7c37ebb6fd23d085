"""Kernels as their author wrote them, checked before anything runs: what they take and what they give back."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from rl_lab.errors import KernelError, LabError
from rl_lab.jit.source import read

PARAMETERS = {
    "reset": ("state", "config"),
    "step": ("state", "action", "config"),
    "observe": ("state", "observation", "config"),
    "action_mask": ("state", "mask", "config"),
}


def check(name: str, role: str, kernel: Any) -> None:
    """Refuse what cannot be a kernel of an environment.

    Args:
        name: of the environment, for the message.
        role: one of `PARAMETERS`.
        kernel: what its author gave.

    Raises:
        LabError: it is no plain function, or takes other parameters.
        KernelError: a `step` returns something other than a reward and a flag.
    """
    if not inspect.isfunction(kernel):
        raise LabError(f"{role} of {name} is {kernel!r}; it must be a plain function made with def")
    try:
        inspect.signature(kernel).bind(*PARAMETERS[role])
    except TypeError:
        wanted = f"{role}({', '.join(PARAMETERS[role])})"
        given = f"{kernel.__name__}{inspect.signature(kernel)}"
        raise LabError(f"{role} of {name} is {given}; it must take what {wanted} takes") from None
    if role == "step":
        _check_returns(kernel)


def _check_returns(step: Callable[..., Any]) -> None:
    """Refuse a `step` that plainly returns no pair; what a call or a variable holds, only running it shows."""
    try:
        source = read(step)
    except KernelError:  # without its text it cannot be compiled, but debugged
        return
    returns = [node for node in _statements(source.node) if isinstance(node, ast.Return)]
    for node in returns:
        value = node.value
        pair = len(value.elts) == 2 if isinstance(value, ast.Tuple) else isinstance(value, (ast.Call, ast.Name))
        if not pair and not isinstance(value, ast.IfExp):
            raise source.error(node, "must return two values, the reward and whether the episode ended")
    if not returns:
        raise source.error(source.node, "returns nothing; step must return the reward and whether the episode ended")


def _statements(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """All nodes of a function, but not those of functions inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            waiting += ast.iter_child_nodes(node)
