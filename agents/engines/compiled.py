"""The compiled engine: rollout and update as machine code, over the core's flat buffer."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from rl_lab import jit
from rl_lab.agents.common import runner as steps
from rl_lab.agents.common.networks import ActorCritic
from rl_lab.agents.common.normalizer import Normalizer
from rl_lab.agents.common.rollout_buffer import RolloutBuffer, RolloutSamples, flatten
from rl_lab.agents.common.runner import RunnerState
from rl_lab.agents.common.vec_adapter import CompiledAdapter, VecAdapter
from rl_lab.agents.engines import update
from rl_lab.agents.engines.collect import collect
from rl_lab.agents.engines.engine import Loss
from rl_lab.agents.engines.shared import CompiledMoments, PolicyWeights
from rl_lab.core.optim import Optimizer

Call = tuple[jit.Compiled, tuple[Any, ...]]


class CompiledEngine(PolicyWeights, CompiledMoments):
    """Runs an algorithm for an `ActorCritic` of perceptrons on a CPU, without the GIL; see `engine.Engine`.

    Args:
        policy: what acts and is trained.
        source: the environments.
        batch: samples of a minibatch.
        loss: what is minimised.
        optimizer: what minimises it.
        algorithm: its name, for messages.
    """

    name = "compiled"
    policy: ActorCritic

    def __init__(
        self, policy: ActorCritic, source: VecAdapter, batch: int, loss: Loss, optimizer: Optimizer, algorithm: str
    ) -> None:
        self.policy, self.source, self.batch, self.loss, self.optimizer = policy, source, batch, loss, optimizer
        self.network = policy.network
        self.workspace = steps.make_workspace(source.lanes, policy.actor.sizes, policy.critic.sizes)
        self.moments = optimizer.make(len(policy.parameters), len(policy.layout.ends))
        self.make_room(0)
        kernels = policy.distribution
        act = functools.partial(steps.act, kernels.sample)
        parts = loss.policy_gradient, loss.value_gradient, kernels.evaluate, kernels.gradient, kernels.pull
        gradient = jit.specialize(functools.partial(update.loss_gradient, *parts), name=f"{algorithm}'s loss")
        train = functools.partial(update.update, gradient, loss.stop, functools.partial(update.descend, optimizer.step))
        self._update = jit.specialize(train, name=f"{algorithm}'s update")
        self._act = jit.specialize(act, name="acting")
        self._store = jit.specialize(steps.store, name="recording")
        if isinstance(source, CompiledAdapter) and source.compiled:
            self._loop = jit.specialize(
                collect,
                name=f"rollouts in {source.name}",
                act=self._act,
                step_lanes=source.step_loop,
                store=self._store,
            )
            self.collect = self._collect_in_one_loop
        else:
            self.collect = self._collect_step_by_step

    def prepare(self, rollout: RolloutBuffer, runner: RunnerState, normalizer: Normalizer, settings: Any) -> None:
        """Compile all loops, side by side, for what they will be called with."""
        training = self._training(flatten(rollout), np.zeros((1, 1), np.int64), settings, self._sums())
        one_step = self._one_step(rollout, runner, normalizer)
        jit.prepare(self.policy.critic.call(np.zeros_like(self.workspace.inputs)), (self._update, training), *one_step)
        if self.collect == self._collect_in_one_loop:
            jit.prepare(self._one_loop(rollout, runner, normalizer))

    def make_room(self, reference: int) -> None:
        """Have memory for so many numbers of a reference policy with each sample."""
        self.scratch = update.make_scratch(self.batch, self.policy, len(self.loss.statistics), reference)

    def values(self, rows: np.ndarray) -> np.ndarray:
        """The critic's values `(batch,)` for rows of the encoder."""
        return self.policy.values(rows)

    def log_std(self) -> np.ndarray:
        """Logarithms of the standard deviations of continuous actions, float32 `(dimensions,)`."""
        return self.policy.log_std

    def update(self, samples: RolloutSamples, order: np.ndarray, settings: Any) -> dict[str, float]:
        """Train on the samples; see `Engine.update`."""
        sums = self._sums()
        self._update(*self._training(samples, order, settings, sums))
        names = (*update.SHARED, *self.loss.statistics)
        every, last = (dict(zip(names, row[:-1] / row[-1], strict=True)) for row in sums)
        means = every | {name: last[name] for name in self.loss.of_last_epoch}
        return means | {"loss": self.scratch.statistics[update.LOSS]}

    @property
    def gradient_steps(self) -> int:
        """Minibatches so far; the critic is trained in each of them."""
        return int(self.moments.count[list(self.policy.layout.segments).index("critic")])

    def forget_actor(self) -> None:
        """Start the actor's part of the optimiser from scratch, for an actor that was replaced."""
        for number, (name, part) in enumerate(self.policy.layout.segments.items()):
            if name != "critic":
                self.moments.count[number] = 0
                for field in self.optimizer.moments:
                    getattr(self.moments, field)[part.begin : part.end] = 0

    def _sums(self) -> np.ndarray:
        return np.zeros((2, len(self.scratch.statistics) + 1))

    def _training(self, samples: RolloutSamples, order: np.ndarray, settings: Any, sums: np.ndarray) -> tuple[Any, ...]:
        return self.network, samples, order, self.batch, self.moments, self.scratch, settings, sums

    def _collect_in_one_loop(self, rollout: RolloutBuffer, runner: RunnerState, normalizer: Normalizer) -> None:
        loop, arguments = self._one_loop(rollout, runner, normalizer)
        loop(*arguments)

    def _one_loop(self, rollout: RolloutBuffer, runner: RunnerState, normalizer: Normalizer) -> Call:
        assert isinstance(self.source, CompiledAdapter)
        common = self.network, self.workspace, rollout, runner, normalizer
        return self._loop, (*common, self.source.view, self.source.records)

    def _collect_step_by_step(self, rollout: RolloutBuffer, runner: RunnerState, normalizer: Normalizer) -> None:
        (act, before), (store, after) = self._one_step(rollout, runner, normalizer)
        for t in range(len(rollout.rewards)):
            act(t, *before[1:])
            self.source.step()
            store(t, *after[1:])

    def _one_step(self, rollout: RolloutBuffer, runner: RunnerState, normalizer: Normalizer) -> list[Call]:
        view, common = self.source.view, (0, self.network, self.workspace, rollout, runner)
        return [(self._act, (*common, view)), (self._store, (*common, normalizer, view))]
