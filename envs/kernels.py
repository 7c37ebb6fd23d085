"""Kernels as their author wrote them, checked before anything runs: what they take and what they give back."""

import ast
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from rl_lab.errors import KernelError, LabError
from rl_lab.jit.source import FunctionSource, read

PARAMETERS = {
    "reset": ("state", "config"),
    "step": ("state", "action", "config"),
    "observe": ("state", "observation", "config"),
    "action_mask": ("state", "mask", "config"),
}


def check(name: str, role: str, kernel: Any, state: np.dtype) -> None:
    """Refuse what cannot be a kernel of an environment; `role` is one of `PARAMETERS`.

    Raises:
        LabError: it is no plain function, or takes other parameters.
        KernelError: it returns something else than it must, or assigns to what it must fill or may only read.
    """
    if not inspect.isfunction(kernel):
        raise LabError(f"{role} of {name} is {kernel!r}; it must be a plain function made with def")
    try:
        inspect.signature(kernel).bind(*PARAMETERS[role])
    except TypeError:
        wanted = f"{role}({', '.join(PARAMETERS[role])})"
        given = f"{kernel.__name__}{inspect.signature(kernel)}"
        raise LabError(f"{role} of {name} is {given}; it must take what {wanted} takes") from None
    try:
        source = read(kernel)
    except KernelError:  # without its text it cannot be compiled, but debugged
        return
    parameters = list(inspect.signature(kernel).parameters)[: len(PARAMETERS[role])]
    if role == "step":
        _check_returns(source)
    else:
        for node in _statements(source.node):
            value = node.value if isinstance(node, ast.Return) else None
            if value is not None and not (isinstance(value, ast.Constant) and value.value is None):
                fill = f"fill {parameters[-2]!r} in place and return nothing"
                raise source.error(node, f"returns a value, which is lost; {fill}")
    _check_assignments(source, role, parameters, state)


def array_returned(step: Callable[..., Any], error: KernelError) -> KernelError:
    """What a `step` did wrong whose results the loop over lanes cannot store; `error` as it was where it did not."""
    for place, line in enumerate(("rewards[n] = reward", "terminated[n] = ended")):
        if line in str(error):
            source = read(step)
            node = next(node for node in _statements(source.node) if isinstance(node, ast.Return))
            what = ("the reward", "whether the episode ended")[place]
            return source.error(node, f"returns an array or a text as {what}; it must be one number")
    return error


def _check_returns(source: FunctionSource) -> None:
    """Refuse a `step` that plainly returns no pair; what a call or a variable holds, only running it shows."""
    returns = [node for node in _statements(source.node) if isinstance(node, ast.Return)]
    for node in returns:
        value = node.value
        pair = len(value.elts) == 2 if isinstance(value, ast.Tuple) else isinstance(value, (ast.Call, ast.Name))
        if not pair and not isinstance(value, ast.IfExp):
            raise source.error(node, "must return two values, the reward and whether the episode ended")
    if not returns or _goes_on(source.node.body):
        where = " where it comes to this end" if returns else ""
        raise source.error(
            source.node.body[-1] if returns else source.node,
            f"returns nothing{where}; step must return the reward and whether the episode ended",
        )


def _check_assignments(source: FunctionSource, role: str, parameters: list[str], state: np.dtype) -> None:
    """Refuse to put something else in place of a parameter, to change the config, and to set an array as one number."""
    record, config = parameters[0], parameters[-1]
    filled = parameters[1] if role in ("observe", "action_mask") else None
    for node in _statements(source.node):
        if not isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name) and target.id in (record, filled):
                name = target.id
                how = "set its fields" if name == record else f"fill it in place, {name}[:] = ... or {name}[0] = ..."
                raise source.error(node, f"assigns to {name!r}, which changes nothing outside; {how}")
            if isinstance(target, (ast.Attribute, ast.Subscript)) and _root(target) == config:
                raise source.error(node, "changes the config, which is fixed; keep what changes in the state")
            if not isinstance(target, ast.Attribute) or ast.unparse(target.value) != record:
                continue
            shape = state[target.attr].shape if target.attr in (state.names or ()) else ()
            copied = isinstance(node.value, (ast.Attribute, ast.Subscript, ast.Name, ast.Call))
            if shape and isinstance(node, ast.Assign) and not copied:
                field = ast.unparse(target)
                raise source.error(node, f"assigns to the array field {field}; fill it in place, {field}[:] = ...")


def _root(node: ast.AST | None) -> str | None:
    """The name at the beginning of `name.field[index]`."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _goes_on(body: list[ast.stmt]) -> bool:
    """Whether control may come to the end of statements, as far as their form shows."""
    last = body[-1]
    if isinstance(last, ast.If):
        return _goes_on(last.body) or not last.orelse or _goes_on(last.orelse)
    is_endless = isinstance(last, ast.While) and isinstance(last.test, ast.Constant) and bool(last.test.value)
    return not (isinstance(last, (ast.Return, ast.Raise)) or is_endless)


def _statements(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """All nodes of a function, but not those of functions inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            waiting += ast.iter_child_nodes(node)
