"""Layers that move from one network into another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_lab.core.layer_transfer import copy_layers
from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError


def network(sizes, seed, activation="tanh"):
    made = MLP(sizes, activation)
    made.initialise(np.random.default_rng(seed))
    return made


def test_a_trunk_moves_into_an_actor():
    trunk, actor = network([5, 8, 6], 0), network([5, 8, 6, 3], 1)
    head = [array.copy() for array in actor.layers()[2]]
    done = copy_layers(trunk, actor)
    assert str(done) == "layers copied 0, 1; skipped 2"
    inputs = np.random.default_rng(2).standard_normal((4, 5)).astype(np.float32)
    expected = np.tanh(trunk(inputs)) @ head[0] + head[1]
    np.testing.assert_allclose(actor(inputs), expected, atol=1e-5)


sizes = st.lists(st.integers(1, 6), min_size=2, max_size=4)


@given(sizes, sizes, st.integers(0, 3))
def test_what_both_have_is_copied_and_the_rest_stays(first, second, layers):
    source, target = network(first, 0), network(second, 1)
    before = [(matrix.copy(), bias.copy()) for matrix, bias in target.layers()]
    if layers > min(len(first), len(second)) - 1:
        with pytest.raises(LabError, match="is not allowed; the networks have"):
            copy_layers(source, target, layers)
        return
    done = copy_layers(source, target, layers)
    assert sorted(done.copied + done.reshaped + done.skipped) == list(range(len(second) - 1))
    for number, (matrix, bias) in enumerate(target.layers()):
        if number in done.skipped:
            np.testing.assert_array_equal(matrix, before[number][0])
            continue
        theirs, their_bias = source.layers()[number]
        rows, units = min(len(theirs), len(matrix)), min(len(their_bias), len(bias))
        np.testing.assert_array_equal(matrix[:rows, :units], theirs[:rows, :units])
        np.testing.assert_array_equal(matrix[rows:], before[number][0][rows:])
        np.testing.assert_array_equal(matrix[:, units:], before[number][0][:, units:])
        np.testing.assert_array_equal(bias[units:], before[number][1][units:])
        assert (number in done.copied) == (theirs.shape == matrix.shape)


def test_another_activation_is_refused():
    with pytest.raises(LabError, match="a relu network cannot be grafted into a tanh one"):
        copy_layers(network([2, 3, 1], 0, "relu"), network([2, 3, 1], 1))
