"""Action masks: where an environment gives them, one rule for training and evaluation.

`info["action_mask"]` counts where a reset gives one; otherwise a method `action_masks()` of the environment or of a
wrapper, SB3-contrib's convention. An environment whose episode has ended needs no mask until its next episode begins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rl_lab.errors import LabError, short

METHOD = "action_masks"


class ActionMasks:
    """Reads the masks of a single environment or of a VectorEnv.

    Args:
        env: what is reset and stepped.
        name: of the environment, for messages.

    Attributes:
        given: whether the environment masks its actions; `begin` finds out. Only Discrete, MultiDiscrete
            and MultiBinary actions have masks, the latter two laid out as sb3-contrib has them.

    Example:
        >>> env = gym.make("CartPole-v1")
        >>> masks = ActionMasks(env, "CartPole-v1")
        >>> masks.begin(env.reset(seed=0)[1]) is None
        True
    """

    def __init__(self, env: gym.Env | gym.vector.VectorEnv, name: str) -> None:
        self.name, self.given = name, False
        self._vector = isinstance(env, gym.vector.VectorEnv)
        space = env.single_action_space if isinstance(env, gym.vector.VectorEnv) else env.action_space
        self._actions = _width(space)
        self._lanes = env.num_envs if isinstance(env, gym.vector.VectorEnv) else 1
        self._method = _method(env) if self._actions else None
        self._called = False

    def begin(self, info: dict[str, Any]) -> np.ndarray | None:
        """Masks after a reset of all environments; see `after`."""
        in_info = self._actions > 0 and "action_mask" in info
        self._called = not in_info and self._method is not None
        self.given = in_info or self._called
        return self.after(info)

    def after(self, info: dict[str, Any], live: np.ndarray | None = None, where: str = "a reset") -> np.ndarray | None:
        """Masks for the next actions.

        Args:
            info: of the step or the reset.
            live: bool `(num_envs,)`, False where the episode has ended and the next action counts for nothing.
            where: of the step, for messages, such as "step 7".

        Returns:
            A copy, bool `(num_envs, actions)`, for a single environment `(actions,)`, all True where `live` is False;
            None where the environment masks nothing.

        Raises:
            LabError: an environment that goes on has no mask, one of another shape, or one that allows no action; or
                masks come that the reset did not announce.
        """
        if not self.given:
            if self._actions and "action_mask" in info:
                raise LabError(
                    f"{self.name} gives an action_mask with {where} and gave none when it was reset; put "
                    "info['action_mask'] into what both reset and step return"
                )
            return None
        going = np.ones(self._lanes, np.bool_) if live is None else live
        rows = self._from_method(going) if self._called else self._from_info(info, where)
        masks = np.ones((self._lanes, self._actions), np.bool_)
        for lane in np.flatnonzero(going):
            masks[lane] = self._checked(rows[lane], int(lane), where)
        return masks if self._vector else masks[0]

    def _from_info(self, info: dict[str, Any], where: str) -> list[Any]:
        found = info.get("action_mask")
        if not self._vector:
            return [found]
        present = info.get("_action_mask", np.full(self._lanes, found is not None))
        return [found[lane] if found is not None and present[lane] else None for lane in range(self._lanes)]

    def _from_method(self, going: np.ndarray) -> Any:
        assert self._method is not None
        return self._method(going)

    def _checked(self, mask: Any, lane: int, where: str) -> np.ndarray:
        who = f"{self.name}: environment {lane}, {where}" if self._vector else f"{self.name}, {where}"
        if mask is None:
            raise LabError(
                f"{who}: there is no action_mask, though the first reset gave one; put info['action_mask'] into what "
                "both reset and step return"
            )
        row = np.asarray(mask)
        if row.shape != (self._actions,) or row.dtype.kind not in "biuf" or not ((row == 0) | (row == 1)).all():
            raise LabError(
                f"{who}: action_mask is {short(mask)}; it must hold {self._actions} bools, one for each action"
            )
        allowed: np.ndarray = row.astype(np.bool_)
        if not allowed.any():
            raise LabError(
                f"{who}: action_mask allows no action, and the episode goes on; allow one, or end the episode"
            )
        return allowed


def _width(space: gym.Space) -> int:
    """Numbers of a mask; 0 where actions have none."""
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    if isinstance(space, spaces.MultiDiscrete):
        return int(space.nvec.sum())
    return 2 * int(np.prod(space.shape)) if isinstance(space, spaces.MultiBinary) else 0


def _method(env: Any) -> Callable[[np.ndarray], Any] | None:
    """What calls `action_masks` of the environments that go on; None where there is no such method."""
    if isinstance(env, gym.Env):
        return (lambda going: [env.get_wrapper_attr(METHOD)()]) if env.has_wrapper_attr(METHOD) else None
    base = env.unwrapped
    if callable(own := getattr(base, METHOD, None)):
        return lambda going: own()
    if not hasattr(base, "call") or not all(base.call("has_wrapper_attr", METHOD)):
        return None
    if isinstance(base, gym.vector.SyncVectorEnv):  # one whose episode has ended may have no masks to give
        return lambda going: [
            env.get_wrapper_attr(METHOD)() if goes else None for env, goes in zip(base.envs, going, strict=True)
        ]
    return lambda going: base.call(METHOD)
