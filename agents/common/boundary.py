"""The boundary to environments in Python: what they give is checked and copied, and their errors name their place."""

from __future__ import annotations

import logging
import math
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium as gym
import numpy as np

from rl_lab.agents.common.encoder import checked
from rl_lab.errors import LabError, short

logger = logging.getLogger("rl_lab")
LIBRARIES = (*gym.__path__, *np.__path__)


class Checked(gym.Wrapper):
    """A single environment whose every answer is what Gymnasium asks for; the agent keeps copies.

    Args:
        env: the environment.
        name: for messages.
        number: of the environment among those of the agent.
    """

    def __init__(self, env: gym.Env, name: str, number: int) -> None:
        super().__init__(env)
        self.name, self.number, self.steps = name, number, 0
        self._spaces, self._place = (env.observation_space, env.action_space), _Place(self)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode.

        Raises:
            LabError: the environment fails, or does not return an observation of its space and a dict.
        """
        where = f"{self.name}: environment {self.number}, reset after step {self.steps}"
        with failures(f"{where} failed"):
            found = begun(self.env.reset(seed=seed, options=options), where)
        for space, now in zip(self._spaces, (self.env.observation_space, self.env.action_space), strict=True):
            if now is not space and now != space:
                raise LabError(f"{where}: the space {space} became {now}; the spaces of an environment must not change")
        return checked(self._spaces[0], found[0], where), infos(found[1], where)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take an action.

        Raises:
            LabError: the environment fails, or does not return what Gymnasium asks for.
        """
        self.steps += 1
        where = self._place
        try:  # no `failures` here: a context costs as much as a fast environment's step
            found = self.env.step(action)
        except (Exception, SystemExit) as error:
            raise as_sentence(error, f"{where} failed") from error
        observation, reward, terminated, truncated, info = stepped(found, where)
        ends = _flag(terminated, "terminated", where), _flag(truncated, "truncated", where)
        return checked(self._spaces[0], observation, where), _reward(reward, where), *ends, infos(info, where)

    def close(self) -> None:
        """Close the environment; nothing is lost where it fails, so that a line in the log is enough."""
        try:
            self.env.close()
        except Exception as error:
            logger.warning("%s: environment %d, close failed: %s", self.name, self.number, describe(error))


class _Place:
    """The step of an environment, which becomes text in an error alone: that costs as much as a check."""

    def __init__(self, env: Checked) -> None:
        self.env = env

    def __str__(self) -> str:
        return f"{self.env.name}: environment {self.env.number}, step {self.env.steps}"


@contextmanager
def failures(what: str) -> Iterator[None]:
    """Give the errors of foreign code as one sentence with their file and line; the lab's own pass as they are.

    Args:
        what: failed, such as "Corridor: environment 0, step 7 failed".

    Raises:
        LabError: chained to the error.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        raise as_sentence(error, what) from error


def as_sentence(error: BaseException, what: str) -> BaseException:
    """The error to raise from one of foreign code; see `failures`."""
    return error if type(error).__module__.startswith("rl_lab.") else LabError(f"{what}: {describe(error)}")


def describe(error: BaseException) -> str:
    """An error with its type, and the file and line where it arose, in foreign code if it passed through some."""
    frames = traceback.extract_tb(error.__traceback__)
    foreign = [frame for frame in frames if not frame.filename.startswith(LIBRARIES)]
    text = text_of(error)
    place = f" ({(foreign or frames)[-1].filename}:{(foreign or frames)[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {text}{place}" if text else f"{type(error).__name__}{place}"


def text_of(error: BaseException) -> str:
    """What an error says, on one line; MoviePy, which Gymnasium's RecordVideo needs, comes with an extra of the lab."""
    if isinstance(error, gym.error.DependencyNotInstalled) and "moviepy" in str(error).lower():
        return "MoviePy is not installed; run pip install -e '.[video]'"
    return " ".join(str(error).split())


