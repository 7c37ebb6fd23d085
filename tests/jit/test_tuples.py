"""NamedTuples as arguments of kernels, from modules, scripts and functions."""

import pickle
from typing import NamedTuple

import numpy as np

from rl_lab import jit
from rl_lab.jit import tuples
from rl_lab.jit.tuples import portable

SCRIPT = """
    from typing import NamedTuple
    import numpy as np
    from rl_lab import jit

    class Inner(NamedTuple):
        array: np.ndarray

    class Outer(NamedTuple):
        inner: Inner
        factor: float

    @jit.fast
    def kernel(both, outer):
        outer.inner.array[0] += 1.0
        return both[1].array.sum() * outer.factor

    inner = Inner(np.ones(2))
    print("result", jit.specialize(kernel)((3, inner), Outer(inner, 2.0)))
"""


class Point(NamedTuple):
    x: float
    y: float


def add(point):
    return point.x + point.y


def first(point):
    return point.x


def test_a_script_finds_its_machine_code_again(python, tmp_path):
    def files():
        return sorted((tmp_path / "cache").rglob("*.code"))

    assert "result 6.0" in python(SCRIPT, RL_LAB_CACHE=str(tmp_path / "cache"))
    first = files()
    assert len(first) == 1
    assert "result 6.0" in python(SCRIPT, RL_LAB_CACHE=str(tmp_path / "cache"))
    assert files() == first


def test_classes_of_functions_work():
    class Local(NamedTuple):
        x: float
        y: float

    kernel = jit.specialize(add)
    assert kernel(Point(0.0, 2.0)) == 2.0
    assert kernel(Local(1.0, 2.0)) == 3.0
    assert kernel(Local(2.0, 2.0)) == 4.0


def test_classes_of_one_name_are_not_mixed_up():
    def made(fields):
        class Local(NamedTuple):
            __annotations__ = dict.fromkeys(fields, float)

        return Local(1.0, 2.0)

    kernel = jit.specialize(first)
    assert [kernel(made(fields)) for fields in ("xy", "yx", "xy")] == [1.0, 2.0, 1.0]


def test_what_other_processes_find_stays_as_it_is():
    arguments = (Point(1.0, 2.0), np.ones(1), (3, 4))
    assert portable(arguments) is arguments


def test_portable_classes_are_found_by_name():
    class Local(NamedTuple):
        x: float

    moved = portable((1, Local(2.0)))
    assert moved == (1, Local(2.0))
    assert pickle.loads(pickle.dumps(moved)) == moved
    assert type(pickle.loads(pickle.dumps(moved))[1]) is type(portable(Local(3.0)))
    assert not hasattr(tuples, "missing")
