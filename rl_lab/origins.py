"""Where modules come from: the user's own, whose files count, or installed, whose versions do. None is imported."""

import ast
import contextlib
import functools
import hashlib
import importlib.machinery
import importlib.metadata
import importlib.util
import os
import sys
import sysconfig
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SITES = ("site-packages", "dist-packages")  # folders that installed packages lie in
STANDARD = os.path.realpath(sysconfig.get_path("stdlib"))
PYTHON = "python"


def module_of_user(name: str) -> Path | None:
    """The file of a module that is the user's own: not installed, not Python's, not ours."""
    file = _file(name)
    return None if file is None or name == "__main__" or installed_version(name) else Path(file)


def module_name(name: str, whole: bool = False) -> Any:
    """A module: the user's own file and all that it imports, or the version of what is installed.

    Of a package, `whole` takes every file, as `import package.part` names the package alone.
    """
    if installed := installed_version(name):
        return [name, installed]
    spec = _spec(name) if whole else None
    folders = (spec.submodule_search_locations if spec else None) or ()
    files = {place: text for folder in folders for place, text in tree(Path(folder), name).items()}
    return [name, _reached({name}), files]


def imports_within(source: str) -> Any:
    """The modules that a function of the script imports; a notebook cell may hold what is no Python."""
    return _reached(_imported(textwrap.dedent(source), ""))


def _reached(names: set[str]) -> dict[str, str]:
    """Modules and what they import: the user's own by the hash of their files, installed packages by version."""
    found: dict[str, str] = {}
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        if installed := installed_version(name):
            found |= {name.partition(".")[0]: installed} if installed != PYTHON else {}
        elif name not in found and (file := module_of_user(name)):
            content = _content(file)
            found[name] = hash_of(content)
            is_package = file.name.startswith("__init__.")
            waiting |= _imported(content, name if is_package else name.rpartition(".")[0]) - found.keys()
    return found


def _imported(source: str | bytes, package: str) -> set[str]:
    """The modules that some source text may import, anywhere in it; none where it is no Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            relative = "." * node.level + (node.module or "")
            with contextlib.suppress(ImportError):  # above the top
                home = importlib.util.resolve_name(relative, package) if node.level else relative
                names |= {home, *(f"{home}.{alias.name}" for alias in node.names)}  # a name may be a module
    # Importing a part runs the packages around it.
    return names | {name[:place] for name in names for place, letter in enumerate(name) if letter == "."}


def installed_version(name: str) -> str:
    """What says which version of a module there is, if it is not the user's own; nothing otherwise.

    Installed is what a package manager knows and keeps in a folder for packages; an editable install lies elsewhere.
    """
    top, file = name.partition(".")[0], _file(name)
    if top in ("rl_lab", "__main__"):
        return "rl_lab" if top == "rl_lab" else ""  # whose files are in every key
    if file is None:
        spec = _spec(name)
        places = list(spec.submodule_search_locations or ()) if spec else []
        if not places:
            return PYTHON if top in sys.stdlib_module_names else ""
        file = os.path.join(places[0], "__init__.py")
    path = Path(os.path.abspath(file))
    home = path.parents[min(name.count(".") + path.name.startswith("__init__."), len(path.parents) - 1)]
    if not (set(SITES) & set(home.parts) or any(home.glob("*.dist-info"))):
        return PYTHON if Path(os.path.realpath(file)).is_relative_to(STANDARD) else ""
    if (home / top).is_symlink():  # to the source
        return ""
    return " ".join(importlib.metadata.version(known) for known in sorted({*_distributions().get(top, ())}))


def _spec(name: str) -> importlib.machinery.ModuleSpec | None:
    """Where a module comes from; it is not imported for that, nor are the packages around it."""
    if (known := getattr(sys.modules.get(name), "__spec__", None)) is not None:
        return known
    above, _, _ = name.rpartition(".")
    try:
        if not above:
            return importlib.util.find_spec(name)
        package = _spec(above)
        places = package.submodule_search_locations if package else None
        return importlib.machinery.PathFinder.find_spec(name, places) if places else None
    except Exception:  # finders are other people's code
        return None


def _file(name: str) -> str | None:
    spec = _spec(name)
    return spec.origin if spec and spec.has_location else getattr(sys.modules.get(name), "__file__", None)


def _content(file: Path) -> bytes:
    """The bytes of a file, or of the archive that it lies in."""
    there = next((path for path in (file, *file.parents) if path.is_file()), None)
    return there.read_bytes() if there else b""


def tree(folder: Path, name: str) -> dict[str, str]:
    """The hash of every file of a package that can be imported, by its place in it."""
    found, visited = {}, set[str]()
    for place, folders, files in os.walk(folder, followlinks=True):
        if os.path.realpath(place) in visited:
            folders.clear()
            continue
        visited.add(os.path.realpath(place))
        folders[:] = sorted(each for each in folders if not each.startswith((".", "__pycache__")) and each not in SITES)
        for file in sorted(files):
            if file.endswith(tuple(importlib.machinery.all_suffixes())):
                path = Path(place, file)
                found[f"{name}/{path.relative_to(folder).as_posix()}"] = hash_of(path.read_bytes())
    return found


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    """What was installed as which package; finding out takes a second."""
    return importlib.metadata.packages_distributions()


def hash_of(content: bytes | bytearray) -> str:
    """Twenty hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()[:20]
