"""The torch engine of off-policy algorithms: the same networks, learned by autograd, also on a GPU."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import torch
from torch import nn

from rl_lab import jit
from rl_lab.agents.common.normalizer import Normalizer
from rl_lab.agents.common.replay_buffer import ReplayBuffer, ReplaySamples, prioritize, sample
from rl_lab.agents.common.runner import RunnerState
from rl_lab.agents.common.vec_adapter import VecAdapter
from rl_lab.agents.engines.engine import OffPolicyLoss, UpdateSchedule
from rl_lab.agents.engines.off_policy import store
from rl_lab.agents.engines.shared import PolicyWeights
from rl_lab.agents.engines.torch import device_of, one_thread
from rl_lab.core import weights
from rl_lab.core.optim import Optimizer
from rl_lab.core.torch_mlp import TorchMLP


class TorchOffPolicyEngine(PolicyWeights):
    """Runs an algorithm with autograd; see `engine.OffPolicyEngine`.

    Args:
        policy: what acts and is trained.
        source: the environments.
        batch: samples of a minibatch.
        loss: what is minimised, and how it explores.
        optimizer: what minimises it.
        algorithm: its name, for messages.
        device: such as "cpu" or "cuda".
    """

    name = "torch"

    def __init__(
        self,
        policy: Any,
        source: VecAdapter,
        batch: int,
        loss: OffPolicyLoss,
        optimizer: Optimizer,
        algorithm: str,
        device: str,
    ) -> None:
        self.policy, self.source, self.loss, self.kind = policy, source, loss, optimizer
        self.device, self.network = device_of(device), policy.network
        self.shares_memory = self.device.type == "cpu"
        self.networks = {name: TorchMLP(mlp).to(self.device) for name, mlp in policy.networks.items()}
        self.optimizers = {
            names: getattr(torch.optim, optimizer.torch)([self.networks[name].parameters_flat for name in names])
            for names, _ in loss.losses
        }
        self.samples = loss.make_scratch(policy, source.lanes, batch).samples
        self._choose = jit.specialize(loss.choose, name=f"{algorithm}'s choice of actions")
        self._store = jit.specialize(store, name="storing")
        self._sample = jit.specialize(sample, name="drawing minibatches")
        self._prioritize = jit.specialize(prioritize, name="priorities")

    def prepare(self, replay: ReplayBuffer, runner: RunnerState, normalizer: Normalizer, settings: Any) -> None:
        """Compile the loops that it shares with the compiled engine."""
        view, outputs = self.source.view, self._outputs(runner.current)
        jit.prepare(
            (self._choose, (0.0, outputs, self.network, replay, runner, view)),
            (self._store, (replay, runner, normalizer, view)),
            (self._sample, self._sampling(replay, runner, normalizer, settings, 0.0)),
            (self._prioritize, (replay, self.samples, settings.priority_exponent)),
        )

    def advance(
        self, replay: ReplayBuffer, runner: RunnerState, normalizer: Normalizer, schedule: UpdateSchedule, settings: Any
    ) -> dict[str, float]:
        """Act and learn as planned; see `OffPolicyEngine.advance`."""
        found: dict[str, list[float]] = defaultdict(list)
        self._take_weights()
        with one_thread(self.shares_memory):
            for block, exploration in enumerate(schedule.exploration.reshape(len(schedule.rates), -1)):
                for each in exploration.tolist():
                    outputs = self._outputs(runner.current)
                    self._choose(each, outputs, self.network, replay, runner, self.source.view)
                    self.source.step()
                    self._store(replay, runner, normalizer, self.source.view)
                for _ in range(schedule.syncs[block]):
                    self._follow(settings.tau)
                for _ in range(schedule.updates[block]):
                    self._sample(*self._sampling(replay, runner, normalizer, settings, schedule.betas[block]))
                    self._gradient_step(schedule.rates[block], settings, found)
                    if replay.priorities.size:
                        self._prioritize(replay, self.samples, settings.priority_exponent)
        self._give_weights()
        return {name: float(np.mean(values)) for name, values in found.items()}

    @property
    def gradient_steps(self) -> int:
        """Minibatches so far."""
        states = [each for optimizer in self.optimizers.values() for each in optimizer.state.values()]
        return max((int(moments["step"]) for moments in states if moments), default=0)

    def state(self) -> dict[str, np.ndarray]:
        """What `restore` needs beside the policy's parameters."""
        state = {}
        for name, _, moments in self._moments():
            for field in (*self.kind.moments.values(), "step"):
                state[self._key(name, field)] = moments[field].cpu().numpy() if moments else np.zeros(0, np.float32)
        return state

    def restore(self, state: dict[str, np.ndarray], source: str = "the state") -> None:
        """Go on from what `state` gave.

        Raises:
            LabError: an array is missing, does not fit or holds NaN; `source` is where it came from.
        """
        self._take_weights()
        for name, parameter, moments in self._moments():
            moments.clear()
            begun = state.get(self._key(name, "step"), np.zeros(0)).size > 0
            shapes = dict.fromkeys(self.kind.moments.values(), tuple(parameter.shape)) | {"step": ()}
            arrays = {field: np.zeros(shape if begun else (0,), np.float32) for field, shape in shapes.items()}
            weights.copy_into({self._key(name, field): array for field, array in arrays.items()}, state, source)
            if begun:
                for field, array in arrays.items():
                    tensor = torch.from_numpy(array)
                    moments[field] = tensor if field == "step" else tensor.to(self.device)

    def _moments(self) -> list[tuple[str, nn.Parameter, dict[str, torch.Tensor]]]:
        """Of each segment that is trained: its name, its weights, and what its optimiser keeps."""
        pairs = [(name, optimizer) for names, optimizer in self.optimizers.items() for name in names]
        weights_of = {name: self.networks[name].parameters_flat for name, _ in pairs}
        return [(name, weights_of[name], optimizer.state[weights_of[name]]) for name, optimizer in pairs]

    def _key(self, name: str, field: str) -> str:
        return f"{self.kind.torch.lower()}.{name}.{field}"

    def _sampling(
        self, replay: ReplayBuffer, runner: RunnerState, normalizer: Normalizer, settings: Any, beta: float
    ) -> tuple[Any, ...]:
        return runner.stream, replay, normalizer, self.network.scale, settings.n_steps, beta, self.samples

    def _outputs(self, rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            inputs = torch.from_numpy(self.policy.inputs(rows)).to(self.device)
            found: np.ndarray = self.networks[self.loss.acting](inputs).cpu().numpy()
        return found

    def _follow(self, tau: float) -> None:
        with torch.no_grad():
            for name, network in self.networks.items():
                if name.startswith("target."):
                    trained = self.networks[name.removeprefix("target.")].parameters_flat
                    network.parameters_flat.mul_(1.0 - tau).add_(trained, alpha=tau)

    def _gradient_step(self, rate: float, settings: Any, found: dict[str, list[float]]) -> None:
        tensors: Any = (torch.from_numpy(array).to(self.device) for array in self.samples)
        samples: Any = ReplaySamples(*tensors)
        for statistic, (names, loss_of) in zip(self.loss.statistics, self.loss.losses, strict=True):
            optimizer, loss = self.optimizers[names], loss_of(self.networks, samples, settings)
            optimizer.param_groups[0] |= {"lr": rate, "eps": settings.epsilon}
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], settings.max_grad_norm)
            optimizer.step()
            found[statistic].append(loss.item())
        self.samples.errors[:] = samples.errors.cpu()

    def _take_weights(self) -> None:
        if not self.shares_memory:
            for name, network in self.networks.items():
                network.parameters_flat.data.copy_(torch.from_numpy(self.policy.networks[name].parameters))

    def _give_weights(self) -> None:
        if not self.shares_memory:
            for name, network in self.networks.items():
                self.policy.networks[name].parameters[:] = network.parameters_flat.detach().cpu().numpy()
