"""Kernels become a `gymnasium.Env` and a `gymnasium.vector.VectorEnv`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from rl_lab.envs.definition import Definition, resolve
from rl_lab.envs.lanes import Lanes
from rl_lab.envs.loops import DISABLED, NEXT_STEP, SAME_STEP
from rl_lab.errors import LabError

MODES = {AutoresetMode.NEXT_STEP: NEXT_STEP, AutoresetMode.SAME_STEP: SAME_STEP, AutoresetMode.DISABLED: DISABLED}
RENDER_MODES = ["rgb_array", "ansi"]


class BatchVectorEnv(gym.vector.VectorEnv):
    """Many lanes of one environment, stepped by machine code.

    What a lane does depends on its own seed and actions alone: not on the number of lanes or threads, nor
    on its neighbours. An integer seed `s` gives lane i the stream of `SeedSequence(s, spawn_key=(i,))`; a
    list of seeds gives each lane the stream that the single environment has with that seed.

    Args:
        definition: what `register` was given.
        num_envs: number of lanes.
        threads: how many threads share the lanes of a step; 1 starts none.
        autoreset_mode: when a lane that ended starts anew: `AutoresetMode` or its value.
        copy: False hands out the internal buffers, which the next step overwrites.
        debug: run the kernels as plain Python: breakpoints work, overflow of integers raises.
        render_mode: "rgb_array" or "ansi", where the environment has it.
        episode_statistics: put `info["episode"]` with returns "r" and lengths "l" when episodes end; switch
            it off to use Gymnasium's own RecordEpisodeStatistics.
        arguments: those of the environment itself.
    """

    def __init__(
        self,
        definition: str | Definition | Callable[..., Definition],
        num_envs: int = 1,
        *,
        threads: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        debug: bool = False,
        render_mode: str | None = None,
        episode_statistics: bool = True,
        **arguments: Any,
    ) -> None:
        for name, value in (("num_envs", num_envs), ("threads", threads)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise LabError(f"{name}={value!r} is not allowed; it must be a whole number of at least 1")
        self.num_envs, self.threads, self.copy, self.debug = int(num_envs), int(threads), copy, debug
        self.autoreset_mode, self.mode = _autoreset(autoreset_mode)
        self.episode_statistics = episode_statistics
        self.definition = resolve(definition, arguments)
        self.render_mode = _render_mode(self.definition, render_mode)
        self.metadata = _metadata(self.definition) | {"autoreset_mode": self.autoreset_mode}
        self.single_observation_space = self.definition.observation_space
        self.single_action_space = self.definition.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.lanes = Lanes(self.definition, self.num_envs, threads=self.threads, debug=debug)
        self._seeded = False

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start episodes in all lanes, or in those of `options["reset_mask"]`, bool `(num_envs,)`.

        Returns:
            Observations `(num_envs, ...)` and info.

        Raises:
            LabError: a seed, a mask or an option is not allowed.
        """
        options = dict(options or {})
        mask = options.pop("reset_mask", None)
        chosen = np.ones(self.num_envs, np.bool_) if mask is None else self._reset_mask(mask)
        self.lanes.seed(self._sequences(seed, chosen))
        self.lanes.reset(chosen, options)
        return self._observations(), self._info()

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step every lane.

        Args:
            actions: `(num_envs,)` integers for Discrete, otherwise `(num_envs, *shape)`.

        Returns:
            Observations, rewards (float64), terminations, truncations (bool), each `(num_envs, ...)`, and info.

        Raises:
            LabError: actions have another shape or are out of range, or a lane that ended was not reset in
                the mode DISABLED.
        """
        lanes = self.lanes
        if not self._seeded:
            raise LabError(f"{self.definition.name} was stepped before its first reset; call reset() first")
        if self.mode == DISABLED and lanes.states["done"].any():
            ended = np.flatnonzero(lanes.states["done"])
            raise LabError(
                f"lanes {ended[:8].tolist()} have ended and autoreset is disabled; "
                'reset them with reset(options={"reset_mask": ...})'
            )
        lanes.actions[...] = check_actions(self.single_action_space, actions, (self.num_envs,))
        lanes.step(self.mode)
        ended = lanes.terminated | lanes.truncated
        return (*self._outputs(), self._info(ended if ended.any() else None))

    def load_state(self, states: np.ndarray) -> tuple[Any, dict[str, Any]]:
        """Go on from what `save_state` gave; returns observations and info as `reset` does."""
        load_records(self.lanes, states)
        self._seeded = True
        return self._observations(), self._info()

    def save_state(self) -> np.ndarray:
        """All that the lanes are, random streams included, as records `(num_envs,)`; `np.savez` writes them."""
        return np.array(self.lanes.states.view(np.ndarray))

    def clone(self) -> BatchVectorEnv:
        """Another batch with the same lanes in the same states, which goes on by itself."""
        twin = BatchVectorEnv(
            self.definition,
            self.num_envs,
            threads=self.threads,
            autoreset_mode=self.autoreset_mode,
            copy=self.copy,
            debug=self.debug,
            render_mode=self.render_mode,
            episode_statistics=self.episode_statistics,
        )
        twin.load_state(self.save_state())
        return twin

    def render(self) -> tuple[Any, ...] | None:
        """A frame of every lane."""
        if self.render_mode is None:
            return None
        return tuple(render_lane(self.lanes, lane, self.render_mode) for lane in range(self.num_envs))

    def _outputs(self) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray]:
        arrays = self.lanes.rewards, self.lanes.terminated, self.lanes.truncated
        rewards, terminated, truncated = (a.copy() for a in arrays) if self.copy else arrays
        return self._observations(), rewards, terminated, truncated

    def _observations(self) -> Any:
        return present(self.single_observation_space, self.lanes.observations, self.copy)

    def _info(self, ended: np.ndarray | None = None) -> dict[str, Any]:
        lanes, info = self.lanes, {}
        if lanes.masks.shape[1]:
            info["action_mask"] = lanes.masks.copy() if self.copy else lanes.masks
            info["_action_mask"] = np.ones(self.num_envs, np.bool_)
        if ended is None:
            return info
        episode = {}
        if self.episode_statistics:
            returns, lengths = np.where(ended, lanes.returns, 0.0), np.where(ended, lanes.lengths, 0)
            episode = {"episode": {"r": returns, "l": lengths, "_r": ended, "_l": ended}, "_episode": ended}
        if self.mode == SAME_STEP:
            final = present(self.single_observation_space, lanes.final_observations[ended], copy=False)
            info["final_obs"], info["_final_obs"] = np.full(self.num_envs, None, object), ended
            for place, lane in enumerate(np.flatnonzero(ended)):
                info["final_obs"][lane] = pick(final, place)
            info["final_info"], info["_final_info"] = dict(episode), ended
            if lanes.masks.shape[1]:
                info["final_info"] |= {"action_mask": lanes.final_masks.copy(), "_action_mask": ended}
        return info | episode

    def _sequences(self, seed: Any, chosen: np.ndarray) -> list[np.random.SeedSequence | None]:
        """The seed sequence of every lane; None keeps its stream."""
        if seed is not None and not isinstance(seed, (int, np.integer)):
            seeds = list(seed)
            if len(seeds) != self.num_envs:
                raise LabError(
                    f"{len(seeds)} seeds were given for {self.num_envs} lanes; give one a lane, or one number"
                )
            given = [None if s is None else lane_sequence(s, 0) for s in seeds]
        elif seed is not None:
            gym.vector.VectorEnv.reset(self, seed=_checked_seed(seed))
            given = [lane_sequence(seed, lane) for lane in range(self.num_envs)]
        elif not self._seeded:
            given = [np.random.SeedSequence(self.np_random_seed, spawn_key=(i,)) for i in range(self.num_envs)]
        else:
            given = [None] * self.num_envs
        self._seeded = True
        return [sequence if take else None for sequence, take in zip(given, chosen, strict=True)]

    def _reset_mask(self, mask: Any) -> np.ndarray:
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (self.num_envs,):
            raise LabError(f"reset_mask is {mask!r}; it must be an array of bool with shape ({self.num_envs},)")
        if not mask.any():
            raise LabError("reset_mask chooses no lane; at least one must be True")
        return mask


class BatchEnv(gym.Env):
    """One lane of an environment: the same kernels, and what lane 0 of a batch does with the same seed.

    Args:
        definition: what `register` was given.
        render_mode: "rgb_array" or "ansi", where the environment has it.
        debug: run the kernels as plain Python: breakpoints work, overflow of integers raises.
        arguments: those of the environment itself.
    """

    metadata = {"render_modes": RENDER_MODES, "render_fps": 10}  # noqa: RUF012

    def __init__(
        self,
        definition: str | Definition | Callable[..., Definition],
        *,
        render_mode: str | None = None,
        debug: bool = False,
        **arguments: Any,
    ) -> None:
        self.definition, self.debug = resolve(definition, arguments), debug
        self.render_mode = _render_mode(self.definition, render_mode)
        self.metadata = _metadata(self.definition)
        self.observation_space = self.definition.single_observation_space or self.definition.observation_space
        self.action_space = self.definition.action_space
        self.lanes = Lanes(self.definition, 1, debug=debug)
        self._started = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode; see the environment's own documentation for its options."""
        first = not self._started and seed is None
        super().reset(seed=None if seed is None else _checked_seed(seed))
        if seed is not None or first:
            self.lanes.seed([lane_sequence(self.np_random_seed if first else seed, 0)])
        self.lanes.reset(np.ones(1, np.bool_), options)
        self._started = True
        return self._observation(), self._info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take one action.

        Raises:
            LabError: the action has another shape or is out of range.
        """
        lanes = self.lanes
        if not self._started:
            raise LabError(f"{self.definition.name} was stepped before its first reset; call reset() first")
        lanes.actions[0] = check_actions(self.action_space, action, ())
        lanes.step(DISABLED)
        return (
            self._observation(),
            float(lanes.rewards[0]),
            bool(lanes.terminated[0]),
            bool(lanes.truncated[0]),
            self._info(),
        )

    def action_masks(self) -> np.ndarray:
        """Which actions are allowed now, bool `(actions,)`, under the name that SB3-contrib looks for."""
        if not self.lanes.masks.shape[1]:
            raise LabError(f"{self.definition.name} masks no actions")
        return self.lanes.masks[0].copy()

    def save_state(self) -> np.ndarray:
        """All that the environment is, random stream included, as records `(1,)`."""
        return np.array(self.lanes.states.view(np.ndarray))

    def load_state(self, states: np.ndarray) -> tuple[Any, dict[str, Any]]:
        """Go on from what `save_state` gave; returns observation and info as `reset` does."""
        load_records(self.lanes, states)
        self._started = True
        return self._observation(), self._info()

    def clone(self) -> BatchEnv:
        """Another environment in the same state, which goes on by itself."""
        twin = BatchEnv(self.definition, render_mode=self.render_mode, debug=self.debug)
        twin.load_state(self.save_state())
        return twin

    def render(self) -> Any:
        """The present state in the render mode."""
        return None if self.render_mode is None else render_lane(self.lanes, 0, self.render_mode)

    def _observation(self) -> Any:
        observation = pick(present(self.definition.observation_space, self.lanes.observations, copy=True), 0)
        translate = self.definition.single_observation
        return observation if translate is None else translate(observation)

    def _info(self) -> dict[str, Any]:
        return {"action_mask": self.lanes.masks[0].copy()} if self.lanes.masks.shape[1] else {}


def lane_sequence(seed: int, lane: int) -> np.random.SeedSequence:
    """The seed sequence of a lane under an integer seed."""
    return np.random.SeedSequence(_checked_seed(seed), spawn_key=(lane,))


def _checked_seed(seed: Any) -> int:
    if isinstance(seed, (bool, float)) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise LabError(f"seed {seed!r} is not allowed; it must be a whole number of at least 0")
    return int(seed)


def present(space: gym.Space, buffer: np.ndarray, copy: bool) -> Any:
    """A buffer of observations in the form that the space has: an array, or a dict of arrays."""
    if isinstance(space, spaces.Dict):
        plain = buffer.view(np.ndarray)
        return {name: np.array(plain[name]) if copy else plain[name] for name in space.spaces}
    rows = buffer[:, 0] if isinstance(space, spaces.Discrete) else buffer
    return rows.copy() if copy else rows


def pick(observations: Any, lane: int) -> Any:
    """The observation of one lane."""
    if isinstance(observations, dict):
        return {name: rows[lane] for name, rows in observations.items()}
    return observations[lane]


def check_actions(space: gym.Space, actions: Any, batch: tuple[int, ...]) -> np.ndarray:
    """Actions as an array, or an error that names what is wrong with them."""
    array = np.asarray(actions)
    if isinstance(space, spaces.Discrete):
        if array.shape != batch or array.dtype.kind not in "iu":
            raise LabError(f"action {_short(actions)} is not allowed; expected {_integers(batch)} for {space}")
        low, high = int(space.start), int(space.start + space.n)
        if array.size and (array.min() < low or array.max() >= high):
            wrong = array[(array < low) | (array >= high)].flat[0] if array.ndim else array
            raise LabError(f"action {wrong} is out of range; {space} allows {low} to {high - 1}")
        return array
    if array.shape != (*batch, *space.shape) or array.dtype.kind not in "iuf":  # type: ignore[misc]
        raise LabError(f"action {_short(actions)} has shape {array.shape}; expected {(*batch, *space.shape)} numbers")  # type: ignore[misc]
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise LabError(f"action {_short(actions)} holds NaN or infinity; every number must be finite")
    if isinstance(space, spaces.MultiDiscrete) and ((array < 0) | (array >= space.nvec)).any():
        raise LabError(f"action {_short(actions)} is out of range for {space}")
    return array


def _integers(batch: tuple[int, ...]) -> str:
    return f"integers of shape {batch}" if batch else "one integer"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "..."


def load_records(lanes: Lanes, states: np.ndarray) -> None:
    """Copy saved states into the lanes and observe them."""
    if states.dtype != lanes.states.dtype or states.shape != lanes.states.shape:
        raise LabError(
            f"a state of {states.shape} {states.dtype.names} cannot be loaded into {lanes.count} lanes of "
            f"{lanes.definition.name} with fields {lanes.states.dtype.names}; save and load the same environment"
        )
    lanes.states.view(np.ndarray)[...] = states
    lanes.observe()


def render_lane(lanes: Lanes, lane: int, mode: str) -> Any:
    """A frame of one lane."""
    assert lanes.definition.render is not None
    return lanes.definition.render(lanes.states.view(np.recarray)[lane], lanes.config.view(np.recarray)[0], mode)


def _autoreset(mode: AutoresetMode | str) -> tuple[AutoresetMode, int]:
    names = {m.value: m for m in AutoresetMode} | {m.name: m for m in AutoresetMode}
    chosen = mode if isinstance(mode, AutoresetMode) else names.get(mode)
    if chosen is None:
        raise LabError(
            f"autoreset_mode {mode!r} is not allowed; use one of {', '.join(m.value for m in AutoresetMode)}"
        )
    return chosen, MODES[chosen]


def _render_mode(definition: Definition, mode: str | None) -> str | None:
    if mode is not None and mode not in definition.render_modes:
        allowed = ", ".join(definition.render_modes) or "none"
        raise LabError(f"render_mode {mode!r} is not offered by {definition.name}; it offers: {allowed}")
    return mode


def _metadata(definition: Definition) -> dict[str, Any]:
    return {"render_modes": list(definition.render_modes), "render_fps": 10} | dict(definition.metadata)
