"""The basement: plain Python functions become machine code here, and nowhere else.

`specialize` writes a function, with everything that it calls, into one generated module in the user's
cache folder and lets Numba compile and cache that. Numba's own disk cache never hits for a loop that a
factory made, and does not notice when a function in another file changed; a self-contained file whose
name is a hash of its text has neither fault. So a second process starts without compiling, and a change
to a kernel, to a function that it calls or to one entry of a captured table is always seen.

Loops over lanes that release the GIL are run by `over_lanes` in ordinary threads instead of OpenMP,
which kills forked children and nested launches.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import inspect
import logging
import os
import platform
import re
import sys
import tempfile
import textwrap
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from rl_lab.errors import KernelError

logger = logging.getLogger("rl_lab")
Function = TypeVar("Function", bound=Callable[..., Any])
FOREIGN = ("numpy", "math", "cmath", "numba", "builtins")
KEEP_MODULES = 500  # generated modules kept in the cache folder; the oldest go first


def fast(function: Function) -> Function:
    """Mark a function for `fastmath`: arithmetic of the core alone, since it deletes checks for NaN."""
    function.__jit_options__ = "fastmath=True, error_model='numpy'"  # type: ignore[attr-defined]
    return function


def inline(function: Function) -> Function:
    """Mark a small `fast` function that must be inlined, so that the loop around it vectorises."""
    function.__jit_options__ = "fastmath=True, error_model='numpy', inline='always'"  # type: ignore[attr-defined]
    return function


def cache_folder() -> Path:
    """Where generated modules are kept: `$RL_LAB_CACHE`, or `rl_lab` in the user's cache folder."""
    import platformdirs

    folder = Path(os.environ.get("RL_LAB_CACHE") or platformdirs.user_cache_path("rl_lab")) / "jit"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    folder = Path(tempfile.gettempdir()) / f"rl_lab-{os.getuid() if hasattr(os, 'getuid') else 'user'}" / "jit"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def specialize(function: Callable[..., Any], *, key: str = "", name: str = "", **bound: Any) -> Compiled:
    """Compile `function` with some of its parameters bound to functions or constants.

    The bound parameters leave the signature; the rest are passed at each call, always with the same types.
    As plain Python, `functools.partial(function, **bound)` does the same, slowly: that is what debugging uses.

    Args:
        function: a plain Python function, `def` at any level, whose source can be read.
        key: what else decides the machine code, such as the dtypes of the arguments.
        name: what people know it by, for the log; default is the function's own name.
        bound: values of parameters: plain functions, numbers, tuples or NumPy arrays.

    Returns:
        A callable with the remaining parameters, compiled at its first call or loaded from the cache.

    Raises:
        KernelError: a source cannot be read, or a captured value cannot be compiled.
    """
    writer = _Writer()
    entry = writer.function(function, bound)
    text = writer.module(entry)
    return Compiled(entry, text, writer.tables, writer.origins, key, name or function.__name__)


