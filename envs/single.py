"""One lane of an environment as a `gymnasium.Env`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec

from rl_lab.envs.boundary import (
    checked_actions,
    checked_options,
    checked_render_mode,
    lane_sequence,
    metadata,
    pick,
    present,
)
from rl_lab.envs.definition import Definition
from rl_lab.envs.lanes import Lanes
from rl_lab.envs.loops import DISABLED
from rl_lab.envs.registration import resolve
from rl_lab.envs.screen import Screen
from rl_lab.errors import LabError, MissingMethod
from rl_lab.validation import whole_number


class EntryPoint(str):
    """The entry point in the spec of an environment, which says what step limit that spec has."""

    limit: int | None = None


class BatchEnv(gym.Env):
    """One lane of an environment: the same kernels, and what lane 0 of a batch does with the same seed.

    Args:
        definition: what `register` was given.
        render_mode: "rgb_array", "ansi" or "human", where the environment has it.
        debug: run the kernels as plain Python: breakpoints work, overflow of integers raises.
        arguments: those of the environment itself.
    """

    metadata = {"render_modes": ["rgb_array", "ansi", "human"], "render_fps": 10}  # noqa: RUF012

    def __init__(
        self,
        definition: str | Definition | Callable[..., Definition],
        *,
        render_mode: str | None = None,
        debug: bool = False,
        **arguments: Any,
    ) -> None:
        self.definition, self.debug = resolve(definition, arguments), debug
        self._spec: EnvSpec | None = None
        self.render_mode = checked_render_mode(self.definition, render_mode)
        self.metadata = metadata(self.definition)
        self.observation_space = self.definition.single_observation_space or self.definition.observation_space
        self.action_space = self.definition.action_space
        self.lanes: Lanes = (self.definition.lanes or Lanes)(self.definition, 1, debug=debug)
        self._started = False
        self._screen = Screen(self.definition, self.lanes) if render_mode == "human" else None

    @property
    def spec(self) -> EnvSpec | None:
        """What Gymnasium knows of the environment, with the definition's own step limit, which wrappers read.

        Raises:
            LabError: it is made from that of an environment with another limit, which is a TimeLimit in `gym.make`.
        """
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        limit = int(self.definition.config["max_steps"]) or None
        if (given := getattr(spec and spec.entry_point, "limit", limit)) != limit:
            raise LabError(
                f"{self.definition.name} has a limit of {limit} steps with these arguments, but the spec has one of "
                f"{given}, which gym.make would put around it; give gym.make the id instead of the spec"
            )
        if spec is not None and spec.max_episode_steps is None and limit:
            entry_point = EntryPoint(spec.entry_point)
            entry_point.limit = limit
            spec = replace(spec, max_episode_steps=limit, entry_point=entry_point)
        self._spec = spec

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode; see the environment's own documentation for its options.

        Raises:
            LabError: the seed or an option is not allowed.
        """
        options = checked_options(options)
        super().reset(seed=None if seed is None else whole_number("seed", seed, 0))
        if seed is not None or not self._started:
            self.lanes.seed([lane_sequence(self.np_random_seed if seed is None else seed, 0)])
        self.lanes.reset(np.ones(1, np.bool_), options)
        self._started = True
        self.show()
        return self._observation(), self._starting_info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take one action.

        Raises:
            LabError: the action has another shape or is out of range, or the episode has ended.
        """
        lanes = self.lanes
        if not self._started or lanes.states["done"][0]:
            problem = "after its episode had ended" if self._started else "before its first reset"
            raise LabError(f"{self.definition.name} was stepped {problem}; call reset()")
        lanes.actions[0] = checked_actions(self.action_space, action, ())
        lanes.step(DISABLED)
        self.show()
        flags = bool(lanes.terminated[0]), bool(lanes.truncated[0])
        endings = {name: flags[0] and bool(lanes.states[name][0]) for name in self.definition.endings}
        return self._observation(), float(lanes.rewards[0]), *flags, self._info() | endings

    @property
    def action_masks(self) -> Callable[[], np.ndarray]:
        """A method under the name that SB3-contrib looks for: the actions allowed now, bool `(actions,)`.

        An environment that masks no actions does not have it, and raises `MissingMethod`.
        """
        if not self.definition.mask_width:
            raise MissingMethod(f"{self.definition.name} masks no actions")
        return lambda: self.lanes.masks[0].copy()

    def save_state(self) -> np.ndarray:
        """All that the environment is, random stream included, as records `(1,)`."""
        return self.lanes.save()

    def load_state(self, states: np.ndarray) -> tuple[Any, dict[str, Any]]:
        """Go on from what `save_state` gave; see `BatchVectorEnv.load_state`.

        Raises:
            LabError: it is no state of such an environment; then everything is as it was.
        """
        self.lanes.load(states)
        self._started = True
        return self._observation(), self._starting_info()

    def clone(self) -> BatchEnv:
        """Another environment in the same state, which goes on by itself."""
        twin = BatchEnv(self.definition, render_mode=self.render_mode, debug=self.debug)
        twin.spec = self.spec
        if self._started:
            twin.lanes.copy_of(self.lanes)
            twin._started = True
        return twin

    def ascii(self) -> str:
        """The present level as a text for `reset(options={"layout": text})`; robot worlds only."""
        return self.lanes.ascii(0)

    def render(self) -> Any:
        """The present state in the render mode; in mode "human" a window shows it, as it does after every step."""
        if self._screen is not None:
            self.show()
            return None
        return None if self.render_mode is None else self.lanes.render(0, self.render_mode)

    def show(self) -> None:
        """Show the present state in the window, where there is one."""
        if self._screen is not None:
            self._screen.show()

    def close(self) -> None:
        """Close the window, where there is one, and give back what the lanes hold beside memory."""
        if self._screen is not None:
            self._screen.close()
        self.lanes.close()

    def _observation(self) -> Any:
        observation = pick(present(self.definition.observation_space, self.lanes.observations, copy=True), 0)
        translate = self.definition.single_observation
        return observation if translate is None else translate(observation)

    def _starting_info(self) -> dict[str, Any]:
        begun = self.lanes.starting_info(np.ones(1, np.bool_))
        return self._info() | {name: values[0].item() for name, values in begun.items()}

    def _info(self) -> dict[str, Any]:
        info = {name: values[0] if values.ndim > 1 else values[0].item() for name, values in self.lanes.info().items()}
        return info | ({"action_mask": self.lanes.masks[0].copy()} if self.definition.mask_width else {})
