"""What an agent uses of an environment's spaces, in words that a file can hold and another environment be held to."""

from __future__ import annotations

import re
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rl_lab.agents.common.encoder import Encoder, is_text
from rl_lab.errors import short


def described(observation_space: gym.Space, action_space: gym.Space) -> dict[str, Any]:
    """Sizes and types of the observation's parts without its texts, which agents do not see, and the actions.

    Example:
        >>> described(spaces.Box(-1, 1, (4,)), spaces.Discrete(2))
        {'observation': [['', 'Box', [4], 'float32']], 'actions': ['Discrete', 2]}
    """
    return {"observation": _parts(observation_space, ""), "actions": _actions(action_space)}


def difference(known: dict[str, Any] | str, vector: gym.vector.VectorEnv) -> str | None:
    """What of a VectorEnv's spaces is not as a file describes it, or None.

    Args:
        known: what `described` gave; or the spaces as text, which files held once.
        vector: the environments.
    """
    now = described(vector.single_observation_space, vector.single_action_space)
    if isinstance(known, str):
        text = _text(f"{vector.single_observation_space} -> {vector.single_action_space}")
        return None if _text(known) == text else f"spaces, which are {short(text)} and were {short(_text(known))}"
    for what, value in now.items():
        if known.get(what) != value:
            return f"{what}, which {'are' if what == 'actions' else 'is'} {value} and not {short(known.get(what))}"
    return None


def _parts(space: gym.Space, name: str) -> list[list[Any]]:
    if isinstance(space, (spaces.Dict, spaces.Tuple)):
        named = space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces)
        return [row for key, part in named for row in _parts(part, f"{name}/{key}" if name else str(key))]
    if is_text(space):
        return []
    kind: list[Any] = [name, type(space).__name__]
    if isinstance(space, spaces.Box):
        encoder = Encoder(space)
        return [[*kind, list(space.shape), "image" if encoder.scale != 1 else str(encoder.dtype)]]
    if isinstance(space, spaces.MultiBinary):
        return [[*kind, list(space.shape)]]
    if isinstance(space, spaces.MultiDiscrete):
        return [[*kind, space.nvec.tolist()]]
    return [[*kind, int(space.n) if isinstance(space, spaces.Discrete) else _text(str(space))]]


def _actions(space: gym.Space) -> list[Any]:
    if isinstance(space, spaces.Discrete):
        return ["Discrete", int(space.n)]
    if isinstance(space, spaces.Box):
        return ["Box", *(bound.astype(np.float32).tolist() for bound in (space.low, space.high))]
    return [_text(str(space))]


def _text(text: str) -> str:
    """A space as text, without addresses in memory."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)
