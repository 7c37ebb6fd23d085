"""What an agent does on an observation, outside training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rl_lab.agents.common import distributions
from rl_lab.agents.common.actions import inside
from rl_lab.agents.common.encoder import is_text
from rl_lab.agents.common.normalizer import normalized_rows
from rl_lab.errors import LabError
from rl_lab.validation import UNREADABLE, real_array, refuse_masked

if TYPE_CHECKING:
    from rl_lab.agents.algorithm import Algorithm


def choose(agent: Algorithm, observation: Any, action_mask: np.ndarray | None, deterministic: bool) -> Any:
    """Actions for one observation or a batch; see `Algorithm.predict`."""
    policy, observation = agent.policy, _numbers(agent.policy.encoder.space, observation)
    batch = policy.encoder.batch_of(observation)
    rows = policy.encoder(observation, batch or 1)
    if rows.dtype.kind == "f" and not np.isfinite(rows).all():
        raise LabError(
            "the observation holds NaN or infinity as float32 (beyond 3.4e38 all is); agents act on finite numbers only"
        )
    actions = choose_rows(agent, rows, action_mask, deterministic)
    if batch is not None:
        return actions
    return int(actions[0]) if policy.discrete else actions[0]


def _numbers(space: gym.Space, observation: Any) -> Any:
    """An observation as arrays of real numbers; shapes are not looked at, and text stays as it is."""
    if isinstance(space, spaces.Dict):
        if not isinstance(observation, Mapping):
            return observation  # which the encoder refuses
        return {name: _numbers(part, observation[name]) for name, part in space.spaces.items() if name in observation}
    if is_text(space) or (type(observation) is np.ndarray and observation.dtype.kind in "biuf"):
        return observation
    refuse_masked("the observation", observation)
    try:
        given = np.asarray(observation)
        if given.dtype.kind in "mMc":
            raise TypeError(f"it holds {given.dtype}")
        return given if given.dtype.kind in "biuf" else given.astype(np.float64)
    except UNREADABLE as error:
        raise LabError(f"the observation cannot be read as numbers ({error}); the space is {space}") from None


def choose_rows(agent: Algorithm, rows: np.ndarray, action_mask: np.ndarray | None, deterministic: bool) -> np.ndarray:
    """Actions for rows of the encoder, `(rows, size)`."""
    outputs = agent.engine.outputs(normalized_rows(agent.normalizer, rows))
    if not np.isfinite(outputs).all():
        raise LabError("the policy's outputs are not finite; its weights are NaN or infinite: load others")
    if agent.policy.discrete:
        return _discrete(agent, outputs, action_mask, deterministic)
    if action_mask is not None:
        raise LabError(f"action_mask goes with Discrete actions; this agent's are {agent.policy.action_space}")
    assert isinstance(agent.policy.action_space, spaces.Box)
    return inside(agent.policy.action_space, outputs if deterministic else agent.draw(outputs))


def _discrete(agent: Algorithm, logits: np.ndarray, mask: np.ndarray | None, deterministic: bool) -> np.ndarray:
    if mask is not None:
        given = real_array("action_mask", mask, "give True for each action that is allowed")
        allowed, shapes = given == 1, (logits.shape[1:], (1, logits.shape[1]), logits.shape)
        if not (allowed | (given == 0)).all():
            raise LabError(f"action_mask holds {given[~allowed & (given != 0)][0]:g}; give bools, or 0 and 1")
        if allowed.shape not in shapes or not allowed.any(axis=-1).all():
            raise LabError(
                f"action_mask has shape {np.shape(mask)}; expected bools of shape ({logits.shape[1]},) or "
                f"({len(logits)}, {logits.shape[1]}), with an allowed action in each row"
            )
        logits = np.where(allowed, logits, distributions.MASKED)
    assert isinstance(agent.policy.action_space, spaces.Discrete)
    chosen = logits.argmax(axis=1) if deterministic else agent.draw(logits)
    return chosen + int(agent.policy.action_space.start)