class Compiled:
    """A specialised function; see `specialize`. Its arguments are positional."""

    def __init__(
        self,
        entry: str,
        text: str,
        tables: dict[str, np.ndarray],
        origins: list[_Origin],
        key: str,
        name: str,
    ) -> None:
        self.entry, self.text, self.tables, self.origins, self.name = entry, text, tables, origins, name
        self.digest = _digest(text, tables, key)
        self._dispatcher: Callable[..., Any] | None = None

    def __call__(self, *args: Any) -> Any:
        """Call the machine code; the first call compiles it, or loads it from the cache."""
        if self._dispatcher is None:
            return self._first_call(args)
        return self._dispatcher(*args)

    @property
    def path(self) -> Path:
        """The generated module."""
        return cache_folder() / f"{self.entry}_{self.digest}.py"

    @property
    def ready(self) -> bool:
        """Whether the machine code is loaded."""
        return self._dispatcher is not None

    @property
    def cached(self) -> bool:
        """Whether machine code for it lies in the cache folder already."""
        return any(self.path.parent.glob(f"__pycache__/{self.path.stem}.*.nbi"))

    def _first_call(self, args: tuple[Any, ...]) -> Any:
        if not self.cached:
            logger.info("compiling %s, once: later runs load it in a moment", self.name)
        dispatcher = getattr(_load(self), self.entry)
        try:
            dispatcher.compile(tuple(_typeof(value) for value in args))
        except Exception as error:  # Numba raises KeyError for a field that a record lacks
            raise self._explain(error) from None
        self._dispatcher = dispatcher
        return dispatcher(*args)

    def _explain(self, error: Exception) -> KernelError:
        """One sentence that names the kernel and the user's line, instead of a page of Numba's."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
        if isinstance(error, KeyError):  # how Numba says that a record lacks a field
            numbers, reason = (
                self._mentions(str(error.args[0])),
                f"the record has no field {error.args[0]!r}",
            )
        elif unknown := re.search(r"name '(\w+)' is not defined|has no attribute '(\w+)'", text):
            numbers, reason = self._mentions(unknown[1] or unknown[2]), unknown[0]
        else:
            numbers, reason = self._named_lines(text), _reason(text)
        origin, line = self._locate(numbers)
        if origin is None:
            return KernelError(f"{self.name} cannot be compiled: {reason}")
        return KernelError(
            f"kernel {origin.name!r} cannot be compiled: {reason} ({origin.file}, line {line}: {origin.text(line)!r})"
        )

    def _named_lines(self, text: str) -> list[int]:
        """Lines of the generated module that Numba's message names."""
        return [int(n) for n in re.findall(rf'{re.escape(self.path.name)}(?:", line | \(|:)(\d+)', text)]

    def _mentions(self, word: str) -> list[int]:
        """Lines of the generated module in which a word occurs."""
        pattern = re.compile(rf"(?<!\w){re.escape(word)}\b")
        return [number for number, line in enumerate(self.text.splitlines(), 1) if pattern.search(line)]

    def _locate(self, numbers: list[int]) -> tuple[_Origin | None, int]:
        """The user's function and line for the innermost of some lines: a function stands before its callers."""
        for origin in self.origins:
            for number in numbers:
                if origin.start <= number < origin.start + origin.length:
                    return origin, origin.first_line + number - origin.start
        return None, 0


def _typeof(value: Any) -> Any:
    from numba import typeof

    return typeof(value)


