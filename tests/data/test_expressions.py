"""Expressions: as Python computes them, and nothing else is run."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_lab.data.expressions import FUNCTIONS, LONGEST, parse
from rl_lab.errors import LabError

LEAVES = st.sampled_from(["x", "2", "0.5", "pi", "e", "1e-3"])


def deeper(inner):
    pairs = st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
    powers = st.tuples(inner, st.integers(0, 4)).map(lambda t: f"({t[0]})**{t[1]}")
    calls = st.tuples(st.sampled_from(["sin", "cos", "tanh", "atan", "abs"]), inner).map(lambda t: f"{t[0]}({t[1]})")
    return pairs | calls | powers | inner.map(lambda text: f"(-{text})")


@given(text=st.recursive(LEAVES, deeper, max_leaves=8), x=st.floats(-3, 3))
def test_the_value_is_pythons(text, x):
    if len(text) > LONGEST:
        return
    known = {name: getattr(math, name, None) for name in FUNCTIONS} | {"abs": abs, "pi": math.pi, "e": math.e}
    try:
        expected = eval(text, {"__builtins__": {}}, known | {"x": x})
    except (ZeroDivisionError, OverflowError):
        return  # NumPy says inf or nan there
    assert parse(text)([x])[0] == pytest.approx(expected, rel=1e-9, abs=1e-300, nan_ok=True)


def test_two_variables_and_two_arguments():
    ridge = parse("max(x, y) - min(x, 0) * sign(y)")
    assert ridge.variables == ("x", "y")
    np.testing.assert_array_equal(ridge([-1.0, 2.0], [3.0, 1.0]), [3 + 1, 2])
    np.testing.assert_array_equal(parse("y")([1.0], [2.0]), [2])
    np.testing.assert_array_equal(parse("7")([1.0, 2.0]), [7, 7])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os').system('true')", "not allowed in an expression; it may hold numbers, x, y"),
        ("__import__('os')", "'__import__' is not allowed"),
        ("x.__class__", "'x.__class__' is not allowed"),
        ("(lambda: x)()", "is not allowed"),
        ("lambda x: x", "is not allowed"),
        ("[x for x in (1,)]", "is not allowed"),
        ("open", "'open' is not allowed"),
        ("z + 1", "'z' is not allowed"),
        ("x if x > 0 else 0", "is not allowed"),
        ("'text' * 3", "is not allowed"),
        ("True", "'True' is not allowed"),
        ("1j * x", "is not allowed"),
        ("x // 2", "is not allowed"),
        ("(x := 2)", "is not allowed"),
        ("f'{x}'", "is not allowed"),
        ("sin(x=1)", "is not allowed"),
        ("sin(*x)", "is not allowed"),
        ("x^2", r"a power is written \*\*"),
        ("sin", "sin is a function and needs brackets"),
        ("2(x + 1)", r"'2\(x \+ 1\)' is not allowed"),
        ("sin + x", "sin is a function and needs brackets"),
        ("sin(cos)", "cos is a function and needs brackets"),
        ("-sin", "sin is a function and needs brackets"),
        ("sin(x, 2)", "sin takes 1 argument, and was given 2"),
        ("max(x)", "max takes 2 arguments, and was given 1"),
        ("", "is no expression"),
        ("sin(3*x", "is no expression"),
        ("x; x", "is no expression"),
        ("x = 2", "is no expression"),
        ("\0", "is no expression"),
        ("(" * 250 + "x" + ")" * 100, "is no expression"),
        ("9" * 100, "larger than 1e30"),
        ("1e999", "larger than 1e30"),
        ("x+" * 300 + "x", "601 characters is too long"),
    ],
)
def test_what_is_refused(text, message):
    with pytest.raises(LabError, match=message):
        parse(text)


@pytest.mark.parametrize("text", ["x**1000000", "x**65", "9**9**9", "9**9**9**9", "2**(x*1e9)", "x**-70"])
def test_large_powers_are_refused_before_they_take_time(text):
    with pytest.raises(LabError, match="is too large; it must be at most 64"):
        parse(text)(np.linspace(1, 2, 10))


def test_the_longest_chains_end():
    assert parse("-" * (LONGEST - 1) + "x")([3.0])[0] == -3
    assert np.isfinite(parse("sin(" * 79 + "x" + ")" * 79)([1.0])[0])