def made(make: Callable[[], Any], number: int) -> Checked:
    """An environment from a function, checked.

    Raises:
        LabError: the function fails, or gives no Gymnasium environment.
    """
    maker = getattr(make, "__name__", type(make).__name__)
    with failures(f"environment {maker} cannot be made"):
        env = make()
    if not isinstance(env, gym.Env):
        raise LabError(f"{maker} gave {short(env)}; it must give a gymnasium.Env")
    return accepted(env, name_of(env), number)


def accepted(env: gym.Env, name: str, number: int) -> Checked:
    """An environment, checked from now on.

    Raises:
        LabError: it has no spaces.
    """
    for kind in ("observation_space", "action_space"):
        space = getattr(env, kind, None)
        if not isinstance(space, gym.Space):
            found = "is not set" if space is None else f"is {short(space)}"
            raise LabError(f"{name}: {kind} {found}; it must be a space of gymnasium.spaces")
    return Checked(env, name, number)


def name_of(env: Any) -> str:
    """The id of an environment, or the name of its class."""
    id = getattr(getattr(env, "spec", None), "id", None)  # EnvPool's spec has none
    return id if isinstance(id, str) else type(env.unwrapped).__name__


def begun(found: Any, where: object) -> tuple[Any, Any]:
    """What a reset has returned.

    Raises:
        LabError: it is not an observation and an info.
    """
    if not isinstance(found, tuple) or len(found) != 2:
        raise LabError(f"{where}: reset returned {short(found)}; it must return (observation, info)")
    return found


def stepped(found: Any, where: object) -> tuple[Any, Any, Any, Any, Any]:
    """What a step has returned.

    Raises:
        LabError: it is not five values.
    """
    if not isinstance(found, tuple) or len(found) != 5:
        count = f"{len(found)} values" if isinstance(found, tuple) else short(found)
        raise LabError(
            f"{where}: step returned {count}; it must return (observation, reward, terminated, truncated, info)"
        )
    return found


def _reward(reward: Any, where: object) -> float:
    if math.isfinite(value := one_number(reward, where)):
        return value
    raise LabError(f"{where}: the reward is {value}; it must be a finite number: fix the environment")


def one_number(reward: Any, where: object) -> float:
    """A reward as a number, from an array that holds one, too.

    Raises:
        LabError: it is no number, or several.
    """
    if type(reward) is float:
        return reward
    number = np.asarray(reward)
    if number.size == 1 and number.dtype.kind in "biuf":
        return float(number.reshape(()))
    hint = "one number"
    if number.size > 1 and number.dtype.kind in "biuf":
        hint += "; where it has several parts, weigh and add them in a gymnasium.RewardWrapper"
    raise LabError(f"{where}: the reward is {short(reward)}; it must be {hint}")


def finite(values: Any, what: str) -> None:
    """Refuse NaN and infinity in a batch, of which models of others would make weights that are NaN.

    Args:
        values: an array, or a dict of arrays, of which text is not looked at.
        what: holds them, such as "environment 'CartPole-v1': rewards".

    Raises:
        LabError: there is one.
    """
    for part in map(np.asarray, values.values() if isinstance(values, dict) else [values]):
        if part.dtype.kind == "f" and not np.isfinite(part).all():
            found = part[~np.isfinite(part)][0]
            raise LabError(f"{what} hold {found}; rewards and observations must be finite numbers: fix the environment")


def _flag(value: Any, name: str, where: object) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    flag = np.asarray(value)
    if flag.size != 1 or flag.dtype.kind not in "biu" or flag.reshape(()) not in (0, 1):
        raise LabError(f"{where}: {name} is {short(value)}; it must be True or False")
    return bool(flag.reshape(()))


def infos(info: Any, where: object) -> dict[str, Any]:
    """The info of a reset or a step.

    Raises:
        LabError: it is no dict.
    """
    if not isinstance(info, dict):
        raise LabError(f"{where}: info is {short(info)}; it must be a dict")
    return info
