"""The lanes of a batch: records, buffers, and the compiled or plain loops over them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rl_lab import jit, random
from rl_lab.envs import kernels, loops
from rl_lab.envs.debug import runner
from rl_lab.envs.definition import Definition, action_buffer, observation_buffer
from rl_lab.envs.validation import check_observations, check_states
from rl_lab.errors import KernelError, LabError

LONG = 20  # functions, from which on what several loops or environments have in common is compiled apart from them


class Lanes:
    """States and buffers of `count` lanes of one environment, and what can be done to them.

    Attributes:
        states: records `(lanes,)`; assigning one record to another copies an environment's whole state.
        config: record `(1,)`.
        actions: `(lanes,)` int64 or `(lanes, *shape)`, what `step` takes.
        observations: `(lanes, ...)`, filled in place by every call.
        masks: bool `(lanes, actions)`, or `(lanes, 0)` where the environment masks no actions.
        rewards, terminated, truncated: `(lanes,)`, of the last step.
        final_observations, final_masks: what ended episodes saw last, in mode SAME_STEP.
        returns, lengths: of the episodes that ended.
        step_loop: `loops.step_lanes` around the environment's kernels, which an agent's own loop may call; None where
            a step is more than that.
    """

    def __init__(self, definition: Definition, count: int, *, threads: int = 1, debug: bool = False) -> None:
        self.definition, self.count, self.debug = definition, count, debug
        self.threads = 1 if debug else threads  # a debugger wants to stay where it is
        self.states = np.zeros(count, definition.lane_dtype())
        self._taken_elsewhere = 0  # by states that gave way to loaded ones, less what those brought with them
        self.config = definition.config_record()
        self.buffers = loops.StepBuffers(
            actions=action_buffer(definition.action_space, count),
            observations=observation_buffer(definition.observation_space, count),
            masks=np.zeros((count, definition.mask_width), np.bool_),
            rewards=np.zeros(count),
            terminated=np.zeros(count, np.bool_),
            truncated=np.zeros(count, np.bool_),
            final_observations=observation_buffer(definition.observation_space, count),
            final_masks=np.zeros((count, definition.mask_width), np.bool_),
            returns=np.zeros(count),
            lengths=np.zeros(count, np.int64),
        )
        self.actions, self.observations, self.masks, self.rewards, *ends = self.buffers
        self.terminated, self.truncated, self.final_observations, self.final_masks, self.returns, self.lengths = ends
        self._allowed_before = 0  # an action that most lanes allowed, looked at first: it costs next to nothing
        mask = definition.action_mask or loops.no_mask
        begin = self._shared("starts of episodes", functools.partial(loops.begin_lane, definition.reset))
        kernels_of_a_step = definition.step, definition.observe, mask
        advance = self._shared("progress", functools.partial(loops.advance_lanes, *kernels_of_a_step))
        step = functools.partial(loops.step_lanes, begin, advance)
        reset = functools.partial(loops.reset_lanes, begin)
        observe = functools.partial(loops.observe_lanes, definition.observe, mask)
        self._reset = self._loop("resets", reset)
        self._observe = self._loop("observations", observe)
        self._step = self._loop("steps", step)
        self.step_loop: Callable[..., None] | None = self._step

    @property
    def taken(self) -> int:
        """Steps taken in all lanes since they were made; the kernels' loop counts them."""
        return self._taken_elsewhere + int(self.states["taken"].sum())

    def seed(self, seeds: Sequence[np.random.SeedSequence | None]) -> None:
        """Seed the random streams of lanes; None leaves a lane's stream as it is."""
        for lane, sequence in enumerate(seeds):
            if sequence is not None:
                random.seed_stream(self.states["random"][lane], sequence)

    def reset(self, chosen: np.ndarray, options: dict[str, Any] | None = None) -> None:
        """Start an episode in the chosen lanes (bool `(lanes,)`) and observe all; wrong options change nothing."""
        inject = self.definition.inject
        if options and inject is None:
            raise LabError(f"{self.definition.name} takes no reset options, but got {', '.join(map(repr, options))}")
        before = self.save() if options else None
        self._reset(chosen, self.states, self.config)
        if options and inject is not None:
            states, config = self.states.view(np.recarray), self.config.view(np.recarray)
            try:
                for lane in np.flatnonzero(chosen):
                    inject(states[lane], config[0], options)
            except Exception:
                self.states[...] = before
                raise
        self.observe()

    def observe(self) -> None:
        """Fill observations and masks from the states as they are."""
        self._observe(self.states, self.config, self.observations, self.masks)
        self._check_masks()

    def info(self) -> dict[str, np.ndarray]:
        """Copies of the fields of the state that info reports, by name."""
        return {name: self.states[name].copy() for name in self.definition.info}

    def starting_info(self, begun: np.ndarray) -> dict[str, np.ndarray]:
        """What info reports of episodes that begin, by name, a value for each lane that is set in bool `(lanes,)`."""
        tell, numbers = self.definition.starting_info, np.flatnonzero(begun)
        return tell(self.states, self.config, numbers, self.debug) if tell is not None and len(numbers) else {}

    def step(self, mode: int) -> None:
        """Step all lanes with `actions`; see `loops.step_lanes`."""
        if not getattr(self._step, "ready", True):
            try:
                self._step_range(mode, 0, 0)  # compile once, before the threads
            except KernelError as error:
                raise kernels.array_returned(self.definition.step, error) from None
        jit.over_lanes(functools.partial(self._step_range, mode), self.count, self.threads)
        self._check_masks()

    def _check_masks(self) -> None:
        """Refuse masks that leave an agent nothing to do."""
        if not self.definition.mask_width or self.masks[:, self._allowed_before].all():  # such as a pass in Go
            return
        self._allowed_before = int(self.masks.sum(axis=0).argmax())
        stuck = ~(self.masks.any(axis=1) | self.states["done"])
        if stuck.any():
            number = int(np.flatnonzero(stuck)[0])
            raise LabError(
                f"the action mask of {self.definition.name} allows nothing in environment {number} at step "
                f"{self.states['steps'][number]}; allow an action, or let `step` end the episode there"
            )

    def save(self) -> np.ndarray:
        """A copy of the states whose bytes are equal where the states are: a plain copy leaves gaps unwritten."""
        copy = np.zeros(self.count, self.states.dtype)
        copy[...] = self.states
        return copy

    def load(self, states: np.ndarray) -> None:
        """Copy saved states `(lanes,)` of the same environment into the lanes and observe them.

        What the config fixes, such as step limit and reward, is no part of a state: that of these lanes stays in force.

        Raises:
            LabError: they are something else, or hold what no episode can; then the lanes are as they were.
        """
        name = self.definition.name
        if not isinstance(states, np.ndarray) or states.dtype.names is None:
            given = f"{states.dtype} array" if isinstance(states, np.ndarray) else type(states).__name__
            raise LabError(f"a state of {name} cannot be of type {given}; load what save_state() gave")
        if states.dtype != self.states.dtype or self._is_other_variant(states):
            raise LabError(
                f"a state of another family or variant cannot be loaded into {name}; "
                "load what the same environment saved, made with the same arguments"
            )
        if states.shape != self.states.shape:
            raise LabError(
                f"a state of shape {states.shape} cannot be loaded into {name} with {self.count} environments; "
                f"load one of shape {self.states.shape}"
            )
        check_states(self.definition, states, self.config.view(np.recarray)[0])
        before, taken = self.save(), self.taken
        self.states[...] = states
        try:
            self.observe()
            check_observations(self.definition, self.observations)
        except LabError:
            self.states[...] = before
            self.observe()
            raise
        self._taken_elsewhere += taken - self.taken

    def copy_of(self, other: Lanes) -> None:
        """Copy the states of other lanes of this definition in this process, which need no checks as `load`'s do."""
        taken = self.taken
        self.states[...] = other.states
        self.observe()
        self._taken_elsewhere += taken - self.taken

    def begin_ended(self) -> None:
        """Start the next episode where a loaded one has ended: in mode SAME_STEP no step would."""
        if self.states["done"].any():
            self.reset(self.states["done"].copy())

    def _is_other_variant(self, states: np.ndarray) -> bool:
        """Whether states with the same fields are of another variant; lanes that were never reset have none yet."""
        if "variant" not in (states.dtype.names or ()):
            return False
        wanted, given = int(self.config["variant"][0]), states["variant"]
        return bool(((given != wanted) & (given != 0)).any())

    def render(self, lane: int, mode: str) -> Any:
        """A frame of one lane."""
        assert self.definition.render is not None
        return self.definition.render(*self.record(lane), mode)

    def images(self) -> list[np.ndarray]:
        """An image of every lane, `(height, width, 3)` uint8."""
        if self.definition.render_lanes is None:
            return [self.render(lane, "rgb_array") for lane in range(self.count)]
        return list(self.definition.render_lanes(self.states, self.config.view(np.recarray)[0]))

    def record(self, lane: int) -> tuple[Any, Any]:
        """State and config of a lane as plain Python's functions take them."""
        return self.states.view(np.recarray)[lane], self.config.view(np.recarray)[0]

    def ascii(self, lane: int) -> str:
        """The state of a lane as a text that `reset(options=...)` reads, or a `LabError` where there is none."""
        if self.definition.ascii is None:
            raise LabError(f"{self.definition.name} writes no layouts; robot environments do")
        return self.definition.ascii(*self.record(lane))

    def close(self) -> None:
        """Give back what they hold beside memory: here nothing."""

    def _step_range(self, mode: int, start: int, stop: int) -> None:
        self._step(start, stop, mode, self.states, self.config, self.buffers)

    def _shared(self, what: str, part: functools.partial[Any]) -> Callable[..., Any]:
        """A part of loops, which are linked to it where it is long."""
        if self.debug:
            return part
        compiled = jit.specialize(part, name=f"{self.definition.name}'s {what}", exact=True)
        return compiled if compiled.module.functions >= LONG else part

    def _loop(self, what: str, loop: functools.partial[None]) -> Callable[..., Any]:
        return runner(f"{self.definition.name}'s {what}", loop, self.debug)
