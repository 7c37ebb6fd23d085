"""PCA against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import decomposition
from sklearn.datasets import load_digits

from rl_lab.errors import LabError
from rl_lab.unsupervised import PCA

DIGITS = load_digits().data


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 30), st.integers(1, 12), st.integers(0, 2**32 - 1), st.sampled_from([None, 1, 0.5, 0.9, 0.999]))
def test_components_variances_and_signs_are_scikit_learns(count, width, seed, wanted):
    rows = np.random.default_rng(seed).normal(size=(count, width)) * np.arange(1, width + 1)
    ours, theirs = PCA(wanted).fit(rows), decomposition.PCA(wanted, svd_solver="full").fit(rows)
    assert ours.n_components_ == theirs.n_components_
    kept = ours.singular_values_ > 1e-9 * ours.singular_values_[0]  # below, the directions are those of rounding
    np.testing.assert_allclose(ours.components_[kept], theirs.components_[kept], atol=1e-7)
    for name in ("explained_variance_", "explained_variance_ratio_", "singular_values_", "mean_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.transform(rows)[:, kept], theirs.transform(rows)[:, kept], atol=1e-6)


def test_digits_there_and_back():
    ours, theirs = PCA(20).fit(DIGITS), decomposition.PCA(20, svd_solver="full").fit(DIGITS)
    np.testing.assert_allclose(ours.components_, theirs.components_, atol=1e-8)
    places = ours.transform(DIGITS)
    np.testing.assert_allclose(ours.inverse_transform(places), theirs.inverse_transform(places), atol=1e-8)
    everything = PCA().fit(DIGITS)
    np.testing.assert_allclose(everything.inverse_transform(everything.transform(DIGITS)), DIGITS, atol=1e-9)


@pytest.mark.parametrize(
    ("model", "rows", "sentence"),
    [
        (PCA(3), np.eye(2), "n_components=3 is not allowed; it must be a whole number of 1 to 2"),
        (PCA(0), DIGITS, "n_components=0 is not allowed"),
        (PCA(1.5), DIGITS, r"n_components=1\.5 is not allowed.*or a fraction between 0 and 1"),
        (PCA(), np.full((4, 3), 7.0), "all 4 samples are the same"),
        (PCA(), DIGITS[:1], "all 1 samples are the same"),
        (PCA(), [[0.0, np.nan], [1.0, 2.0]], r"X\[0, 1\] is nan"),
    ],
)
def test_bad_input(model, rows, sentence):
    with pytest.raises(LabError, match=sentence):
        model.fit(rows)


def test_what_is_not_fitted_or_of_another_width_is_refused():
    with pytest.raises(LabError, match="this PCA is not fitted yet"):
        PCA().transform(DIGITS)
    with pytest.raises(LabError, match="X has 64 features; this one was fitted to 3"):
        PCA(3).fit(DIGITS).inverse_transform(DIGITS)
