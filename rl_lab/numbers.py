"""NumPy's numbers as Python's, so that files, keys and machine code have one kind of each."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np


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
