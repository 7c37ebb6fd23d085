"""One memory, two engines."""

import numpy as np
import pytest
import torch

from rl_lab.core import activations
from rl_lab.core.mlp import MLP
from rl_lab.core.torch_mlp import TorchMLP


@pytest.mark.parametrize("activation", activations.CODES)
def test_outputs_are_those_of_the_compiled_network(activation):
    network = MLP([6, 32, 32, 3], activation)
    network.initialise(np.random.default_rng(0))
    inputs = np.random.default_rng(1).standard_normal((40, 6)).astype(np.float32)
    outputs = TorchMLP(network)(torch.from_numpy(inputs)).detach().numpy()
    np.testing.assert_allclose(network(inputs), outputs, atol=1e-5)


def test_what_torch_trains_the_kernels_see():
    network = MLP([4, 16, 1])
    network.initialise(np.random.default_rng(0))
    module = TorchMLP(network)
    inputs = np.random.default_rng(1).standard_normal((64, 4)).astype(np.float32)
    targets = np.sin(inputs[:, :1])
    optimiser = torch.optim.Adam(module.parameters(), 0.01)
    before = float(((network(inputs) - targets) ** 2).mean())
    for _ in range(200):
        optimiser.zero_grad()
        (module(torch.from_numpy(inputs)) - torch.from_numpy(targets)).square().mean().backward()
        optimiser.step()
    assert float(((network(inputs) - targets) ** 2).mean()) < before / 10


def test_what_kernels_write_torch_sees():
    network = MLP([4, 16, 2])
    module = TorchMLP(network)
    assert not module(torch.ones(1, 4)).any()
    network.layers()[-1][1][:] = [3, 4]
    assert module(torch.ones(1, 4)).tolist() == [[3, 4]]
    assert len(list(module.parameters())) == 1
