"""The torch engine: the same algorithm for other networks, other losses, other devices.

A network of your own is a `torch.nn.Module` (or a function of the number of inputs and outputs that makes
one) which maps observations `(batch, inputs)` to a pair: logits `(batch, actions)` or means
`(batch, dimensions)`, and values `(batch,)`. For continuous actions it has a parameter `log_std`. Without
one, the policy's own perceptrons are used, over the same memory as the compiled engine's.

A loss of your own is a function of a `Minibatch` that returns a scalar; by default it is the algorithm's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from rl_lab import jit
from rl_lab.agents.common import runner as steps
from rl_lab.agents.common.distributions import MASKED
from rl_lab.agents.common.networks import ActorCritic
from rl_lab.agents.common.normalizer import Normalizer, normalized_rows
from rl_lab.agents.common.rollout_buffer import RolloutBuffer, RolloutSamples
from rl_lab.agents.common.runner import RunnerState
from rl_lab.agents.common.vec_adapter import VecAdapter
from rl_lab.agents.engines.collect import loops
from rl_lab.agents.engines.engine import Loss
from rl_lab.agents.engines.minibatch import Minibatch as Minibatch
from rl_lab.agents.engines.minibatch import statistics_of, total_loss
from rl_lab.core import weights
from rl_lab.core.optim import Optimizer
from rl_lab.core.torch_mlp import TorchMLP
from rl_lab.errors import LabError

logger = logging.getLogger("rl_lab")
STREAMS = (16, 5056)  # bytes of the states of random streams, on GPUs and on the CPU


class Perceptrons(nn.Module):
    """An `ActorCritic` as a module, over the same memory."""

    def __init__(self, policy: ActorCritic) -> None:
        super().__init__()
        self.actor, self.critic = TorchMLP(policy.actor), TorchMLP(policy.critic)
        if not policy.discrete:
            self.log_std = nn.Parameter(torch.from_numpy(policy.log_std))

    def forward(self, observations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Outputs and values."""
        return self.actor(observations), self.critic(observations)[:, 0]

    def parameters_in_order(self) -> list[nn.Parameter]:
        """Actor, critic and, for continuous actions, the logarithms of the standard deviations."""
        log_std = [self.log_std] if hasattr(self, "log_std") else []
        return [self.actor.parameters_flat, self.critic.parameters_flat, *log_std]


