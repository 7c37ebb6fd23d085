"""NamedTuples of scripts and notebooks, under names that every process finds.

Numba keeps the types of arguments beside the machine code, and the class of a NamedTuple in them by its place.
`__main__` is another module in every process, so that what was compiled for a class in it would never be found
again. Kernels get such a tuple as one of an equal class, which this module makes from its attribute's name.
"""

import collections
import functools
import sys
from typing import Any

BETWEEN = "|"


def __getattr__(label: str) -> Any:
    """The class `name` with some fields, for `name|field|field`."""
    name, *fields = label.split(BETWEEN)
    if not fields:
        raise AttributeError(f"module {__name__} has no attribute {label!r}")
    # Numba's dispatchers tell classes apart by their names: this one must differ from that of the original.
    made: Any = collections.namedtuple("_".join((name, *fields)), fields)  # type: ignore[misc]
    made.__module__, made.__qualname__ = __name__, label
    return globals().setdefault(label, made)


@functools.cache
def _importable(module: str) -> bool:
    """Whether another process with this one's path finds a module, which may have been run from a file here."""
    first = module.partition(".")[0]
    return first != "__main__" and any(finder.find_spec(first, None) is not None for finder in sys.meta_path)


def portable(value: Any) -> Any:
    """The value itself, or an equal tuple where it is, or holds, a NamedTuple whose class has no place of its own."""
    if not isinstance(value, tuple):
        return value
    parts = [portable(part) for part in value]
    kind = type(value)
    if hasattr(kind, "_fields") and ("<locals>" in kind.__qualname__ or not _importable(kind.__module__)):
        label = BETWEEN.join((kind.__name__, *kind._fields))
        kind = globals().get(label) or __getattr__(label)
    elif all(new is old for new, old in zip(parts, value, strict=True)):
        return value
    return kind(*parts) if hasattr(kind, "_fields") else tuple(parts)
