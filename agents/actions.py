"""Continuous actions as their space wants them: its dtype, its shape, and inside its bounds after rounding."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces


def float32_bounds(space: spaces.Box) -> tuple[np.ndarray, np.ndarray]:
    """The bounds of a Box as float32 that lie inside them: -0.1 as float32 is below -0.1 as float64."""
    with np.errstate(over="ignore"):  # 1e300 is infinite for float32
        low, high = space.low.astype(np.float32), space.high.astype(np.float32)
    low = np.where(low < space.low, np.nextafter(low, np.float32(np.inf)), low)
    high = np.where(high > space.high, np.nextafter(high, np.float32(-np.inf)), high)
    return low, high


def inside(space: spaces.Box, values: np.ndarray) -> np.ndarray:
    """A copy of actions `(batch, *shape)` that the space contains: rounded where it holds whole numbers."""
    dtype = np.dtype(space.dtype)
    if dtype.kind != "f":
        return np.clip(np.rint(values.astype(np.float64)), space.low, space.high).astype(dtype)
    return np.clip(values.astype(dtype), space.low, space.high)