@contextmanager
def one_thread(enabled: bool) -> Iterator[None]:
    """Hold torch to one thread: for small perceptrons others only wait, on a busy machine a hundred times as long."""
    before = torch.get_num_threads()
    if enabled:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class TorchEngine:
    """Runs an algorithm with autograd; see `engine.Engine`.

    Args:
        policy: spaces, distribution, and the perceptrons that are used where `module` is None.
        source: lanes of the environment.
        batch: samples of a minibatch.
        loss: what is minimised.
        optimizer: what minimises it.
        module: a network of your own; see above.
        own_loss: a loss of your own; see above.
        device: such as "cpu" or "cuda".
        seed: of the module's first weights and of the actions.
    """

    name = "torch"

    def __init__(
        self,
        policy: ActorCritic,
        source: VecAdapter,
        batch: int,
        loss: Loss,
        optimizer: Optimizer,
        module: nn.Module | Callable[[int, int], nn.Module] | None,
        own_loss: Callable[[Minibatch], torch.Tensor] | None,
        device: str,
        seed: int,
    ) -> None:
        self.policy, self.source, self.batch, self.loss, self.own_loss = policy, source, batch, loss, own_loss
        self.device = device_of(device)
        self.module = self._module(module, seed).to(self.device)
        self.shares_memory = module is None and self.device.type == "cpu"
        critic = list(self.module.critic.parameters()) if isinstance(self.module, Perceptrons) else []
        actor = [parameter for parameter in self.module.parameters() if all(parameter is not own for own in critic)]
        groups = [{"params": actor}, *([{"params": critic}] if critic else [])]
        self.kind, self.optimizer = optimizer, getattr(torch.optim, optimizer.torch)(groups, lr=1.0)
        self.generator = torch.Generator(self.device).manual_seed(seed % 2**63)
        self.final_values = np.zeros(source.lanes)
        self._record = jit.specialize(steps.record, name="recording")

    def prepare(self, rollout: RolloutBuffer, runner: RunnerState, normalizer: Normalizer, settings: Any) -> None:
        """Compile the one loop that it shares with the compiled engine."""
        jit.prepare((self._record, (0, rollout, runner, normalizer, self.source.view, self.final_values)))

    def collect(self, rollout: RolloutBuffer, runner: RunnerState, normalizer: Normalizer) -> None:
        """Fill a rollout, step by step."""
        self._take_weights()
        with one_thread(self.shares_memory):
            self._collect(rollout, runner, normalizer)

    def _collect(self, rollout: RolloutBuffer, runner: RunnerState, normalizer: Normalizer) -> None:
        view, policy = self.source.view, self.policy
        for t in range(len(rollout.rewards)):
            rollout.observations[t], rollout.masks[t] = runner.current, view.masks
            with torch.no_grad():
                outputs, values = self._forward(runner.current)
                if not outputs.isfinite().all():  # no action can be drawn from them
                    raise LabError(
                        f"the policy gave {float(outputs.sum())}; lower the learning rate, or load its weights"
                    )
                actions = self._sample(outputs, view.masks)
                log_probs, _ = self._evaluate(outputs, actions, view.masks)
            rollout.values[t], rollout.log_probs[t] = _numpy(values), _numpy(log_probs)
            rollout.actions[t] = _numpy(actions)
            if policy.discrete:
                view.actions[:] = rollout.actions[t][:, 0] + view.first_action
            else:
                network = policy.network
                view.actions[:] = np.clip(rollout.actions[t], network.low, network.high)
            self.source.step()
            loops().observe(normalizer, view.observations, runner.current)
            self._bootstrap_truncated(normalizer)
            self._record(t, rollout, runner, normalizer, view, self.final_values)

    def outputs(self, rows: np.ndarray) -> np.ndarray:
        """The actor's outputs `(batch, outputs)` for rows of the encoder."""
        self._take_weights()
        with torch.no_grad():
            return _numpy(self._forward(rows)[0])

    def values(self, rows: np.ndarray) -> np.ndarray:
        """The critic's values `(batch,)` for rows of the encoder."""
        self._take_weights()
        return self._values(rows)

    def _values(self, rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return _numpy(self._forward(rows)[1])

    def log_std(self) -> np.ndarray:
        """Logarithms of the standard deviations of continuous actions, float32 `(dimensions,)`."""
        self._take_weights()
        return _numpy(self.module.log_std).copy()  # type: ignore[arg-type]

    def update(self, samples: RolloutSamples, order: np.ndarray, settings: Any) -> dict[str, float]:
        """Train on the samples; see `Engine.update`."""
        self._take_weights()
        with one_thread(self.shares_memory):
            means = self._update(samples, order, settings)
        self._give_weights()
        return means

    @property
    def gradient_steps(self) -> int:
        """Minibatches learned from so far."""
        return max((int(moments["step"]) for moments in self.optimizer.state.values() if moments), default=0)

    def make_room(self, reference: int) -> None:
        """Nothing to prepare; a network of your own is refused."""
        if not isinstance(self.module, Perceptrons):
            raise LabError(
                "a reference policy is an actor of net_arch, and policy= is a network of your own; leave one out"
            )

    def forget_actor(self) -> None:
        """Start the actor's part of the optimiser from scratch, for an actor that was replaced."""
        for parameter in self.optimizer.param_groups[0]["params"]:
            self.optimizer.state.pop(parameter, None)

    def _update(self, samples: RolloutSamples, order: np.ndarray, settings: Any) -> dict[str, float]:
        for group, rate in zip(self.optimizer.param_groups, settings.rates, strict=False):
            group["lr"], group["eps"] = max(rate, 0.0), settings.epsilon
        found: list[dict[str, float]] = []
        for epoch in order:
            begin = len(found)
            for start in range(0, len(epoch), self.batch):
                minibatch = self._minibatch(samples, epoch[start : start + self.batch], settings)
                found.append(statistics_of(minibatch, self.loss))
                loss = self._total(minibatch)
                if self.loss.stop([found[-1][name] for name in self.loss.statistics], settings):
                    return self._means(found, begin, loss.item())
                self._descend(loss, settings)
        return self._means(found, begin, loss.item())

    def _means(self, found: list[dict[str, float]], begin: int, loss: float) -> dict[str, float]:
        """Means of the statistics of minibatches, of which those from `begin` on are the last epoch's."""
        spans = {name: found[begin if name in self.loss.of_last_epoch else 0 :] for name in found[0]}
        means = {name: float(np.mean([each[name] for each in chosen])) for name, chosen in spans.items()}
        return means | {"loss": loss}

    def tensors(self) -> dict[str, np.ndarray]:
        """The weights in use, by name: the perceptrons' as in their memory, or a module's as in its `state_dict`."""
        if isinstance(self.module, Perceptrons):
            return self.policy.tensors()
        return {name: _numpy(tensor).copy() for name, tensor in self.module.state_dict().items()}

    def parameters(self) -> np.ndarray:
        """The weights in use, float32 `(parameters,)`; of a module, a read-only copy."""
        if isinstance(self.module, Perceptrons):
            return self.policy.parameters
        flat = np.concatenate([_numpy(parameter).ravel() for parameter in self.module.parameters()])
        flat.flags.writeable = False
        return flat

    def state(self) -> dict[str, np.ndarray]:
        """What `restore` needs beside the policy's parameters."""
        state = {"generator": _numpy(self.generator.get_state())}
        for index, parameter in enumerate(self.module.parameters()):
            moments = self.optimizer.state.get(parameter, {})
            for name in (*self.kind.moments.values(), "step"):
                state[self._key(index, name)] = _numpy(moments[name]) if moments else np.zeros(0, np.float32)
        if not isinstance(self.module, Perceptrons):
            state |= {f"module.{name}": _numpy(tensor) for name, tensor in self.module.state_dict().items()}
        return state

    def restore(self, state: dict[str, np.ndarray], source: str = "the state") -> None:
        """Go on from what `state` gave.

        Raises:
            LabError: an array is missing, does not fit or holds NaN; `source` is where it came from.
        """
        own = {name[7:]: array for name, array in state.items() if name.startswith("module.")}
        if own or not isinstance(self.module, Perceptrons):
            mine = {name: _numpy(tensor).copy() for name, tensor in self.module.state_dict().items()}
            if set(own) != set(mine):
                raise LabError(f"{source} holds another network; give the policy= that it was trained with")
            weights.copy_into(mine, own, source)
            self.module.load_state_dict({name: torch.from_numpy(array) for name, array in mine.items()})
            self._give_weights()
        self._take_weights()
        self._restore_generator(state, source)
        for index, parameter in enumerate(self.module.parameters()):
            shape, begun = tuple(parameter.shape), state.get(self._key(index, "step"), np.zeros(0)).size > 0
            shapes = dict.fromkeys(self.kind.moments.values(), shape) | {"step": ()}
            moments = {name: np.zeros(shape if begun else (0,), np.float32) for name, shape in shapes.items()}
            weights.copy_into({self._key(index, name): array for name, array in moments.items()}, state, source)
            if begun:
                tensors = {name: torch.from_numpy(array) for name, array in moments.items()}
                self.optimizer.state[parameter] = {
                    name: tensor if name == "step" else tensor.to(self.device) for name, tensor in tensors.items()
                }
            else:
                self.optimizer.state.pop(parameter, None)

    def _key(self, index: int, name: str) -> str:
        return f"{self.kind.torch.lower()}.{index}.{name}"

    def _restore_generator(self, state: dict[str, np.ndarray], source: str) -> None:
        kept = state.get("generator", np.zeros(0, np.uint8))
        if kept.dtype == np.uint8 and kept.shape != tuple(self.generator.get_state().shape) and kept.size in STREAMS:
            logger.info("%s was trained on another device: its actions are drawn from a new random stream", source)
            return
        try:
            self.generator.set_state(torch.from_numpy(kept.copy()))
        except (RuntimeError, TypeError) as error:
            raise LabError(f"{source} has no random stream ({error}); use another copy of it") from None

    def _weights(self) -> list[tuple[torch.Tensor, np.ndarray]]:
        """The perceptrons' weights on another device, and the policy's memory of them."""
        if self.shares_memory or not isinstance(self.module, Perceptrons):
            return []
        arrays = [self.policy.actor.parameters, self.policy.critic.parameters, self.policy.log_std]
        return [(tensor.data, array) for tensor, array in zip(self.module.parameters_in_order(), arrays, strict=False)]

    def _take_weights(self) -> None:
        for tensor, array in self._weights():
            tensor.copy_(torch.from_numpy(array))

    def _give_weights(self) -> None:
        for tensor, array in self._weights():
            array[...] = _numpy(tensor)

    def _module(self, module: Any, seed: int) -> nn.Module:
        made = Perceptrons(self.policy) if module is None else module
        if not isinstance(made, nn.Module):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                made = module(self.policy.encoder.size, self.policy.outputs) if callable(module) else module
        if not self.policy.discrete and isinstance(made, nn.Module) and not hasattr(made, "log_std"):
            raise LabError(
                f"policy {type(made).__name__} has no log_std; for continuous actions give it "
                f"log_std = torch.nn.Parameter(torch.zeros({self.policy.outputs}))"
            )
        if not isinstance(made, nn.Module):
            raise LabError(
                f"policy gave {made!r}; it must be a torch.nn.Module, or a function (inputs, outputs) of one"
            )
        return made

    def _forward(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        return self._checked(self.module(self._inputs(rows)), len(rows))

    def _checked(self, found: Any, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Outputs and values; values `(batch, 1)` would broadcast to a wrong loss."""
        expected = [(batch, self.policy.outputs), (batch,)]
        shapes = [tuple(getattr(each, "shape", ())) for each in found] if isinstance(found, (tuple, list)) else found
        if shapes != expected:
            given = f"shapes {shapes}" if isinstance(shapes, list) else repr(type(found).__name__)
            raise LabError(
                f"policy gave {given} for {batch} observations; it must give a pair of {expected[0]}, outputs, and "
                f"{expected[1]}, values"
            )
        return found[0], found[1]

    def _inputs(self, rows: np.ndarray) -> torch.Tensor:
        scaled = rows.astype(np.float32) * self.policy.encoder.scale
        return torch.from_numpy(scaled).to(self.device)

    def _sample(self, outputs: torch.Tensor, masks: np.ndarray) -> torch.Tensor:
        if self.policy.discrete:
            probabilities = self._masked(outputs, masks).softmax(-1)
            return torch.multinomial(probabilities, 1, generator=self.generator)
        noise = torch.randn(outputs.shape, generator=self.generator, device=self.device)
        return outputs + self.module.log_std.exp() * noise  # type: ignore[operator]

    def _evaluate(
        self, outputs: torch.Tensor, actions: torch.Tensor, masks: np.ndarray
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities of actions, and entropies."""
        if self.policy.discrete:
            log_probs = self._masked(outputs, masks).log_softmax(-1)
            return log_probs.gather(-1, actions)[:, 0], -(log_probs.exp() * log_probs).sum(-1)
        normal = torch.distributions.Normal(outputs, self.module.log_std.exp().expand_as(outputs))  # type: ignore[operator]
        return normal.log_prob(actions).sum(-1), normal.entropy().sum(-1)

    def _masked(self, logits: torch.Tensor, masks: np.ndarray) -> torch.Tensor:
        return (
            logits
            if masks.shape[-1] == 0
            else logits.masked_fill(~torch.from_numpy(masks).to(self.device), float(MASKED))
        )

    def _bootstrap_truncated(self, normalizer: Normalizer) -> None:
        view = self.source.view
        lanes = np.flatnonzero(view.truncated & ~view.terminated)
        if len(lanes):
            self.final_values[lanes] = self._values(normalized_rows(normalizer, view.final_observations[lanes]))

    def _minibatch(self, samples: RolloutSamples, chosen: np.ndarray, settings: Any) -> Minibatch:
        arrays = samples.actions, samples.log_probs, samples.values, samples.advantages, samples.returns
        actions, old_log_probs, old_values, advantages, returns = (
            torch.from_numpy(array[chosen]).to(self.device) for array in arrays
        )
        if settings.normalize_advantage and len(chosen) > 1:
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        observations = self._inputs(samples.observations[chosen])
        outputs, values = self._checked(self.module(observations), len(chosen))
        log_probs, entropy = self._evaluate(outputs, actions, samples.masks[chosen])
        now = (observations, outputs, values, log_probs, entropy)
        apart = self._divergence(outputs, samples.masks[chosen], samples.reference[chosen])
        return Minibatch(*now, actions, old_log_probs, old_values, advantages, returns, apart, settings)

    def _divergence(self, outputs: torch.Tensor, masks: np.ndarray, reference: np.ndarray) -> torch.Tensor:
        """KL(reference policy || policy in training) `(batch,)`, as the pulls of `distributions` have it."""
        there = torch.from_numpy(reference).to(self.device)
        if there.shape[1] == 0:
            return torch.zeros(len(outputs), device=self.device)
        if self.policy.discrete:
            log_probs = self._masked(outputs, masks).log_softmax(-1)
            return (there.exp() * (there - log_probs)).sum(-1)
        means, log_stds = there.chunk(2, dim=-1)
        normals = [torch.distributions.Normal(means, log_stds.exp())]
        normals.append(torch.distributions.Normal(outputs, self.module.log_std.exp().expand_as(outputs)))  # type: ignore[operator]
        return torch.distributions.kl_divergence(*normals).sum(-1)

    def _total(self, minibatch: Minibatch) -> torch.Tensor:
        loss = self.own_loss(minibatch) if self.own_loss else total_loss(minibatch, self.loss)
        if not isinstance(loss, torch.Tensor) or loss.ndim != 0 or not loss.requires_grad:
            raise LabError(f"the loss gave {loss!r}; it must be a scalar tensor that depends on the network")
        return loss + minibatch.settings.reference_coef * minibatch.reference_kl.mean()

    def _descend(self, loss: torch.Tensor, settings: Any) -> None:
        self.optimizer.zero_grad()
        loss.backward()
        for group, rate in zip(self.optimizer.param_groups, settings.rates, strict=False):
            if rate < 0:  # without gradients, the optimiser counts no step of these either
                for parameter in group["params"]:
                    parameter.grad = None
        nn.utils.clip_grad_norm_(self.module.parameters(), settings.max_grad_norm)
        self.optimizer.step()


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


def device_of(name: str) -> torch.device:
    """The device of a name.

    Raises:
        LabError: there is none of this name here.
    """
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise LabError(f"device {name!r} is unknown; use 'cpu', 'cuda' or 'mps'") from None
    if device.type not in ("cpu", "cuda", "mps"):
        raise LabError(f"device {name!r} is not supported; use 'cpu', 'cuda' or 'mps'")
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError):
        raise LabError(f"device {name!r} is not available here; use 'cpu'") from None
    return device
