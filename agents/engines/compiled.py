"""The compiled engine: rollout and update as machine code, over the core's flat buffer."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from rl_lab import jit
from rl_lab.agents import ppo_update
from rl_lab.agents.common import rollout_buffer as rollout
from rl_lab.agents.common.networks import ActorCritic
from rl_lab.agents.common.normalizer import Normalizer
from rl_lab.agents.common.rollout_buffer import Progress, Rollout
from rl_lab.agents.common.vec_adapter import CompiledSource, Source
from rl_lab.agents.ppo_update import Samples, Settings
from rl_lab.core import weights
from rl_lab.core.optim import make_adam

Call = tuple[jit.Compiled, tuple[Any, ...]]


class CompiledEngine:
    """Runs PPO's loops for an `ActorCritic` of perceptrons on a CPU, without the GIL; see `engine.Engine`.

    Args:
        policy: what acts and is trained.
        source: lanes of the environment.
        batch: samples of a minibatch.
    """

    name = "compiled"

    def __init__(self, policy: ActorCritic, source: Source, batch: int) -> None:
        self.policy, self.source, self.batch = policy, source, batch
        self.network = policy.network
        sizes = policy.actor.sizes, policy.critic.sizes
        self.workspace = rollout.make_workspace(source.lanes, *sizes)
        self.scratch = ppo_update.make_scratch(batch, policy)
        self.adam = make_adam(len(policy.parameters), ppo_update.PARTS)
        kernels = policy.distribution
        decide = functools.partial(rollout.decide, kernels.sample)
        loss = functools.partial(ppo_update.loss_gradient, kernels.evaluate, kernels.gradient, kernels.pull)
        loss_gradient = jit.specialize(loss, name="PPO's loss")
        self._update = jit.specialize(ppo_update.update, name="PPO's update", loss_gradient=loss_gradient)
        self._decide = jit.specialize(decide, name="acting")
        self._take_in = jit.specialize(rollout.take_in, name="recording")
        if isinstance(source, CompiledSource) and source.compiled:
            self._loop = jit.specialize(
                rollout.collect,
                name=f"PPO around {source.name}",
                decide=self._decide,
                step_lanes=source.step_loop,
                take_in=self._take_in,
            )
            self.collect = self._collect_in_one_loop
        else:
            self.collect = self._collect_step_by_step

    def prepare(self, experience: Rollout, progress: Progress, normalizer: Normalizer, settings: Settings) -> None:
        """Compile all loops, side by side, for what they will be called with."""
        order, sums = np.zeros((1, 1), np.int64), np.zeros(len(ppo_update.STATISTICS))
        training = self._training(ppo_update.flatten(experience), order, settings, sums)
        one_step = self._one_step(experience, progress, normalizer)
        jit.prepare(self.policy.critic.call(np.zeros_like(self.workspace.inputs)), (self._update, training), *one_step)
        if self.collect == self._collect_in_one_loop:
            jit.prepare(self._one_loop(experience, progress, normalizer))

    def make_room(self, reference: int) -> None:
        """Have memory for so many numbers of an anchor's policy with each sample."""
        self.scratch = ppo_update.make_scratch(self.batch, self.policy, reference)

    def outputs(self, rows: np.ndarray) -> np.ndarray:
        """The actor's outputs `(batch, outputs)` for rows of the encoder."""
        return self.policy.logits(rows)

    def values(self, rows: np.ndarray) -> np.ndarray:
        """The critic's values `(batch,)` for rows of the encoder."""
        return self.policy.values(rows)

    def log_std(self) -> np.ndarray:
        """Logarithms of the standard deviations of continuous actions, float32 `(dimensions,)`."""
        return self.policy.log_std

    def update(self, samples: Samples, order: np.ndarray, settings: Settings) -> dict[str, float]:
        """Train on the samples; see `Engine.update`."""
        sums = np.zeros(len(ppo_update.STATISTICS))
        self._update(*self._training(samples, order, settings, sums))
        counts = np.full(ppo_update.LOSS, sums[ppo_update.MINIBATCHES])
        counts[ppo_update.KL] = sums[ppo_update.LAST_MINIBATCHES]
        means = dict(zip(ppo_update.MEANS, sums[: ppo_update.LOSS] / counts, strict=True))
        return means | {"loss": sums[ppo_update.LOSS]}

    @property
    def gradient_steps(self) -> int:
        """Minibatches so far; the critic is trained in each of them."""
        return int(self.adam.count[ppo_update.CRITIC])

    def forget_actor(self) -> None:
        """Start the actor's part of the optimiser from scratch, for an actor that was replaced."""
        critic = slice(self.network.actor_end, self.network.critic_end)
        for moments in (self.adam.first, self.adam.second):
            kept = moments[critic].copy()
            moments[:] = 0
            moments[critic] = kept
        self.adam.count[np.arange(ppo_update.PARTS) != ppo_update.CRITIC] = 0

    def tensors(self) -> dict[str, np.ndarray]:
        """The weights, by name; views."""
        return self.policy.tensors()

    def parameters(self) -> np.ndarray:
        """The weights themselves, float32 `(parameters,)`."""
        return self.policy.parameters

    def state(self) -> dict[str, np.ndarray]:
        """What `restore` needs beside the policy's parameters."""
        return {"adam.first": self.adam.first, "adam.second": self.adam.second, "adam.count": self.adam.count}

    def restore(self, state: dict[str, np.ndarray], source: str = "the state") -> None:
        """Go on from what `state` gave.

        Raises:
            LabError: an array is missing, does not fit or holds NaN; `source` is where it came from.
        """
        weights.copy_into(self.state(), state, source)

    def _training(self, samples: Samples, order: np.ndarray, settings: Settings, sums: np.ndarray) -> tuple[Any, ...]:
        return self.network, samples, order, self.batch, self.adam, self.scratch, settings, sums

    def _collect_in_one_loop(self, experience: Rollout, progress: Progress, normalizer: Normalizer) -> None:
        loop, arguments = self._one_loop(experience, progress, normalizer)
        loop(*arguments)

    def _one_loop(self, experience: Rollout, progress: Progress, normalizer: Normalizer) -> Call:
        assert isinstance(self.source, CompiledSource)
        common = self.network, self.workspace, experience, progress, normalizer, self.source.view
        return self._loop, (*common, *self.source.loop_arguments())

    def _collect_step_by_step(self, experience: Rollout, progress: Progress, normalizer: Normalizer) -> None:
        (decide, before), (take_in, after) = self._one_step(experience, progress, normalizer)
        for t in range(len(experience.rewards)):
            decide(t, *before[1:])
            self.source.step()
            take_in(t, *after[1:])

    def _one_step(self, experience: Rollout, progress: Progress, normalizer: Normalizer) -> list[Call]:
        view, common = self.source.view, (0, self.network, self.workspace, experience, progress)
        return [(self._decide, (*common, view)), (self._take_in, (*common, normalizer, view))]
