"""What an environment is: a state dtype, plain-Python kernels and two spaces."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rl_lab.errors import LabError

FRAMEWORK_FIELDS = [
    ("random", np.uint64, (1,)),
    ("episode_return", np.float64),
    ("steps", np.int32),
    ("done", np.bool_),
]
Kernel = Callable[..., Any]


@dataclass(frozen=True)
class Definition:
    """An environment, as its author writes it; `register` makes it known to Gymnasium.

    The kernels are plain Python functions that see one lane. They must not allocate, must not use Python
    objects, and must read small integers as wide ones (`np.int64(state.x)`): NumPy wraps where Numba widens.

    Example:
        >>> import numpy as np
        >>> from gymnasium.spaces import Box, Discrete
        >>> def reset(state, config):
        ...     state.x = 0.0
        >>> def step(state, action, config):
        ...     state.x += config.stride if action == 1 else -config.stride
        ...     return 1.0, abs(state.x) > 1.0
        >>> def observe(state, observation, config):
        ...     observation[0] = state.x
        >>> walk = Definition(
        ...     name="Walk", state=np.dtype([("x", np.float64)]), config={"stride": 0.25, "max_steps": 100},
        ...     reset=reset, step=step, observe=observe,
        ...     observation_space=Box(-2, 2, (1,), np.float32), action_space=Discrete(2))
    """

    name: str
    """What people call it, in messages."""
    state: np.dtype
    """Fields of one lane; nested arrays are welcome. `random`, `steps`, `episode_return` and `done` are added."""
    config: Mapping[str, Any]
    """What is fixed for an environment: numbers and arrays, read as `config.name`. `max_steps` is the step limit, 0 none."""
    reset: Kernel
    """`reset(state, config)`: start an episode; draw from `state.random` with `rl_lab.random`."""
    step: Kernel
    """`step(state, action, config) -> (reward, terminated)`; `state.steps` has been counted up already."""
    observe: Kernel
    """`observe(state, observation, config)`: fill the observation in place."""
    observation_space: gym.Space
    """Box or Discrete (the observation is an array row), or Dict of them (a record with these fields)."""
    action_space: gym.Space
    """Discrete (the action is an int64), or Box or MultiDiscrete (an array row)."""
    action_mask: Kernel | None = None
    """`action_mask(state, mask, config)`: fill a row of bools, one an action of a Discrete space."""
    render: Callable[[Any, Any, str], Any] | None = None
    """`render(state, config, mode)`, plain Python: an image (height, width, 3) uint8, or a text for `ansi`."""
    render_modes: tuple[str, ...] = ()
    inject: Callable[[Any, Any, dict[str, Any]], None] | None = None
    """`inject(state, config, options)`, plain Python: apply `reset(options=...)` after the reset kernel."""
    single_observation_space: gym.Space | None = None
    """What a single environment shows instead, where it differs from a lane of a batch."""
    single_observation: Callable[[Any], Any] | None = None
    """Turns an observation of a lane into that."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """More for Gymnasium's `metadata`, such as `render_fps`."""

    def __post_init__(self) -> None:
        if self.state.names is None:
            raise LabError(
                f"the state of {self.name} has dtype {self.state}; make it a structured dtype, with a field each"
            )
        taken = {name for name, *_ in FRAMEWORK_FIELDS}
        for name in (*self.state.names, *self.config):
            if hasattr(np.record, name):
                raise LabError(
                    f"{self.name} has a field {name!r}, which np.record has as an attribute; choose another name"
                )
            if name in taken:
                raise LabError(
                    f"{self.name} has a field {name!r}, which the framework adds itself; choose another name"
                )
        if not isinstance(self.config.get("max_steps"), (int, np.integer)) or self.config["max_steps"] < 0:
            raise LabError(
                f"the config of {self.name} has max_steps={self.config.get('max_steps')!r}; "
                "it must be a whole number of steps, or 0 for no limit"
            )

    def lane_dtype(self) -> np.dtype:
        """The author's fields and the framework's, as one record a lane."""
        fields = [(name, self.state.fields[name][0]) for name in self.state.names or ()]  # type: ignore[index]
        return np.dtype(fields + FRAMEWORK_FIELDS, align=True)

    def config_record(self) -> np.ndarray:
        """The config as an array of one record: integers as int64, floats as float64."""
        arrays = {name: np.asarray(value) for name, value in self.config.items()}
        wide = {"i": np.int64, "u": np.int64, "f": np.float64, "b": np.bool_}
        for name, array in arrays.items():
            if array.dtype.kind not in wide:
                raise LabError(
                    f"config {name!r} of {self.name} is {self.config[name]!r}; it must be a number or an array of numbers"
                )
        dtype = [(n, wide[a.dtype.kind] if a.ndim == 0 else a.dtype, a.shape) for n, a in arrays.items()]
        record = np.zeros(1, np.dtype(dtype, align=True))
        for name, array in arrays.items():
            record[name] = array
        return record


def observation_buffer(space: gym.Space, lanes: int) -> np.ndarray:
    """Zeros that hold the observations of a batch: `(lanes, *shape)`, or records of them for a Dict."""
    if isinstance(space, spaces.Dict):
        fields = [(name, *_row(part)) for name, part in space.spaces.items()]
        return np.zeros(lanes, np.dtype(fields, align=True))
    dtype, shape = _row(space)
    return np.zeros((lanes, *(shape or (1,))), dtype)


def action_buffer(space: gym.Space, lanes: int) -> np.ndarray:
    """Zeros that hold the actions of a batch: `(lanes,)` int64 for Discrete, otherwise `(lanes, *shape)`."""
    if isinstance(space, spaces.Discrete):
        return np.zeros(lanes, np.int64)
    if isinstance(space, (spaces.Box, spaces.MultiDiscrete)):
        return np.zeros((lanes, *space.shape), space.dtype)
    raise LabError(f"action space {space} is not supported; use Discrete, MultiDiscrete or Box")


def _row(space: gym.Space) -> tuple[Any, tuple[int, ...]]:
    if isinstance(space, spaces.Discrete):
        return np.int64, ()
    if isinstance(space, (spaces.Box, spaces.MultiDiscrete, spaces.MultiBinary)):
        return space.dtype, tuple(space.shape)
    raise LabError(f"observation space {space} is not supported; use Box, Discrete, or a Dict of them")


def resolve(definition: str | Definition | Callable[..., Definition], arguments: dict[str, Any]) -> Definition:
    """The definition that a registered name or function gives for these arguments.

    Args:
        definition: a `Definition`, a function that returns one, or where the function is, as "module:function".
        arguments: keyword arguments of the function, as given to `gym.make`.

    Raises:
        LabError: the function takes no such argument, or is not there.
    """
    if isinstance(definition, str):
        module, _, name = definition.partition(":")
        definition = getattr(importlib.import_module(module), name)
    if isinstance(definition, Definition):
        function: Callable[..., Definition] = lambda: definition  # noqa: E731
        name = definition.name
    else:
        function, name = definition, definition.__name__
    known = inspect.signature(function).parameters
    for argument in arguments:
        if argument not in known and not any(p.kind is p.VAR_KEYWORD for p in known.values()):
            allowed = ", ".join(known) or "none"
            raise LabError(f"{name} takes no argument {argument!r}; its arguments are: {allowed}")
    return function(**arguments)
