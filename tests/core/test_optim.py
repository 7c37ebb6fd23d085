"""Optimisers and clipping against torch's."""

import numpy as np
import pytest
import torch

from rl_lab import jit
from rl_lab.core import optim

clip_norm, adam, sgd = (jit.specialize(kernel) for kernel in (optim.clip_norm, optim.adam, optim.sgd))
SIZE, STEPS = 1003, 50


def gradients(seed=0):
    rng = np.random.default_rng(seed)
    scales = np.exp(rng.normal(0, 3, SIZE))
    return [(scales * rng.standard_normal(SIZE)).astype(np.float32) for _ in range(STEPS)]


def by_torch(start, make_optimiser):
    parameters = torch.nn.Parameter(torch.from_numpy(start.copy()))
    optimiser = make_optimiser([parameters])
    for gradient in gradients():
        parameters.grad = torch.from_numpy(gradient.copy())
        optimiser.step()
    return parameters.detach().numpy()


def start():
    return np.random.default_rng(1).standard_normal(SIZE).astype(np.float32)


@pytest.mark.parametrize("settings", [(3e-4, 0.9, 0.999, 1e-5), (0.1, 0.5, 0.9, 1e-8), (1e-3, 0.0, 0.99, 1e-3)])
@pytest.mark.parametrize("kernel", [adam, optim.adam], ids=["compiled", "plain"])
def test_adam(kernel, settings):
    rate, beta1, beta2, epsilon = settings
    parameters, first, second = start(), np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32)
    expected = by_torch(parameters, lambda p: torch.optim.Adam(p, rate, (beta1, beta2), epsilon))
    for count, gradient in enumerate(gradients(), 1):
        kernel(parameters, gradient, first, second, count, *settings)
    np.testing.assert_allclose(parameters, expected, rtol=0, atol=2e-6 * STEPS * rate + 1e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd(momentum):
    parameters, velocity = start(), np.zeros(SIZE, np.float32)
    expected = by_torch(parameters, lambda p: torch.optim.SGD(p, 1e-3, momentum))
    for gradient in gradients():
        sgd(parameters, gradient, velocity, 1e-3, momentum)
    np.testing.assert_allclose(parameters, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("maximum", [0.5, 1e9])
def test_clipping(maximum):
    gradient = gradients()[0]
    theirs = torch.nn.Parameter(torch.zeros(SIZE))
    theirs.grad = torch.from_numpy(gradient.copy())
    expected = torch.nn.utils.clip_grad_norm_([theirs], maximum)
    norm = clip_norm(gradient, maximum)
    assert norm == pytest.approx(float(expected), rel=1e-5)
    np.testing.assert_allclose(gradient, theirs.grad.numpy(), rtol=1e-5)
    assert np.linalg.norm(gradient) <= maximum * 1.00001


def test_a_zero_gradient_is_left_alone():
    gradient = np.zeros(5, np.float32)
    assert clip_norm(gradient, 0.5) == 0
    assert not gradient.any()
