"""Linked functions: compiled once for their types, the same results and errors, found again by other processes."""

import pickle
import sys
import threading

import numpy as np
import pytest

from rl_lab import jit
from rl_lab.errors import KernelError
from rl_lab.jit import cache, compiled

HOME = __name__.rpartition(".")[-1]


@jit.linked
@jit.fast
def doubled(values, room):
    for i in range(values.shape[0]):
        room[i] = values[i] + values[i]
    return room[: values.shape[0]]


@jit.linked
def share(total, parts):
    return total // parts


@jit.fast
def sum_of_doubled(values, room):
    total = 0.0
    for value in doubled(values, room):
        total += value
    return total


@jit.fast
def last_of_doubled(values, room):
    return doubled(values, room)[-1]


def shares(total, parts):
    return share(total, parts) + 1


def doubled_of(values, room):
    return doubled(values, room)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """An empty cache, and nothing loaded; call it to forget again what was loaded."""
    monkeypatch.setenv("RL_LAB_CACHE", str(tmp_path / "cache"))

    def forget():
        monkeypatch.setattr(compiled, "_loaded", {})

    forget()
    return forget


def kept():
    """Names of the machine code in the cache, without their hashes."""
    return sorted(path.name.rpartition("_")[0].removeprefix("jit__") for path in cache.folder().glob("*.code"))


def test_it_is_compiled_once_for_each_of_its_types(own):
    callers = [jit.specialize(function) for function in (sum_of_doubled, last_of_doubled)]
    for dtype in (np.float32, np.float64):
        values, room = np.arange(4, dtype=dtype), np.zeros(9, dtype)
        assert [caller(values, room) for caller in callers] == [12.0, 6.0]
    assert kept() == sorted(f"{HOME}_{name}" for name in ("doubled", "last_of_doubled", "sum_of_doubled") for _ in "ab")


def test_its_own_machine_code_is_what_callers_use(own):
    values, room = np.arange(4.0), np.zeros(9)
    jit.specialize(last_of_doubled)(values, room)
    before = kept()
    assert jit.specialize(doubled)(values, room).tolist() == [0.0, 2.0, 4.0, 6.0]
    assert kept() == before


def test_counts_of_references_stay_what_they_are(own):
    caller, values, room = jit.specialize(doubled_of), np.arange(4.0), np.zeros(9)
    before = sys.getrefcount(values), sys.getrefcount(room)
    for _ in range(100):
        view = caller(values, room)
        assert view.base is not None
    del view
    assert (sys.getrefcount(values), sys.getrefcount(room)) == before


def test_errors_pass_through_the_call(own):
    caller = jit.specialize(shares, name="the shares")
    assert caller(7, 2) == 4
    with pytest.raises(KernelError, match="the shares divided by zero"):
        caller(7, 0)
    with pytest.raises(KernelError, match=r"kernel 'share' cannot be compiled: .*'return total // parts'"):
        caller("7", None)


def test_exact_code_cannot_be_linked_to_fast_code():
    with pytest.raises(KernelError, match="is marked fast"):
        jit.specialize(doubled_of, exact=True)


def test_a_change_to_it_is_a_change_to_its_callers(write_module):
    text = "from rl_lab import jit\n@jit.linked\ndef inner(x):\n    return x + {}\ndef outer(x):\n    return inner(x)\n"
    callers = [jit.specialize(write_module(text.format(number), f"kernels_{number}").outer) for number in (1, 2)]
    assert [caller(1.0) for caller in callers] == [2.0, 3.0]
    assert callers[0].files != callers[1].files


def test_it_is_compiled_again_where_its_file_is_gone_or_damaged(own):
    caller, values, room = jit.specialize(sum_of_doubled), np.arange(4.0), np.zeros(9)
    assert caller(values, room) == 12.0
    (file,) = cache.folder().glob(f"jit__{HOME}_doubled_*.code")
    for harm in (file.unlink, lambda: file.write_bytes(b"nonsense")):
        harm()
        own()
        assert jit.specialize(sum_of_doubled)(values, room) == 12.0
        assert file.stat().st_size > 1000


def test_what_an_earlier_version_wrote_under_its_name_is_compiled_again(own):
    caller, values, room = jit.specialize(sum_of_doubled), np.arange(4.0), np.zeros(9)
    assert caller(values, room) == 12.0
    (inner,), (outer,) = (cache.folder().glob(f"jit__{HOME}_{name}_*.code") for name in ("doubled", "sum_of_doubled"))
    for earlier in (pickle.dumps((1, 2, 3, 4)), b"cjit__gone\nname\n."):  # other parts; of a module that is not there
        outer.unlink()
        inner.write_bytes(cache._seal(inner.stem, earlier) + earlier)
        own()
        assert jit.specialize(sum_of_doubled)(values, room) == 12.0


def test_other_processes_find_it(own, python):
    script = """
        import numpy as np
        from rl_lab import jit
        from rl_lab.jit import compiled
        compiled.announce = lambda name, functions: print("compiles", name)
        @jit.linked
        def inner(values):
            return values[1:]
        def outer(values):
            return inner(values).sum()
        print("result", jit.specialize(outer)(np.arange(4.0)))
    """
    assert python(script).splitlines() == ["compiles outer", "result 6.0"]
    assert python(script).splitlines() == ["result 6.0"]


def test_threads_may_want_it_at_once(own):
    results, values = [], np.arange(4.0)
    functions = (sum_of_doubled, last_of_doubled, doubled_of) * 2

    def run(function):
        results.append(np.sum(jit.specialize(function)(values, np.zeros(9))))

    threads = [threading.Thread(target=run, args=[function]) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(results) == [6.0, 6.0, 12.0, 12.0, 12.0, 12.0]
