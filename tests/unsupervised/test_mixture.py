"""GaussianMixture against scikit-learn's likelihoods and steps, and what it refuses."""

import warnings

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn import mixture
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.metrics import adjusted_rand_score

from rl_lab.data.processes import SIDE_BY_SIDE, draw
from rl_lab.errors import LabError
from rl_lab.unsupervised import PCA, GaussianMixture, expectation
from rl_lab.unsupervised.blocks import LANES, in_blocks
from rl_lab.unsupervised.mixture import SHORT, Distributions, _compiled

DIGITS = PCA(13).fit_transform(load_digits().data)
BLOBS = make_blobs(400, 5, centers=4, random_state=2)[0] + 1e4  # far from zero
KINDS = ("full", "diag")


def scikit_learns(ours, **settings):
    """scikit-learn's mixture, begun where ours is."""
    full = ours.covariance_type == "full"
    return mixture.GaussianMixture(
        ours.n_components,
        covariance_type=ours.covariance_type,
        weights_init=ours.weights_,
        means_init=ours.means_,
        precisions_init=np.linalg.inv(ours.covariances_) if full else 1 / ours.covariances_,
        **settings,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_scikit_learns(kind):
    before = GaussianMixture(6, covariance_type=kind, tol=0.0, max_iter=SHORT + 2).fit(DIGITS)
    after = GaussianMixture(6, covariance_type=kind, tol=0.0, max_iter=SHORT + 3).fit(DIGITS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a single step does not converge
        theirs = scikit_learns(before, max_iter=1).fit(DIGITS)
    np.testing.assert_allclose(after.weights_, theirs.weights_, rtol=1e-8)
    np.testing.assert_allclose(after.means_, theirs.means_, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(after.covariances_, theirs.covariances_, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(after.lower_bound_, theirs.lower_bound_, rtol=1e-10)
    unseen = DIGITS + 0.5
    np.testing.assert_allclose(after.score_samples(unseen), theirs.score_samples(unseen), rtol=1e-8)
    np.testing.assert_allclose(after.predict_proba(unseen), theirs.predict_proba(unseen), atol=1e-7)
    np.testing.assert_array_equal(after.predict(unseen), theirs.predict(unseen))
    np.testing.assert_allclose(after.bic(unseen), theirs.bic(unseen), rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("samples", [DIGITS, BLOBS], ids=["digits", "blobs"])
def test_likelihood_is_no_less_than_scikit_learns(kind, samples):
    ours = GaussianMixture(4, covariance_type=kind, n_init=4).fit(samples)
    theirs = mixture.GaussianMixture(4, covariance_type=kind, n_init=4, random_state=0).fit(samples)
    assert ours.converged_
    assert ours.score(samples) > theirs.score(samples) - 0.01
    further = scikit_learns(ours).fit(samples)  # which finds nothing left to climb
    assert abs(further.score(samples) - ours.score(samples)) < 10 * ours.tol


def test_each_step_is_likelier():
    steps = range(SHORT, SHORT + 8)  # before, two starts compete
    scores = [GaussianMixture(5, max_iter=most, tol=0.0).fit(DIGITS).lower_bound_ for most in steps]
    assert (np.diff(scores) > -1e-9).all()


def test_long_clusters_are_told_apart_where_starts_from_k_means_fail():
    for seed in range(3):
        points, made_by = draw(SIDE_BY_SIDE, 600, np.random.default_rng(seed))
        found = GaussianMixture(2, n_init=8, random_state=seed).fit_predict(points)
        assert adjusted_rand_score(made_by, found) > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_of_the_mixture(kind):
    fitted = GaussianMixture(3, covariance_type=kind).fit(BLOBS)
    samples, components = fitted.sample(40_000, random_state=1)
    for k in range(3):
        drawn = samples[components == k]
        covariance = fitted.covariances_[k] if kind == "full" else np.diag(fitted.covariances_[k])
        error = np.sqrt(np.diag(covariance) / len(drawn))
        assert abs(len(drawn) / 40_000 - fitted.weights_[k]) < 0.02
        assert (np.abs(drawn.mean(axis=0) - fitted.means_[k]) < 5 * error).all()
        np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=0.06 * np.diag(covariance).max())
    again, _ = fitted.sample(40_000, random_state=1)
    assert again.tobytes() == samples.tobytes()
    assert abs(fitted.score(samples) - fitted.score(BLOBS)) < 0.1


def test_densities_far_out_are_no_zeros():
    fitted = GaussianMixture(2).fit(BLOBS)
    far = BLOBS[:3] + 1e6
    scores = fitted.score_samples(far)
    assert np.isfinite(scores).all()
    expected = [
        np.log(weight) + multivariate_normal(mean, covariance).logpdf(far)
        for weight, mean, covariance in zip(fitted.weights_, fitted.means_, fitted.covariances_, strict=True)
    ]
    np.testing.assert_allclose(scores, np.logaddexp(*expected), rtol=1e-6)
    np.testing.assert_allclose(fitted.predict_proba(far).sum(axis=1), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_compiled_or_not_a_step_is_the_same(kind):
    rows = BLOBS[: LANES + 9, :3]
    fitted = GaussianMixture(2, covariance_type=kind, max_iter=2).fit(rows)
    densities = fitted._as_densities(Distributions(fitted.weights_, fitted.means_, fitted.covariances_))
    ours, plain = fitted._room(3), fitted._room(3)
    code = {"full": expectation.FULL, "diag": expectation.DIAGONAL}[kind]
    likelihood = _compiled(expectation.step, code)(len(rows), in_blocks(rows), densities, ours)
    np.testing.assert_allclose(likelihood, expectation.step(code, len(rows), in_blocks(rows), densities, plain))
    for compiled, other in zip(ours, plain, strict=True):
        np.testing.assert_allclose(np.tril(compiled), np.tril(other), rtol=1e-7, atol=1e-7)


def test_parameters_and_seeds():
    ours = GaussianMixture(3, covariance_type="diag", random_state=5).fit(BLOBS)
    assert clone(ours).fit(BLOBS).means_.tobytes() == ours.means_.tobytes()
    assert repr(ours) == "GaussianMixture(n_components=3, covariance_type='diag', random_state=5)"


@pytest.mark.parametrize(
    ("model", "rows", "sentence"),
    [
        (GaussianMixture(9), BLOBS[:8], "n_components=9 is more than the 8 samples"),
        (GaussianMixture(2), np.ones((8, 2)), "n_components=2 is more than the 1 distinct samples"),
        (GaussianMixture(0), BLOBS, "n_components=0 is not allowed"),
        (
            GaussianMixture(2, covariance_type="round"),
            BLOBS,
            "covariance_type='round' is not allowed; it is one of full, diag",
        ),
        (GaussianMixture(2, reg_covar=-1.0), BLOBS, "reg_covar=-1.0 is not allowed"),
        (GaussianMixture(1, reg_covar=0.0), np.ones((8, 2)), "a covariance is singular.*raise reg_covar, which is 0"),
        (GaussianMixture(1, reg_covar=0.0, covariance_type="diag"), np.ones((8, 2)), "a covariance is singular"),
        (GaussianMixture(1), [[0.0, np.nan]], r"X\[0, 1\] is nan"),
    ],
)
def test_bad_input(model, rows, sentence):
    with pytest.raises(LabError, match=sentence):
        model.fit(rows)


def test_covariances_that_do_not_fit_into_memory_are_refused(monkeypatch):
    monkeypatch.setattr("rl_lab.memory.available", lambda: 2.0**20)
    rows = np.random.default_rng(0).normal(size=(20, 300))
    with pytest.raises(LabError, match=r"n_components=2 with full covariances of 300 features needs .*'diag', or k-"):
        GaussianMixture(2).fit(rows)
    assert GaussianMixture(2, covariance_type="diag").fit(rows).covariances_.shape == (2, 300)


def test_what_is_not_fitted_is_refused():
    for use in (lambda: GaussianMixture().predict(BLOBS), lambda: GaussianMixture().sample(3)):
        with pytest.raises(LabError, match="not fitted yet"):
            use()
    with pytest.raises(LabError, match="n_samples=0 is not allowed"):
        GaussianMixture().fit(BLOBS).sample(0)
