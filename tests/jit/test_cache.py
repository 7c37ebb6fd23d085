"""Machine code in the cache: the same whatever was compiled before, healed where damaged, trusted where private."""

import os
import pickle
import subprocess
import sys
import textwrap
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from numba import typeof
from numba.core import config

from rl_lab import files, jit
from rl_lab.errors import KernelError
from rl_lab.jit import cache, compile_process, compiled

PLAIN = """
    from rl_lab import jit
    def eighth(x):
        return x + 0.125
    print("result", jit.specialize(eighth)(1.0))
"""


def eighth(x):
    return x + 0.125


@jit.fast
def quarter(x):
    return x + 0.25


@pytest.fixture
def own(tmp_path, monkeypatch):
    """An empty cache, and nothing loaded; call it to forget again what was loaded."""
    monkeypatch.setenv("RL_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))

    def forget():
        monkeypatch.setattr(compiled, "_loaded", {})

    forget()
    return forget


@pytest.fixture
def made(monkeypatch):
    """Names of what is compiled, in order."""
    names = []
    monkeypatch.setattr(compiled, "announce", lambda name, functions: names.append(name))
    return names


def test_every_fast_piece_of_machine_code_comes_from_a_process_of_its_own(own, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("json.py").write_text("raise SystemExit('the working folder was imported from')")
    kernel, seen = jit.specialize(quarter), []
    monkeypatch.setattr(compiled, "compile_apart", lambda *a: seen.append(a[2]) or compile_process.compile_apart(*a))
    assert [kernel(1.0), kernel(1), kernel(2.0)] == [1.25, 1.25, 2.25]
    assert seen == [(typeof(1.0),), (typeof(1),)]
    assert len(kernel.files) == len(set(kernel.files)) == 2


@pytest.mark.parametrize(
    ("child", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", r"its process was ended by SIGKILL; .*memory"),
        ("raise SystemExit('no room')", r"its process ended with status 1 \(no room\)"),
    ],
)
def test_fast_code_is_never_compiled_otherwise(own, monkeypatch, child, reason):
    monkeypatch.setattr(compile_process, "CHILD", child)
    kernel = jit.specialize(quarter, name="a quarter")
    with pytest.raises(KernelError, match=f"^a quarter cannot be compiled: {reason}"):
        kernel(1.0)
    assert not kernel.files
    assert not list(cache.folder().iterdir())


def test_everything_that_decides_machine_code_is_in_its_name(monkeypatch):
    def name(*values):
        return cache.name_of(module, tuple(typeof(value) for value in values))

    module, one, two = jit.specialize(eighth).module, namedtuple("Point", "x"), namedtuple("Point", "x")
    two.__module__ = "another"
    matrix, record = np.zeros((3, 2)), np.zeros(1, [("a", "f4")])
    values = [1, 1.0, True, (1.0,), one(1.0), two(1.0), matrix, matrix.T, matrix[::2], matrix[0], record, record[0]]
    values += [np.zeros(1, [("a", "f8")]), np.zeros(1, [("b", "f4")]), np.broadcast_to(1.0, (3, 2)), np.float32(1)]
    names = [name(value) for value in values]
    assert len(set(names)) == len(names)
    assert names == [name(value) for value in values]
    assert name(np.zeros((9, 5))) == name(matrix)  # sizes decide nothing
    before, fast = name(1.0), jit.specialize(quarter).module
    with monkeypatch.context() as patch:
        names = [cache.name_of(fast, (typeof(1.0),))]
        patch.setattr(cache, "CHILD", "another way")
        assert name(1.0) == before
        assert cache.name_of(fast, (typeof(1.0),)) not in names
    for setting in ("OPT", "CPU_NAME", "CPU_FEATURES", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK"):
        with monkeypatch.context() as patch:
            patch.setattr(config, setting, "another")
            assert name(1.0) != before


HARMS = {
    "empty": lambda code: b"",
    "cut off": lambda code: code[: len(code) // 2],
    "zeros": lambda code: bytes(len(code)),
    "a flipped bit": lambda code: code[:-100] + bytes([code[-100] ^ 1]) + code[-99:],
    "of another name": lambda code: cache._seal("another", code[32:]) + code[32:],
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_file_is_compiled_again(own, made, harm):
    assert jit.specialize(eighth)(1.0) == 1.125
    (file,) = cache.folder().iterdir()
    whole = file.read_bytes()
    file.write_bytes(HARMS[harm](whole))
    for _ in range(2):  # compiled again, then loaded
        own()
        assert jit.specialize(eighth)(1.0) == 1.125
        assert made == ["eighth"] * 2
        assert file.read_bytes()[:32] == cache._seal(file.stem, file.read_bytes()[32:])


def test_a_full_disk_costs_time_alone(own, made, monkeypatch, caplog):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    for kernel in (eighth, quarter):
        assert jit.specialize(kernel)(1.0) == kernel(1.0)
    assert "machine code is not kept, and the next process compiles again: " in caplog.text
    assert "No space left on device" in caplog.text


class Planted:
    def __reduce__(self):
        return os.mkdir, ("planted",)


def open_to_others(path):
    path.chmod(0o666)


def owned_by_others(path):
    os.chown(path, 4242, 4242)


@pytest.mark.parametrize("distrusted", [open_to_others, owned_by_others])
def test_what_others_could_write_is_not_run(own, made, monkeypatch, tmp_path, distrusted, caplog):
    monkeypatch.chdir(tmp_path)
    if distrusted is owned_by_others and os.getuid() != 0:
        monkeypatch.setattr(os, "getuid", lambda: 4242)  # what this user wrote is now another's
        distrusted = Path.touch
    kernel = jit.specialize(eighth)
    name = cache.name_of(kernel.module, (typeof(1.0),))
    planted = pickle.dumps(Planted())
    file = cache.file_of(name)
    file.write_bytes(cache._seal(name, planted) + planted)
    distrusted(file)
    cache._distrust.cache_clear()
    assert kernel(1.0) == 1.125
    assert not Path("planted").exists()
    assert made == ["eighth"]
    assert (
        f"machine code in {tmp_path / 'cache' / 'jit'} that other users wrote, or can write to, is not used"
        in caplog.text
    )


def test_new_folders_and_files_are_closed_to_others_whatever_the_umask(own, tmp_path):
    before = os.umask(0)
    try:
        jit.specialize(eighth)(1.0)
        folder = tmp_path / "cache" / "jit"
        assert all(not path.stat().st_mode & 0o022 for path in (folder.parent, folder, *folder.iterdir()))
        folder.chmod(0o777)  # as earlier versions made it
        assert cache.folder() == folder
        assert not folder.stat().st_mode & 0o022
    finally:
        os.umask(before)


def test_a_shared_cache_is_read_and_what_it_lacks_goes_to_the_users_own(own, made, monkeypatch, tmp_path):
    jit.specialize(eighth)(1.0)
    shared, mine = tmp_path / "cache" / "jit", tmp_path / "home" / "rl_lab" / "jit"
    monkeypatch.setattr(cache.os, "access", lambda path, mode: shared not in (path, *Path(path).parents))
    before = sorted(shared.iterdir())
    for _ in range(2):
        own()
        assert jit.specialize(eighth)(1.0) == 1.125
        assert jit.specialize(eighth)(1) == 1.125
    assert made == ["eighth"] * 2
    assert sorted(shared.iterdir()) == before
    assert len(list(mine.iterdir())) == 1
    monkeypatch.setenv("RL_LAB_CACHE", str(tmp_path / "new"))  # what is empty stays so until something is compiled
    assert not cache.holds(next(mine.iterdir()).stem)


def test_where_nothing_can_be_written_a_temporary_folder_goes_with_its_process(python, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "tmp").mkdir()
    nowhere = str(tmp_path / "file")
    assert "result 1.125" in python(PLAIN, RL_LAB_CACHE=nowhere, XDG_CACHE_HOME=nowhere, TMPDIR=str(tmp_path / "tmp"))
    assert not list((tmp_path / "tmp").iterdir())


def test_old_files_and_strays_are_deleted(own, monkeypatch):
    monkeypatch.setattr(cache, "KEEP", 2)
    kernel = jit.specialize(eighth)
    for number, value in enumerate((1, 1.0, True)):
        kernel(value)
        os.utime(kernel.files[-1], (number, number))
    killed, earlier = kernel.files[0].with_suffix(".tmp"), kernel.files[0].with_name("__pycache__")
    killed.touch()
    earlier.mkdir()  # of earlier versions
    for stray in (killed, earlier):
        os.utime(stray, (0, 0))
    (recent := killed.with_suffix(".lock")).touch()
    kernel(np.float32(1))
    assert [file.exists() for file in kernel.files] == [False, False, True, True]
    assert set(cache.folder().iterdir()) == {*kernel.files[2:], recent}


def test_processes_that_want_the_same_at_once_compile_it_once(tmp_path):
    (tmp_path / "script.py").write_text("import logging\nlogging.basicConfig(level=20)\n" + textwrap.dedent(PLAIN))
    command, environment = [sys.executable, "script.py"], os.environ | {"RL_LAB_CACHE": str(tmp_path)}
    runs = [subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=-1, stderr=-1, text=True) for _ in range(2)]
    ended = [run.communicate() for run in runs]
    assert [printed for printed, _ in ended] == ["result 1.125\n"] * 2
    assert sum(logged.count("compiling eighth") for _, logged in ended) == 1
    assert len(list(tmp_path.glob("jit/*"))) == 1


def test_a_lock_that_is_never_given_back_costs_time_alone(own, monkeypatch):
    monkeypatch.setattr(cache, "PATIENCE", 0.2)
    with cache.locked("name"):
        begun = time.monotonic()
        with cache.locked("name"):
            assert time.monotonic() - begun > 0.2
