"""Asking a model for actions: all that its own library's evaluation gives it, for evaluation and for experts alike."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from rl_lab.errors import LabError

MASKS = ("action_mask", "action_masks")  # ours, and sb3-contrib's


class Predictor:
    """A model and the memory that it has of the episodes that it plays.

    Its `predict` gets the observations and, of the following, what its signature names: `deterministic`; `state`, what
    the last call returned, and `episode_start`, bool `(lanes,)`, as Stable-Baselines3 passes them; and `action_mask`
    or `action_masks`. A `predict` with `**kwargs` gets the first three, as from SB3's `evaluate_policy`, and masks by
    the name that it does not refuse. Observations are normalised first where the model was trained in a
    `VecNormalize`, with the statistics that it has at this time.

    Args:
        model: something with `predict(observation)`, which returns an action, or a tuple of it and the next state.
        deterministic: whether it takes its most probable actions.
        lanes: environments that it plays in; above 1 only for models that answer for batches.

    Raises:
        LabError: it has no `predict`.
    """

    def __init__(self, model: Any, deterministic: bool = True, lanes: int = 1) -> None:
        predict = getattr(model, "predict", None)
        if not callable(predict):
            raise LabError(f"{_described(model)} has no predict method; it must return actions for observations")
        names, self._any = _parameters(predict)
        self._predict, self._lanes = predict, lanes
        self._fixed = {"deterministic": deterministic} if "deterministic" in names else {}
        self._remembers, self._wants_starts = "state" in names, "episode_start" in names
        self._masks = [name for name in MASKS if name in names][:1] or (list(MASKS) if self._any else [])
        self._normalise = _normaliser(model)
        self.reset()

    @property
    def masked(self) -> bool:
        """Whether `predict` takes masks."""
        return bool(self._masks)

    def reset(self) -> None:
        """Forget: the next observations are the first of their episodes."""
        self._state: Any = None
        self._started = False

    def __call__(self, observations: Any, masks: np.ndarray | None = None, starts: np.ndarray | None = None) -> Any:
        """Actions as a new array, one for an observation or one for each of a batch.

        Args:
            observations: as the environments give them.
            masks: bool, of the actions that are allowed; None if the environment has none.
            starts: bool `(lanes,)`, in which lanes an episode begins with this observation; by default in all after
                `reset`, and then in none.
        """
        given: dict[str, Any] = dict(self._fixed)
        if self._remembers:
            given["state"] = self._state
        if self._wants_starts:
            none = np.zeros(self._lanes, np.bool_) if starts is None else starts
            given["episode_start"] = none if self._started else np.ones(self._lanes, np.bool_)
        predicted = self._asked(self._normalise(observations), given, masks)
        self._started = True
        if not isinstance(predicted, tuple):
            return np.array(predicted)
        self._state = predicted[1] if len(predicted) > 1 else None
        return np.array(predicted[0])

    def _asked(self, observations: Any, given: dict[str, Any], masks: np.ndarray | None) -> Any:
        """What `predict` returns; where `**kwargs` leave open what it calls masks, the names are tried."""
        while masks is not None and self._masks:
            name = self._masks[0]
            try:
                return self._predict(observations, **given, **{name: masks})
            except TypeError as error:
                if not self._any or f"unexpected keyword argument {name!r}" not in str(error):
                    raise
                self._masks.remove(name)
        return self._predict(observations, **given)


def answers_batches(model: Any) -> bool:
    """Whether `predict` is known to take a batch of observations: ours does, and that of Stable-Baselines3."""
    kinds = [f"{kind.__module__}." for kind in type(model).__mro__]
    return any(kind.startswith(("stable_baselines3.", "sb3_contrib.", "rl_lab.")) for kind in kinds)


def _parameters(predict: Callable[..., Any]) -> tuple[set[str], bool]:
    """Names of what it takes, and whether it takes any other, too."""
    try:
        parameters = inspect.signature(predict).parameters.values()
    except (TypeError, ValueError):
        return set(), False
    names = {item.name for item in parameters if item.kind is not item.POSITIONAL_ONLY}
    anything = any(item.kind is item.VAR_KEYWORD for item in parameters)
    return (names | {"state", "episode_start", "deterministic"} if anything else names), anything


def _normaliser(model: Any) -> Callable[[Any], Any]:
    """What Stable-Baselines3's `VecNormalize` does to observations before the model sees them."""
    wrapper = getattr(model, "get_vec_normalize_env", lambda: None)()
    return wrapper.normalize_obs if wrapper is not None else lambda observations: observations


def _described(model: Any) -> str:
    return "nothing" if model is None else f"an object of type {type(model).__name__}"
