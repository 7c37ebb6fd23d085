"""Hyperparameters that change during training, as numbers, texts or functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from rl_lab.agents.common.boundary import failures
from rl_lab.callables import refusal
from rl_lab.errors import LabError, short

Schedule = float | str | Callable[[float], float]


def schedule(name: str, value: Schedule) -> Callable[[float], float]:
    """A schedule as a function of the progress remaining, from 1 to 0.

    Raises:
        LabError: it is neither a number, nor "lin_<number>", nor a function; a function returned something else than
            a number of at least 0.
    """
    if callable(value):
        if reason := refusal(value, 1.0):
            raise LabError(
                f"the function for {name} cannot be called with the progress remaining, a number from 1 to 0: "
                f"{reason}; give a function of one argument"
            )
        return lambda remaining: _returned(name, value, remaining)
    try:
        if isinstance(value, bool):
            raise TypeError("a bool is no number")
        if isinstance(value, str) and value.startswith("lin_"):
            start = float(value[4:])
            return lambda remaining: start * remaining
        constant = float(value)
    except (TypeError, ValueError, OverflowError):
        raise LabError(f'{name}={value!r} is not allowed; give a number, "lin_3e-4", or a function') from None
    return lambda remaining: constant


def _returned(name: str, function: Callable[[float], Any], remaining: float) -> float:
    """What the function of a schedule returns, as a number."""
    with failures(f"the function for {name} failed at {remaining:g} of the progress remaining"):
        value = function(remaining)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise LabError(
            f"the function for {name} returned {short(value)} at {remaining:g} of the progress remaining; it must "
            "return a number of at least 0"
        )
    return number
