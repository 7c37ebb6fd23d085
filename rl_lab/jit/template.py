"""A kernel's text with holes for what it reads from around it: made once for a function, filled at each use."""

import ast
import copy
import functools
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rl_lab.jit.source import RESERVED, FunctionSource

HOLE = re.compile(rf"\b{RESERVED}(\d+)__\b")


@dataclass(frozen=True)
class Reference:
    """A name from around the function, or a chain of attributes that starts at one, such as `cells.WALL`."""

    names: tuple[str, ...]  # the name and the attributes
    node: ast.AST  # where it stands
    called: bool  # whether it is called there


@dataclass(frozen=True)
class Template:
    """The body of a function, without docstring and annotations."""

    body: str  # indented text; the hole `jit__3__` stands for the fourth reference
    references: list[Reference]  # what the holes stand for
    lines: list[int]  # for each line of the body, the line of the file that it came from

    def filled(self, text_of: Callable[[Reference], str]) -> str:
        """The body with every hole filled."""
        texts = [text_of(reference) for reference in self.references]
        return HOLE.sub(lambda hole: texts[int(hole[1])], self.body)


@functools.lru_cache(maxsize=1024)
def template(source: FunctionSource, bound: frozenset[str]) -> Template:
    """The template of a function some of whose parameters are bound, and so are read from around it too."""
    source.check()
    puncher = _Puncher(source, bound)
    statements = source.node.body[1:] if ast.get_docstring(source.node, clean=False) is not None else source.node.body
    body = [puncher.visit(copy.deepcopy(statement)) for statement in statements]
    tree = ast.Module(body or [ast.copy_location(ast.Pass(), source.node)], [])
    text = ast.unparse(ast.fix_missing_locations(tree))
    return Template(textwrap.indent(text, "    "), puncher.references, _lines(tree, text))


def _lines(tree: ast.Module, text: str) -> list[int]:
    lines = [0] * len(text.splitlines())
    for old, new in zip(_statements(tree), _statements(ast.parse(text)), strict=True):
        end = new.end_lineno or new.lineno
        lines[new.lineno - 1 : end] = [old.lineno] * (end - new.lineno + 1)
    return lines


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """All statements, outer ones first."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.stmt))


class _Puncher(ast.NodeTransformer):
    """Punches holes where a function reads from around it."""

    def __init__(self, source: FunctionSource, bound: frozenset[str]) -> None:
        self.source, self.bound = source, bound
        self.local = {*source.code.co_varnames, *source.code.co_cellvars} - bound
        self.references: list[Reference] = []

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        """`x: int = 1` is `x = 1`."""
        plain = ast.Assign([self.visit(node.target)], self.visit(node.value)) if node.value else ast.Pass()
        return ast.copy_location(plain, node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Remember what is called."""
        arguments = [self.visit(argument) for argument in node.args]
        keywords = [self.visit(keyword) for keyword in node.keywords]
        called = isinstance(node.func, (ast.Name, ast.Attribute)) and self.hole(node.func, called=True)
        return ast.copy_location(ast.Call(called or self.visit(node.func), arguments, keywords), node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """`cells.WALL` is a reference, `state.x` is not."""
        return self.hole(node) or self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A global, a closure variable or a bound parameter is a reference."""
        if node.id in self.bound and not isinstance(node.ctx, ast.Load):
            raise self.source.error(node, f"assigns to {node.id!r}, which is bound; use another name")
        return self.hole(node) or node

    def hole(self, node: ast.Name | ast.Attribute, called: bool = False) -> ast.expr | None:
        """A hole in place of a reference; None if the chain starts at a local variable or at an expression."""
        names: list[str] = []
        start: ast.expr = node
        while isinstance(start, ast.Attribute):
            names.insert(0, start.attr)
            start = start.value
        if not isinstance(start, ast.Name) or start.id in self.local:
            return None
        self.references.append(Reference((start.id, *names), node, called))
        return ast.copy_location(ast.Name(f"{RESERVED}{len(self.references) - 1}__", node.ctx), node)
