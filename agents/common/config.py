"""Hyperparameters as a dataclass, with SB3's names and defaults; the type of a field says what it takes."""

from __future__ import annotations

import dataclasses
import difflib
import math
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Integral  # NumPy's integers, too
from typing import Any, ClassVar, Self

from rl_lab.agents.common.schedules import schedule
from rl_lab.errors import LabError, short
from rl_lab.validation import own_fields

MOST = 2**31 - 1  # of what is counted
MOST_LAYERS = 100


@dataclass(frozen=True)
class Config(ABC):
    """Hyperparameters of every algorithm.

    A field of type int takes whole numbers from 1, float a number of at least 0, and "float | str" a schedule.
    """

    algorithm: ClassVar[str] = ""
    """Name of the algorithm, for messages."""
    shares: ClassVar[tuple[str, ...]] = ("gamma",)
    """Fields that take a number from 0 to 1."""
    fixed: ClassVar[tuple[str, ...]] = (
        "net_arch",
        "activation",
        "gamma",
        "normalize_observation",
        "normalize_reward",
        "normalize_clip",
    )
    """Fields that the memory of an agent is made for, which cannot change afterwards."""

    num_envs: ClassVar[int] = 8
    """Environments that `rl-lab train` makes by default."""
    least: ClassVar[dict[str, int]] = {}
    """Smallest value of whole numbers that may be less than 1."""

    learning_rate: float | str = 3e-4
    """Step size of the optimiser: a number, or "lin_3e-4", which falls linearly to zero; in Python also a function of
    the progress remaining, from 1 to 0."""
    gamma: float = 0.99
    """Discount."""
    net_arch: tuple[int, ...] = (64, 64)
    """Units of the hidden layers; in Python also {"pi": [...], "vf": [...]}."""
    activation: str = "tanh"
    """Of the hidden layers: tanh, relu, sigmoid, identity or step, through which no gradient flows."""
    normalize_observation: bool = False
    """Normalise observations by running moments, as SB3's VecNormalize does."""
    normalize_reward: bool = False
    """Divide rewards by the running standard deviation of the discounted return."""
    normalize_clip: float = 10.0
    """Largest absolute value of what is normalised."""

    def __post_init__(self) -> None:
        own_fields(self)
        for field in dataclasses.fields(self):
            if (value := getattr(self, field.name)) is not None or "None" not in str(field.type):
                self._check(field.name, str(field.type).removesuffix(" | None"), value)

    def _check(self, name: str, kind: str, value: Any) -> None:
        if kind == "int" and not _is_whole(value, least := self.least.get(name, 1)):
            raise LabError(f"{name}={short(value)} is not allowed; it must be a whole number from {least} to {MOST}")
        if kind == "float":
            _between(name, value, 0.0, 1.0 if name in self.shares else math.inf)
        elif kind == "float | str":
            _between(name, schedule(name, value)(1.0), 0.0, math.inf)
        elif kind == "bool" and type(value).__name__ != "bool":  # Python's or NumPy's
            raise LabError(f"{name}={short(value)} is not allowed; it must be True or False")
        elif kind == "str" and not isinstance(value, str):
            raise LabError(f"{name}={short(value)} is not allowed; give its name, such as 'tanh'")
        elif name == "net_arch":
            _layers(value)

    @abstractmethod
    def rollout_steps(self, num_envs: int) -> int:
        """Steps between two updates, over all environments."""

    def check_budget(self, budget: int) -> None:
        """Refuse a budget of environment steps in which there is nothing to learn from.

        Raises:
            LabError: it is one.
        """
        return

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """A configuration from keyword arguments.

        Raises:
            LabError: there is no such hyperparameter, or its value is not allowed.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                close = difflib.get_close_matches(name, known, 1)
                hint = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"
                raise LabError(f"{cls.algorithm} has no hyperparameter {name!r}{hint}")
        return cls(**values)

    @classmethod
    def schedules(cls) -> list[str]:
        """Names of the hyperparameters that may be schedules."""
        return [field.name for field in dataclasses.fields(cls) if str(field.type).startswith("float | str")]

    def at(self, name: str, remaining: float) -> float:
        """The value of a schedule.

        Args:
            name: of the hyperparameter.
            remaining: progress remaining, from 1 to 0.
        """
        return schedule(name, getattr(self, name))(remaining)

    def as_json(self) -> dict[str, Any]:
        """Plain values; a schedule that is a function is only named, since a file holds no code."""
        values = dataclasses.asdict(self)
        return {name: f"function {value.__name__}" if callable(value) else value for name, value in values.items()}


def hyperparameter(name: str) -> property:
    """A hyperparameter as an attribute of an agent, which has a `config`."""

    def change(agent: Any, value: Any) -> None:
        config = agent.config
        if name in config.fixed:
            maker = type(agent).__name__
            raise LabError(
                f"{name} cannot change once an agent is made; give it to {maker}(...) or to {maker}.load(...)"
            )
        agent.config = dataclasses.replace(config, **{name: value})

    return property(lambda agent: getattr(agent.config, name), change)


def _is_whole(value: Any, least: int = 1) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and least <= int(value) <= MOST


def _layers(net_arch: Any) -> None:
    """Refuse what gives no numbers of units; `ActorCritic` checks the names of the networks."""
    for layers in net_arch.values() if isinstance(net_arch, dict) else [net_arch]:
        if isinstance(layers, (list, tuple)) and len(layers) > MOST_LAYERS:
            raise LabError(f"net_arch has {len(layers)} hidden layers; at most {MOST_LAYERS} are possible")
        if not isinstance(layers, (list, tuple)) or not all(_is_whole(units) for units in layers):
            raise LabError(
                f"net_arch={short(net_arch)} is not allowed; give the units of the hidden layers, such as [64, 64], or "
                'such lists by network, {"pi": [...], "vf": [...]}'
            )


def _between(name: str, value: Any, low: float, high: float) -> None:
    ok = (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max  # whole numbers may be larger, and then are no float
        and low <= value <= high
    )
    if not ok:
        bound = f"from {low:g} to {high:g}" if high < math.inf else f"of at least {low:g}"
        raise LabError(f"{name}={short(value)} is not allowed; it must be a number {bound}")
