"""KMeans against scikit-learn's, against plain arithmetic, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn import cluster
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from rl_lab.data import texts
from rl_lab.errors import LabError
from rl_lab.lessons import cluster_tasks
from rl_lab.unsupervised import KMeans, blocks, lloyd
from rl_lab.unsupervised.kmeans import _compiled

DIGITS = load_digits().data
BLOBS = make_blobs(700, 3, centers=9, random_state=4)[0] + 1e5  # far from zero, where squares drown differences


def of_fortunes():
    if not (texts.FORTUNES / "zippy").exists():
        pytest.skip("Debian's fortunes are not installed: make data")
    return cluster_tasks.fortunes().rows


@pytest.mark.parametrize(
    ("samples", "clusters"),
    [(lambda: DIGITS, 10), (lambda: BLOBS, 9), (of_fortunes, 11)],
    ids=["digits", "blobs", "fortunes"],
)
def test_inertia_is_within_one_percent_of_scikit_learns(samples, clusters):
    rows = samples()
    for seed in range(2):
        ours = KMeans(clusters, n_init=20, random_state=seed).fit(rows)
        theirs = cluster.KMeans(clusters, n_init=20, random_state=seed).fit(rows)
        assert ours.inertia_ <= 1.01 * theirs.inertia_
        assert ours.inertia_ >= 0.99 * theirs.inertia_


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200), st.integers(1, 11), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_what_is_fitted_is_a_fixed_point(count, width, clusters, seed):
    rows = np.random.default_rng(seed).normal(size=(count, width))
    clusters = min(clusters, count)
    fitted = KMeans(clusters, n_init=1, tol=0.0, random_state=seed % 1000).fit(rows)
    squares = cdist(rows, fitted.cluster_centers_, "sqeuclidean")
    np.testing.assert_allclose(squares[np.arange(count), fitted.labels_], squares.min(axis=1), atol=1e-9)
    np.testing.assert_allclose(fitted.inertia_, squares.min(axis=1).sum(), atol=1e-9)
    assert set(fitted.labels_) == set(range(clusters))
    for k in range(clusters):
        np.testing.assert_allclose(fitted.cluster_centers_[k], rows[fitted.labels_ == k].mean(axis=0), atol=1e-9)


@pytest.mark.parametrize("clusters", [3, 10])
def test_lloyds_steps_are_scikit_learns_from_the_same_centres(clusters):
    rows = DIGITS - DIGITS.mean(axis=0)
    begin = rows[np.random.default_rng(clusters).choice(len(rows), clusters, replace=False)]
    theirs = cluster.KMeans(clusters, init=begin, n_init=1, tol=0.0).fit(rows)
    centers, labels = begin.copy(), np.empty(len(rows), np.int64)
    inertia, steps = _lloyd(rows, centers, labels)
    np.testing.assert_allclose(inertia, theirs.inertia_, rtol=1e-9)
    np.testing.assert_array_equal(labels, theirs.labels_)
    assert abs(steps - theirs.n_iter_) <= 1  # theirs counts the last step, which changes nothing, differently


def _lloyd(rows, centers, labels):
    return _compiled(lloyd.lloyd)(lloyd.points(rows), centers, labels, 300, 0.0)


def test_an_empty_cluster_gets_the_farthest_sample():
    rows = np.array([[0.0], [1.0], [2.0], [9.0], [10.0], [30.0]])
    centers, labels = np.array([[1.0], [9.0], [500.0]]), np.empty(6, np.int64)
    theirs = cluster.KMeans(3, init=centers.copy(), n_init=1).fit(rows)
    inertia, _ = _lloyd(rows, centers, labels)
    np.testing.assert_allclose(inertia, theirs.inertia_)
    np.testing.assert_allclose(np.sort(centers[:, 0]), [1.0, 9.5, 30.0])


def test_compiled_or_not_the_kernels_compute_the_same():
    rows = np.random.default_rng(0).normal(size=(70, 6))
    draws = np.random.default_rng(1).random((5, 3))
    centers, plain = np.empty((5, 6)), np.empty((5, 6))
    _compiled(lloyd.spread)(lloyd.points(rows), draws, centers)
    lloyd.spread(lloyd.points(rows), draws, plain)
    np.testing.assert_array_equal(centers, plain)
    labels, others = np.empty(70, np.int64), np.empty(70, np.int64)
    compiled = _compiled(lloyd.lloyd)(lloyd.points(rows), centers, labels, 300, 0.0)
    np.testing.assert_allclose(compiled, lloyd.lloyd(lloyd.points(rows), plain, others, 300, 0.0))
    np.testing.assert_array_equal(labels, others)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 11), st.integers(1, 11), st.integers(0, 2**32 - 1))
def test_products_of_blocks_are_numpys(rows, features, seed):
    rng = np.random.default_rng(seed)
    matrix, source, target = rng.normal(size=(rows, features)), rng.normal(size=(features, 64)), np.empty((rows, 64))
    blocks.multiply(matrix, False, source, target)
    np.testing.assert_allclose(target, matrix @ source, atol=1e-12)
    square, other = rng.normal(size=(features, features)), np.empty((features, 64))
    blocks.multiply(np.tril(square), True, source, other)
    np.testing.assert_allclose(other, np.tril(square) @ source, atol=1e-12)
    added = square.copy()
    blocks.add_outer(source, other, added)
    np.testing.assert_allclose(np.tril(added), np.tril(square + source @ other.T), atol=1e-10)


def test_the_rest_is_scikit_learns_too():
    ours = KMeans(10, random_state=3).fit(DIGITS[:900])
    theirs = cluster.KMeans(10, init=ours.cluster_centers_, n_init=1, max_iter=1).fit(DIGITS[:900])
    unseen = DIGITS[900:]
    theirs.cluster_centers_ = ours.cluster_centers_
    np.testing.assert_array_equal(ours.predict(unseen), theirs.predict(unseen))
    np.testing.assert_array_equal(ours.predict(DIGITS[:900]), ours.labels_)
    np.testing.assert_allclose(ours.transform(unseen), theirs.transform(unseen))
    np.testing.assert_allclose(ours.score(unseen), theirs.score(unseen))
    again = clone(ours).fit(DIGITS[:900])
    assert again.cluster_centers_.tobytes() == ours.cluster_centers_.tobytes()  # same seed, same bytes
    assert repr(KMeans(3, tol=0.5)) == "KMeans(n_clusters=3, tol=0.5)"
    assert make_pipeline(StandardScaler(), KMeans(4)).fit_predict(DIGITS).max() == 3
    assert get_tags(ours).transformer_tags is not None  # without them `check_estimator` ends at its first check


@pytest.mark.parametrize(
    ("model", "rows", "sentence"),
    [
        (KMeans(7), np.arange(12.0).reshape(6, 2), "n_clusters=7 is more than the 6 samples; ask for at most 6"),
        (KMeans(3), np.repeat([[1.0, 2.0], [3.0, 4.0]], 9, axis=0), "n_clusters=3 is more than the 2 distinct samples"),
        (KMeans(2), np.ones((5, 2)), "n_clusters=2 is more than the 1 distinct samples"),
        (KMeans(0), DIGITS, "n_clusters=0 is not allowed; it must be a whole number of at least 1"),
        (KMeans(2.5), DIGITS, "n_clusters=2.5 is not allowed"),
        (KMeans(n_init=0), DIGITS, "n_init=0 is not allowed"),
        (KMeans(tol=-1.0), DIGITS, "tol=-1.0 is not allowed"),
        (KMeans(2), [[0.0, 1.0], [np.nan, 0.0]], r"X\[1, 0\] is nan; every number must be finite"),
        (KMeans(2), [[0.0, np.inf], [1.0, 0.0]], r"X\[0, 1\] is inf"),
        (KMeans(2), [["a", "b"]], "X cannot be read as numbers"),
        (KMeans(2), [1.0, 2.0], r"X has shape \(2,\); it must be \(samples, features\)"),
        (KMeans(2), np.empty((0, 3)), r"X has shape \(0, 3\)"),
    ],
)
def test_bad_input(model, rows, sentence):
    with pytest.raises(LabError, match=sentence):
        model.fit(rows)


def test_what_is_not_fitted_or_of_another_width_is_refused():
    with pytest.raises(LabError, match="this KMeans is not fitted yet"):
        KMeans().predict(DIGITS)
    with pytest.raises(LabError, match="X has 3 features; this one was fitted to 64"):
        KMeans(2, n_init=1).fit(DIGITS).predict(DIGITS[:, :3])
    with pytest.raises(LabError, match="KMeans has no parameter 'clusters'"):
        KMeans().set_params(clusters=3)
