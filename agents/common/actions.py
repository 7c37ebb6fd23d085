"""Actions as their space wants them: its dtype, its shape, and inside its bounds after rounding."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces

from rl_lab.errors import LabError


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


def of_shape(space: spaces.Space, actions: np.ndarray, live: np.ndarray | None = None) -> np.ndarray:
    """A model's actions in the shape of their space, `(*shape)`, or `(num_envs, *shape)` for a batch.

    Args:
        space: of a single environment; actions of Tuple and Dict spaces stay as they are.
        actions: what the model returned; a Box may be left, as many environments clip.
        live: bool `(num_envs,)` for a batch, False where the action counts for nothing.

    Raises:
        LabError: there are too few or too many numbers, one is not finite, or one is no action of the space.
    """
    if space.shape is None and actions.ndim > 0:
        return actions
    shape = (*(() if live is None else live.shape), *(space.shape or ()))
    if space.shape is None or actions.size != np.prod(shape) or actions.dtype.kind not in "biuf":
        raise LabError(
            f"the model's predict returned an action of shape {actions.shape} and type {actions.dtype}; expected is "
            f"one of shape {shape} for {space}: return an array, or a pair of it and the next state"
        )
    actions = actions.reshape(shape)
    fits = _allowed(space, actions)
    if not fits.all() and not (fits if live is None else fits[live]).all():
        wrong = actions[~fits] if live is None else actions[live][~fits[live]]
        raise LabError(f"the model's predict returned the action {wrong[0]}; the action space is {space}")
    return actions


def _allowed(space: spaces.Space, actions: np.ndarray) -> np.ndarray:
    """Which numbers of actions an environment can take, bool like `actions`."""
    if isinstance(space, spaces.Discrete):
        return (actions >= space.start) & (actions < space.start + space.n) & (actions == np.rint(actions))
    if isinstance(space, spaces.MultiDiscrete):
        return (actions >= space.start) & (actions < space.start + space.nvec) & (actions == np.rint(actions))
    if isinstance(space, spaces.MultiBinary):
        return (actions == 0) | (actions == 1)
    return np.isfinite(actions)
