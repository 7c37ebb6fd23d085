"""Kernels mean the same compiled as plain, and their machine code is never stale."""

import collections
import enum
import functools
import logging
import math
import sys
import threading
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_lab import jit
from rl_lab.errors import KernelError
from rl_lab.jit import compiled


class Cell(enum.IntEnum):
    WALL = 2


class Shape:
    WIDTH = 7


@dataclass(frozen=True)
class Physics:
    gravity: float = -9.75


Point = collections.namedtuple("Point", "x y")
CORNER, PHYSICS = Point(3, 4), Physics()
NEGATIVE, ZERO, NOT_A_NUMBER, HUGE, SMALL = -2, -0.0, math.nan, -math.inf, np.int8(-3)
NESTED = ((1, 2.5), (3, -4.5))
TABLE = np.arange(6, dtype=np.int16).reshape(2, 3)
SAME_TABLE = TABLE
_hidden = np.array([5.0])
RECORDS = np.array([(1, 2.0), (3, 4.0)], dtype=[("a", "i8"), ("b", "f8")]).view(np.recarray)


def constants(x):
    hidden = x + 1.0  # not to be confused with the table
    total = NEGATIVE**2 + Cell.WALL + Cell.WALL.value + Shape.WIDTH + PHYSICS.gravity + CORNER.y + CORNER[0]
    total += NESTED[1][1] + np.float64(SMALL) + math.copysign(1.0, ZERO) + hidden + _hidden[0]
    return total + TABLE[1, 2] * SAME_TABLE[1, 1] + RECORDS[1].b if x != HUGE else NOT_A_NUMBER


def double(x):
    return 2.0 * x


def functions(x):
    return double(x) + math.sqrt(abs(x)) + np.floor(x) + max(x, 1.0) + np.linalg.norm(np.array([x, x]))


def factorial(n):
    return 1 if n <= 1 else n * factorial(n - 1)


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def with_default(x, scale=2.5, shift=NEGATIVE):
    return x * scale + shift


def uses_defaults(x):
    return with_default(x) + with_default(x, shift=1.0)


def scaled(factor):
    def scale(x):
        return factor * x

    return scale


three_times, four_times = scaled(3.0), scaled(4.0)


def both(x):
    return three_times(x) + 10.0 * four_times(x)


def annotated(x: "Undefined") -> "Undefined":  # noqa: F821
    y: Undefined = double(x)  # noqa: F821
    return y


@pytest.mark.parametrize("kernel", [constants, functions, uses_defaults, both, annotated])
@pytest.mark.parametrize("x", [-3.5, 0.0, 2.25])
def test_compiled_equals_plain(kernel, x):
    if kernel is functions:
        x = np.float64(x)
    assert jit.specialize(kernel)(x) == kernel(x)


@given(x=st.floats(-1e6, 1e6))
def test_constants_keep_their_values(x):
    assert _constants(x) == constants(x)


_constants = jit.specialize(constants)


@pytest.mark.parametrize(("kernel", "culprit"), [(factorial, "factorial"), (even, "odd")])
def test_recursion_is_refused(kernel, culprit):
    # Numba's machine code for it crashes the process that loads it from the cache.
    with pytest.raises(KernelError, match=rf"'{culprit}' calls '\w+', which leads back to it; write a loop"):
        jit.specialize(kernel)


def typed(x):
    return x + SMALL


def test_captured_scalars_keep_their_type():
    # int8 + int8 is int64 in Numba, and float32 + float32 stays float32.
    single = np.float32(0.1)

    def add(x):
        return x + single

    assert jit.specialize(add)(np.float32(0.2)) == np.float32(0.1) + np.float32(0.2)
    assert jit.specialize(typed)(5) == 2


def apply_twice(function, x):
    return function(function(x))


def test_functions_are_bound_as_values_and_partials():
    assert jit.specialize(apply_twice, function=double)(1.5) == 6.0
    assert jit.specialize(functools.partial(apply_twice, double))(1.5) == 6.0
    inner = functools.partial(apply_twice, double)
    assert jit.specialize(apply_twice, function=inner)(1.5) == 24.0
    assert jit.specialize(with_default, scale=3, shift=4.0)(2.0) == 10.0


def hands_on(x):
    return apply_twice(double, x)


def test_a_function_handed_on_is_refused():
    # Numba would take its address and never find the machine code in its cache again.
    with pytest.raises(KernelError, match=r"'hands_on' hands 'double' on; bind a function with functools.partial"):
        jit.specialize(hands_on)


