"""The compiled loops that fill rollouts, and the small ones that both engines share."""

from __future__ import annotations

import functools
from typing import NamedTuple

from rl_lab import jit
from rl_lab.agents.common import rollout_buffer
from rl_lab.agents.common import runner as steps
from rl_lab.agents.common.runner import SAME_STEP


def collect(act, step_lanes, store, network, workspace, rollout, runner, normalizer, view, lanes):
    """Fill a rollout from a compiled environment, from its first step to its last.

    `act` has its distribution and `step_lanes` (see `rl_lab.envs.loops`) its environment bound. All three functions are
    linked, so that a new environment compiles little here.
    """
    for t in range(rollout.rewards.shape[0]):
        act(t, network, workspace, rollout, runner, view)
        step_lanes(0, lanes.states.shape[0], SAME_STEP, lanes.states, lanes.config, lanes.buffers)
        store(t, network, workspace, rollout, runner, normalizer, view)


class Loops(NamedTuple):
    """Small compiled loops that both engines share."""

    observe: jit.Compiled
    estimate_advantages: jit.Compiled
    shuffle: jit.Compiled


@functools.cache
def loops() -> Loops:
    """The small loops, compiled once a process."""
    functions = steps.observe, rollout_buffer.estimate_advantages, rollout_buffer.shuffle
    return Loops(*(jit.specialize(f, name=f.__name__.replace("_", " ")) for f in functions))
