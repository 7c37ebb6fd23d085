"""Rosenblatt's rule: Novikoff's bound, what one unit can learn, and what it cannot."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_lab.core.mlp import MLP
from rl_lab.core.perceptron import Perceptron
from rl_lab.errors import LabError

SQUARE = [[0, 0], [0, 1], [1, 0], [1, 1]]


@settings(max_examples=50)
@given(inputs=st.integers(1, 20), samples=st.integers(2, 200), seed=st.integers(0, 1000))
def test_separable_labels_are_learned_within_the_bound(inputs, samples, seed):
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal(inputs + 1)
    normal /= np.linalg.norm(normal)
    rows = rng.uniform(-1, 1, (samples, inputs)).astype(np.float32)
    with_bias = np.column_stack([rows.astype(np.float64), np.ones(samples)])
    distance = with_bias @ normal
    wide = np.abs(distance) > 0.05
    rows, labels = rows[wide], distance[wide] > 0
    if not wide.any():
        return
    bound = (np.linalg.norm(with_bias[wide], axis=1).max() / np.abs(distance[wide]).min()) ** 2
    unit = Perceptron(inputs)
    assert unit.fit(rows, labels, passes=100_000) <= bound
    np.testing.assert_array_equal(unit.predict(rows), labels)
    assert unit.fit(rows, labels) == 0


@pytest.mark.parametrize("labels", [[0, 0, 0, 1], [0, 1, 1, 1], [1, 1, 1, 0], [1, 0, 1, 1]])
def test_gates(labels):
    unit = Perceptron(2)
    unit.fit(SQUARE, labels)
    np.testing.assert_array_equal(unit.predict(SQUARE), labels)


def test_no_single_unit_learns_xor():
    unit, labels = Perceptron(2), [False, True, True, False]
    assert unit.fit(SQUARE, labels, passes=1000) >= 1000  # at least one mistake in each pass
    assert (unit.predict(SQUARE) != labels).any()


def test_two_layers_can():
    network = MLP([2, 2, 1], "step")  # or, and; their difference
    (hidden, hidden_bias), (head, _) = network.layers()
    hidden[:], hidden_bias[:], head[:, 0] = 1, [-0.5, -1.5], [1, -1]
    np.testing.assert_array_equal(network(SQUARE)[:, 0], [0, 1, 1, 0])


def test_bad_input_is_refused():
    with pytest.raises(LabError, match=r"takes \(samples, 2\)"):
        Perceptron(2).fit([[1, 2, 3]], [True])
    with pytest.raises(LabError, match=r"need \(4,\)"):
        Perceptron(2).fit(SQUARE, [True])
    with pytest.raises(LabError, match="not finite"):
        Perceptron(2).predict([[np.nan, 0]])
    with pytest.raises(LabError, match="at least 1"):
        Perceptron(0)


@pytest.mark.parametrize("labels", [[-1, 1, 1, 1], [1, 2, 2, 2], [np.nan, 1, 1, 1], ["False", "True", "True", "True"]])
def test_labels_that_are_neither_true_nor_false_are_refused(labels):
    with pytest.raises(LabError, match=r"labels hold .*; give true or false, or 1 or 0|labels cannot be read"):
        Perceptron(2).fit(SQUARE, labels)


def test_labels_may_be_bools_or_0_and_1():
    for labels in ([False, True, True, True], [0, 1, 1, 1], np.array([0.0, 1, 1, 1])):
        unit = Perceptron(2)
        assert unit.fit(SQUARE, labels) == 4
        np.testing.assert_array_equal(unit.predict(SQUARE), [False, True, True, True])


@pytest.mark.parametrize("given", [None, 5.5, "a", True, 10**15])
def test_numbers_of_inputs_and_passes_that_are_not_allowed_are_refused(given):
    with pytest.raises(LabError, match=r"inputs=.* is not allowed|needs [\d,.]+ GiB"):
        Perceptron(given)
    if not isinstance(given, int) or given < 10:
        with pytest.raises(LabError, match=r"passes=.* is not allowed"):
            Perceptron(2).fit(SQUARE, [0, 1, 1, 1], given)
