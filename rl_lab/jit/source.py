"""Reading a kernel: the syntax tree of a function, checked against the running code."""

from __future__ import annotations
import __future__

import ast
import functools
import inspect
import itertools
import linecache
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rl_lab.errors import KernelError

RESERVED = "jit__"  # how names in generated modules begin, and names in kernels do not
FUTURE = functools.reduce(
    lambda flags, name: flags | getattr(__future__, name).compiler_flag, __future__.all_feature_names, 0
)
REFUSED: dict[type[ast.AST], str] = {
    **dict.fromkeys((ast.ListComp, ast.SetComp, ast.DictComp), "a comprehension"),
    **dict.fromkeys((ast.Yield, ast.YieldFrom), "yield"),
    **dict.fromkeys((ast.Import, ast.ImportFrom), "an import"),
    **{ast.FunctionDef: "a function inside a function", ast.Lambda: "a lambda", ast.ClassDef: "a class"},
    **{ast.AsyncFunctionDef: "async", ast.GeneratorExp: "a generator", ast.Await: "await"},
    **{ast.Global: "global", ast.Nonlocal: "nonlocal", ast.With: "with", ast.Try: "try"},
}


@dataclass(frozen=True, eq=False)
class FunctionSource:
    """The text of a function made with `def`; `node` is shared, so copy it before editing."""

    code: types.CodeType
    node: ast.FunctionDef
    file: str
    lines: list[str]

    @property
    def parameters(self) -> list[str]:
        """Names of all parameters."""
        return [a.arg for a in self.node.args.posonlyargs + self.node.args.args]

    def error(self, node: ast.AST | int, problem: str) -> KernelError:
        """The sentence for a problem at a node, or at a line."""
        line = node if isinstance(node, int) else getattr(node, "lineno", self.node.lineno)
        text = self.lines[line - 1].strip()
        return KernelError(f"kernel {self.node.name!r} {problem} ({self.file}, line {line}: {text!r})")

    def check(self) -> None:
        """Refuse what machine code cannot do, before Numba says so in its own words."""
        arguments = self.node.args
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
            raise self.error(self.node, "takes *args, ** or keyword-only parameters; name them plainly")
        for statement in self.node.body:
            for node in ast.walk(statement):
                if what := REFUSED.get(type(node)):
                    raise self.error(node, f"uses {what}, which kernels cannot; write plain loops and functions")
        strings = [c for c in self.code.co_consts if isinstance(c, str)]
        for name in (*self.code.co_varnames, *self.code.co_cellvars, *self.code.co_names, *strings):
            if RESERVED in name:
                raise self.error(self.node, f"uses the name {name!r}; names with {RESERVED} are taken")


def read(function: Callable[..., Any]) -> FunctionSource:
    """The source of a plain function; the same object for the same code in the same text.

    Raises:
        KernelError: it is no plain function, its text cannot be read, or the text is not (or no longer) what
            is running, for example because the file was edited after its import.
    """
    if not inspect.isfunction(function) or function.__name__ == "<lambda>":
        raise KernelError(f"{function!r} is not a function made with def; a kernel must be one")
    code = function.__code__
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename, function.__globals__)
    if not lines:
        raise KernelError(
            f"the source of kernel {function.__name__!r} cannot be read from {code.co_filename}; "
            "define it in a file, or in a notebook's cell without a magic such as %%time"
        )
    for statement_by_statement in (False, True):
        sources = _sources("".join(lines), code.co_filename, code.co_flags & FUTURE, statement_by_statement)
        for source in sources.get(_place(code), ()):
            if source.code == code:
                return source
    raise KernelError(
        f"kernel {function.__name__!r} is not what {code.co_filename} says at line {code.co_firstlineno}: "
        "the file was changed after it was imported, or something rewrites it on import; restart Python"
    )


def surroundings(function: Callable[..., Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Closure variables and globals that a function can see, with their values now."""
    code, closure = function.__code__, {}
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            closure[name] = cell.cell_contents
        except ValueError:
            raise KernelError(f"kernel {function.__name__!r} uses {name!r} before it has a value") from None
    return closure, function.__globals__


Place = tuple[str, int]


def _place(code: types.CodeType) -> Place:
    return code.co_name, code.co_firstlineno


@functools.lru_cache(maxsize=64)
def _sources(text: str, file: str, flags: int, statement_by_statement: bool) -> dict[Place, list[FunctionSource]]:
    """All functions of a file, by name and first line, with what they compile to.

    Notebooks compile a cell statement by statement, and Python compiles `math.cos` otherwise where it sees its import.
    """
    try:
        tree = ast.parse(text)
        parts = [ast.Module([part], []) for part in tree.body] if statement_by_statement else [tree]
        codes = [compile(part, file, "exec", flags=flags, dont_inherit=True) for part in parts]
    except SyntaxError:  # edited since, and not done
        return {}
    nodes: dict[Place, ast.FunctionDef] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            nodes[node.name, min([node.lineno, *(d.lineno for d in node.decorator_list)])] = node
    lines = text.split("\n")
    sources: dict[Place, list[FunctionSource]] = {}
    for code in itertools.chain.from_iterable(map(_nested, codes)):
        if _place(code) in nodes:
            sources.setdefault(_place(code), []).append(FunctionSource(code, nodes[_place(code)], file, lines))
    return sources


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from _nested(constant)
