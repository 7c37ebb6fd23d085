"""A name for everything that decides a run, so that a finished run is not run again and a changed one is."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import inspect
import json
import os
import platform
import sys
import sysconfig
import textwrap
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGES = ("gymnasium", "numpy", "numba", "torch", "stable-baselines3")
MEASURING = (
    "contenders",
    "environments",
    "evaluation",
    "hook",
    "measure",
    "pretrained",
    "worker",
)  # our files that decide a run
DEPTH = 8  # how far objects within objects are followed


def digest(*parts: Any) -> str:
    """Twenty hexadecimal digits that name some values; see `describe` for what counts about them."""
    text = json.dumps([describe(part) for part in parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide what a run does."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        found[package] = importlib.metadata.version(package)
    return found


@functools.cache
def processor() -> str:
    """What the processor calls itself: seconds on different ones are not the same measure."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


@functools.cache
def own_source() -> str:
    """Hash of the lab's own files that a run goes through: environments, core, agents, stages and the measuring."""
    import rl_lab
    import rl_lab.agents
    import rl_lab.envs

    root = Path(rl_lab.__file__).parent
    folders = [root / name for name in ("core", "jit", "data", "supervised", "stages")]
    folders += [Path(rl_lab.envs.__file__).parent, Path(rl_lab.agents.__file__).parent]
    files = [root / "random.py", *sorted(root.glob("sb3*.py"))]
    files += [root / "compare" / f"{name}.py" for name in MEASURING]
    for folder in folders:
        files += sorted(folder.rglob("*.py"))
    text = b"".join(path.read_bytes() for path in files if path.exists())
    return hashlib.sha256(text).hexdigest()[:20]


def describe(value: Any, seen: frozenset[int] = frozenset()) -> Any:
    """What counts about a value, as JSON can hold it.

    A function of the user's own counts with its source, its defaults, what it captured, and the user's own
    functions, classes and modules that it names or imports; something installed counts with its package's version.
    """
    if id(value) in seen or len(seen) > DEPTH:
        return type(value).__qualname__
    inner = seen | {id(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): describe(item, inner) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [describe(item, inner) for item in value]
        return sorted(items, key=str) if isinstance(value, (set, frozenset)) else items
    if isinstance(value, functools.partial):
        return ["partial", describe(value.func, inner), describe(value.args, inner), describe(value.keywords, inner)]
    if isinstance(value, types.ModuleType):
        return _module(value.__name__)
    if isinstance(value, (types.FunctionType, types.MethodType, type)):
        return _code(value, inner)
    if hasattr(value, "detach"):  # tensors
        value = value.detach().cpu().numpy()
    if hasattr(value, "tobytes"):  # arrays
        return [str(getattr(value, "dtype", "")), hashlib.sha256(value.tobytes()).hexdigest()]
    state = getattr(value, "__dict__", None) or repr(type(value))
    return [describe(type(value), inner), describe(state, inner)]


def module_of_user(name: str) -> Path | None:
    """The file of a module that is the user's own: not installed, not Python's, not ours."""
    if name == "__main__" or name.split(".")[0] == "rl_lab":
        return None
    file = _file(name)
    if file is None or not os.path.exists(file):
        return None
    installed = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    return None if any(Path(file).is_relative_to(folder) for folder in installed) else Path(file)


def _file(name: str) -> str | None:
    """The file of a module, which is not imported for it."""
    if name in sys.modules:
        return getattr(sys.modules[name], "__file__", None)
    first, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(first)
    except (ImportError, ValueError):
        return None
    if spec is None or not rest:
        return spec.origin if spec else None
    places = [Path(place, *rest) for place in spec.submodule_search_locations or ()]
    files = [file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")]
    return next((str(file) for file in files if file.exists()), None)


def _module(name: str, seen: frozenset[str] = frozenset()) -> Any:
    """A module: the text of the user's own file and of those that it imports, or the version of what is installed."""
    if file := module_of_user(name):
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        text = file.read_bytes()
        return [name, hashlib.sha256(text).hexdigest()[:20], _imported(text.decode(), package, seen | {name})]
    package = name.split(".")[0]
    if package == "rl_lab":
        return [name, own_source()]
    for distribution in _distributions().get(package, ()):
        return [name, importlib.metadata.version(distribution)]
    return [name]


def _imported(source: str, package: str, seen: frozenset[str] = frozenset()) -> list[Any]:
    """The user's own modules that some source text imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(textwrap.dedent(source))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            relative = "." * node.level + (node.module or "")
            home = importlib.util.resolve_name(relative, package) if node.level else relative
            names |= {home, *(f"{home}.{alias.name}" for alias in node.names)}  # a name may be a module
    return [_module(name, seen) for name in sorted(names - seen) if module_of_user(name)]


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    """What was installed as which package; finding out takes a second."""
    return importlib.metadata.packages_distributions()


def _code(value: Any, seen: frozenset[int]) -> Any:
    """A function or class: what it is called, its own source, and all that the source leans on."""
    module = value.__module__
    if module != "__main__" and module_of_user(module) is None:
        return [value.__qualname__, _module(module)]
    try:
        source = inspect.getsource(value)
    except (OSError, TypeError):
        source = repr(getattr(getattr(value, "__code__", None), "co_code", value.__qualname__))
    parts: list[Any] = [value.__qualname__, source]
    parts.append(_module(module) if module != "__main__" else _imports_within(source))
    function = getattr(value, "__func__", value)
    if isinstance(function, types.FunctionType):
        parts += [describe(function.__defaults__, seen), describe(function.__kwdefaults__, seen)]
        captured = inspect.getclosurevars(function)
        names = {**captured.globals, **captured.nonlocals}
        parts.append({name: describe(item, seen) for name, item in sorted(names.items())})
    else:
        members = [item for item in vars(value).values() if isinstance(item, types.FunctionType)]
        parts += [describe(base, seen) for base in value.__bases__ if base is not object]
        parts += [describe(inspect.getclosurevars(item).globals, seen) for item in members]
    return parts


def _imports_within(source: str) -> list[Any]:
    """The user's own modules that a function of the script imports; a notebook cell may hold what is no Python."""
    try:
        return _imported(source, "")
    except SyntaxError:
        return []
