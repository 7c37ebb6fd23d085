"""Many lanes of an environment as a `gymnasium.vector.VectorEnv`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from rl_lab.envs.boundary import (
    check_room,
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
from rl_lab.envs.loops import DISABLED, NEXT_STEP, SAME_STEP
from rl_lab.envs.registration import resolve
from rl_lab.envs.screen import Screen, mosaic
from rl_lab.envs.single import BatchEnv as BatchEnv
from rl_lab.errors import LabError
from rl_lab.validation import whole_number

MODES = {AutoresetMode.NEXT_STEP: NEXT_STEP, AutoresetMode.SAME_STEP: SAME_STEP, AutoresetMode.DISABLED: DISABLED}


class BatchVectorEnv(gym.vector.VectorEnv):
    """Many lanes of one environment, stepped by machine code.

    What a lane does depends on its own seed and actions alone: not on the number of lanes or threads, nor
    on its neighbours. An integer seed `s` gives lane i the stream of `SeedSequence(s, spawn_key=(i,))`; a
    list of seeds gives each lane the stream that the single environment has with that seed.

    Args:
        definition: what `register` was given.
        num_envs: number of lanes.
        threads: how many threads share the lanes of a step; 1 starts none.
        autoreset_mode: when a lane that ended is reset: `AutoresetMode` or its value.
        copy: False hands out the internal buffers, which the next step overwrites.
        debug: run the kernels as plain Python in one thread: breakpoints work, overflow of integers raises.
        render_mode: "rgb_array", "ansi" or "human" (a window with all lanes), where the environment has it.
        episode_statistics: put `info["episode"]` with returns "r" and lengths "l" when episodes end; switch
            it off to use Gymnasium's own RecordEpisodeStatistics.
        max_episode_steps: the step limit in a spec that `gym.make_vec` was given; it must be the environment's own.
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
        max_episode_steps: int | None = None,
        **arguments: Any,
    ) -> None:
        self.num_envs, self.threads = whole_number("num_envs", num_envs, 1), whole_number("threads", threads, 1)
        self.copy, self.debug, self.episode_statistics = copy, debug, episode_statistics
        self.autoreset_mode = _autoreset_mode(autoreset_mode)
        self.mode = MODES[self.autoreset_mode]
        self.definition = resolve(definition, arguments)
        if max_episode_steps not in (None, limit := int(self.definition.config["max_steps"])):
            raise LabError(
                f"{self.definition.name} has a limit of {limit} steps, and max_episode_steps={max_episode_steps!r} is "
                "not possible in a batch; give the environment's own argument max_steps, if it has one, and the id "
                "instead of a spec"
            )
        check_room(self.definition, self.num_envs)
        self.render_mode = checked_render_mode(self.definition, render_mode)
        self.metadata = metadata(self.definition) | {"autoreset_mode": self.autoreset_mode}
        self.single_observation_space = self.definition.observation_space
        self.single_action_space = self.definition.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        make: Callable[..., Lanes] = self.definition.lanes or Lanes
        self.lanes = make(self.definition, self.num_envs, threads=self.threads, debug=debug)
        self._started = False
        self._screen = Screen(self.definition, self.lanes) if render_mode == "human" else None

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start episodes in all lanes, or in those of `options["reset_mask"]`, bool `(num_envs,)`.

        Returns:
            Observations `(num_envs, ...)` and info.

        Raises:
            LabError: a seed, a mask or an option is not allowed.
        """
        options = checked_options(options)
        chosen = self._chosen(options.pop("reset_mask", None))
        sequences = self._sequences(seed)
        self.lanes.seed([sequence if take else None for sequence, take in zip(sequences, chosen, strict=True)])
        self.lanes.reset(chosen, options)
        self._started = True
        self.show()
        return self._observations(), self._always() | self._beginnings(chosen)

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
        self._check_started()
        lanes.actions[...] = checked_actions(self.single_action_space, actions, (self.num_envs,))
        last = self.advance(self.mode)
        self.show()
        info, ended = self._always(), lanes.terminated | lanes.truncated
        endings = {name: lanes.states[name] & lanes.terminated for name in self.definition.endings}
        for name, values in endings.items():
            info |= {name: values, f"_{name}": np.ones(self.num_envs, np.bool_)}
        if ended.any():
            info |= self._endings(ended, last | endings)
        if self.mode != DISABLED and self.definition.starting_info is not None:
            info |= self._beginnings(lanes.states["steps"] == 0)
        if self.copy:
            return self._observations(), lanes.rewards.copy(), lanes.terminated.copy(), lanes.truncated.copy(), info
        return self._observations(), lanes.rewards, lanes.terminated, lanes.truncated, info

    def save_state(self) -> np.ndarray:
        """All that the lanes are, random streams included, as records `(num_envs,)`; `np.savez` writes them."""
        return self.lanes.save()

    def load_state(self, states: np.ndarray) -> tuple[Any, dict[str, Any]]:
        """Go on from what `save_state` gave; returns observations and info as `reset` does.

        In the mode SAME_STEP the next episode begins at once where one had ended.

        Worlds of the robot take states of the same family, size and layout, and of the same observation where it has a
        memory. Another step limit or reward may have held where they were saved: from now on this environment's do.

        Raises:
            LabError: it is no state, one of another environment, family or variant, or of so many lanes, or one that
                no episode can be in; then everything is as it was.
        """
        self.lanes.load(states)
        if self.mode == SAME_STEP:
            self.lanes.begin_ended()
        self._started = True
        return self._observations(), self._always() | self._beginnings(np.ones(self.num_envs, np.bool_))

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
        twin.spec = self.spec
        if self._started:
            twin.lanes.copy_of(self.lanes)
            twin._started = True
        return twin

    def ascii(self, lane: int = 0) -> str:
        """The present level of a lane as a text for `reset(options={"layout": text})`; robot worlds only."""
        return self.lanes.ascii(lane)

    def render(self) -> tuple[Any, ...] | None:
        """A frame of every lane; in mode "human" a window shows them, as it does after every step."""
        if self.render_mode is None or self._screen is not None:
            self.show()
            return None
        if self.render_mode == "rgb_array":
            return tuple(self.lanes.images())
        return tuple(self.lanes.render(lane, self.render_mode) for lane in range(self.num_envs))

    def mosaic(self, columns: int | None = None) -> np.ndarray:
        """One image uint8 `(height, width, 3)` of all lanes, row by row; see `screen.mosaic`.

        Raises:
            LabError: the environment draws no images, or there are not so many lanes as columns.
        """
        checked_render_mode(self.definition, "rgb_array")
        return mosaic(self.lanes.images(), columns)

    def show(self) -> None:
        """Show all lanes in the window, where there is one."""
        if self._screen is not None:
            self._screen.show()

    def close_extras(self, **kwargs: Any) -> None:
        """Close the window, where there is one, and give back what the lanes hold beside memory."""
        if self._screen is not None:
            self._screen.close()
        self.lanes.close()

    def _observations(self) -> Any:
        return present(self.single_observation_space, self.lanes.observations, self.copy)

    def _always(self) -> dict[str, Any]:
        """The part of info that is always there."""
        info: dict[str, Any] = dict(self.lanes.info())
        if self.definition.mask_width:
            info["action_mask"] = self.lanes.masks.copy() if self.copy else self.lanes.masks
        return info | {f"_{name}": np.ones(self.num_envs, np.bool_) for name in info}

    def _beginnings(self, begun: np.ndarray) -> dict[str, Any]:
        """The part of info about episodes that began in this step; `begun` is bool `(num_envs,)`."""
        info: dict[str, Any] = {}
        for name, values in self.lanes.starting_info(begun).items():
            info |= {name: np.zeros(self.num_envs, values.dtype), f"_{name}": begun}
            info[name][begun] = values
        return info

    def advance(self, mode: int) -> dict[str, np.ndarray]:
        """Step all lanes; the values of info before ended episodes gave way to new ones, in the mode SAME_STEP."""
        lanes = self.lanes
        if mode != SAME_STEP or not self.definition.info:
            lanes.step(mode)
            return {}
        lanes.step(DISABLED)
        last, ended = lanes.info(), lanes.states["done"].copy()
        if ended.any():
            lanes.final_observations[ended], lanes.final_masks[ended] = lanes.observations[ended], lanes.masks[ended]
            lanes.reset(ended)
        return last

    def _endings(self, ended: np.ndarray, last: dict[str, np.ndarray]) -> dict[str, Any]:
        """The part of info about episodes that ended in this step; `ended` is bool `(num_envs,)`."""
        lanes, info = self.lanes, {}
        if self.episode_statistics:
            returns, lengths = np.where(ended, lanes.returns, 0.0), np.where(ended, lanes.lengths, 0)
            info = {"episode": {"r": returns, "_r": ended, "l": lengths, "_l": ended}, "_episode": ended}
        if self.mode != SAME_STEP:
            return info
        final_info = dict(info)
        for name, values in last.items():
            final_info |= {name: values, f"_{name}": ended}
        if self.definition.mask_width:
            masks = np.where(ended[:, None], lanes.final_masks, False)
            final_info |= {"action_mask": masks, "_action_mask": ended}
        seen = present(self.single_observation_space, lanes.final_observations, copy=True)
        final_obs = np.full(self.num_envs, None, object)
        for lane in np.flatnonzero(ended).tolist():
            final_obs[lane] = pick(seen, lane)
        return info | {"final_obs": final_obs, "_final_obs": ended, "final_info": final_info, "_final_info": ended}

    def _sequences(self, seed: Any) -> list[np.random.SeedSequence | None]:
        """The seed sequence of every lane; None keeps its stream."""
        if seed is not None and not isinstance(seed, (int, np.integer)):
            seeds = list(seed)
            if len(seeds) != self.num_envs:
                raise LabError(
                    f"{len(seeds)} seeds were given for {self.num_envs} environments; give one for each, or one number"
                )
            fresh = self._sequences(None)
            return [keep if s is None else lane_sequence(s, 0) for s, keep in zip(seeds, fresh, strict=True)]
        if seed is not None:
            super().reset(seed=whole_number("seed", seed, 0))
        elif self._started:
            return [None] * self.num_envs
        return [lane_sequence(self.np_random_seed, lane) for lane in range(self.num_envs)]

    def _chosen(self, mask: Any) -> np.ndarray:
        """The lanes to reset, bool `(num_envs,)`."""
        if mask is None:
            return np.ones(self.num_envs, np.bool_)
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (self.num_envs,):
            raise LabError(f"reset_mask is {mask!r}; it must be an array of bool with shape ({self.num_envs},)")
        if not mask.any():
            raise LabError("reset_mask chooses no environment; at least one must be True")
        if not self._started and not mask.all():
            raise LabError("reset_mask must choose all environments in the first reset")
        return mask

    def _check_started(self) -> None:
        if not self._started:
            raise LabError(f"{self.definition.name} was stepped before its first reset; call reset()")
        if self.mode == DISABLED and self.lanes.states["done"].any():
            ended = np.flatnonzero(self.lanes.states["done"])[:8].tolist()
            raise LabError(
                f"environments {ended} of {self.definition.name} have ended and autoreset is disabled; "
                'reset them with reset(options={"reset_mask": ...})'
            )


def _autoreset_mode(mode: AutoresetMode | str) -> AutoresetMode:
    for known in AutoresetMode:
        if isinstance(mode, (str, AutoresetMode)) and mode in (known, known.value, known.name):
            return known
    allowed = ", ".join(known.value for known in AutoresetMode)
    raise LabError(f"autoreset_mode {mode!r} is not allowed; use one of {allowed}")
