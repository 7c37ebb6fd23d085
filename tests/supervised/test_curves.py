"""Curves: fitted as well as float32 allows, in their own units, and the units' parts sum to the fit."""

import numpy as np
import pytest

from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError
from rl_lab.supervised import curves
from rl_lab.supervised.curves import fit_curve, parts

X = np.linspace(-3, 3, 501)[:, None]


def wave(x):
    return np.sin(3 * x) + 0.3 * x**2


@pytest.mark.parametrize(("activation", "most"), [("tanh", 1e-4), ("sigmoid", 1e-4), ("relu", 0.05), ("step", 0.6)])
def test_fifty_units_fit_a_wave_between_the_samples_too(activation, most):
    network = fit_curve(X, wave(X[:, 0]), 50, activation)
    assert network.sizes == (1, 50, 1)
    between = X[:-1] + 0.006
    assert np.abs(network(between)[:, 0] - wave(between[:, 0])).max() < most


def test_own_units_are_kept():
    places = 1000 + 50 * X
    network = fit_curve(places, 1e4 + 300 * wave(X[:, 0]), 30)
    error = np.abs(network(places)[:, 0] - (1e4 + 300 * wave(X[:, 0])))
    assert error.max() < 1  # of 1,000 from the lowest to the highest


def test_a_plane_wave_in_two_dimensions():
    places = np.random.default_rng(0).uniform(-2, 2, (800, 2))
    network = fit_curve(places, np.sin(places @ [1, 2]), 40)
    assert np.abs(network(places)[:, 0] - np.sin(places @ [1, 2])).max() < 0.02


def test_what_never_changes():
    assert fit_curve(X, np.full(len(X), 7.0), 3)([[0.0], [2.0]])[:, 0] == pytest.approx(7)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "step", "identity"])
def test_parts_sum_to_the_output(activation):
    network = MLP([2, 9, 1], activation)
    network.parameters[:] = np.random.default_rng(0).normal(size=len(network.parameters))
    places = np.random.default_rng(1).normal(size=(70, 2))
    pieces = parts(network, places)
    assert pieces.shape == (70, 9)
    np.testing.assert_allclose(pieces.sum(axis=1) + network.layers()[1][1], network(places)[:, 0], atol=2e-5)


def test_the_same_seed_gives_the_same_bytes(monkeypatch):
    monkeypatch.setattr(curves, "GRADIENT_STEPS", 2000)
    fits = [fit_curve(X, wave(X[:, 0]), 5, seed=seed).parameters.tobytes() for seed in (0, 0, 1)]
    assert fits[0] == fits[1] != fits[2]


def test_no_units_are_refused():
    with pytest.raises(LabError, match="hidden=0 is not allowed"):
        fit_curve(X, wave(X[:, 0]), 0)