def test_unknown_bound_parameter():
    with pytest.raises(TypeError, match="apply_twice has no parameter functoin"):
        jit.specialize(apply_twice, functoin=double)


def test_same_names_in_different_modules(write_module):
    one = write_module("import numpy as m\ndef helper(x):\n    return m.floor(x) + T[0]\nT = m.array([1.0])", "one")
    two = write_module("import math as m\nT = (10.0,)\ndef helper(x):\n    return m.ceil(x) + T[0]", "two")

    def kernel(x):
        return 100.0 * one.helper(x) + two.helper(x)

    assert jit.specialize(kernel)(2.5) == kernel(2.5) == 313.0


def test_wrapping_decorators_are_not_lost(write_module):
    module = write_module("""
        import functools
        def plus_one(function):
            @functools.wraps(function)
            def wrapper(x):
                return function(x) + 1.0
            return wrapper
        @plus_one
        def kernel(x):
            return 2.0 * x
    """)
    assert jit.specialize(module.kernel)(3.0) == module.kernel(3.0) == 7.0


def test_sources_beyond_ascii_and_odd_layout(write_module):
    module = write_module('''
        class Holder:
            @staticmethod
            def größe(höhe, σ=0.5):
                """Ein Text,
        der anders eingerückt ist."""
                if höhe > 1: return höhe * σ; x = 1
                y = (höhe
                     + σ)  # ä
                return y
    ''')
    kernel = jit.specialize(module.Holder.größe, σ=0.25)
    assert kernel(3.0) == 0.75
    assert kernel(1.0) == 1.25


def test_tables_are_taken_as_they_are_now():
    table = np.array([1.0, 2.0])

    def total():
        return table[0] + table[1]

    before = jit.specialize(total)
    table[1] = 5.0
    after = jit.specialize(total)
    assert (before(), after()) == (3.0, 6.0)
    assert before.module.digest != after.module.digest


def test_one_table_under_two_names_is_kept_once():
    assert len(_constants.module.tables) == 3  # TABLE, _hidden, RECORDS


def test_only_meaning_decides_the_name(write_module):
    bare = write_module("def kernel(x):\n    return x + 1\n")
    digest = jit.specialize(bare.kernel).module.digest
    same = write_module("""
        # New.
        def kernel(x: int) -> int:
            'Say it.'
            return (x +
                    1)  # so
    """)
    assert jit.specialize(same.kernel).module.digest == digest
    other = write_module("def kernel(x):\n    return x + 2\n")
    assert jit.specialize(other.kernel).module.digest != digest


def test_source_edited_after_import(write_module, tmp_path):
    module = write_module("def kernel(x):\n    return x + 1\n")
    jit.specialize(module.kernel)
    (tmp_path / "kernels.py").write_text("# moved\ndef kernel(x):\n    return x + 2\n")
    with pytest.raises(KernelError, match=r"'kernel' is not what .*kernels.py says at line 1: .*changed after"):
        jit.specialize(module.kernel)
    (tmp_path / "kernels.py").write_text("def kernel(x):\n    return x + 2\n")
    with pytest.raises(KernelError, match="restart Python"):
        jit.specialize(module.kernel)


MESSAGES = {
    "x.foo": r"'kernel' cannot be compiled: .*(Unknown attribute|no field) 'foo'.* line 4: 'return x.foo'",
    "undefined + x": r"uses 'undefined', which is not defined \(.*kernels.py, line 4: 'return undefined \+ x'\)",
    "np.flor(x)": r"uses 'np.flor', but there is no 'flor' in it \(.*kernels.py, line 4",
    "np.sort_complex(x)": r"cannot be compiled: there is no compiled 'sort_complex' .*kernels.py, line 4",
    "x + 'text'": r"cannot be compiled: there is no .*add\(.*line 4",
    "np.random.rand()": r"uses numpy.random; draw from an explicit stream with rl_lab.random",
    "TABLE.append(x)": r"uses 'TABLE.append', which is of type builtin_function_or_method; a kernel may use numbers",
    "OBJECTS[0]": r"uses 'OBJECTS', which is an array of object",
    "helper(x, x)": r"'kernel' cannot be compiled: Cannot bind.*line 4: 'return helper\(x, x\)'",
    "helper('a')": r"'helper' cannot be compiled: there is no .*\(.*line 8: 'return y \+ 1'",
    "[i for i in range(x)]": r"'kernel' uses a comprehension, which kernels cannot; .*line 4",
    "(lambda y: y)(x)": r"'kernel' uses a lambda, which kernels cannot",
    "ARRAY.__setitem__": r"'kernel'.*line 4",
}


