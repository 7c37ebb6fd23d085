"""What an environment is: a state dtype, plain-Python kernels and two spaces."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rl_lab.envs import kernels
from rl_lab.errors import LabError, short
from rl_lab.validation import UNREADABLE, whole

FRAMEWORK_FIELDS = [
    ("random", np.uint64, (1,)),
    ("episode_return", np.float64),
    ("taken", np.int64),
    ("steps", np.int32),
    ("done", np.bool_),
]
Kernel = Callable[..., Any]
MOST = np.iinfo(np.int64).max  # of a config's whole number


class Versus(NamedTuple):
    """Against whom an agent plays a game of two sides, which evaluations report with the games that it won."""

    opponent: str
    """Its name."""
    evaluated: Mapping[str, Any] = {}
    """Arguments that an evaluation replaces, where returns against this opponent do not measure strength."""
    reason: str = ""
    """Why, as the end of a sentence."""
    advice: str = ""
    """How to meet others; {run} stands for the agent."""


@dataclass(frozen=True)
class Definition:
    """An environment, as its author writes it; `register` makes it known to Gymnasium.

    The kernels are plain Python functions that see one environment. They use numbers, NumPy arrays and functions like
    themselves, but no Python objects; small arrays may be made, at a cost of time. They must read small integers as
    wide ones (`np.int64(state.x)`): NumPy wraps where Numba widens.
    Likewise a float32 field times a Python number is float32 in NumPy and float64 in Numba: prefer float64.
    An index out of range raises with `debug=True` only; compiled, it reads or writes what is not yours.

    Args:
        name: Its name in messages.
        state: Fields of the state of one environment; nested arrays are allowed. `random`, `taken`, `steps`,
            `episode_return` and `done` are added. With an integer `variant`, set by `reset` to that of the config,
            states of environments with the same fields are distinguished, and loaded only by their own.
        config: Constants: numbers and arrays, read as `config.name`. `max_steps` is the step limit, 0 for none.
        reset: `reset(state, config)`: start an episode; draw from `state.random` with `rl_lab.random`.
        step: `step(state, action, config) -> (reward, terminated)`; `state.steps` has been counted up already.
        observe: `observe(state, observation, config)`: fill the observation in place.
        observation_space: Box or Discrete (the observation is an array row), or Dict of them (a record with these
            fields).
        action_space: Discrete (the action is an int64), or Box or MultiDiscrete (an array row).
        action_mask: `action_mask(state, mask, config)`: fill a row of bools, one an action of a Discrete space.
        endings: Bool fields of the state that say how an episode ended: reported in info by these names, True only in
            the last step. `step` sets them every time, `reset` leaves them alone.
        turned: For zero-sum games that an agent plays for both sides: the bool field of the state that holds whether
            a step passed the turn to the other side. `step` sets it every time, `reset` leaves it alone. Algorithms
            bootstrap with the negative value of the next observation where it is set.
        render: `render(state, config, mode)`, plain Python: an image (height, width, 3) uint8, or a text for `ansi`.
        render_modes: Modes that `render` knows; "human" shows the image of "rgb_array" in a window.
        render_lanes: `render_lanes(states, config)`, plain Python: images of several environments at once, where that
            is faster.
        caption: `caption(state, config)`, plain Python: the text below the image in a window.
        ascii: `ascii(state, config)`, plain Python: the state as a text that `inject` reads.
        inject: `inject(state, config, options)`, plain Python: apply `reset(options=...)` after the reset kernel.
        lanes: What makes the lanes instead of `lanes.Lanes`, with its arguments: for what machine code cannot do alone.
        starting_info: `starting_info(states, config, lanes, debug)`: what info says of the lanes with these numbers,
            whose episodes begin: arrays with a value for each. Called once for all of them, after `reset` and `inject`.
        single_observation_space: What a single environment shows instead, where it differs from a lane of a batch.
        single_observation: Turns an observation of a lane into that.
        metadata: More for Gymnasium's `metadata`, such as `render_fps`.
        validate: `validate(states, config)`, plain Python: the rules that states must keep before `load_state` takes
            them, for compiled kernels read wherever an index points. A generator of `(field, ok, allowed)`: `states`
            are records `(num_envs,)`, `ok` is bool `(num_envs, ...)`, and the text ends the sentence "it must be ...".
            Each rule may rely on those before it. Bools, counters and the random stream are checked without it.
        expert: `expert(name)`: something that acts well, `act(observation, info) -> action`, by a name of this family;
            None where it knows none of that name.
        expert_names: Such names, for messages.
        versus: In a game of two sides, the opponent; a return above 0 is a game won, and one below 0 lost.
        info: Fields of the state that `info` reports by name after every reset and step: numbers or arrays in a single
            environment, arrays `(num_envs, ...)` with their `_name` mask in a vector environment.

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

    Raises:
        LabError: a kernel is no plain function or takes other parameters, a field has a name that is taken, a
            space is not supported, or `max_steps` is missing.
    """

    name: str
    state: np.dtype
    config: Mapping[str, Any]
    reset: Kernel
    step: Kernel
    observe: Kernel
    observation_space: gym.Space
    action_space: gym.Space
    action_mask: Kernel | None = None
    endings: tuple[str, ...] = ()
    turned: str = ""
    render: Callable[[Any, Any, str], Any] | None = None
    render_modes: tuple[str, ...] = ()
    render_lanes: Callable[[Any, Any], Any] | None = None
    caption: Callable[[Any, Any], str] | None = None
    ascii: Callable[[Any, Any], str] | None = None
    inject: Callable[[Any, Any, dict[str, Any]], None] | None = None
    lanes: Callable[..., Any] | None = None
    starting_info: Callable[[Any, Any, Any, bool], dict[str, Any]] | None = None
    single_observation_space: gym.Space | None = None
    single_observation: Callable[[Any], Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    validate: Callable[[Any, Any], Iterable[tuple[str, Any, str]]] | None = None
    expert: Callable[[str], Callable[..., Any] | None] | None = None
    expert_names: tuple[str, ...] = ()
    versus: Versus | None = None
    info: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._check_names()
        for role in kernels.PARAMETERS:
            if role != "action_mask" or self.action_mask is not None:
                kernels.check(self.name, role, getattr(self, role), self.state)
        self._check_flags()
        if not whole(limit := self.config.get("max_steps"), 0):
            raise LabError(
                f"{self.name} has max_steps={limit!r}; it must be a whole number of steps, or 0 for no limit"
            )
        observation_buffer(self.observation_space, 1)
        action_buffer(self.action_space, 1)
        if self.action_mask is not None and not isinstance(self.action_space, spaces.Discrete):
            raise LabError(f"{self.name} masks actions of {self.action_space}; only those of a Discrete can be masked")

    @property
    def mask_width(self) -> int:
        """Number of actions that are masked, 0 where none are."""
        return int(self.action_space.n) if self.action_mask and isinstance(self.action_space, spaces.Discrete) else 0

    def lane_dtype(self) -> np.dtype:
        """The author's fields and the framework's, as one record a lane."""
        fields = [(name, self.state.fields[name][0]) for name in self.state.names or ()]  # type: ignore[index]
        return np.dtype(fields + FRAMEWORK_FIELDS, align=True)

    def config_record(self) -> np.ndarray:
        """The config as an array of one record; see the function of this name."""
        return config_record(self.name, self.config)

    def _check_names(self) -> None:
        if not isinstance(self.state, np.dtype):
            raise LabError(f"the state of {self.name} is {self.state!r}; it must be a NumPy dtype, np.dtype([...])")
        if self.state.names is None:
            raise LabError(f"the state of {self.name} has dtype {self.state}; give it named fields")
        for part, dtype in _numbers(self.state):
            if not _compiles(dtype):
                raise LabError(
                    f"{self.name} has a field {part!r} of dtype {dtype}; a state holds bools, integers, float32 and "
                    "float64 only, in native byte order"
                )
        if not isinstance(self.config, Mapping) or not all(isinstance(name, str) for name in self.config):
            raise LabError(f"the config of {self.name} is {short(self.config)}; it must be a dictionary of numbers")
        observed = self.observation_space.spaces if isinstance(self.observation_space, spaces.Dict) else ()
        for name in (*_field_names(self.state), *self.config, *observed):
            if hasattr(np.record, name):
                raise LabError(f"{self.name} has a field {name!r}, an attribute of np.record; choose another name")
            if not name.isidentifier():
                raise LabError(f"{self.name} has a field {name!r}, which kernels cannot write; choose another name")
        for added, *_ in FRAMEWORK_FIELDS:
            if added in self.state.names:
                raise LabError(f"{self.name} has a field {added!r}, which the framework adds itself; leave it out")

    def _check_flags(self) -> None:
        known = self.state.names or ()
        for name in self.info:
            if name not in known:
                fields = ", ".join(known)
                raise LabError(
                    f"{self.name} names {name!r} in info; it must be a field of the state, which are: {fields}"
                )
        for place, names in (("endings", self.endings), ("turned", filter(None, [self.turned]))):
            for name in names:
                if name not in known or self.state[name] != np.bool_:
                    raise LabError(
                        f"{self.name} names {name!r} in {place}; it must be a field of the state and np.bool_"
                    )


def config_record(name: str, config: Mapping[str, Any]) -> np.ndarray:
    """A config as kernels read it, an array of one record: integers as int64, floats as float64.

    Raises:
        LabError: a value holds no numbers, or one too large; `name` says whose it is.
    """
    try:
        arrays = {key: np.asarray(value) for key, value in config.items()}
    except UNREADABLE as error:
        raise LabError(f"the config of {name} cannot be read as numbers: {error}; give numbers and arrays") from None
    wide = {"i": np.int64, "u": np.int64, "f": np.float64, "b": np.bool_}
    for key, array in arrays.items():
        if not _compiles(array.dtype) or (array.ndim == 0 and array.dtype.kind == "u" and array > MOST):
            allowed = "it must hold numbers that fit int64 or float64"
            raise LabError(f"config {key!r} of {name} is {short(config[key])}; {allowed}")
    dtype = [(key, wide[a.dtype.kind] if a.ndim == 0 else a.dtype, a.shape) for key, a in arrays.items()]
    record = np.zeros(1, np.dtype(dtype, align=True))
    for key, array in arrays.items():
        record[key] = array
    return record


def _field_names(dtype: np.dtype) -> Iterator[str]:
    """Names of all fields, those of records inside records too."""
    for name in dtype.names or ():
        yield name
        yield from _field_names(dtype[name].base)


def _compiles(dtype: np.dtype | None) -> bool:
    """Whether machine code reads such numbers."""
    return dtype is not None and dtype.isnative and (dtype.kind in "biu" or dtype in (np.float32, np.float64))


def _numbers(dtype: np.dtype) -> Iterator[tuple[str, np.dtype]]:
    """Names and dtypes of all fields that hold no further fields."""
    for name in dtype.names or ():
        part = dtype[name].base
        yield from _numbers(part) if part.names else [(name, part)]


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
    if isinstance(space, (spaces.Box, spaces.MultiDiscrete)) and _compiles(space.dtype):
        return np.zeros((lanes, *space.shape), space.dtype)
    raise LabError(f"action space {space} is not supported; use Discrete, MultiDiscrete, or Box of float32 or float64")


def _row(space: gym.Space) -> tuple[Any, tuple[int, ...]]:
    if isinstance(space, spaces.Discrete):
        return np.int64, ()
    if isinstance(space, (spaces.Box, spaces.MultiDiscrete, spaces.MultiBinary)) and _compiles(space.dtype):
        return space.dtype, tuple(space.shape)
    allowed = "Box of integers, float32 or float64, Discrete, or a Dict of them"
    raise LabError(f"observation space {space} is not supported; use {allowed}")
