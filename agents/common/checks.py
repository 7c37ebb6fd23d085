"""Checks at the boundary of the agents; they stand outside the core's fastmath, which deletes tests for NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from rl_lab.agents.common.networks import ActorCritic
from rl_lab.agents.common.replay_buffer import ReplayBuffer
from rl_lab.agents.common.rollout_buffer import RolloutBuffer
from rl_lab.callables import refusal
from rl_lab.errors import LabError, short
from rl_lab.memory import check_memory

SCALARS = 24  # bytes of a sample beside observation, mask and action


def callback(given: Any) -> None:
    """Refuse what cannot be called as `callback(agent)`, SB3's callbacks above all."""
    if given is None:
        return
    if not callable(given) or type(given).__module__.startswith(("stable_baselines3", "sb3_contrib")):
        raise LabError(
            f"callback {type(given).__name__} is not allowed; give a function, which is called as callback(agent) "
            "after every iteration and stops the training by returning False; to evaluate, let it call "
            "evaluate_policy(agent, env) of stable_baselines3.common.evaluation"
        )
    if reason := refusal(given, None):
        raise LabError(f"callback {given!r} cannot be called as callback(agent): {reason}")


def switch(name: str, value: Any) -> None:
    """Refuse what is neither True nor False, such as a text, which would count as True."""
    if not isinstance(value, (bool, np.bool_)):
        raise LabError(f"{name}={short(value)} is not allowed; it must be True or False")


def fits(policy: ActorCritic, num_envs: int, n_steps: int, batch_size: int, n_epochs: int, normalised: bool) -> None:
    """Refuse a rollout, minibatches or an engine's copies of the weights that do not fit into memory."""
    samples = n_steps * num_envs
    masks, action = policy.masks, policy.action_width * policy.action_dtype.itemsize
    row = policy.encoder.size * (4 if normalised else policy.encoder.dtype.itemsize)
    units = sum(policy.actor.sizes) + sum(policy.critic.sizes)
    each = row + masks + action + SCALARS
    order = 8 * samples * n_epochs
    batch = batch_size * (2 * 4 * units + each)
    check_memory(
        samples * each + order + batch + num_envs * 4 * units + 3 * policy.parameters.nbytes,
        f"a rollout of n_steps={n_steps} with num_envs={num_envs}, minibatches of {batch_size} and {n_epochs} epochs",
        "choose smaller ones",
    )


def finite_rollout(rollout: RolloutBuffer, name: str, steps: int) -> None:
    """Refuse NaN and infinity in what the environment gave, and masks that left nothing to do.

    Args:
        rollout: what was collected.
        name: of the environment.
        steps: that each environment had taken before.

    Raises:
        LabError: names the environment, the step and the value.
    """
    for what, array in (("observation", rollout.observations), ("the reward", rollout.rewards)):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            t, lane, *rest = np.argwhere(~np.isfinite(array))[0]
            value = array[(t, lane, *rest)]
            step = steps + t + (0 if rest else 1)  # an observation is what the step before led to
            shown = f"{what}[{rest[0]}]" if rest else what
            if not rest and rollout.truncated[t, lane]:
                shown = "the reward, or the value of the last observation of the episode,"
            raise LabError(
                f"{name}: environment {lane}, step {step}: {shown} is {value}; rewards and observations must be finite "
                "numbers: fix the environment; nothing was learned from this rollout"
            )
    _check_masks(rollout.masks, rollout.actions, name, steps)


def finite_steps(replay: ReplayBuffer, head: int, taken: int, name: str, steps: int) -> None:
    """Refuse NaN and infinity in the last steps of a replay buffer.

    Args:
        replay: what was collected.
        head: slot of the first step.
        taken: steps of each environment since.
        name: of the environment.
        steps: that each environment had taken before.

    Raises:
        LabError: names the environment, the step and the value.
    """
    kept = min(taken, len(replay.rewards) - 1)
    slots, first = (head + taken - kept + np.arange(kept)) % len(replay.rewards), steps + taken - kept
    ended = (replay.ends[slots] > 0)[..., None]
    numbers = {
        "observation": replay.observations[(slots + 1) % len(replay.rewards)],
        "the last observation": np.where(ended, replay.finals[slots], replay.finals.dtype.type(0)),
        "the reward": replay.rewards[slots],
    }
    for what, array in numbers.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            t, lane, *rest = np.argwhere(~np.isfinite(array))[0]
            raise LabError(
                f"{name}: environment {lane}, step {first + t + 1}: {what}{f'[{rest[0]}]' if rest else ''} is "
                f"{array[(t, lane, *rest)]}; rewards and observations must be finite numbers: fix the environment"
            )
    _check_masks(replay.masks[slots], replay.actions[slots], name, first)


def _check_masks(masks: np.ndarray, actions: np.ndarray, name: str, steps: int) -> None:
    """Refuse masks that allow nothing: machine code that runs all steps by itself then acts against them."""
    if not masks.shape[-1] or np.take_along_axis(masks, actions, -1).all():
        return
    if len(stuck := np.argwhere(~masks.any(-1))):
        t, lane = stuck[0]
        raise LabError(
            f"{name}: environment {lane}, step {steps + t}: the action mask allows nothing; allow an action, or let "
            "`step` end the episode there; nothing was learned from this rollout"
        )


def finite_update(losses: dict[str, float], parameters: np.ndarray) -> None:
    """Refuse a loss or weights that are not finite any more."""
    for name, value in losses.items():
        if not np.isfinite(value):
            raise LabError(f"{name} became {value}; lower the learning rate, or normalise observations and rewards")
    if not np.isfinite(parameters).all():
        raise LabError("weights became infinite or NaN; lower the learning rate, or normalise observations and rewards")
