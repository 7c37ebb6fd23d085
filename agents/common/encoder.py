"""Observations of any supported space as rows of numbers for a network."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rl_lab.errors import LabError, short

logger = logging.getLogger("rl_lab")


class Encoder:
    """Turns a batch of observations into an array `(batch, size)`.

    A Box is flattened and keeps its dtype (float64 becomes float32), a Discrete becomes one-hot, a Dict is
    its parts side by side, in the space's order; text is dropped, and the log says so once. Images (uint8,
    0 to 255, three dimensions) are to be multiplied by `scale` = 1/255, as SB3 does.

    Attributes:
        size: numbers in a row.
        dtype: of the rows.
        scale: what the network multiplies a row by.
        large_image: an image of 32 by 32 pixels or more among the observations, as text, or None.
        plain: whether rows are the observations themselves, only reshaped.

    Raises:
        LabError: the space has a part that is none of Box, Discrete, MultiDiscrete, MultiBinary, Text, Dict.
    """

    def __init__(self, space: gym.Space) -> None:
        self.space = space
        self.size = _size(space, space)
        if self.size == 0:
            raise LabError(f"observation space {space} holds no numbers; an agent needs at least one")
        self.plain = isinstance(space, spaces.Box)
        self.dtype = _row_dtype(space)
        self.scale = np.float32(1 / 255 if _is_image(space) else 1)
        self.large_image = _large_image(space)
        dropped = _text_parts(space)
        if dropped:
            logger.info("observations: text is dropped (%s); agents see numbers only", ", ".join(dropped))

    def __call__(self, observations: Any, batch: int, dtype: Any = None) -> np.ndarray:
        """Rows `(batch, size)` of a batch of observations; beyond float32 they are infinite, which their reader finds.

        Args:
            observations: of all environments.
            batch: how many these are.
            dtype: of the rows in place of `self.dtype`, such as float64 for the numbers as they were given.
        """
        if self.plain and (rows := np.asarray(observations).reshape(batch, -1)).dtype == (dtype or self.dtype):
            return rows
        with np.errstate(over="ignore"):
            if self.plain:
                return rows.astype(dtype or self.dtype)
            parts: list[np.ndarray] = []
            _collect(self.space, observations, batch, parts, dtype or np.float32)
            return np.concatenate(parts, axis=1).astype(dtype or self.dtype, copy=False)

    def batch_of(self, observation: Any) -> int | None:
        """How many observations these are, or None for a single one.

        Raises:
            LabError: the shape is neither that of one observation nor that of a batch.
        """
        space, value = self.space, observation
        while isinstance(space, spaces.Dict):
            if not isinstance(value, Mapping):
                raise LabError(f"observation {short(value)} is not a dict; the space is {space}")
            name = next(n for n, s in space.spaces.items() if _size(s, s))
            if name not in value:
                raise LabError(f"observation {short(value)} lacks {name!r}; the space is {space}")
            space, value = space.spaces[name], value[name]
        shape, single = np.shape(value), tuple(space.shape or ())
        if shape == single:
            return None
        if shape[1:] == single and len(shape) == len(single) + 1 and shape[0]:
            return shape[0]
        raise LabError(
            f"observation has shape {shape}; expected {single} or a batch (n, {', '.join(map(str, single))})"
        )


def checked(space: gym.Space, value: Any, where: object, path: str = "observation") -> Any:
    """A copy of one observation, with the dtypes of its space; a Dict keeps the space's parts alone.

    Args:
        space: of the observation, one that an `Encoder` takes.
        value: what the environment gave.
        where: for messages, which alone make text of it.
        path: of the part, for messages.

    Raises:
        LabError: a part is missing, has another shape, or holds what its space or an agent cannot.
    """
    plain = isinstance(space, spaces.Box) and type(value) is np.ndarray
    if plain and value.dtype == space.dtype and value.shape == space.shape:
        return value.copy()  # NaN is found later, in all environments at once: here it costs as much as a step
    if isinstance(space, spaces.Dict):
        if not isinstance(value, Mapping):
            raise LabError(f"{where}: {path} is {short(value)}; it must be a dict with {', '.join(space.spaces)}")
        if missing := [name for name in space.spaces if name not in value]:
            raise LabError(f"{where}: {path} lacks {missing[0]!r}, a part of {short(space)}")
        return {name: checked(part, value[name], where, f"{path}[{name!r}]") for name, part in space.spaces.items()}
    if is_text(space):
        return value
    try:
        array = np.array(value)
    except (TypeError, ValueError):  # rows of several lengths
        array = np.array(None)
    dtype, shape = np.dtype(space.dtype), space.shape or ()
    if array.dtype.kind not in "biuf" or (array.shape != shape and not (shape == () and array.size == 1)):
        found = f"has shape {array.shape}" if array.dtype.kind in "biuf" else f"is {short(value)}"
        raise LabError(f"{where}: {path} {found}; it must hold numbers of shape {shape}, as {short(space)} does")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        place = np.argwhere(~np.isfinite(array))[0].tolist()
        raise LabError(
            f"{where}: {path}{place or ''} is {array[tuple(place)]}; observations must be finite numbers: fix the "
            "environment"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        kept = array.reshape(shape).astype(dtype, copy=False)
    if array.dtype != dtype and not (np.isfinite(kept) if dtype.kind == "f" else kept == array).all():
        raise LabError(f"{where}: {path} is {short(value)}, which {dtype} cannot hold; the space is {short(space)}")
    if not isinstance(space, spaces.Box) and kept not in space:
        raise LabError(f"{where}: {path} is {short(value)}, which is not in {short(space)}")
    return kept


def _collect(space: gym.Space, value: Any, batch: int, parts: list[np.ndarray], dtype: Any) -> None:
    if isinstance(space, spaces.Dict):
        for name, part in space.spaces.items():
            if not is_text(part):
                if name not in value:
                    raise LabError(f"observation {short(value)} lacks {name!r}; the space is {short(space)}")
                _collect(part, value[name], batch, parts, dtype)
    elif isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)):
        counts, start = np.atleast_1d(space.n if isinstance(space, spaces.Discrete) else space.nvec), space.start
        columns = np.asarray(value).reshape(batch, -1) - np.asarray(start).ravel()
        if columns.dtype.kind not in "iu" or ((columns < 0) | (columns >= counts.ravel())).any():
            raise LabError(f"observation {short(value)} is not in {short(space)}")
        row = np.zeros((batch, int(counts.sum())), np.float32)
        row[np.arange(batch)[:, None], columns + np.cumsum([0, *counts.ravel()[:-1]])] = 1
        parts.append(row)
    else:
        scale = np.float32(1 / 255) if _is_image(space) else np.float32(1)
        parts.append(np.asarray(value).reshape(batch, -1).astype(dtype) * scale)


def _size(space: gym.Space, whole: gym.Space) -> int:
    if isinstance(space, spaces.Dict):
        return sum(_size(part, whole) for part in space.spaces.values())
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    if isinstance(space, spaces.MultiDiscrete):
        return int(space.nvec.sum())
    if isinstance(space, (spaces.Box, spaces.MultiBinary)):
        return math.prod(space.shape)
    if is_text(space):
        return 0
    raise LabError(
        f"observation space {whole} is unsupported because of {type(space).__name__}; use Box, Discrete, "
        "MultiDiscrete, MultiBinary or a Dict of them, or wrap a Tuple in gymnasium.wrappers.FlattenObservation"
    )


def _row_dtype(space: gym.Space) -> np.dtype:
    if (
        isinstance(space, spaces.Box)
        and space.dtype is not None
        and space.dtype.kind in "iub"
        and space.dtype.itemsize <= 2
    ):
        return np.dtype(space.dtype)
    return np.dtype(np.float32)


def _is_image(space: gym.Space) -> bool:
    if not isinstance(space, spaces.Box) or space.dtype != np.uint8 or len(space.shape) != 3:
        return False
    return bool((space.low == 0).all() and (space.high == 255).all())


def _large_image(space: gym.Space) -> str | None:
    """Of 32 by 32 pixels or more; smaller ones are rather tables of symbols."""
    if isinstance(space, spaces.Dict):
        return next((found for part in space.spaces.values() if (found := _large_image(part))), None)
    large = _is_image(space) and sorted(space.shape or ())[1] >= 32
    return f"images of shape {space.shape}" if large else None


def is_text(space: gym.Space) -> bool:
    """Gymnasium's Text, and spaces of strings that packages have of their own, such as MiniGrid's missions."""
    return isinstance(space, spaces.Text) or (space.dtype is not None and np.dtype(space.dtype).kind == "U")


def _text_parts(space: gym.Space, prefix: str = "") -> list[str]:
    if is_text(space):
        return [prefix or "text"]
    if isinstance(space, spaces.Dict):
        return [name for key, part in space.spaces.items() for name in _text_parts(part, f"{prefix}{key}")]
    return []
