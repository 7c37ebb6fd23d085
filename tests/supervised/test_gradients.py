"""Gradients layer by layer and plain gradient descent, against torch."""

import numpy as np
import pytest
import torch

from rl_lab.core.mlp import MLP
from rl_lab.core.torch_mlp import TorchMLP
from rl_lab.supervised import losses
from rl_lab.supervised.gradients import Step, descend, gradient, norms_by_layer
from rl_lab.supervised.training import TrainingSamples


def samples(count=50):
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(count, 6)).astype("f4")
    return TrainingSamples(inputs, rng.integers(0, 3, (count, 1)), np.ones(count, "f4"))


def network(activation, depth=8):
    made = MLP([6, *[7] * (depth - 1), 3], activation)
    made.initialise(np.random.default_rng(0))
    return made


def torch_loss(module, data):
    return torch.nn.functional.cross_entropy(module(torch.tensor(data.inputs)), torch.tensor(data.targets[:, 0]))


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "tanh"])
@pytest.mark.parametrize("count", [1, 50, 200])
def test_the_gradient_is_autograds(activation, count):
    ours, data = network(activation), samples(count)
    module = TorchMLP(MLP(ours.sizes, activation, ours.parameters.copy()))
    torch_loss(module, data).backward()
    theirs = MLP(ours.sizes, activation, module.parameters_flat.grad.numpy()).layers()
    for (weights, bias), (expected, expected_bias) in zip(
        gradient(ours, losses.cross_entropy, data), theirs, strict=True
    ):
        np.testing.assert_allclose(weights, expected, atol=1e-5 * np.abs(expected).max() + 1e-9)
        np.testing.assert_allclose(bias, expected_bias, atol=1e-5 * np.abs(expected_bias).max() + 1e-9)
    norms = norms_by_layer(ours, losses.cross_entropy, data)
    np.testing.assert_allclose(norms, [np.sqrt((matrix**2).mean()) for matrix, _ in theirs], rtol=1e-3)


def test_descent_is_torchs_sgd():
    ours, data = network("tanh", 3), samples(40)
    module = TorchMLP(MLP(ours.sizes, "tanh", ours.parameters.copy()))
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    means = descend(ours, losses.cross_entropy, data, Step(16, 0.1, 0.9), 5, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    for mean in means:
        order, total = rng.permutation(40), 0.0
        for start in range(0, 40, 16):
            chosen = order[start : start + 16]
            part = TrainingSamples(*(array[chosen] for array in data))
            optimiser.zero_grad()
            loss = torch_loss(module, part)
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) * len(chosen)
        assert mean == pytest.approx(total / 40, rel=1e-4)
    np.testing.assert_allclose(ours.parameters, module.parameters_flat.detach().numpy(), atol=1e-5)
