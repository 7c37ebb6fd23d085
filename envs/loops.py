"""The loops over lanes: plain Python that takes an environment's kernels as functions.

`functools.partial` binds the kernels; called, that is plain Python, given to `jit.specialize`, machine code.
Both run the same lines, so what is debugged is what is run.
"""

from typing import NamedTuple

import numpy as np

NEXT_STEP, SAME_STEP, DISABLED = 0, 1, 2


class StepBuffers(NamedTuple):
    """What a step reads and fills, a row for each lane."""

    actions: np.ndarray  # (lanes,) int64, or (lanes, ...) float32
    observations: np.ndarray  # (lanes, ...)
    masks: np.ndarray  # bool (lanes, actions), or (lanes, 0)
    rewards: np.ndarray  # float64 (lanes,)
    terminated: np.ndarray  # bool (lanes,)
    truncated: np.ndarray  # bool (lanes,)
    final_observations: np.ndarray  # (lanes, ...), what ended episodes saw last, in mode SAME_STEP
    final_masks: np.ndarray  # bool (lanes, actions), likewise
    returns: np.ndarray  # float64 (lanes,), of episodes that ended
    lengths: np.ndarray  # int64 (lanes,), likewise


def no_mask(state, mask, config):
    """Stands in for the kernel of an environment that masks no actions."""


def begin_lane(reset, state, config):
    """Start an episode in a lane."""
    state.steps = 0
    state.episode_return = 0.0
    state.done = False
    reset(state, config)


def reset_lanes(begin, chosen, states, config):
    """Start an episode in the lanes that are chosen in bool `(lanes,)`; `begin` is `begin_lane` with its kernel."""
    for n in range(states.shape[0]):
        if chosen[n]:
            begin(states[n], config[0])


def observe_lanes(observe, action_mask, states, config, observations, masks):
    """Fill the observations `(lanes, ...)` and the action masks `(lanes, actions)` of all lanes."""
    for n in range(states.shape[0]):
        observe(states[n], observations[n], config[0])
        action_mask(states[n], masks[n], config[0])


def advance_lanes(step, observe, action_mask, begun, lane, stop, mode, states, config, buffers):
    """Step lanes up to the first in which an episode has to begin.

    Where an episode ends, `returns` and `lengths` get its sum of rewards and number of steps, and in mode
    SAME_STEP `final_observations` and `final_masks` what was seen before the reset. Other rows of these
    four keep what they had. `step`, `observe` and `action_mask` are kernels of the environment; `states` are records
    `(lanes,)`, `config` is one `(1,)`, and `buffers` are `StepBuffers`.

    `begun` says that an episode has just begun in the first lane, `lane`, which is then only observed. Returns the lane
    in which the next one has to begin, or `stop`.
    """
    n, fresh = lane, False
    while n < stop and not fresh:
        state = states[n]
        if not (begun and n == lane):
            fresh = mode == NEXT_STEP and state.done
            buffers.rewards[n] = 0.0
            buffers.terminated[n] = False
            buffers.truncated[n] = False
            if not fresh:
                state.steps += 1
                state.taken += 1
                reward, ended = step(state, buffers.actions[n], config[0])
                limit = config[0].max_steps
                stopped = limit > 0 and state.steps >= limit
                buffers.rewards[n] = reward
                buffers.terminated[n] = ended
                buffers.truncated[n] = stopped
                state.episode_return += reward
                if ended or stopped:
                    state.done = True
                    buffers.returns[n] = state.episode_return
                    buffers.lengths[n] = state.steps
                    fresh = mode == SAME_STEP
                    if fresh:
                        observe(state, buffers.final_observations[n], config[0])
                        action_mask(state, buffers.final_masks[n], config[0])
        if not fresh:
            observe(state, buffers.observations[n], config[0])
            action_mask(state, buffers.masks[n], config[0])
            n += 1
    return n


def step_lanes(begin, advance, start, stop, mode, states, config, buffers):
    """Step the lanes `start` to `stop` and start new episodes as the autoreset mode says.

    `begin` is `begin_lane` with its kernel, and `advance` is `advance_lanes` with its kernels.
    """
    n = advance(False, start, stop, mode, states, config, buffers)
    while n < stop:
        begin(states[n], config[0])
        n = advance(True, n, stop, mode, states, config, buffers)
