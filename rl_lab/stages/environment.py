"""The environment that stages work in: made singly for experts, in numbers for agents, and described for keys."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import gymnasium as gym

from rl_lab.agents.common.environments import make_adapter
from rl_lab.agents.common.vec_adapter import VecAdapter
from rl_lab.errors import LabError
from rl_lab.fingerprint import describe, entry


class CountedEnv(gym.Wrapper):
    """A single environment whose steps are counted."""

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        self.taken = 0

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a counted step."""
        self.taken += 1
        return self.env.step(action)


class EnvironmentFactory:
    """Makes one environment again and again, from an id or a function, with arguments.

    `described` is what counts about it, as JSON can hold it; by default its registration and the source of what makes
    it.
    """

    def __init__(
        self, env: str | Callable[..., gym.Env], env_kwargs: dict[str, Any] | None = None, described: Any = None
    ) -> None:
        self.env, self.env_kwargs = env, env_kwargs or {}
        self._described, self._spaces = described, ""

    @property
    def name(self) -> str:
        """What the environment is called."""
        return self.env if isinstance(self.env, str) else getattr(self.env, "__name__", type(self.env).__name__)

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments that go with an id; a function has got them already."""
        return self.env_kwargs if isinstance(self.env, str) else {}

    @property
    def spaces(self) -> str:
        """The spaces of a single environment, as text."""
        if not self._spaces:
            env = self.single()
            self._spaces = f"{env.observation_space} -> {env.action_space}"
        return self._spaces

    @property
    def description(self) -> Any:
        """What counts about the environment."""
        if self._described is None:
            spec = self._spec()
            parts: list[Any] = [self.env]
            if spec:
                parts = [spec.entry_point, spec.kwargs, spec.max_episode_steps, spec.additional_wrappers]
            names = [parts[0], spec.kwargs.get("definition")] if spec else []
            modules = [entry(name) for name in names if isinstance(name, str)]
            self._described = describe([self.name, parts, modules, self.env_kwargs])
        return self._described

    def single(self) -> gym.Env:
        """One environment; a LabError where it cannot be made."""
        if not isinstance(self.env, str):
            return self.env(**self.env_kwargs)
        try:
            return gym.make(self.env, **self.env_kwargs)
        except (gym.error.Error, ImportError) as error:
            raise LabError(f"environment {self.env!r} cannot be made: {error}") from None

    def several(self, num_envs: int) -> VecAdapter:
        """Environments for an agent."""
        maker: Any = self.env if isinstance(self.env, str) else self.single
        return make_adapter(maker, num_envs, self.arguments)

    def _spec(self) -> Any:
        """Gymnasium's entry for an id, after importing what stands before a colon; None for a function."""
        if not isinstance(self.env, str):
            return None
        module, _, plain = self.env.rpartition(":")
        try:
            if module:
                import_module(module)
            return gym.spec(plain)
        except (gym.error.Error, ImportError) as error:
            raise LabError(f"environment {self.env!r} cannot be made: {error}") from None
