"""A name for everything that decides a run, so that a finished run is not run again and a changed one is."""

import contextlib
import copyreg
import functools
import importlib
import importlib.metadata
import inspect
import json
import platform
import sys
import types
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

from rl_lab.errors import LabError
from rl_lab.origins import hash_of, imports_within, installed_version, module_name, module_of_user, tree

PACKAGES = ("gymnasium", "numpy", "numba", "torch", "stable-baselines3")
WHERE_INSTALLED = ("sb3-contrib", "mujoco", "box2d", "box2d-py", "ale-py")  # behind names of algorithms and ids
LARGEST = 2**20  # bytes of an array of a module that is sent to other processes
PYTHONS = (  # what Python adds to a class by itself, some of it later
    *("__module__", "__qualname__", "__doc__", "__annotations__", "__slotnames__"),
    *("__firstlineno__", "__static_attributes__"),
)


def digest(*parts: Any) -> str:
    """Twenty hexadecimal digits that name some values; see `describe` for what counts about them."""
    return hash_of(_text([describe(part) for part in parts]).encode())


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide what a run does."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        found[package] = importlib.metadata.version(package)
    for package in WHERE_INSTALLED:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
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


def own_source() -> str:
    """Hash of every Python file of the lab, those of `rl_lab.envs` and `rl_lab.agents` among them.

    Not cached: the processes of a comparison import what lies on the disk now.
    """
    return hash_of(_text(tree(Path(__file__).parent, "rl_lab")).encode())


def describe(value: Any) -> Any:
    """What counts about a value, as JSON can hold it.

    A function of the user's own counts with its source, its defaults, what it captured, and the user's own functions,
    classes and modules that it names or imports, and of these modules the values that it names, as they are now;
    something installed counts with its package's version. An object counts with what another process would be sent of
    it.

    Raises:
        LabError: it is nested too deeply.
    """
    try:
        return _described(value, {})
    except RecursionError:
        raise LabError(f"a {type(value).__qualname__} holds itself or is nested too deeply; make it flatter") from None


Values = dict[tuple[str, str], Any]
"""Values of modules of the user's own, by module and name; `Class.name` for those of classes."""

_noted: ContextVar[Values | None] = ContextVar("_noted", default=None)


@contextlib.contextmanager
def noted_values() -> Iterator[Values]:
    """Collect the plain values of modules that are met in describing: another process imports them as files have them.

    They are numbers, strings, small arrays, and lists, dictionaries and the like of those; and functions and classes
    that the script put into a module.
    """
    values: Values = {}
    token = _noted.set(values)
    try:
        yield values
    finally:
        _noted.reset(token)


def set_values(values: Values) -> None:
    """Set values of modules, which this process imports, as they were in the process of the script."""
    for (module, name), value in values.items():
        *classes, last = name.split(".")
        holder: Any = functools.reduce(getattr, classes, importlib.import_module(module))
        if last not in vars(holder) or digest(vars(holder)[last]) != digest(value):
            setattr(holder, last, value)


def entry(name: str) -> list[Any]:
    """The module of `module:name`, and what it names there where the module is the user's own."""
    home, _, attribute = name.partition(":")
    module = importlib.import_module(home)
    return [module, None if installed_version(home) else getattr(module, attribute, None)]


Seen = dict[int, tuple[int, Any]]
"""Functions, classes and objects that were described before, by identity: numbers, and what keeps them alive."""


def _described(value: Any, seen: Seen) -> Any:
    kind = type(value)
    if isinstance(value, (int, float, str, bytes, Mapping, set, frozenset, list, tuple)) and _of_user(kind):
        if id(value) in seen:
            return ["seen", seen[id(value)][0]]
        seen[id(value)] = len(seen), value
        own = getattr(value, "__dict__", {})  # a namedtuple with methods, a dict with attributes and the like
        return [_described(kind, seen), _described(dict(own), seen), _plain(value, seen)]
    return _plain(value, seen)


def _of_user(kind: type) -> bool:
    return kind.__module__ != "builtins" and not installed_version(kind.__module__)


def _plain(value: Any, seen: Seen) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (bytes, bytearray)):
        return ["bytes", hash_of(value)]
    if isinstance(value, defaultdict):
        return ["defaultdict", _described(value.default_factory, seen), _plain(dict(value), seen)]
    if isinstance(value, Mapping):
        if all(isinstance(key, str) for key in value):
            return {key: _described(value[key], seen) for key in sorted(value)}
        pairs = [[_described(key, seen), _described(item, seen)] for key, item in value.items()]
        return ["mapping", *sorted(pairs, key=_text)]
    if isinstance(value, (set, frozenset)):  # in no order: none may depend on what another has shown before
        return sorted((_described(item, dict(seen)) for item in value), key=_text)
    if isinstance(value, (list, tuple)):
        return [_described(item, seen) for item in value]
    if isinstance(value, types.CodeType):
        return [hash_of(value.co_code), list(value.co_names), _described(value.co_consts, seen)]
    if not isinstance(value, type):
        if hasattr(type(value), "detach") and hasattr(type(value), "cpu"):  # tensors; files have a `detach`, too
            value = _array(value)
        if hasattr(type(value), "tobytes"):  # arrays; of the type, as an object may say that it has all attributes
            kind, shape = str(getattr(value, "dtype", type(value))), list(getattr(value, "shape", ()))
            if kind == "object":
                return [kind, shape, _described(value.tolist(), seen)]
            return [kind, shape, hash_of(value.tobytes())]
    if id(value) in seen:
        return ["seen", seen[id(value)][0]]
    seen[id(value)] = len(seen), value
    if isinstance(value, types.ModuleType):
        return module_name(value.__name__, whole=True)
    if isinstance(value, types.GeneratorType):
        frame = value.gi_frame
        state = [frame.f_lasti, _described(frame.f_locals, seen)] if frame else "ended"
        return ["generator", _described(value.gi_code, seen), state]
    if isinstance(value, types.MethodType):
        return ["method", _described(value.__self__, seen), _described(value.__func__, seen)]
    if isinstance(value, (types.FunctionType, type)):
        return _code(value, seen)
    wrapped = getattr(value, "__dict__", {}).get("__wrapped__")
    if isinstance(wrapped, types.FunctionType):  # compiled, cached and the like
        return [type(value).__qualname__, _described(wrapped, seen)]
    return [_described(type(value), seen), _described(_sent(value), seen)]


