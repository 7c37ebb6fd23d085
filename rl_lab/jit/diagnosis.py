"""Saying in one sentence, with the author's own line, why a kernel does not compile."""

import ast
import re
from collections.abc import Iterator

from rl_lab.errors import KernelError
from rl_lab.jit.module import Module
from rl_lab.jit.source import RESERVED, FunctionSource

NOISE = re.compile(
    r"Failed in|During:|File |<source|Traceback|def |There are|This error|- |\^|>>> |raised from|Rejected"
)
TELLING = re.compile(
    r"Cannot modify readonly|cannot be assigned|Unknown attribute|Cannot unify|Cannot bind|Cannot determine"
    r"|Cannot resolve|Cannot infer|Cannot cast|No conversion|Untyped global|Invalid use|[Uu]nsupported|not supported"
    r"|not defined|cannot be typed|No implementation|Invalid usage|Undecided type|can't be|can't unify"
)


def explain(error: Exception, name: str, module: Module) -> KernelError:
    """What Numba raised, as one sentence; `name` is what users know the compiled function by."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    if isinstance(error, KeyError):  # how Numba says that a record lacks a field
        attribute = str(error.args[0]) if error.args else ""
        for source, node in _nodes(module):
            if isinstance(node, ast.Attribute) and node.attr == attribute:
                return _sentence(source, node.lineno, f"{ast.unparse(node.value)} has no field {attribute!r}")
    for each in _with_links(module):
        numbers = {int(n) for n in re.findall(rf'{each.entry}_\w+\.py(?:", line | \(|:)(\d+)', text)}
        for source, lines in each.origins:  # callees come first, and the innermost function is at fault
            if found := sorted(numbers & set(lines)):
                return _sentence(source, lines[found[-1]], _reason(text))
    if (reason := _reason(text)) == "unknown reason":  # which Numba says of an array that is assigned to a field
        for source, node in _nodes(module):
            if isinstance(node, ast.Assign) and isinstance(node.value, (ast.Name, ast.Call, ast.BinOp, ast.UnaryOp)):
                for target in node.targets:
                    if isinstance(target, ast.Attribute):
                        field = ast.unparse(target)
                        reason = f"if {field} is an array, fill it in place, {field}[:] = ..."
                        return _sentence(source, target.lineno, reason)
    return KernelError(f"{name} cannot be compiled: {reason}")


def _sentence(source: FunctionSource, line: int, reason: str) -> KernelError:
    return source.error(line, f"cannot be compiled: {reason}")


def _with_links(module: Module) -> Iterator[Module]:
    """The module after all that it links to."""
    for link in module.links.values():
        yield from _with_links(link)
    yield module


def _nodes(module: Module) -> Iterator[tuple[FunctionSource, ast.AST]]:
    """All nodes of the kernels."""
    for each in _with_links(module):
        for source, _ in each.origins:
            yield from ((source, node) for node in ast.walk(source.node))


def _reason(text: str) -> str:
    """The line of Numba's message that says what is wrong, with the types in question."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if TELLING.search(line) and not NOISE.match(line)]
    telling.sort(key=lambda line: not line.startswith(("NumbaTypeError: Cannot modify", "Cannot modify")))
    best = next(iter(telling or [line for line in lines if not NOISE.match(line)] or lines), "unknown reason")
    if "found for signature" in best and (call := re.search(r">>> (.+)", text)):
        best = f"there is no {call[1]}"
    if unknown := re.match(r"Untyped global name '(\w+)'", best):
        best = f"there is no compiled {unknown[1]!r}"
    best = re.split(r",? defined at |\. Raised from | due to ", best)[0].removeprefix("NumbaTypeError: ")
    best = re.sub(r"Array\(Record\(.*|Record\(.*", "a record", best)
    best = re.sub(r"'(\w+)\.\d+'", r"'\1'", best)  # Numba numbers the assignments of a variable
    return re.sub(rf"{RESERVED}\w*?_(?=[a-z])", "", best).rstrip(".: ")