def _reason(text: str) -> str:
    """The line of Numba's message that says what is wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    noise = (
        "Failed in",
        "During:",
        "File ",
        "<source",
        "Traceback",
        "def ",
        "There are",
        "This error",
        "- Resolution",
    )
    telling = ("NameError", "Unknown attribute", "No implementation", "Cannot unify", "Invalid use", "Unsupported",
               "not defined", "cannot be typed", "Cannot determine", "is not supported", "use of unsupported",
               "Cannot resolve", "Untyped global", "No conversion", "Cannot cast")  # fmt: skip
    good = [line for line in lines if not line.startswith(noise)]
    best = next((line for line in good if any(mark in line for mark in telling)), (good or ["unknown reason"])[0])
    return re.split(r",? defined at |\. Raised from ", best)[0].rstrip(".: ")


@dataclass
class _Origin:
    """Where a function of the generated module came from, line by line."""

    name: str
    file: str
    first_line: int
    lines: list[str]
    start: int = 0

    @property
    def length(self) -> int:
        return len(self.lines)

    def text(self, line: int) -> str:
        return self.lines[line - self.first_line].strip()


@dataclass
class _Writer:
    """Collects a function, all that it calls and all that it captures, as the text of one module."""

    names: dict[str, Any] = field(default_factory=dict)
    heads: list[str] = field(default_factory=list)
    bodies: list[tuple[_Origin, str, str]] = field(default_factory=list)
    tables: dict[str, np.ndarray] = field(default_factory=dict)
    origins: list[_Origin] = field(default_factory=list)

    def function(self, function: Callable[..., Any], bound: dict[str, Any] | None = None) -> str:
        """Add a function under a free name and return that name."""
        function = getattr(function, "py_func", function)
        home = function.__module__.rsplit(".", 1)[-1].strip("_")
        name, seen = self._claim(f"{home}__{function.__name__}", function)  # no local name looks like that
        if seen:
            return name
        source = _Source(function, bound=set(bound or ()))
        scope = _scope(function) | (bound or {})
        source.rename(name)
        for node, path in source.references(scope):
            source.replace(node, self._value(path, scope, function))
        options = getattr(function, "__jit_options__", "")
        self.bodies.append((source.origin, options, source.text()))
        return name

    def module(self, entry: str) -> str:
        """The text of the module, with `entry` cached on disk."""
        lines = [
            f'"""Generated by rl_lab.jit for {entry}; safe to delete."""',
            "from __future__ import annotations",
            "",
        ]
        lines += ["from pathlib import Path", "", "import numpy as np", "from numba import njit", ""]
        lines += ["_tables = np.load(Path(__file__).with_suffix('.npz'))"] if self.tables else []
        lines += sorted(set(self.heads))
        for origin, options, text in self.bodies:
            cached = ", cache=True" if text.startswith(f"def {entry}(") else ""
            lines += ["", "", f"@njit(nogil=True{cached}{', ' + options if options else ''})"]
            origin.start = len(lines) + 1
            lines += text.splitlines()
            self.origins.append(origin)
        return "\n".join(lines) + "\n"

    def _claim(self, name: str, value: Any) -> tuple[str, bool]:
        """A name for `value` that nothing else has, and whether it was there already."""
        free, number = name, 1
        while free in self.names and self.names[free] is not value:
            number += 1
            free = f"{name}_{number}"
        seen = free in self.names
        self.names[free] = value
        return free, seen

    def _value(self, path: str, scope: dict[str, Any], user: Callable[..., Any]) -> str:
        """What to write in place of a global name or of a chain like `cells.WALL`."""
        first, *rest = path.split(".")
        value = scope[first]
        for attribute in rest:
            value = getattr(value, attribute)
        name = "_" + path.replace(".", "_")
        if isinstance(value, types.ModuleType):
            self.heads.append(f"import {value.__name__} as {name}")
            return name
        if isinstance(value, (bool, int, float, str, bytes, type(None))) or _is_plain_tuple(value):
            return _literal(value)
        if isinstance(value, np.generic):
            return f"np.{type(value).__name__}({_literal(value.item())})"
        if isinstance(value, np.ndarray):
            return self._table(name, value)
        if inspect.isfunction(value) and value.__module__.split(".")[0] not in FOREIGN or hasattr(value, "py_func"):
            return self.function(value)
        module = (getattr(value, "__module__", None) or type(value).__module__).split(".")[0]
        if (
            module in FOREIGN
            and hasattr(value, "__name__")
            and getattr(sys.modules[module], value.__name__, None) is value
        ):
            name, _ = self._claim(name, value)
            self.heads.append(f"from {module} import {value.__name__} as {name}")
            return name
        raise KernelError(
            f"kernel {user.__name__!r} uses {path!r}, which is {type(value).__name__}; a kernel may use numbers, strings, "
            "tuples of them, NumPy arrays, functions of numpy and math, and plain functions: pass anything else through "
            "the state or the config"
        )

    def _table(self, name: str, value: np.ndarray) -> str:
        if value.dtype.hasobject:
            raise KernelError(f"table {name!r} has dtype {value.dtype}; a kernel can only read numbers")
        for known, table in self.tables.items():
            if self.names[known] is value:
                return known
        name, _ = self._claim(name, value)
        self.tables[name] = np.ascontiguousarray(value)
        self.heads.append(f"{name} = _tables[{name!r}]")
        return name


class _Source:
    """The text of one function, to be edited in place without moving a line."""

    def __init__(self, function: Callable[..., Any], bound: set[str]) -> None:
        if not inspect.isfunction(function) or function.__name__ == "<lambda>":
            raise KernelError(f"{function!r} is not a function made with def; a kernel must be one")
        try:
            lines, first = inspect.getsourcelines(function)
        except (OSError, TypeError):
            raise KernelError(
                f"the source of kernel {function.__name__!r} cannot be read; define it in a file or in a notebook cell"
            ) from None
        text = textwrap.dedent("".join(lines))
        self.node = ast.parse(text).body[0]
        assert isinstance(self.node, ast.FunctionDef)
        skip = self.node.lineno - 1  # decorators
        self.lines = [line.encode() for line in text.splitlines()]
        self.edits: list[tuple[int, int, int, int, bytes]] = []
        self.skip, self.bound = skip, bound
        file = inspect.getsourcefile(function) or "?"
        self.origin = _Origin(function.__name__, file, first + skip, [line.decode() for line in self.lines[skip:]])

    def rename(self, name: str) -> None:
        """Give the function its name in the module, and take bound parameters and annotations away."""
        node = self.node
        assert isinstance(node, ast.FunctionDef)
        if node.body[0].lineno == node.lineno:
            raise KernelError(f"kernel {node.name!r} is written on one line; put its body on lines of its own")
        if node.args.vararg or node.args.kwarg or node.args.kwonlyargs:
            raise KernelError(f"kernel {node.name!r} takes *args, ** or keyword-only parameters; name them plainly")
        arguments = [a.arg for a in node.args.posonlyargs + node.args.args]
        defaults = [""] * (len(arguments) - len(node.args.defaults)) + [
            f"={ast.unparse(d)}" for d in node.args.defaults
        ]
        kept = [a + d for a, d in zip(arguments, defaults, strict=True) if a not in self.bound]
        first = node.body[0]
        end = min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", []))])
        head = f"def {name}({', '.join(kept)}):".encode()
        self.edits.append((node.lineno, 0, end - 1, len(self.lines[end - 2]), head + b"\n" * (end - 1 - node.lineno)))

    def references(self, scope: dict[str, Any]) -> list[tuple[ast.expr, str]]:
        """Names of the surrounding scope that the body reads, with the attributes taken of modules and classes."""
        assert isinstance(self.node, ast.FunctionDef)
        found: list[tuple[ast.expr, str]] = []
        local = _local_names(self.node) - self.bound

        def visit(node: ast.AST) -> None:
            path = _chain(node)
            if path and path.split(".")[0] in scope and path.split(".")[0] not in local:
                shortest = _resolve(path, scope)
                while _chain(node) != shortest:
                    assert isinstance(node, ast.Attribute)
                    node = node.value
                assert isinstance(node, ast.expr)
                found.append((node, shortest))
                return
            for child in ast.iter_child_nodes(node):
                visit(child)

        for statement in self.node.body:
            visit(statement)
        return found

    def replace(self, node: ast.expr, text: str) -> None:
        assert node.end_lineno is not None and node.end_col_offset is not None
        if self.segment(node) != text:
            self.edits.append((node.lineno, node.col_offset, node.end_lineno, node.end_col_offset, text.encode()))

    def segment(self, node: ast.expr) -> str | None:
        if node.lineno != node.end_lineno:
            return None
        return self.lines[node.lineno - 1][node.col_offset : node.end_col_offset].decode()

    def text(self) -> str:
        lines = list(self.lines)
        for line, column, end_line, end_column, new in sorted(self.edits, reverse=True):
            tail = lines[end_line - 1][end_column:]
            edited = lines[line - 1][:column] + new + tail
            pieces = edited.split(b"\n")
            pieces += [b""] * (end_line - line + 1 - len(pieces))
            lines[line - 1 : end_line] = pieces
        return b"\n".join(lines[self.skip :]).decode()


def _scope(function: Callable[..., Any]) -> dict[str, Any]:
    """Globals and closure variables that the function can see."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    closure = {}
    for name, cell in cells:
        try:
            closure[name] = cell.cell_contents
        except ValueError:
            raise KernelError(f"kernel {function.__name__!r} uses {name!r} before it has a value") from None
    return function.__globals__ | closure


