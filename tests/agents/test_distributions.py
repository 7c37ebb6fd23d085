"""Distributions against torch: log-probabilities, entropies, gradients, and what is drawn."""

import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from rl_lab import jit, random
from rl_lab.agents.common import distributions as d

FLOATS = st.floats(-20, 20, width=32)


def zeros(*shape):
    return np.zeros(shape, np.float32)


@functools.cache
def compiled(name):
    return jit.specialize(getattr(d, name))


@given(arrays(np.float32, 5, elements=FLOATS), st.integers(0, 4), st.integers(0, 31), FLOATS, FLOATS)
@settings(deadline=None, max_examples=60)
def test_categorical_is_torchs(logits, action, bits, by_log_prob, by_entropy):
    mask = np.array([(bits >> i) & 1 == 1 or i == action for i in range(5)])
    leaf = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    dist = torch.distributions.Categorical(logits=torch.where(torch.tensor(mask), leaf, -1e8))
    log_prob, entropy = dist.log_prob(torch.tensor(action)), dist.entropy()
    (by_log_prob * log_prob + by_entropy * entropy).backward()

    work, nothing, chosen = logits[None].copy(), np.zeros(0, np.float32), np.array([[action]])
    log_probs, entropies, gradient = zeros(1), zeros(1), zeros(1, 5)
    compiled("categorical_evaluate")(work, mask[None], nothing, chosen, log_probs, entropies)
    np.testing.assert_allclose([log_probs[0], entropies[0]], [log_prob.item(), entropy.item()], rtol=2e-5, atol=2e-5)
    scalars = np.full(1, by_log_prob, np.float32), np.float32(by_entropy)
    compiled("categorical_gradient")(work, entropies, nothing, chosen, *scalars, gradient, nothing)
    scale = max(1.0, np.abs(leaf.grad.numpy()).max())
    np.testing.assert_allclose(gradient[0], leaf.grad.numpy(), atol=2e-5 * scale)


@given(arrays(np.float32, (3, 3), elements=st.floats(-2, 2, width=32)), FLOATS, FLOATS)
@settings(deadline=None, max_examples=60)
def test_gaussian_is_torchs(numbers, by_log_prob, by_entropy):
    means, log_std, action = numbers.copy()
    mean_leaf, std_leaf = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (means, log_std))
    dist = torch.distributions.Normal(mean_leaf, std_leaf.exp())
    log_prob, entropy = dist.log_prob(torch.tensor(action, dtype=torch.float64)).sum(), dist.entropy().sum()
    (by_log_prob * log_prob + by_entropy * entropy).backward()

    rows, log_probs, entropies = (means[None], action[None]), zeros(1), zeros(1)
    compiled("gaussian_evaluate")(rows[0], np.zeros((1, 0), bool), log_std, rows[1], log_probs, entropies)
    np.testing.assert_allclose([log_probs[0], entropies[0]], [log_prob.item(), entropy.item()], rtol=2e-5, atol=2e-4)
    gradient, std_gradient = zeros(1, 3), zeros(3)
    scalars = np.full(1, by_log_prob, np.float32), np.float32(by_entropy)
    compiled("gaussian_gradient")(rows[0], entropies, log_std, rows[1], *scalars, gradient, std_gradient)
    for got, leaf in ((gradient[0], mean_leaf), (std_gradient, std_leaf)):
        scale = max(1.0, np.abs(leaf.grad.numpy()).max())
        np.testing.assert_allclose(got, leaf.grad.numpy(), atol=3e-5 * scale)


@pytest.mark.parametrize("masked", [False, True])
def test_actions_are_drawn_with_their_probabilities(masked):
    stream = np.zeros(1, np.uint64)
    random.seed_stream(stream, np.random.SeedSequence(3))
    logits = np.array([0.5, -1.0, 2.0, 0.0], np.float32)
    mask, rows = np.array([True, True, False, True]) if masked else np.zeros(0, bool), 20_000
    actions, log_probs = np.zeros((rows, 1), np.int64), zeros(rows)
    everywhere = np.tile(logits, (rows, 1)), np.tile(mask, (rows, 1))
    compiled("categorical_sample")(*everywhere, zeros(0), stream, actions, log_probs)
    counts = np.bincount(actions[:, 0], minlength=4)
    weights = np.exp(logits.astype(np.float64)) * (mask if masked else 1)
    keep = weights > 0
    assert (counts[~keep] == 0).all()
    expected = 20_000 * weights[keep] / weights.sum()
    assert stats.chisquare(counts[keep], expected).pvalue > 1e-4


def test_continuous_actions_are_normal():
    stream = np.zeros(1, np.uint64)
    random.seed_stream(stream, np.random.SeedSequence(4))
    means, log_std = np.full((5_000, 1), 1.5, np.float32), np.array([-0.7], np.float32)
    actions, log_probs = zeros(5_000, 1), zeros(5_000)
    compiled("gaussian_sample")(means, np.zeros((5_000, 0), bool), log_std, stream, actions, log_probs)
    normal = stats.norm(1.5, np.exp(-0.7))
    np.testing.assert_allclose(log_probs, normal.logpdf(actions[:, 0]), atol=1e-4)
    assert stats.kstest(actions[:, 0], normal.cdf).pvalue > 1e-4
