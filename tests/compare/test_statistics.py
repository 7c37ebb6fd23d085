"""The statistics against SciPy's own functions, rliable's published formulas and simulation."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from rl_lab.compare import statistics

scores = arrays(float, st.integers(4, 12), elements=st.floats(-10, 10, width=16))


def test_a_against_a_is_called_different_in_five_percent_of_trials():
    rng = np.random.default_rng(7)
    trials = 1_000
    first, second = rng.normal(size=(2, trials, 10))
    shared = rng.normal(size=(trials, 10))  # what a pair of runs shares through its seed
    found = statistics.contrast(first + shared, second + shared, resamples=1_000)
    verdicts = [statistics.decide(*row, margin=None) for row in zip(found.low, found.high, found.p, strict=True)]
    different = sum(verdict in ("better", "worse") for verdict in verdicts)
    assert different <= stats.binom.ppf(0.99, trials, 0.05) == 67
    assert different >= 25  # a test that never rejects would pass the bound, too


def test_unpaired_a_against_a_is_called_different_in_five_percent_of_trials():
    rng = np.random.default_rng(8)
    first, second = rng.normal(size=(2, 1_000, 10))
    found = statistics.contrast(first, second * 3, paired=False, resamples=500)
    verdicts = [statistics.decide(*row, margin=None) for row in zip(found.low, found.high, found.p, strict=True)]
    assert 25 <= sum(verdict in ("better", "worse") for verdict in verdicts) <= 67


def test_equivalence_is_claimed_rarely_at_the_edge_of_the_margin():
    rng = np.random.default_rng(9)
    truth = 0.05
    differences = rng.normal(truth, 0.03, size=(1_000, 10))
    found = statistics.contrast(differences, np.zeros_like(differences), resamples=1_000)
    verdicts = [statistics.decide(*row, margin=truth) for row in zip(found.low, found.high, found.p, strict=True)]
    assert verdicts.count("equivalent") <= 67


def test_the_interval_covers_the_mean_as_simulated_for_ten_seeds():
    sample = np.random.default_rng(1).normal(size=(2_000, 10))
    low, high = statistics.interval(statistics.mean, sample, resamples=1_000)
    coverage = np.mean((low <= 0) & (high >= 0))
    assert 0.88 < coverage < 0.95  # a percentile bootstrap of ten is a little too narrow; see `decide`


def test_a_large_effect_is_found():
    rng = np.random.default_rng(2)
    found = statistics.contrast(rng.normal(2, 1, 10), rng.normal(0, 1, 10))
    assert statistics.decide(float(found.low), float(found.high), float(found.p), 0.05) == "better"


@given(scores)
def test_interquartile_mean_is_rliables(values):
    assert statistics.interquartile_mean(values) == pytest.approx(stats.trim_mean(values, 0.25, axis=None))


@given(scores, scores)
def test_probability_of_improvement_is_rliables(first, second):
    # rliable: mannwhitneyu(x, y, alternative="greater").statistic / (len(x) * len(y)), the mean over tasks of it
    expected = stats.mannwhitneyu(first, second, alternative="greater").statistic / (len(first) * len(second))
    assert statistics.probability_of_improvement(first, second) == pytest.approx(expected)


@given(scores, st.floats(-5, 5))
def test_optimality_gap_is_rliables(values, optimum):
    assert statistics.optimality_gap(values, optimum) == pytest.approx(optimum - np.mean(np.minimum(values, optimum)))


@settings(max_examples=20)
@given(arrays(float, st.integers(2, 7), elements=st.integers(-3, 3).map(float)))
def test_sign_flip_p_counts_all_flips(differences):
    total = abs(differences.sum())
    flips = [abs(np.dot(signs, differences)) for signs in itertools.product((1, -1), repeat=len(differences))]
    assert statistics.sign_flip_p(differences) == pytest.approx(np.mean(np.array(flips) >= total - 1e-9))


def test_five_pairs_can_never_be_significant():
    assert statistics.sign_flip_p(np.arange(1.0, 6.0)) == pytest.approx(0.0625)
    assert statistics.sign_flip_p(np.arange(1.0, 21.0)) < 0.001  # random flips


def test_holm_against_its_definition():
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert statistics.holm([]) == []
    assert statistics.holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_rejects_what_the_sequential_procedure_rejects(p_values):
    adjusted = statistics.holm(p_values)
    rejected: set[int] = set()
    for step, index in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[index] * (len(p_values) - step) > 0.05:
            break
        rejected.add(int(index))
    assert {i for i, p in enumerate(adjusted) if p <= 0.05} == rejected


def test_equal_seeds_give_an_interval_and_not_nan():
    low, high = statistics.interval(statistics.interquartile_mean, np.full(10, 500.0))
    assert (low, high) == (500, 500)
    same = statistics.contrast(np.full(10, 500.0), np.full(10, 500.0), paired=False)
    assert statistics.decide(float(same.low), float(same.high), float(same.p), 1.0) == "equivalent"
    apart = statistics.contrast(np.full(10, 500.0), np.full(10, 400.0), paired=False)
    assert statistics.decide(float(apart.low), float(apart.high), float(apart.p), 1.0) == "better"


def test_one_seed_is_its_own_interval():
    assert statistics.interval(statistics.mean, np.array([3.0])) == (3.0, 3.0)
    assert statistics.sign_flip_p(np.array([1.0])) == 1


@given(scores)
def test_the_interval_is_reproducible_and_holds_the_interquartile_mean_of_most(values):
    once = statistics.interval(statistics.interquartile_mean, values, resamples=200)
    again = statistics.interval(statistics.interquartile_mean, values, resamples=200)
    assert once == again
    assert values.min() <= once[0] <= once[1] <= values.max()


@pytest.mark.parametrize(
    ("low", "high", "p", "margin", "verdict"),
    [
        (-0.01, 0.04, 0.3, 0.05, "equivalent"),
        (0.01, 0.04, 0.01, 0.05, "equivalent"),  # real, and too small to matter
        (0.01, 0.08, 0.01, 0.05, "better"),
        (-0.2, -0.1, 0.01, 0.05, "worse"),
        (0.01, 0.08, 0.06, 0.05, "inconclusive"),
        (-0.02, 0.08, 0.2, 0.05, "inconclusive"),
        (0.0, 0.0, 1.0, None, "inconclusive"),  # no margin given beforehand, no equivalence
    ],
)
def test_decide(low, high, p, margin, verdict):
    assert statistics.decide(low, high, p, margin) == verdict
