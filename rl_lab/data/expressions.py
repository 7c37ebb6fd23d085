"""Functions written as text, such as `sin(3*x) + 0.3*x**2`: parsed, and never run as Python.

`ast.parse` makes the tree; this module walks it and knows numbers, `x`, `y`, `pi`, `e`, the four operations, powers
and the functions of `FUNCTIONS`. Anything else, a lambda or an attribute, is refused by name. All arithmetic is
NumPy's on float64, so that a large power overflows and never fills the memory.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_lab.errors import LabError

LONGEST = 400  # characters; a tree of so many can be neither deep nor slow
LARGEST_POWER = 64
CONSTANTS = {"pi": np.pi, "e": np.e}
# fmt: off
FUNCTIONS: dict[str, np.ufunc] = {
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "exp": np.exp, "log": np.log, "sqrt": np.sqrt,
    "abs": np.abs, "sign": np.sign, "floor": np.floor, "min": np.minimum, "max": np.maximum,
}
# fmt: on
OPERATIONS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.UAdd: np.positive,
    ast.USub: np.negative,
}
ALLOWED = "numbers, x, y, pi, e, + - * / **, and " + " ".join(FUNCTIONS)


@dataclass(frozen=True)
class Expression:
    """A function of `x`, or of `x` and `y`.

    Example:
        >>> wave = parse("sin(pi*x) + 0.3*x**2")
        >>> wave([0.0, 0.5, 1.0]).round(3).tolist()
        [0.0, 1.075, 0.3]
    """

    text: str
    variables: tuple[str, ...]  # ("x",) or ("x", "y")
    tree: ast.expr

    def __call__(self, *places: ArrayLike) -> NDArray[np.float64]:
        """Values, as float64 of the shape of the places; infinite or not a number where the function has no value.

        Raises:
            LabError: a power is larger than `LARGEST_POWER`.
        """
        arrays = [np.asarray(place, np.float64) for place in places]
        with np.errstate(all="ignore"):
            value = _value(self.tree, dict(zip(self.variables, arrays, strict=True)))
        return np.array(np.broadcast_to(value, arrays[0].shape))


def parse(text: str) -> Expression:
    """Read an expression in Python's notation; a function of `y` is one of `x` and `y`.

    Raises:
        LabError: it is too long, is no expression, or holds a name, a call or a sign that is not allowed.
    """
    if len(text) > LONGEST:
        raise LabError(f"an expression of {len(text)} characters is too long; write one of at most {LONGEST}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        _no_bare_function(tree)
        names = {name for node in ast.walk(tree) for name in _checked(node)}
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, LabError):
            raise
        raise LabError(
            f"{text!r} is no expression, and no .csv file that is there; write, for example, 'sin(3*x) + 0.3*x**2'"
        ) from None
    return Expression(text.strip(), ("x", "y") if "y" in names else ("x",), tree)


def _checked(node: ast.AST) -> list[str]:
    """The variable that a node names, if it is one; every node that is not allowed is refused."""
    match node:
        case ast.Constant(value=value) if type(value) in (int, float):
            if abs(value) > 1e30:  # type: ignore[arg-type]
                raise LabError("a number in the expression is larger than 1e30; scale the function down")
            return []
        case ast.Name(id=name) if name in CONSTANTS or name in FUNCTIONS:
            return []
        case ast.Name(id="x" | "y" as name):
            return [name]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            needed = FUNCTIONS[name].nin
            if len(arguments) != needed:
                raise LabError(f"{name} takes {needed} argument{'s' * (needed > 1)}, and was given {len(arguments)}")
            for argument in arguments:
                _no_bare_function(argument)
            return []
        case ast.BinOp(op=ast.BitXor()):
            raise LabError("^ is not allowed in an expression; a power is written **, as in x**2")
        case ast.BinOp(op=operation, left=left, right=right) if type(operation) in (*OPERATIONS, ast.Pow):
            _no_bare_function(left)
            _no_bare_function(right)
            return []
        case ast.UnaryOp(op=operation, operand=operand) if type(operation) in OPERATIONS:
            _no_bare_function(operand)
            return []
        case ast.operator() | ast.unaryop() | ast.expr_context():
            return []
    raise LabError(f"{_shown(node)} is not allowed in an expression; it may hold {ALLOWED}")


def _no_bare_function(node: ast.AST) -> None:
    if isinstance(node, ast.Name) and node.id in FUNCTIONS:
        raise LabError(f"{node.id} is a function and needs brackets; write, for example, {node.id}(x)")


def _shown(node: ast.AST) -> str:
    """What stands in the text, or the beginning of it."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):  # the name that is called says most
        node = node.func
    text = ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _value(node: ast.expr, places: dict[str, NDArray[np.float64]]) -> Any:
    """What a checked tree is worth."""
    match node:
        case ast.Constant(value=value):
            return np.float64(value)  # type: ignore[arg-type]
        case ast.Name(id=name):
            return places[name] if name in places else np.float64(CONSTANTS[name])
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return FUNCTIONS[name](*(_value(argument, places) for argument in arguments))
        case ast.UnaryOp(op=operation, operand=operand):
            return OPERATIONS[type(operation)](_value(operand, places))
        case ast.BinOp(op=ast.Pow(), left=left, right=right):
            base, exponent = _value(left, places), _value(right, places)
            if (largest := np.abs(exponent).max()) > LARGEST_POWER:
                raise LabError(f"a power of {largest:.6g} is too large; it must be at most {LARGEST_POWER}")
            return np.power(base, exponent)
        case ast.BinOp(op=operation, left=left, right=right):
            return OPERATIONS[type(operation)](_value(left, places), _value(right, places))
    raise AssertionError(ast.dump(node))
