"""One minibatch of PPO's two networks beside eager torch.

`python -m benchmarks core_minibatch`

A minibatch is the forward and the backward pass of the actor and the critic, clipping and Adam; the gradients
at the outputs are given. Both sides have one thread.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.common import Figure, compared, interleave, speed
from rl_lab import jit
from rl_lab.core import mlp, optim
from rl_lab.core.mlp import MLP

ROUNDS = 15
SHAPES = {"CartPole, minibatch of 64": (4, 2, 64), "robot camera, minibatch of 256": (151, 7, 256)}


def run(full: bool) -> list[Figure]:
    figures = []
    for name, shape in SHAPES.items():
        samples = interleave(ROUNDS, ours=_compiled(*shape), torch=_eager(*shape))
        figures.append(compared(name, "minibatches/s", samples["ours"], samples["torch"], "eager torch"))
    return figures


def train(actor, critic, sizes, code, inputs, workspaces, deltas, gradient, moments, scratch, first, count):
    """Minibatches number `first` to `first + count` of two networks in one buffer."""
    end = actor.shape[0] - critic.shape[0]
    for step in range(first, first + count):
        mlp.forward(actor[:end], sizes[0], code, inputs, workspaces[0])
        mlp.forward(critic, sizes[1], code, inputs, workspaces[1])
        mlp.backward(actor[:end], sizes[0], code, inputs, workspaces[0], deltas[0], gradient[:end], scratch)
        mlp.backward(critic, sizes[1], code, inputs, workspaces[1], deltas[1], gradient[end:], scratch)
        optim.clip_norm(gradient, 0.5)
        optim.adam(actor, gradient, moments[0], moments[1], step, 3e-4, 0.9, 0.999, 1e-5)


def _compiled(inputs: int, outputs: int, batch: int) -> Callable[[], float]:
    rng, compiled = np.random.default_rng(0), jit.specialize(train)
    sizes = [(inputs, 64, 64, n) for n in (outputs, 1)]
    parameters = np.zeros(sum(mlp.count(s) for s in sizes), np.float32)
    end = mlp.count(sizes[0])
    networks = MLP(sizes[0], parameters=parameters[:end]), MLP(sizes[1], parameters=parameters[end:])
    for network in networks:
        network.initialise(rng)
    rows = rng.standard_normal((batch, inputs)).astype(np.float32)
    deltas = tuple((rng.standard_normal((batch, s[-1])) / batch).astype(np.float32) for s in sizes)
    workspaces = tuple(np.zeros(mlp.hidden_size(s, batch), np.float32) for s in sizes)
    scratch = np.zeros(max(mlp.scratch_size(s, batch) for s in sizes), np.float32)
    count, done = 64_000 // batch, [1]

    def work() -> None:
        size_arrays = networks[0].size_array, networks[1].size_array
        state = parameters, parameters[end:], size_arrays, networks[0].code, rows, workspaces, deltas
        compiled(*state, np.zeros_like(parameters), moments, scratch, done[0], count)
        done[0] += count

    moments = tuple(np.zeros_like(parameters) for _ in range(2))
    work()  # compiles, or loads
    return lambda: speed(count, work)


def _eager(inputs: int, outputs: int, batch: int) -> Callable[[], float]:
    import torch
    from torch import nn

    torch.set_num_threads(1)

    def network(units: int) -> nn.Module:
        layers = nn.Linear(inputs, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, units)
        return nn.Sequential(*layers)

    networks = network(outputs), network(1)
    parameters = [*networks[0].parameters(), *networks[1].parameters()]
    adam = torch.optim.Adam(parameters, 3e-4, eps=1e-5, fused=True)
    rows = torch.randn(batch, inputs)
    deltas = torch.randn(batch, outputs) / batch, torch.randn(batch, 1) / batch

    def work() -> None:
        for _ in range(30):
            adam.zero_grad()
            torch.autograd.backward([network(rows) for network in networks], deltas)
            nn.utils.clip_grad_norm_(parameters, 0.5)
            adam.step()

    work()
    return lambda: speed(30, work)
