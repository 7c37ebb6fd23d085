"""Checks at the boundary of the agents; they stand outside the core's fastmath, which deletes tests for NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from rl_lab.agents.rollout import Rollout
from rl_lab.errors import LabError


def whole_number(name: str, value: Any, least: int) -> None:
    """Refuse what is not a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise LabError(f"{name}={value!r} is not allowed; it must be a whole number of at least {least}")


def finite_rollout(rollout: Rollout) -> None:
    """Refuse NaN and infinity in what the environment gave.

    Raises:
        LabError: names the step, the lane and the value.
    """
    for name, array in (("observation", rollout.observations), ("reward", rollout.rewards)):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            t, lane, *rest = np.argwhere(~np.isfinite(array))[0]
            value = array[(t, lane, *rest)]
            where = f"{name}[{rest[0]}]" if rest else name
            raise LabError(
                f"{where} of lane {lane} is {value} at step {t} of the rollout; rewards and observations must be "
                "finite numbers: mend the environment, nothing was learned from this rollout"
            )


def finite_update(losses: dict[str, float], parameters: np.ndarray) -> None:
    """Refuse a loss or weights that are not finite any more."""
    for name, value in losses.items():
        if not np.isfinite(value):
            raise LabError(f"{name} became {value}; lower the learning rate, or normalise observations and rewards")
    if not np.isfinite(parameters).all():
        raise LabError("weights became infinite or NaN; lower the learning rate, or normalise observations and rewards")
