"""Activations against NumPy in double precision, derivatives against torch."""

import numpy as np
import pytest
import torch

from rl_lab import jit
from rl_lab.core import activations
from rl_lab.core.torch_mlp import ACTIVATIONS

activate = jit.specialize(activations.activate)
scale_by_derivative = jit.specialize(activations.scale_by_derivative)
RANGE = np.concatenate([np.linspace(-100, 100, 20_001), np.linspace(-1e-3, 1e-3, 2_001)]).astype(np.float32)


def exponentials(values):
    for i in range(values.shape[0]):
        values[i] = activations.exp(values[i])


def exact(name, x):
    x = x.astype(np.float64)
    with np.errstate(over="ignore"):
        return {
            "identity": x,
            "relu": np.maximum(x, 0),
            "tanh": np.tanh(x),
            "sigmoid": 1 / (1 + np.exp(-x)),
            "step": (x > 0).astype(np.float64),
        }[name]


@pytest.mark.parametrize("name", activations.CODES)
def test_values(name):
    values = RANGE.copy()
    activate(activations.code(name), values)
    np.testing.assert_allclose(values, exact(name, RANGE), rtol=0, atol=4e-7 if name in ("tanh", "sigmoid") else 0)


def test_small_numbers_keep_their_precision():
    values = np.geomspace(1e-20, 0.1, 1000).astype(np.float32)
    expected = np.tanh(values.astype(np.float64))
    activate(activations.TANH, values)
    np.testing.assert_allclose(values, expected, rtol=5e-7)


@pytest.mark.parametrize("name", ["identity", "relu", "tanh", "sigmoid"])
def test_derivatives(name):
    inputs = torch.tensor(RANGE[np.abs(RANGE) < 8], requires_grad=True)
    outputs = ACTIVATIONS[name](inputs)
    outputs.sum().backward()
    gradient = np.ones(len(inputs), np.float32)
    scale_by_derivative(activations.code(name), outputs.detach().numpy(), gradient)
    np.testing.assert_allclose(gradient, inputs.grad.numpy(), rtol=1e-6, atol=1e-7)


def test_the_step_has_derivative_zero():
    gradient = np.ones(2, np.float32)
    scale_by_derivative(activations.STEP, np.array([0, 1], np.float32), gradient)
    assert not gradient.any()


def test_exp():
    values = np.linspace(-87, 88, 100_001).astype(np.float32)
    expected = np.exp(values.astype(np.float64))
    jit.specialize(exponentials)(values)
    np.testing.assert_allclose(values, expected, rtol=4e-7)


@pytest.mark.parametrize("function", [activations.tanh, activations.sigmoid, activations.exp])
def test_plain_python_is_the_same_program(function):
    exact_values = {"tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "exp": np.exp}[function.__name__]
    for x in np.linspace(-20, 20, 101):
        value = function(np.float32(x))
        assert value.dtype == np.float32
        assert value == pytest.approx(exact_values(np.float64(np.float32(x))), rel=5e-7, abs=4e-7)
