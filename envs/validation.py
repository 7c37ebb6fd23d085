"""Saved states, checked before machine code sees them: kernels read without bounds, and trust what is there."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rl_lab.envs.definition import Definition
from rl_lab.errors import LabError
from rl_lab.random import MULTIPLIER

Rule = tuple[str, NDArray[np.bool_], str]
LAST_STREAM = np.uint64(int(MULTIPLIER) << 32) - np.uint64(2)  # the next one draws the same number again and again
MOST_STEPS = 2**31 - 2  # the next one still fits
MOST_TAKEN = 2**53
CHUNK = 1024  # states are checked so many at a time, which bounds the memory that it takes


def check_states(definition: Definition, states: NDArray[Any], config: Any) -> None:
    """Refuse states `(num_envs,)` that no episode can be in; the definition's `validate` adds to the rules of all.

    Raises:
        LabError: a field holds what it must not; the first one is named with its value and what is allowed.
    """
    for first in range(0, len(states), CHUNK):
        chunk = states[first : first + CHUNK]
        rules = () if definition.validate is None else definition.validate(chunk, config)
        for field, fine, allowed in itertools.chain(_framework_rules(chunk), rules):
            if not np.all(fine):
                raise LabError(_sentence(definition.name, chunk, first, field, fine, allowed))


def check_observations(definition: Definition, observations: NDArray[Any]) -> None:
    """Refuse states that show a number which a Discrete or MultiDiscrete space does not have."""
    space = definition.observation_space
    for name, part in space.spaces.items() if isinstance(space, spaces.Dict) else [("", space)]:
        if not isinstance(part, (spaces.Discrete, spaces.MultiDiscrete)):
            continue
        values = observations[name] if name else observations
        count = part.n if isinstance(part, spaces.Discrete) else part.nvec
        wrong = (values < part.start) | (values >= part.start + count)
        if wrong.any():
            number = int(np.argwhere(wrong)[0][0])
            raise LabError(
                f"the state of environment {number} of {definition.name} shows {name or 'the observation'} "
                f"{values[wrong][0]}, which is not in {part}; load what save_state() gave"
            )


def _framework_rules(states: NDArray[Any]) -> Iterator[Rule]:
    """What holds in every environment."""
    for name, values in _flags(states):
        yield name, values <= 1, "False or True, stored as 0 or 1"
    random = states["random"]
    yield "random", (random > 0) & (random <= LAST_STREAM), f"a stream that reset() has seeded, 1 to {LAST_STREAM}"
    yield "steps", (states["steps"] >= 0) & (states["steps"] <= MOST_STEPS), f"0 to {MOST_STEPS}"
    yield "taken", (states["taken"] >= 0) & (states["taken"] <= MOST_TAKEN), f"0 to {MOST_TAKEN}"
    yield "episode_return", np.isfinite(states["episode_return"]), "a finite number"


def _flags(records: NDArray[Any], prefix: str = "") -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """The bytes of all bool fields, those of records inside records too."""
    for name in records.dtype.names or ():
        values = records[name]
        if values.dtype == np.bool_:
            yield prefix + name, values.view(np.uint8)
        yield from _flags(values, f"{prefix}{name}.")


def _sentence(
    environment: str, states: NDArray[Any], first: int, field: str, fine: NDArray[np.bool_], allowed: str
) -> str:
    """What is wrong with the first state that breaks a rule; `first` is the number of the first state."""
    number, *place = np.argwhere(~fine)[0].tolist()
    values: Any = states[number : number + 1]  # an array, since a bool alone would be True whatever its byte is
    for part in field.split("."):
        values = values[part]
    value = (values.view(np.uint8) if values.dtype == np.bool_ else values)[0]
    where, held = "", f"={value}"
    if np.ndim(value):
        is_one = value.shape == fine.shape[1:]
        where, held = (f"[{', '.join(map(str, place))}]", f"={value[tuple(place)]}") if is_one else ("", " as it is")
    return (
        f"the state of environment {first + number} of {environment} has {field}{where}{held}; "
        f"it must be {allowed}; load what save_state() gave"
    )
