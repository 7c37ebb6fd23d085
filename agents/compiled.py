"""The compiled engine: rollout and update as machine code, over the core's flat buffer."""

from __future__ import annotations

import functools
import numpy as np

from rl_lab import jit
from rl_lab.agents import ppo_update, rollout
from rl_lab.agents.environments import CompiledSource, Source
from rl_lab.agents.normalizer import Normalizer
from rl_lab.agents.policy import ActorCritic
from rl_lab.agents.ppo_update import Adam, Samples, Settings
from rl_lab.agents.rollout import Progress, Rollout


class CompiledEngine:
    """Runs PPO's loops for an `ActorCritic` of perceptrons on a CPU, without the GIL.

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
        self.scratch = ppo_update.make_scratch(batch, *sizes, len(policy.parameters))
        self.adam: Adam = ppo_update.make_adam(len(policy.parameters))
        kernels, key = policy.distribution, f"{policy.encoder.dtype} {policy.discrete}"
        decide = functools.partial(rollout.decide, kernels.sample)
        loss_gradient = functools.partial(ppo_update.loss_gradient, kernels.evaluate, kernels.gradient)
        self._see = jit.specialize(rollout.see, key=key, name="normalisation")
        self._finish = jit.specialize(rollout.finish, key=key, name="advantages")
        self._shuffle = jit.specialize(ppo_update.shuffle, name="minibatches")
        self._update = jit.specialize(ppo_update.update, key=key, name="PPO's update", loss_gradient=loss_gradient)
        if isinstance(source, CompiledSource) and source.compiled:
            bound = {"decide": decide, "step_lanes": source.step_loop}
            self._loop = jit.specialize(
                rollout.collect, key=f"{key} {source.batch.key}", name=f"PPO around {source.name}", **bound
            )
            self._collect = self._in_one_loop
        else:
            self._decide = jit.specialize(decide, key=key, name="acting")
            self._record = jit.specialize(rollout.record, key=key, name="recording")
            self._collect = self._step_by_step

    def start(self, progress: Progress, normalizer: Normalizer) -> None:
        """Take in the first observation after a reset."""
        self._see(normalizer, self.source.view.observations, progress.current)

    def collect(self, experience: Rollout, progress: Progress, normalizer: Normalizer, gae_lambda: float) -> None:
        """Fill a rollout, advantages and returns included."""
        self._collect(experience, progress, normalizer)
        self._finish(self.network, self.workspace, experience, progress, normalizer.gamma, gae_lambda)

    def order(self, experience: Rollout, epochs: int, stream: np.ndarray) -> np.ndarray:
        """The valid samples, shuffled for each epoch: int64 `(epochs, samples)`."""
        order = np.tile(np.flatnonzero(experience.valid.reshape(-1)), (epochs, 1))
        self._shuffle(stream, order)
        return order

    def update(self, experience: Rollout, order: np.ndarray, settings: Settings) -> dict[str, float]:
        """Train on a rollout; returns the means of `ppo_update.STATISTICS` over minibatches, and the last loss."""
        sums = np.zeros(len(ppo_update.STATISTICS))
        samples = flatten(experience)
        self._update(self.network, samples, order, self.batch, self.adam, self.scratch, settings, sums)
        means = dict(zip(ppo_update.STATISTICS[:5], sums[:5] / sums[6], strict=True))
        return means | {"loss": sums[5]}

    def outputs(self, rows: np.ndarray) -> np.ndarray:
        """The actor's outputs `(batch, outputs)` for rows of the encoder."""
        return self.policy.logits(rows)

    def _in_one_loop(self, experience: Rollout, progress: Progress, normalizer: Normalizer) -> None:
        assert isinstance(self.source, CompiledSource)
        arguments = self.source.loop_arguments()
        self._loop(self.network, self.workspace, experience, progress, normalizer, self.source.view, *arguments)

    def _step_by_step(self, experience: Rollout, progress: Progress, normalizer: Normalizer) -> None:
        view = self.source.view
        for t in range(len(experience.rewards)):
            self._decide(t, self.network, self.workspace, experience, progress, view)
            self.source.step()
            self._record(t, self.network, self.workspace, experience, progress, normalizer, view)


def flatten(experience: Rollout) -> Samples:
    """A rollout's arrays with steps and lanes as one axis; views, not copies."""
    count = experience.rewards.size
    arrays = experience.observations, experience.masks, experience.actions, experience.log_probs, experience.values
    rows = [a.reshape(count, *a.shape[2:]) for a in (*arrays, experience.advantages, experience.returns)]
    return Samples(*rows)
