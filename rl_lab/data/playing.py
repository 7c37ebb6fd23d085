"""Having an expert play, step by step; a mistake of the expert or the environment is reported with its place."""

import copy
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import gymnasium as gym
import numpy as np

from rl_lab.data.demonstrations import Demonstrations, Episode, named
from rl_lab.errors import LabError, short
from rl_lab.memory import check_memory
from rl_lab.validation import whole_number

EPISODE_LIMIT = 100_000  # steps


class Expert(Protocol):
    """What chooses the actions. A method `reset(env)`, where there is one, is called as each episode starts."""

    def __call__(self, observation: Any, info: dict[str, Any]) -> Any:
        """The action for what is observed."""


def collect(
    env: gym.Env,
    expert: Expert | Callable[[Any, dict[str, Any]], Any],
    episodes: int,
    seed: int = 0,
    report: Callable[[Episode], None] | None = None,
) -> Demonstrations:
    """Let an expert play.

    Args:
        env: a single environment.
        expert: `expert(observation, info) -> action`.
        episodes: how many; their resets have the seeds `seed`, `seed + 1` and so on.
        seed: of the first episode.
        report: called after each episode.

    Raises:
        LabError: the expert gives an action that is not allowed, never ends an episode, or earns no reward at all; or
            so many episodes as long as the first do not fit into memory.
    """
    whole_number("episodes", episodes, 1)
    whole_number("seed", seed, 0)
    played = []
    for number in range(episodes):
        played.append(_play(env, expert, seed + number))
        if number == 0:
            size = sum(map(_bytes, played[0].observations)) + played[0].actions.nbytes + played[0].rewards.nbytes
            check_memory(size * min(episodes, 2.0**60), f"episodes={short(episodes)}", "record fewer")
        if report is not None:
            report(played[-1])
    if not any(episode.rewards.any() or episode.terminated for episode in played):
        raise LabError(
            f"the expert earned no reward in {episodes} episodes; an expert that never succeeds teaches nothing"
        )
    name, arguments = named(env.spec, type(env.unwrapped).__name__)
    return Demonstrations(name, arguments, env.observation_space, env.action_space, played)


def try_out(env: gym.Env, expert: Any) -> None:
    """Let an expert act for a while; raises a LabError as `collect` does."""
    _play(gym.wrappers.TimeLimit(env, 200), expert, 0)


def _play(env: gym.Env, expert: Any, seed: int) -> Episode:
    observation, info = env.reset(seed=seed)
    _check_finite("observation", observation, f"at the reset with seed {seed}")
    if hasattr(expert, "reset"):
        expert.reset(env)
    observations, actions, rewards = [copy.deepcopy(observation)], [], []  # an environment may reuse its arrays
    for step in range(EPISODE_LIMIT):
        where = f"at step {step} of the episode with seed {seed}"
        action = _checked(env.action_space, _answer(expert, observation, info, where), where)
        actions.append(copy.deepcopy(action))  # an expert may reuse its array, and an environment may write to it
        observation, reward, terminated, truncated, info = env.step(action)
        _check_finite("reward", reward, where)
        _check_finite("observation", observation, where)
        observations.append(copy.deepcopy(observation))
        rewards.append(float(reward))
        if terminated or truncated:
            return Episode(seed, observations, np.array(actions), np.array(rewards), bool(terminated))
    raise LabError(f"the expert's episode did not end within {EPISODE_LIMIT} steps; give the environment a time limit")


def _answer(expert: Any, observation: Any, info: dict[str, Any], where: str) -> Any:
    """The expert's action; an error of its own is reported with its place."""
    try:
        return expert(observation, info)
    except LabError:
        raise
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise LabError(
            f"the expert failed {where}: {type(error).__name__}: {error} ({Path(frame.filename).name}, line "
            f"{frame.lineno}); it is called as expert(observation, info)"
        ) from error


def _bytes(observation: Any) -> int:
    if isinstance(observation, (dict, tuple)):
        return sum(map(_bytes, observation.values() if isinstance(observation, dict) else observation))
    return np.asarray(observation).nbytes


def _check_finite(kind: str, value: Any, where: str) -> None:
    parts = enumerate(value) if isinstance(value, tuple) else [("", value)]
    for name, part in value.items() if isinstance(value, dict) else parts:
        if isinstance(part, (dict, tuple)):
            _check_finite(kind, part, where)
        elif (array := np.asarray(part)).dtype.kind == "f" and not np.isfinite(array).all():
            called = kind if name == "" else f"{kind} {name!r}"
            raise LabError(
                f"the {called} of the environment holds {array[~np.isfinite(array)].flat[0]} {where}; every "
                "number must be finite: fix the environment"
            )


def _checked(space: gym.Space, action: Any, where: str) -> Any:
    """An expert's action as the environment wants it; the pair that a `predict` returns is welcome."""
    given = action[0] if isinstance(action, tuple) and len(action) == 2 else action
    array = np.asarray(given)
    if isinstance(space, gym.spaces.Discrete) and array.dtype.kind in "iu" and array.size == 1:
        given = int(array.reshape(()))
    elif isinstance(space, gym.spaces.Box) and array.dtype.kind in "iuf" and array.size == np.prod(space.shape):
        given = array.astype(space.dtype).reshape(space.shape)
    if given not in space:
        raise LabError(f"the expert answered {action!r} {where}; the action space is {space}{_hint(space, array)}")
    return given


def _hint(space: gym.Space, array: np.ndarray) -> str:
    if isinstance(space, gym.spaces.Discrete):
        first, last = int(space.start), int(space.start + space.n - 1)
        return f": a whole number from {first} to {last}"
    if isinstance(space, gym.spaces.Box) and array.shape != space.shape:
        return f": {space.dtype} of shape {space.shape}, and this has shape {array.shape}"
    return ""
