"""PPO's hyperparameters, with Stable-Baselines3's names and defaults, checked."""

from __future__ import annotations

import dataclasses
import difflib
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral  # NumPy's integers, too
from typing import Any

from rl_lab.callables import refusal
from rl_lab.errors import LabError, short
from rl_lab.numbers import own_fields

MOST = 2**31 - 1  # of what is counted
MOST_LAYERS = 100
Schedule = float | str | Callable[[float], float]


@dataclass(frozen=True)
class PPOSettings:
    """Hyperparameters of PPO."""

    learning_rate: float | str = 3e-4
    """Step size of Adam: a number, or "lin_3e-4", which falls linearly to zero; in Python also a function of the
    progress remaining, from 1 to 0."""
    n_steps: int = 2048
    """Steps of each lane in a rollout."""
    batch_size: int = 64
    """Samples in a minibatch."""
    n_epochs: int = 10
    """How often each rollout is gone through."""
    gamma: float = 0.99
    """Discount."""
    gae_lambda: float = 0.95
    """Bias-variance trade-off of generalised advantage estimation."""
    clip_range: float | str = 0.2
    """How far the probability ratio may move; a schedule like `learning_rate`."""
    clip_range_vf: float | str | None = None
    """The same for values; None does not clip them."""
    normalize_advantage: bool = True
    """Give the advantages of each minibatch mean 0 and standard deviation 1."""
    ent_coef: float = 0.0
    """Weight of the entropy."""
    vf_coef: float = 0.5
    """Weight of the value loss."""
    max_grad_norm: float = 0.5
    """Longest gradient."""
    target_kl: float | None = None
    """Stop an update once the policy moved 1.5 times this far."""
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
        for name in ("n_steps", "batch_size", "n_epochs"):
            value = getattr(self, name)
            if not _is_whole(value):
                raise LabError(f"{name}={value!r} is not allowed; it must be a whole number from 1 to {MOST}")
        for name in ("gamma", "gae_lambda"):
            _between(name, getattr(self, name), 0.0, 1.0)
        for name in ("ent_coef", "vf_coef", "max_grad_norm", "normalize_clip"):
            _between(name, getattr(self, name), 0.0, math.inf)
        if self.target_kl is not None:
            _between("target_kl", self.target_kl, 0.0, math.inf)
        for name in ("normalize_advantage", "normalize_observation", "normalize_reward"):
            if type(getattr(self, name)).__name__ != "bool":  # Python's or NumPy's
                raise LabError(f"{name}={getattr(self, name)!r} is not allowed; it must be True or False")
        if not isinstance(self.activation, str):
            raise LabError(f"activation={self.activation!r} is not allowed; give its name, such as 'tanh'")
        _layers(self.net_arch)
        for name in ("learning_rate", "clip_range", "clip_range_vf"):
            if getattr(self, name) is not None:
                _between(name, schedule(name, getattr(self, name))(1.0), 0.0, math.inf)

    @classmethod
    def of(cls, values: dict[str, Any]) -> PPOSettings:
        """Settings from keyword arguments.

        Raises:
            LabError: there is no such hyperparameter, or its value is not allowed.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                close = difflib.get_close_matches(name, known, 1)
                hint = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"
                raise LabError(f"PPO has no hyperparameter {name!r}{hint}")
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        """The settings as plain values; a schedule that is a function is only named, since a file holds no code."""
        values = dataclasses.asdict(self)
        return {name: f"function {value.__name__}" if callable(value) else value for name, value in values.items()}


def schedule(name: str, value: Schedule) -> Callable[[float], float]:
    """A schedule as a function of the progress remaining, from 1 to 0.

    Raises:
        LabError: it is neither a number, nor "lin_<number>", nor a function; a function returned something else than
            a number of at least 0.
    """
    if callable(value):
        if reason := refusal(value, 1.0):
            raise LabError(
                f"the function for {name} cannot be called with the progress remaining, a number from 1 to 0: "
                f"{reason}; give a function of one argument"
            )
        return lambda remaining: _returned(name, value, remaining)
    try:
        if isinstance(value, bool):
            raise TypeError("a bool is no number")
        if isinstance(value, str) and value.startswith("lin_"):
            start = float(value[4:])
            return lambda remaining: start * remaining
        constant = float(value)
    except (TypeError, ValueError, OverflowError):
        raise LabError(f'{name}={value!r} is not allowed; give a number, "lin_3e-4", or a function') from None
    return lambda remaining: constant


def _returned(name: str, function: Callable[[float], Any], remaining: float) -> float:
    """What the function of a schedule returns, as a number."""
    from rl_lab.agents.common.boundary import failures

    with failures(f"the function for {name} failed at {remaining:g} of the progress remaining"):
        value = function(remaining)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise LabError(
            f"the function for {name} returned {short(value)} at {remaining:g} of the progress remaining; it must "
            "return a number of at least 0"
        )
    return number


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and 1 <= int(value) <= MOST


def _layers(net_arch: Any) -> None:
    """Refuse what gives no numbers of units; `ActorCritic` checks the names of the networks."""
    for layers in net_arch.values() if isinstance(net_arch, dict) else [net_arch]:
        if isinstance(layers, (list, tuple)) and len(layers) > MOST_LAYERS:
            raise LabError(f"net_arch has {len(layers)} hidden layers; at most {MOST_LAYERS} are possible")
        if not isinstance(layers, (list, tuple)) or not all(_is_whole(units) for units in layers):
            raise LabError(
                f"net_arch={net_arch!r} is not allowed; give the units of the hidden layers, such as [64, 64], or "
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
        raise LabError(f"{name}={value!r} is not allowed; it must be a number {bound}")
