"""Towers: the error of the best constant on each piece, falling as the pieces shrink, everywhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_lab.core import towers
from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError


@settings(max_examples=30)
@given(units=st.integers(1, 400), slope=st.floats(-4, 4), bend=st.floats(-2, 2), low=st.floats(-5, 5))
def test_the_error_is_less_than_the_function_changes_over_two_towers(units, slope, bend, low):
    high = low + 2.0

    def function(x):
        return slope * x + bend * np.sin(3 * x)

    network, edges = towers.in_one_dimension(function, low, high, units)
    assert network.sizes == (1, units, 1)
    x = np.linspace(low, high, 3001)
    width = edges[1] - edges[0]
    steepest = abs(slope) + 3 * abs(bend)
    error = np.abs(network(x[:, None])[:, 0] - function(x)).max()
    assert error <= steepest * width + 1e-3  # float32


def test_each_tower_stands_halfway_between_lowest_and_highest():
    network, edges = towers.in_one_dimension(np.square, 0, 3, 6)
    np.testing.assert_allclose(edges, [0, 1, 2, 3])
    np.testing.assert_allclose(network([[0.0], [0.5], [1.5], [2.5], [3.0]])[:, 0], [0.5, 0.5, 2.5, 6.5, 6.5], atol=1e-5)
    np.testing.assert_allclose(network([[1.0], [2.0]])[:, 0], [1.5, 4.5], atol=1e-5)  # where two meet, their mean


def test_one_unit_is_the_best_constant_and_an_odd_one_is_silent():
    constant, _ = towers.in_one_dimension(np.square, 0, 3, 1)
    np.testing.assert_allclose(constant([[0.0], [3.0]])[:, 0], 4.5)
    x = np.linspace(0, 3, 100)[:, None]
    six, seven = (towers.in_one_dimension(np.square, 0, 3, units)[0] for units in (6, 7))
    np.testing.assert_allclose(six(x), seven(x), atol=1e-6)


def wave(x, y):
    return np.sin(2 * x) * np.cos(y)


def test_in_two_dimensions_the_error_falls_everywhere():
    side = np.linspace(-2, 2, 161)  # corners of cells among them
    places = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    errors = []
    for pieces in (2, 4, 8, 16):
        network = towers.in_two_dimensions(wave, -2, 2, pieces)
        assert network.sizes == (2, 2 * pieces, pieces**2, 1)
        errors.append(np.abs(network(places)[:, 0] - wave(*places.T)).max())
        assert errors[-1] <= 1.5 * np.hypot(2, 1) * 4 / pieces
    assert errors[3] < errors[2] / 1.7 < errors[1] / 3


def test_thresholds_on_whole_towers_would_leave_holes_in_the_corners():
    """Why `in_two_dimensions` adds quadrants: Nielsen's towers, of a constant function."""
    pieces, high = 4, 4.0
    nielsen = MLP([2, 4 * pieces, pieces**2, 1], "sigmoid")
    (steps, step_bias), (sums, sum_bias), (head, _) = nielsen.layers()
    steep = towers.STEEPNESS
    for i in range(pieces):
        for variable in range(2):
            pair = 2 * (variable * pieces + i)
            steps[variable, pair : pair + 2], step_bias[pair : pair + 2] = steep, [-steep * i, -steep * (i + 1)]
            for j in range(pieces):
                tower = i * pieces + j if variable == 0 else j * pieces + i
                sums[pair, tower], sums[pair + 1, tower] = steep, -steep
    sum_bias[:], head[:] = -1.5 * steep, 1
    ours = towers.in_two_dimensions(lambda x, y: np.ones_like(x), 0, high, pieces)
    middle, corner = [[1.5, 1.5]], [[2.0, 2.0]]
    assert nielsen(middle)[0, 0] == pytest.approx(1, abs=1e-3)
    assert nielsen(corner)[0, 0] == pytest.approx(0, abs=1e-3)
    assert ours(middle)[0, 0] == pytest.approx(1, abs=1e-3)
    assert ours(corner)[0, 0] == pytest.approx(1, abs=1e-3)


def test_bad_input_is_refused():
    with pytest.raises(LabError, match="0 units cannot make a tower"):
        towers.in_one_dimension(np.square, 0, 1, 0)
    with pytest.raises(LabError, match="the range from 2 to 1 is empty"):
        towers.in_two_dimensions(wave, 2, 1, 4)
