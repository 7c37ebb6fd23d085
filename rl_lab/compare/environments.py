"""Making the environments of a comparison: single, batched, and again in another process."""

from __future__ import annotations

import contextlib
import importlib
import linecache
import os
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from rl_lab import seed_offsets
from rl_lab.agents.common import boundary
from rl_lab.agents.common.boundary import begun, infos, one_number, stepped
from rl_lab.agents.common.environments import installing, where_it_is
from rl_lab.compare.checks import unknown
from rl_lab.compare.plan import Environment
from rl_lab.errors import LabError
from rl_lab.fingerprint import describe, entry

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv


@dataclass(frozen=True)
class Maker:
    """Makes one environment of a plan, in this process or, being sent there, in another."""

    environment: Environment
    spec: gym.envs.registration.EnvSpec | None
    """What Gymnasium knows about an id, for processes in which it is not registered."""

    @classmethod
    def of(cls, environment: Environment) -> Maker:
        """Look an environment up; a LabError where there is no such id."""
        if environment.make is not None:
            return cls(environment, None)
        return cls(environment, find_spec(environment.known_as))

    @property
    def id(self) -> str | None:
        """The id without its module, or None for a callable."""
        return self.spec.id if self.spec else None

    @property
    def batched(self) -> bool:
        """Whether it is one of the lab's kind, whose batches seed every lane by itself."""
        return self.spec is not None and str(self.spec.vector_entry_point).startswith("rl_lab.")

    def __getstate__(self) -> dict[str, Any]:
        """Itself and the text of notebook cells, which no file holds: kernels from them are compiled elsewhere, too."""
        cells = {
            name: entry[2] for name, entry in linecache.cache.items() if len(entry) > 2 and not os.path.exists(name)
        }
        return {**vars(self), "spec": self.spec and _portable(self.spec), "cells": cells}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, lines in state.pop("cells").items():
            linecache.cache.setdefault(name, (sum(map(len, lines)), None, lines, name))
        vars(self).update(state)

    def for_training(self, arguments: Mapping[str, Any]) -> Maker:
        """The same environment with other arguments."""
        if not arguments:
            return self
        merged = {**self.environment.arguments, **arguments}
        return replace(self, environment=replace(self.environment, arguments=merged))

    def description(self) -> Any:
        """What counts about the environment, for the name of a run."""
        if self.spec is None:
            return describe([self.environment.make, dict(self.environment.arguments)])
        spec = _portable(self.spec)
        parts = [spec.entry_point, spec.vector_entry_point, spec.kwargs, dict(self.environment.arguments)]
        try:
            entries = [*parts[:2], *(wrapper.entry_point for wrapper in spec.additional_wrappers)]
            where = [entry(each) for each in entries if isinstance(each, str)]
        except (ImportError, gym.error.DependencyNotInstalled) as error:
            name = self.environment.name
            raise LabError(f"environment {name!r} cannot be made: {installing(error, spec)}") from error
        definition = spec.kwargs.get("definition")
        where += [entry(definition)] if isinstance(definition, str) else []
        return describe([spec.id, spec.max_episode_steps, spec.additional_wrappers, parts, where])

    def register(self) -> None:
        """Let Gymnasium know the id in this process, too; its own package first, which would register it again."""
        module = self.environment.known_as.rpartition(":")[0]
        if module and self.spec is not None and self.spec.id not in gym.registry:
            with contextlib.suppress(ImportError):
                importlib.import_module(module)
        if self.spec is not None:  # a script may have changed the entry that its package makes
            gym.registry[self.spec.id] = self.spec

    def single(self, **more: Any) -> gym.Env:
        """One environment; a LabError where it cannot be made, or is not a Gymnasium environment."""
        name = self.environment.name
        try:
            self.register()
            if self.environment.make is not None:
                made = self.environment.make(**self.environment.arguments)
            else:
                made = gym.make(str(self.id), **{**self.environment.arguments, **more})
        except LabError:
            raise
        except (ImportError, gym.error.DependencyNotInstalled) as error:
            raise LabError(f"environment {name!r} cannot be made: {installing(error, self.spec)}") from error
        except Exception as error:  # of foreign code
            raise LabError(f"environment {name!r} cannot be made: {boundary.describe(error)}") from error
        if not isinstance(made, gym.Env):
            raise LabError(f"environment {name!r} gave {type(made).__name__}; it must give a gymnasium.Env")
        _check_new(made, name)
        return made

    def vector(self, num_envs: int) -> gym.vector.VectorEnv:
        """A batch, of an environment of the lab's kind."""
        self.register()
        return gym.make_vec(str(self.id), num_envs=num_envs, **self.environment.arguments)

    def sb3(self, num_envs: int) -> VecEnv:
        """A `VecEnv` of Stable-Baselines3: over our batch where there is one, otherwise one by one."""
        from stable_baselines3.common.monitor import Monitor
        from stable_baselines3.common.vec_env import DummyVecEnv

        if self.batched:
            from rl_lab.sb3 import vec_env

            return vec_env(self.vector(num_envs))
        return DummyVecEnv([lambda: Monitor(self.named())] * num_envs)

    def evaluation(self, episodes: int) -> gym.vector.VectorEnv:
        """One lane for each evaluation episode, with the observations of the single environment."""
        if self.batched:
            batch = self.vector(episodes)
            if batch.single_observation_space == self.single().observation_space:
                return batch
        return gym.vector.SyncVectorEnv([self.named] * episodes)

    def named(self) -> gym.Env:
        """One environment for a batch, whose answers are checked."""
        return Named(self.single(), f"environment {self.environment.name!r}")