@pytest.mark.parametrize("expression", MESSAGES)
def test_messages_name_the_kernel_and_the_line(write_module, expression):
    module = write_module(f"""
        import numpy as np
        def kernel(x):
            return {expression}
        TABLE, OBJECTS, ARRAY = [1, 2], np.array([None]), np.zeros(2)

        def helper(y):
            return y + 1
    """)
    with pytest.raises(KernelError, match=MESSAGES[expression]) as caught:
        jit.specialize(module.kernel)(3)
    assert len(str(caught.value)) < 600
    assert "\n" not in str(caught.value)


STATEMENTS = {
    "    if x > 1: y = 1\n    else: y = 'a'\n    return y": r"[Cc]an(not|'t) unify .*line 6: 'return y'",
    "    with open('x') as f: pass": r"uses with, which kernels cannot.*line 4",
    "    TABLE[0] = x": r"'kernel' cannot be compiled: Cannot modify readonly array.*line 4: 'TABLE\[0\] = x'",
    "    records[0].b = x": r"'kernel' cannot be compiled: records\[0\] has no field 'b' .*line 4",
    "    def inner(): return 1": r"uses a function inside a function",
    "    global TABLE": r"uses global",
    "    import math": r"uses an import",
    "    yield x": r"uses yield",
    "    return 'a jit__0__ hole'": r"uses the name 'a jit__0__ hole'; names with jit__ are taken",
    "    jit__x = x": r"uses the name 'jit__x'; names with jit__ are taken",
    "    for k, v in {'a': 1, 'b': x}.items():\n        print(k.nope)": r"'kernel'.*Unknown attribute 'nope'.*line 5",
}


@pytest.mark.parametrize("body", STATEMENTS)
def test_messages_about_statements(write_module, body):
    module = write_module(f"import numpy as np\nTABLE = np.zeros(2)\ndef kernel(records, x):\n{body}\n")
    with pytest.raises(KernelError, match=STATEMENTS[body]) as caught:
        jit.specialize(module.kernel)(np.zeros(1, [("a", "i8")]), 3)
    assert "\n" not in str(caught.value)


def test_messages_about_signatures(write_module):
    module = write_module("def kernel(x, *more):\n    return x\nkernel2 = lambda x: x\n")
    with pytest.raises(KernelError, match=r"'kernel' takes \*args, \*\* or keyword-only parameters"):
        jit.specialize(module.kernel)
    with pytest.raises(KernelError, match="not a function made with def"):
        jit.specialize(module.kernel2)
    with pytest.raises(KernelError, match="not a function made with def"):
        jit.specialize(math.sqrt)
    namespace = {}
    exec("def kernel(x):\n    return x\n", namespace)
    with pytest.raises(KernelError, match="'kernel' cannot be read from <string>; define it in a file"):
        jit.specialize(namespace["kernel"])


def test_a_bound_parameter_stays_what_it_is(write_module):
    module = write_module("def kernel(x, y):\n    y = x\n    return y\n")
    with pytest.raises(KernelError, match=r"assigns to 'y', which is bound; use another name .*line 2"):
        jit.specialize(module.kernel, y=3)


def test_other_types_later_get_a_sentence_too():
    def field(x):
        return x.real + 1

    kernel = jit.specialize(field)
    assert kernel(1.0) == 2.0
    with pytest.raises(KernelError, match=r"'field' cannot be compiled: .*Unknown attribute 'real'"):
        kernel("text")


def test_division_by_zero_gets_a_sentence():
    def divide(x):
        return 1.0 / x

    kernel = jit.specialize(divide, name="Division")
    assert kernel(2.0) == 0.5
    with pytest.raises(KernelError, match="Division divided by zero; debug=True shows where"):
        kernel(0.0)


@jit.fast
def quick(x):
    return x + 1.0


def calls_quick(x):
    return quick(x)


def test_fast_is_marked_and_refused_where_exactness_is_wanted():
    assert "fastmath" in jit.specialize(calls_quick).module.text
    assert "fastmath" not in jit.specialize(both).module.text
    with pytest.raises(KernelError, match=r"'quick' is marked fast, which deletes checks for NaN"):
        jit.specialize(calls_quick, exact=True)


