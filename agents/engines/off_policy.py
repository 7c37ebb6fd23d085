"""The compiled engine of off-policy algorithms: acts, stores and learns in one loop over the flat buffer."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from rl_lab import jit
from rl_lab.agents.common import replay_buffer
from rl_lab.agents.common.networks import Policy
from rl_lab.agents.common.normalizer import Normalizer, update_rewards
from rl_lab.agents.common.replay_buffer import ReplayBuffer, ReplaySamples, prioritize, sample
from rl_lab.agents.common.runner import SAME_STEP, RunnerState, count_episodes, load_inputs, observe
from rl_lab.agents.common.vec_adapter import CompiledAdapter, VecAdapter
from rl_lab.agents.engines.engine import OffPolicyLoss, UpdateSchedule
from rl_lab.agents.engines.shared import CompiledMoments, PolicyWeights
from rl_lab.core import mlp
from rl_lab.core.optim import Optimizer
from rl_lab.core.parameters import segment


class Scratch(NamedTuple):
    """Memory that every algorithm needs; its own scratch has more fields behind these."""

    inputs: np.ndarray  # float32 (num_envs, size)
    acting: np.ndarray  # float32, flat, of the acting network
    samples: ReplaySamples
    statistics: np.ndarray  # float64 (statistics,)


def make_scratch(policy: Policy, acting: str, num_envs: int, batch: int, statistics: int) -> Scratch:
    """Memory for acting in so many environments and for minibatches."""
    hidden = mlp.hidden_size(policy.networks[acting].sizes, num_envs)
    return Scratch(
        np.zeros((num_envs, policy.encoder.size), np.float32),
        np.zeros(hidden, np.float32),
        replay_buffer.make_replay_samples(batch, policy),
        np.zeros(statistics),
    )


def act(choose, exploration, network, scratch, replay, runner, view):
    """Choose the actions of one step."""
    inputs = scratch.inputs
    load_inputs(network.scale, runner.current, inputs)
    acting = network.acting
    outputs = mlp.forward(segment(network.parameters, acting), acting.sizes, network.code, inputs, scratch.acting)
    choose(exploration, outputs, network, replay, runner, view)


def store(replay, runner, normalizer, view):
    """Keep what a step brought, and take in what is seen next."""
    replay_buffer.store(replay, view)
    observe(normalizer, view.observations, runner.current)
    count_episodes(runner, view)
    if normalizer.rewards:
        update_rewards(normalizer, view.rewards)
        for n in range(view.rewards.shape[0]):
            if view.terminated[n] or view.truncated[n]:
                normalizer.returns[n] = 0.0


@jit.fast
def follow(network, tau):
    """Move the target network towards the trained one: target <- tau trained + (1 - tau) target."""
    target, keep, take = segment(network.parameters, network.target), np.float32(1.0 - tau), np.float32(tau)
    trained = network.parameters[network.trained - target.shape[0] : network.trained]
    for i in range(target.shape[0]):
        target[i] = keep * target[i] + take * trained[i]


def learn(gradient_step, block, network, scratch, replay, runner, normalizer, moments, schedule, settings, sums):
    """Let the target follow and take the gradient steps that are planned after a block of steps."""
    for _ in range(schedule.syncs[block]):
        follow(network, settings.tau)
    for _ in range(schedule.updates[block]):
        sample(
            runner.stream, replay, normalizer, network.scale, settings.n_steps, schedule.betas[block], scratch.samples
        )
        gradient_step(schedule.rates[block], network, moments, scratch, settings)
        if replay.priorities.shape[0] > 0:
            prioritize(replay, scratch.samples, settings.priority_exponent)
        for k in range(scratch.statistics.shape[0]):
            sums[k] += scratch.statistics[k]
        sums[scratch.statistics.shape[0]] += 1.0


def advance(
    act,
    step_lanes,
    store,
    learn,
    network,
    scratch,
    replay,
    runner,
    normalizer,
    moments,
    schedule,
    settings,
    sums,
    view,
    lanes,
):
    """An iteration in a compiled environment; all four functions are linked, so that little compiles here."""
    steps = schedule.exploration.shape[0] // schedule.rates.shape[0]
    for block in range(schedule.rates.shape[0]):
        for step in range(block * steps, (block + 1) * steps):
            act(schedule.exploration[step], network, scratch, replay, runner, view)
            step_lanes(0, lanes.states.shape[0], SAME_STEP, lanes.states, lanes.config, lanes.buffers)
            store(replay, runner, normalizer, view)
        learn(block, network, scratch, replay, runner, normalizer, moments, schedule, settings, sums)


class CompiledOffPolicyEngine(PolicyWeights, CompiledMoments):
    """Runs an algorithm for networks of perceptrons on a CPU, without the GIL; see `engine.OffPolicyEngine`.

    Args:
        policy: what acts and is trained.
        source: the environments.
        batch: samples of a minibatch.
        loss: what is minimised, and how it explores.
        optimizer: what minimises it.
        algorithm: its name, for messages.
    """

    name = "compiled"

    def __init__(
        self, policy: Any, source: VecAdapter, batch: int, loss: OffPolicyLoss, optimizer: Optimizer, algorithm: str
    ) -> None:
        self.policy, self.source, self.loss, self.optimizer = policy, source, loss, optimizer
        self.network = policy.network
        self.scratch = loss.make_scratch(policy, source.lanes, batch)
        self.moments = optimizer.make(self.network.trained, len(self.network.ends))
        gradient_step = functools.partial(loss.gradient_step, optimizer.step)
        self._act = jit.specialize(functools.partial(act, loss.choose), name=f"{algorithm}'s acting")
        self._store = jit.specialize(store, name="storing")
        self._learn = jit.specialize(functools.partial(learn, gradient_step), name=f"{algorithm}'s learning")
        self._loop: jit.Compiled | None = None
        if isinstance(source, CompiledAdapter) and source.compiled:
            self._loop = jit.specialize(
                advance,
                name=f"{algorithm} in {source.name}",
                act=self._act,
                step_lanes=source.step_loop,
                store=self._store,
                learn=self._learn,
            )

    def prepare(self, replay: ReplayBuffer, runner: RunnerState, normalizer: Normalizer, settings: Any) -> None:
        """Compile all loops, side by side, for what they will be called with."""
        view, sums = self.source.view, self._sums()
        nothing, none = np.zeros(1), np.zeros(1, np.int64)
        schedule = UpdateSchedule(nothing, nothing, none, none, nothing)
        common = self.network, self.scratch, replay, runner
        jit.prepare(
            self.policy.networks[self.loss.acting].call(np.zeros((1, self.policy.encoder.size), np.float32)),
            (self._act, (0.0, *common, view)),
            (self._store, (replay, runner, normalizer, view)),
            (self._learn, (0, *common, normalizer, self.moments, schedule, settings, sums)),
        )
        if self._loop is not None:
            jit.prepare((self._loop, self._arguments(replay, runner, normalizer, schedule, settings, sums)))

    def advance(
        self, replay: ReplayBuffer, runner: RunnerState, normalizer: Normalizer, schedule: UpdateSchedule, settings: Any
    ) -> dict[str, float]:
        """Act and learn as planned; see `OffPolicyEngine.advance`."""
        sums, view = self._sums(), self.source.view
        if self._loop is not None:
            self._loop(*self._arguments(replay, runner, normalizer, schedule, settings, sums))
        else:
            common = self.network, self.scratch, replay, runner
            for block, exploration in enumerate(schedule.exploration.reshape(len(schedule.rates), -1)):
                for each in exploration:
                    self._act(each, *common, view)
                    self.source.step()
                    self._store(replay, runner, normalizer, view)
                self._learn(block, *common, normalizer, self.moments, schedule, settings, sums)
        return dict(zip(self.loss.statistics, sums[:-1] / sums[-1], strict=True)) if sums[-1] else {}

    @property
    def gradient_steps(self) -> int:
        """Minibatches so far."""
        return int(self.moments.count.max())

    def _sums(self) -> np.ndarray:
        return np.zeros(len(self.loss.statistics) + 1)

    def _arguments(
        self,
        replay: ReplayBuffer,
        runner: RunnerState,
        normalizer: Normalizer,
        schedule: UpdateSchedule,
        settings: Any,
        sums: Any,
    ) -> tuple[Any, ...]:
        assert isinstance(self.source, CompiledAdapter)
        mine = self.network, self.scratch, replay, runner, normalizer, self.moments
        return *mine, schedule, settings, sums, self.source.view, self.source.records
