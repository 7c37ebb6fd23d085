"""What all tests share: BLAS in one thread, machine code kept in pytest's own cache folder, Python processes."""

import importlib.util
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

for library in ("OPENBLAS", "MKL", "OMP"):  # before NumPy is imported
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # no windows open while tests run
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background jobs; processes would inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    settings.register_profile("lab", deadline=None, derandomize="CI" in os.environ)  # a first call compiles
    settings.load_profile("lab")
    assert config.cache is not None
    os.environ.setdefault("RL_LAB_CACHE", str(config.cache.mkdir("kernels")))


@pytest.fixture
def interrupt() -> Callable[[subprocess.Popen[bytes]], tuple[bytes, bytes]]:
    """Press Ctrl-C in a process, and return what it said and complained about; it has a minute to end."""

    def press(run: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
        run.send_signal(signal.SIGINT)
        try:
            return run.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            run.kill()
            raise

    return press


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., str]:
    """Run a script in a process of its own, in a folder of its own, and return what it printed."""

    def run(script: str, *, ok: bool = True, **environment: str) -> str:
        file = tmp_path / "script.py"
        file.write_text(textwrap.dedent(script))
        result = subprocess.run(
            [sys.executable, str(file)],
            cwd=tmp_path,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (result.returncode == 0) == ok, result.stdout + result.stderr
        return result.stdout + result.stderr

    return run


@pytest.fixture
def write_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Write a Python file and import it, as a user would."""

    def write(text: str, name: str = "kernels") -> ModuleType:
        file = tmp_path / f"{name}.py"
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        spec.loader.exec_module(module)
        sys.dont_write_bytecode = before
        return module

    return write