SCRIPT = """
    import logging, sys
    sys.path.insert(0, ".")
    import numpy as np
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    from rl_lab import jit
    import helpers
    table = np.array([1.0, 2.0, 3.0])
    CONSTANT = 10.0
    def factory(captured):
        def kernel(x):
            return helpers.helper(x) + table[1] + CONSTANT + captured
        return kernel
    print("result", jit.specialize(factory(100.0), name="main kernel")(1000.0))
"""
EDITS = [("2.0", "2.5"), ("CONSTANT = 10.0", "CONSTANT = 20.0"), ("100.0", "300.0")]


def test_other_processes_load_machine_code_and_see_every_change(python, tmp_path):
    folder = str(tmp_path / "cache")
    (tmp_path / "helpers.py").write_text("def helper(x):\n    return x\n")

    def results(script=SCRIPT):
        output = python(script, RL_LAB_CACHE=folder)
        return output.count("compiling main kernel"), float(output.split("result")[1])

    assert results() == (1, 1112.0)
    assert results() == (0, 1112.0)
    values = []
    for old, new in EDITS:
        compiled, value = results(SCRIPT.replace(old, new))
        assert compiled == 1
        values.append(value)
    assert values == [1112.5, 1122.0, 1312.0]
    (tmp_path / "helpers.py").write_text("def helper(x):\n    return 2 * x\n")
    assert results() == (1, 2112.0)
    (tmp_path / "helpers.py").write_text("def helper(x):\n    return x\n")
    assert results() == (0, 1112.0)


NOTEBOOK = """
    from IPython.core.interactiveshell import InteractiveShell
    shell = InteractiveShell.instance()
    for cell in ["import math\\nfrom rl_lab import jit\\nFACTOR = 3\\ndef helper(x):\\n    return FACTOR*math.cos(x)"
                 "\\n\\ndef kernel(x):\\n    return helper(x) + 1.0\\n\\nfirst = jit.specialize(kernel)(0.0)",
                 "def helper(x):\\n    return 10.0 * x",
                 "second = jit.specialize(kernel)(2.0)",
                 "import math\\n\\ndef wrong(x):\\n    y = math.cos(x)\\n    return y.nope",
                 "try:\\n    jit.specialize(wrong)(1.0)\\nexcept Exception as error:\\n    message = str(error)",
                 "%%time\\ndef timed(x):\\n    return x",
                 "try:\\n    jit.specialize(timed)\\nexcept Exception as error:\\n    message += str(error)"]:
        shell.run_cell(cell).raise_error()
    print("result", shell.user_ns["first"], shell.user_ns["second"], shell.user_ns["message"])
"""


def test_notebook_cells(python):
    printed = python(NOTEBOOK)
    assert "result 4.0 21.0 kernel 'wrong' cannot be compiled: " in printed
    assert "line 5: 'return y.nope')" in printed
    assert (
        "'timed' cannot be read from <timed exec>; define it in a file, or in a notebook's cell without a magic"
        in printed
    )


def test_disabled_compilation_gets_a_sentence(python, tmp_path):
    (tmp_path / "helpers.py").write_text("def helper(x):\n    return x\n")
    output = python(SCRIPT, ok=False, NUMBA_DISABLE_JIT="1")
    assert "NUMBA_DISABLE_JIT is set" in output


def test_threads_may_compile_the_same_function_at_once(caplog):
    def slow(x):
        return math.sin(x) + math.cos(x) + 0.0625

    kernels = [jit.specialize(slow) for _ in range(4)]
    results = []
    threads = [threading.Thread(target=lambda k=k: results.append(k(1.0))) for k in kernels]
    with caplog.at_level(logging.INFO, "rl_lab"):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [slow(1.0)] * 4


@pytest.mark.parametrize(
    ("is_terminal", "functions", "is_told"), [(True, 50, True), (True, 3, False), (False, 50, False)]
)
def test_at_a_terminal_nobody_waits_in_silence(monkeypatch, capsys, is_terminal, functions, is_told):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    compiled.announce("a kernel", functions)
    assert ("compiling a kernel, once" in capsys.readouterr().err) is is_told


@given(lanes=st.integers(0, 40), threads=st.integers(1, 6))
def test_every_lane_is_run_once(lanes, threads):
    runs = np.zeros(lanes, int)

    def run(start, stop):
        runs[start:stop] += 1

    jit.over_lanes(run, lanes, threads)
    assert (runs == 1).all()


def test_what_a_thread_raises_is_raised_after_all_have_ended():
    ended = []

    def run(start, stop):
        ended.append(start)
        if start:
            raise KernelError("no")

    with pytest.raises(KernelError, match="no"):
        jit.over_lanes(run, 30, 3)
    assert len(ended) == 3
    assert sorted(ended)[0] == 0
