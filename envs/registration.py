"""Making definitions known to Gymnasium, and finding them again."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym

from rl_lab.envs.definition import Definition
from rl_lab.errors import LabError, short

Definer = Callable[..., Definition]


def register(id: str, definition: str | Definition | Definer, **defaults: Any) -> None:
    """Register an environment, single and batched, under a Gymnasium id.

    Args:
        id: such as "mine/Walk-v0".
        definition: a `Definition`, a function that returns one from keyword arguments (those that people
            give to `gym.make`), or where that function is, as "module:function", which is imported only
            when an environment is made.
        defaults: arguments for the function under this id.

    Afterwards `gym.make(id)` gives one environment and `gym.make_vec(id, num_envs=4096)` a batch.

    Raises:
        LabError: the definition is none of these.
    """
    if not isinstance(definition, (str, Definition)) and not callable(definition):
        raise LabError(
            f"definition of {id} is {definition!r}; give a Definition, a function that returns one, or module:function"
        )
    gym.register(
        id,
        entry_point="rl_lab.envs.single:BatchEnv",
        vector_entry_point="rl_lab.envs.batch:BatchVectorEnv",
        kwargs={"definition": definition, **defaults},
    )


def resolve(definition: str | Definition | Definer, arguments: Mapping[str, Any]) -> Definition:
    """The definition that a registered name or function gives for these arguments of `gym.make`.

    Raises:
        LabError: the function takes no such argument, or is not there.
    """
    if isinstance(definition, str):
        definition = _imported(definition)
    if isinstance(definition, Definition):
        known, name = {}, definition.name
    else:
        known, name = dict(inspect.signature(definition).parameters), definition.__name__
    for argument in arguments:
        if argument not in known and not any(p.kind is p.VAR_KEYWORD for p in known.values()):
            allowed = ", ".join(known) or "none"
            raise LabError(f"{name} takes no argument {argument!r}; its arguments are: {allowed}")
    made = definition if isinstance(definition, Definition) else definition(**arguments)
    if not isinstance(made, Definition):
        raise LabError(f"{name} returns {short(made)}; it must return a Definition")
    return made


def _imported(place: str) -> Definition | Definer:
    module, _, name = place.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ModuleNotFoundError, AttributeError, ValueError) as error:  # the last for no name
        raise LabError(f"no environment is at {place!r}: {error}; write it as module:function") from error
