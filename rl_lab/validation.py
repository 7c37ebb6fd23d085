"""Values that users give, checked: whole numbers, real numbers, choices and switches, NumPy's as well as Python's."""

import dataclasses
import math
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rl_lab.errors import LabError, short

UNREADABLE = (TypeError, ValueError, OverflowError, RuntimeError)  # the last for tensors that require gradients


def own(value: Any) -> Any:
    """A number of NumPy's as one of Python's; anything else as it is.

    Example:
        >>> own(np.float32(0.5)), own(np.int64(3)), own("x")
        (0.5, 3, 'x')
    """
    return value.item() if isinstance(value, (np.number, np.bool_)) else value


def own_fields(record: Any) -> None:
    """`own` for the fields of a dataclass, even a frozen one, in its `__post_init__`."""
    for field in dataclasses.fields(record):
        if (value := getattr(record, field.name)) is not (plain := own(value)):
            object.__setattr__(record, field.name, plain)


def whole(value: Any, least: float, most: float = math.inf) -> bool:
    """Whether a value is a whole number from `least` to `most`."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(least <= value <= most)


def whole_number(name: str, value: Any, least: int, most: int | None = None) -> int:
    """A whole number, from `least` to `most`, as an int; a LabError where it is none."""
    if not whole(value, least, math.inf if most is None else most):
        allowed = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise LabError(f"{name}={value!r} is not allowed; it must be a whole number {allowed}")
    return int(value)


def real(value: Any, least: float, most: float) -> bool:
    """Whether a value is a real number from `least` to `most`; NaN, True and False are none."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return number and bool(least <= value <= most)


def share(name: str, value: Any) -> None:
    """Refuse what is no number from 0 to 1.

    Raises:
        LabError: it is none.
    """
    if not real(value, 0, 1):
        raise LabError(f"{name}={value!r} is not allowed; it must be a number from 0 to 1")


def choice(name: str, value: Any, allowed: Collection[str]) -> None:
    """Refuse what is not one of several strings."""
    if not isinstance(value, str) or value not in allowed:
        raise LabError(f"{name}={value!r} is not allowed; it must be one of {', '.join(allowed)}")


def switches(**values: Any) -> None:
    """Refuse what is neither True nor False, such as a string, which would count as True."""
    for name, value in values.items():
        if not isinstance(value, (bool, np.bool_)):
            raise LabError(f"{name}={short(value)} is not allowed; it must be True or False")


def real_array(name: str, values: Any, wanted: str, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Values as an array, C-contiguous; what is too large for the dtype becomes infinite.

    `wanted` is what they must be, such as "it must be (samples, features)".

    Raises:
        LabError: they are no real numbers, ragged, or hidden behind a mask.
    """
    refuse_masked(name, values)
    try:
        if (given := np.asarray(values)).dtype.kind in "mMc":
            raise TypeError(f"it holds {given.dtype}")
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(given, dtype)
    except UNREADABLE as error:
        raise LabError(f"{name} cannot be read as numbers ({error}); {wanted}") from None


def refuse_masked(name: str, values: Any) -> None:
    """Refuse a masked array that hides values, since NumPy would show them."""
    if np.ma.is_masked(values):
        raise LabError(f"{name} hides values behind a mask; fill them, {name}.filled(...), or leave their samples out")