def _local_names(node: ast.FunctionDef) -> set[str]:
    """Parameters and names that the function assigns to."""
    stores = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    bound = {a.arg for a in node.args.posonlyargs + node.args.args} - stores
    return stores | bound


def _chain(node: ast.AST) -> str:
    """`a.b.c` for a chain of attributes that starts at a name, otherwise an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (start := _chain(node.value)):
        return f"{start}.{node.attr}"
    return ""


def _resolve(path: str, scope: dict[str, Any]) -> str:
    """How far a chain leads through modules and classes: `cells.WALL`, but `state` of `state.x`."""
    first, *rest = path.split(".")
    value, taken = scope[first], [first]
    for attribute in rest:
        foreign = isinstance(value, types.ModuleType) and value.__name__.split(".")[0] in FOREIGN
        if foreign or not isinstance(value, (types.ModuleType, type)) or not hasattr(value, attribute):
            break
        value = getattr(value, attribute)
        taken.append(attribute)
    return ".".join(taken)


def _is_plain_tuple(value: Any) -> bool:
    return isinstance(value, tuple) and all(
        isinstance(v, (bool, int, float, str, np.generic)) or _is_plain_tuple(v) for v in value
    )


def _literal(value: Any) -> str:
    """Source text with exactly this value."""
    if isinstance(value, tuple):
        return "(" + "".join(_literal(v) + ", " for v in value) + ")"
    if isinstance(value, np.generic):
        return f"np.{type(value).__name__}({_literal(value.item())})"
    if isinstance(value, float) and not np.isfinite(value):
        return "np.nan" if np.isnan(value) else ("np.inf" if value > 0 else "(-np.inf)")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value) if isinstance(value, float) else int(value)  # an IntEnum is its number
        return repr(number) if number >= 0 else f"({number!r})"
    return repr(value)


def _digest(text: str, tables: dict[str, np.ndarray], key: str) -> str:
    """A hash of all that decides the machine code."""
    digest = hashlib.sha256(text.encode())
    for name, table in sorted(tables.items()):
        digest.update(f"{name} {table.dtype.descr} {table.shape}".encode())
        digest.update(table.tobytes())
    digest.update(f"{key} {_machine()}".encode())
    return digest.hexdigest()[:20]


@functools.cache
def _machine() -> str:
    """Versions and the processor: code compiled for one is not loaded by another."""
    import llvmlite.binding as llvm
    import numba

    features = llvm.get_host_cpu_features().flatten()
    return f"{platform.python_version()} {np.__version__} {numba.__version__} {llvm.get_host_cpu_name()} {features}"


def _load(compiled: Compiled) -> types.ModuleType:
    """Import the generated module, writing it first where it is new."""
    path = compiled.path
    if not path.exists():
        if compiled.tables:
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
                np.savez(file, **compiled.tables)  # type: ignore[arg-type]
            os.replace(file.name, path.with_suffix(".npz"))
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False, encoding="utf-8") as file:
            file.write(compiled.text)
        os.replace(file.name, path)
        _prune(path.parent)
    name = f"rl_lab_jit_{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _prune(folder: Path) -> None:
    """Delete the oldest generated modules beyond the number that is kept."""
    modules = sorted(folder.glob("*.py"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in modules[KEEP_MODULES:]:
        for file in [*folder.glob(f"__pycache__/{old.stem}.*"), old.with_suffix(".npz"), old]:
            file.unlink(missing_ok=True)


_pool: ThreadPoolExecutor | None = None


def over_lanes(function: Callable[..., Any], lanes: int, threads: int) -> None:
    """Call `function(start, stop)` on contiguous parts of `range(lanes)`, one a thread.

    The calling thread works too, and waits for the others. Threads of a parent are not there after a fork,
    so a child makes its own; any number of threads may call this at once.

    Raises:
        Whatever `function` raised, once all parts have ended.
    """
    if threads == 1 or lanes < 2 * threads:
        function(0, lanes)
        return
    bounds = [lanes * part // threads for part in range(threads + 1)]
    others = [_workers().submit(function, bounds[i], bounds[i + 1]) for i in range(1, threads)]
    try:
        function(bounds[0], bounds[1])
    finally:
        for other in others:
            other.exception()
    for other in others:
        other.result()


def _workers() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(max_workers=max(1, 2 * (os.cpu_count() or 1)), thread_name_prefix="rl_lab")
    return _pool


def _forget_workers() -> None:
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_workers)
