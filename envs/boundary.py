"""What comes in from callers, checked, and what goes out to them, in the form that Gymnasium wants."""

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rl_lab.envs import window
from rl_lab.envs.definition import Definition, observation_buffer
from rl_lab.errors import LabError, RenderModeError, short
from rl_lab.memory import check_memory
from rl_lab.validation import whole_number


def lane_sequence(seed: Any, lane: int) -> np.random.SeedSequence:
    """The seed sequence of a lane under an integer seed, which is checked."""
    return np.random.SeedSequence(whole_number("seed", seed, 0), spawn_key=(lane,))


def check_room(definition: Definition, num_envs: int) -> None:
    """Refuse more environments than memory has room for, before anything is taken."""
    shown = observation_buffer(definition.observation_space, 1).nbytes  # now, last, and the bounds of the space
    needed = float(num_envs) * (definition.lane_dtype().itemsize + 4 * shown + 2 * definition.mask_width)
    check_memory(needed, f"num_envs={num_envs} of {definition.name}", "choose fewer")


def checked_options(options: Any) -> dict[str, Any]:
    """Reset options as a dictionary of their own, or a `LabError`."""
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise LabError(
            f"reset options {short(options)} are not allowed; give a dictionary of their names and values, or None"
        )
    return dict(options)


def checked_actions(space: gym.Space, actions: Any, batch: tuple[int, ...]) -> np.ndarray:
    """Actions, `batch` of them, `()` for a single environment, as an array.

    Raises:
        LabError: they have another shape, are no numbers of the right kind, or are out of range.
    """
    array = np.asarray(actions)
    shape, kinds = (*batch, *(space.shape or ())), "iuf" if isinstance(space, spaces.Box) else "iu"
    if array.shape != shape or array.dtype.kind not in kinds:
        wanted = "numbers" if "f" in kinds else "integers" if shape else "one integer"
        where = f" of shape {shape}" if shape else ""
        raise LabError(f"action {short(actions)} is not allowed; {space} needs {wanted}{where}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise LabError(f"action {short(actions)} holds NaN or infinity; every number must be finite")
    low, high = _limits(space)
    outside = (array < low) | (array > high)
    if outside.any():
        wrong = array[outside].flat[0] if array.ndim else array
        raise LabError(f"action {wrong} is out of range; {space} allows {low} to {high}")
    return array


def _limits(space: gym.Space) -> tuple[Any, Any]:
    """The smallest and the largest action, both allowed."""
    if isinstance(space, spaces.Discrete):
        return int(space.start), int(space.start + space.n) - 1
    if isinstance(space, spaces.MultiDiscrete):
        return space.start, space.start + space.nvec - 1
    assert isinstance(space, spaces.Box)
    return space.low, space.high


def checked_render_mode(definition: Definition, mode: str | None) -> str | None:
    """A render mode that the environment has, or None."""
    if mode is not None and mode not in definition.render_modes:
        allowed = ", ".join(definition.render_modes) or "none"
        raise RenderModeError(f"render_mode {mode!r} is not offered by {definition.name}; it offers: {allowed}")
    return mode


def metadata(definition: Definition) -> dict[str, Any]:
    """What Gymnasium wants to know; its checker tries every mode, so "human" is one only where pygame is installed."""
    modes = [mode for mode in definition.render_modes if mode != "human" or window.is_installed()]
    return {"render_modes": modes, "render_fps": 10} | dict(definition.metadata)


def present(space: gym.Space, buffer: np.ndarray, copy: bool) -> Any:
    """A buffer of observations in the form that the space has: an array, or a dict of arrays."""
    if isinstance(space, spaces.Dict):
        return {name: np.array(buffer[name]) if copy else buffer[name] for name in space.spaces}
    rows = buffer if space.shape else buffer[:, 0]  # a single number is still a row for the kernel
    return rows.copy() if copy else rows


def pick(observations: Any, lane: int) -> Any:
    """The observation of one lane."""
    if isinstance(observations, dict):
        return {name: rows[lane] for name, rows in observations.items()}
    return observations[lane]
