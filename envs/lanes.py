"""The lanes of a batch: records, buffers, and the compiled or plain loops over them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from rl_lab import jit, random
from rl_lab.envs import loops
from rl_lab.envs.definition import Definition, action_buffer, observation_buffer
from rl_lab.errors import LabError


class Lanes:
    """States and buffers of `count` lanes of one environment, and what can be done to them.

    Attributes:
        states: records `(lanes,)`; assigning one record to another copies an environment's whole state.
        config: record `(1,)`.
        observations: `(lanes, ...)`, filled in place by every call.
        masks: bool `(lanes, actions)`, or `(lanes, 0)` where the environment masks no actions.
        rewards, terminated, truncated: `(lanes,)`, of the last step.
        final_observations, final_masks: what ended episodes saw last, in mode SAME_STEP.
        returns, lengths: of the episodes that ended.
    """

    def __init__(self, definition: Definition, count: int, *, threads: int = 1, debug: bool = False) -> None:
        self.definition, self.count, self.threads, self.debug = definition, count, threads, debug
        actions = definition.action_space
        if definition.action_mask is not None and not isinstance(actions, spaces.Discrete):
            raise LabError(
                f"{definition.name} has an action mask and action space {actions}; only Discrete can be masked"
            )
        width = int(actions.n) if isinstance(actions, spaces.Discrete) and definition.action_mask else 0
        kind = np.recarray if debug else np.ndarray
        self.states: np.ndarray = np.zeros(count, definition.lane_dtype()).view(kind)
        self.config: np.ndarray = definition.config_record().view(kind)
        self.actions = action_buffer(actions, count)
        self.observations = observation_buffer(definition.observation_space, count)
        self.final_observations = observation_buffer(definition.observation_space, count)
        if debug and self.observations.dtype.names:
            self.observations = self.observations.view(np.recarray)
            self.final_observations = self.final_observations.view(np.recarray)
        self.masks, self.final_masks = np.zeros((count, width), np.bool_), np.zeros((count, width), np.bool_)
        self.rewards, self.returns = np.zeros(count), np.zeros(count)
        self.lengths = np.zeros(count, np.int64)
        self.terminated, self.truncated = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
        begin, mask = functools.partial(loops.begin_lane, definition.reset), definition.action_mask or loops.no_mask
        #: `loops.step_lanes` around this environment's kernels, as a plain function that an agent may compile into its own
        self.step_loop = functools.partial(loops.step_lanes, begin, definition.step, definition.observe, mask)
        self._reset = self._loop(functools.partial(loops.reset_lanes, begin))
        self._observe = self._loop(functools.partial(loops.observe_lanes, definition.observe, mask))
        self._step = self._loop(self.step_loop)

    @property
    def key(self) -> str:
        """What, beside the kernels, decides the machine code of a loop over these lanes."""
        arrays = self.states, self.config, self.observations, self.actions
        return " ".join(f"{a.dtype.descr if a.dtype.names else a.dtype} {a.ndim}" for a in arrays)

    def seed(self, seeds: Sequence[np.random.SeedSequence | None]) -> None:
        """Start the random streams of lanes anew; None leaves a lane's stream as it is."""
        for lane, sequence in enumerate(seeds):
            if sequence is not None:
                random.seed_stream(self.states["random"][lane], sequence)

    def reset(self, chosen: np.ndarray, options: dict[str, Any] | None = None) -> None:
        """Start an episode in the chosen lanes (bool `(lanes,)`) and observe all lanes."""
        self._reset(chosen, self.states, self.config)
        if options:
            inject = self.definition.inject
            if inject is None:
                raise LabError(
                    f"{self.definition.name} takes no reset options, but got {', '.join(map(repr, options))}"
                )
            states, config = self.states.view(np.recarray), self.config.view(np.recarray)
            for lane in np.flatnonzero(chosen):
                inject(states[lane], config[0], options)
        self.observe()

    def observe(self) -> None:
        """Fill observations and masks from the states as they are."""
        self._observe(self.states, self.config, self.observations, self.masks)

    def step(self, mode: int) -> None:
        """Step all lanes with `actions`; see `loops.step_lanes`."""
        if self.threads == 1:
            self._step_range(mode, 0, self.count)
        else:
            if isinstance(self._step, jit.Compiled) and not self._step.ready:
                self._step_range(mode, 0, 0)  # compile once, before the threads
            jit.over_lanes(functools.partial(self._step_range, mode), self.count, self.threads)

    def _step_range(self, mode: int, start: int, stop: int) -> None:
        self._step(
            start,
            stop,
            mode,
            self.states,
            self.config,
            self.actions,
            self.observations,
            self.masks,
            self.rewards,
            self.terminated,
            self.truncated,
            self.final_observations,
            self.final_masks,
            self.returns,
            self.lengths,
        )

    def _loop(self, loop: functools.partial[None]) -> Callable[..., Any]:
        if not self.debug:
            return jit.specialize(loop, key=self.key, name=self.definition.name)

        def checked(*args: Any) -> None:
            """NumPy's integers wrap where Numba's widen, so an overflow is an error here."""
            with np.errstate(over="raise"):
                loop(*args)

        return checked