def _array(tensor: Any) -> Any:
    """The numbers of a tensor as NumPy holds them, which knows fewer types and layouts."""
    tensor = tensor.detach().cpu()
    try:
        return tensor.numpy()
    except (TypeError, RuntimeError):
        return tensor.to_dense().float().numpy()


def _sent(value: Any) -> Any:
    """What pickle would send of an object besides its class; its type where it cannot be sent."""
    try:
        parts = copyreg.dispatch_table.get(type(value), lambda each: each.__reduce_ex__(4))(value)
    except Exception:  # such as a lock, or what a class of the user's raises
        return getattr(value, "__dict__", None) or repr(type(value))
    if isinstance(parts, str):
        return [getattr(value, "__module__", None), parts]
    # A new object is made by `copyreg` from its class, which is described beside it; items come as iterators.
    return [list(part) if isinstance(part, Iterator) else part for part in parts[1:]]


def _code(value: Any, seen: Seen) -> Any:
    """A function or class: what it is called, its own source, and all that the source leans on."""
    module, installed = str(value.__module__), installed_version(str(value.__module__))
    parts: list[Any] = [value.__qualname__]
    if installed:
        parts.append(module_name(module))
    else:
        source = _source(value)
        parts += [source, module_name(module) if module_of_user(module) else imports_within(source)]
    if isinstance(value, types.FunctionType):
        parts.append(_described([value.__defaults__, value.__kwdefaults__], seen))
        parts.append(_described(_captured(value), seen))
        if not installed:
            own = {name: each for name, each in vars(value).items() if name != "__wrapped__"}
            parts += [_described(value.__code__, seen), _described([_named(value), own], seen)]
    elif not installed:
        bases = [base for base in (*value.__bases__, type(value)) if base not in (object, type)]
        parts += [_described(bases, seen)]
        members = {name: _member(each) for name, each in vars(value).items()}
        members = {name: each for name, each in members.items() if _counts(name, each)}
        parts.append(_described(members, seen))
        _note(module, value.__qualname__, members)
    return parts


def _member(value: Any) -> Any:
    """The function behind a member of a class, or the functions, or the value itself."""
    if isinstance(value, property):
        return [value.fget, value.fset, value.fdel]
    return getattr(value, "__func__", value)


def _counts(name: str, member: Any) -> bool:
    """Whether a member was written by the user, and not by Python."""
    if name.startswith("__") and not isinstance(member, types.FunctionType):
        return name not in PYTHONS and _is_plain(member)
    return name != "_abc_impl"


def _source(value: Any) -> str:
    """The source of a function or class; nothing where there is none, as in a console."""
    try:
        return inspect.getsource(value)
    except (OSError, TypeError, SyntaxError, ValueError):
        return ""


def _captured(function: types.FunctionType) -> dict[str, Any]:
    """What a function has from the functions around it."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # a name that has no value yet
            found[name] = cell.cell_contents
    return found


def _named(function: types.FunctionType) -> dict[str, Any]:
    """What a function, or one within it, names of its module, and of the user's own modules that it names."""
    codes, names = [function.__code__], set[str]()
    for code in codes:
        names |= set(code.co_names)
        codes += [inner for inner in code.co_consts if isinstance(inner, types.CodeType)]
    space = function.__globals__
    found = {name: space[name] for name in sorted(names & space.keys())}
    _note(str(space.get("__name__")), "", found)
    package = str(space.get("__package__"))
    imported = [sys.modules.get(name) for each in sorted(names) for name in (each, f"{package}.{each}")]
    waiting = [*found.values(), *_captured(function).values(), *imported]
    for module in waiting:
        home = module.__name__ if isinstance(module, types.ModuleType) else ""
        if home and f"{home}." not in found and module_of_user(home):
            found[f"{home}."] = here = {name: vars(module)[name] for name in sorted(names & vars(module).keys())}
            _note(home, "", here)
            waiting += here.values()
    return found


def _note(module: str, within: str, members: Mapping[str, Any]) -> None:
    """Note values of a module, or of a class within it, that a process which imports it may not have."""
    values = _noted.get()
    if values is not None and "<locals>" not in within and module_of_user(module):
        values |= {(module, f"{within}.{name}".lstrip(".")): each for name, each in members.items() if _moves(each)}


def _moves(value: Any) -> bool:
    return _is_plain(value) or (isinstance(value, (types.FunctionType, type)) and value.__module__ == "__main__")


def _is_plain(value: Any) -> bool:
    """Whether a value is a number, a string, a small array, or made of such."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.nbytes <= LARGEST and not value.dtype.hasobject
    if type(value) is dict:
        return all(_is_plain(part) for pair in value.items() for part in pair)
    if type(value) in (list, tuple, set, frozenset):
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, complex, str, bytes)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