class Named(gym.Wrapper):
    """An environment of a batch, which takes no rewards in arrays, and whose own errors would name no environment."""

    def __init__(self, env: gym.Env, where: str) -> None:
        super().__init__(env)
        self.where = where

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""
        observation, info = begun(self.env.reset(seed=seed, options=options), self.where)
        return observation, infos(info, self.where)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a step, whose reward is one number."""
        observation, reward, terminated, truncated, info = stepped(self.env.step(action), self.where)
        return observation, one_number(reward, self.where), terminated, truncated, infos(info, self.where)


_MADE: weakref.WeakValueDictionary[int, gym.Env] = weakref.WeakValueDictionary()


def _check_new(env: gym.Env, name: str) -> None:
    """Refuse an environment that was given before: evaluation would reset the one that a contender trains on."""
    base = env.unwrapped
    if _MADE.get(id(base)) is base:
        raise LabError(f"environment {name!r} is one object each time; its function must make a new one at each call")
    with contextlib.suppress(TypeError):  # no weak references to it
        _MADE[id(base)] = base


def find_spec(name: str) -> gym.envs.registration.EnvSpec:
    """Gymnasium's entry for an id, after importing what stands before a colon; a LabError where there is none."""
    module, _, plain = name.rpartition(":")
    if module:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise LabError(f"environment {name!r}: module {module!r} cannot be imported ({error})") from error
    if plain in gym.registry:
        return gym.registry[plain]
    if module:
        own = [known for known, spec in gym.registry.items() if str(spec.entry_point).startswith(f"{module}.")]
        known = f"it registers {', '.join(own)}" if own else "gym.register has to run when it is imported"
        raise LabError(f"module {module!r} registers no environment {plain!r}; {known}")
    versions = [known for known in gym.registry if known.rpartition("-v")[0] == plain]
    if versions:
        raise unknown("environment", plain, versions)
    if advice := where_it_is(plain):
        raise LabError(f"environment {plain!r} is not registered{advice}")
    family = plain.rpartition("/")[0]
    alike = [known for known in gym.registry if known.rpartition("/")[0] == family]
    problem = str(unknown("environment", plain, alike or gym.registry)).split(" environment is one of")[0].rstrip(";")
    other = f'f another package registers it, write the id as "package:{plain}"'
    raise LabError(f"{problem} I{other}" if problem.endswith("?") else f"{problem}; i{other}")


def evaluation_seeds(seed: int, episodes: int) -> list[int]:
    """The seeds of the evaluation episodes of one training seed, the same for all contenders."""
    return [seed_offsets.EVALUATIONS + 1000 * seed + episode for episode in range(episodes)]


def _portable(spec: gym.envs.registration.EnvSpec) -> gym.envs.registration.EnvSpec:
    """The entry with functions in place of names that only this process can resolve."""
    import __main__

    changed = {}
    for name in ("entry_point", "vector_entry_point"):
        value = getattr(spec, name)
        if isinstance(value, str) and value.startswith("__main__:"):
            changed[name] = getattr(__main__, value.split(":")[1])
    return replace(spec, **changed) if changed else spec
