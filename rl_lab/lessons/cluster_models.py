"""scikit-learn's k-means and Gaussian mixtures as the cluster lesson uses them: settings, choice, agreement."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_lab.errors import LabError, extra
from rl_lab.memory import check_memory

METHODS = ("kmeans", "mixture")
STARTS = 20  # of k-means
STARTS_OF_EM = {"kmeans": 3, "random_from_data": 5}  # from clusters of k-means, and from drawn samples
FLOOR = 1e-4  # added to the variances of a mixture, as part of the mean variance of the features
TOLERANCE = 1e-4  # of mixtures: with 1e-3, EM stops on plateaus between long clusters
STEPS = 500  # of EM, at most
MOST_PAIRED = 2_000  # samples between which a silhouette computes distances


@dataclass(frozen=True)
class Choice:
    """A number of clusters, and why that one."""

    number: int
    """The number that was chosen or given."""
    fits: dict[int, Any]
    """The fitted estimators by their number of clusters."""
    criterion: str = ""
    """ "BIC" (the least is best) or "silhouette" (the greatest is best)."""
    scores: dict[int, float] = field(default_factory=dict)
    """The criterion by the number of clusters; empty where the number was given."""

    @property
    def fitted(self) -> Any:
        """The estimator with the chosen number of clusters."""
        return self.fits[self.number]


def fit(method: str, number: int, rows: NDArray[np.float64], seed: int) -> Any:
    """scikit-learn's `KMeans` ("kmeans") or `GaussianMixture` ("mixture"), fitted to `(samples, features)`.

    EM for a mixture starts from clusters of k-means and from drawn samples; the likeliest result is kept. Where
    clusters are long and lie side by side, all starts from k-means fail; on digits, drawn samples find less.

    Raises:
        LabError: scikit-learn is missing, there are fewer distinct samples than clusters, or the covariances do not fit
            into memory.
    """
    from threadpoolctl import threadpool_limits

    with extra("learn", "clustering"):
        from sklearn.cluster import KMeans
        from sklearn.mixture import GaussianMixture

    if number > (distinct := len(np.unique(rows, axis=0))):
        raise LabError(f"clusters={number} is more than the {distinct} distinct samples; ask for at most {distinct}")
    with threadpool_limits(1):  # sums in the same order on every machine; these products are too small for threads
        if method == "kmeans":
            return KMeans(number, n_init=STARTS, random_state=seed).fit(rows)
        features = rows.shape[1]
        what = f"a mixture of {number} clusters with the covariances of {features} features"
        check_memory(40.0 * number * features**2, what, "leave out features, or use k-means")
        floor = FLOOR * float(rows.var(axis=0).mean())
        settings = {"tol": TOLERANCE, "max_iter": STEPS, "reg_covar": floor, "random_state": seed}
        fits = [
            GaussianMixture(number, init_params=start, n_init=starts, **settings).fit(rows)
            for start, starts in STARTS_OF_EM.items()
        ]
    return max(fits, key=lambda fitted: fitted.lower_bound_)


def choose(method: str, numbers: Iterable[int], rows: NDArray[np.float64], seed: int) -> Choice:
    """Fit each number of clusters and choose one.

    Mixtures are chosen by the Bayesian information criterion (C. Fraley and A. Raftery, "How many clusters? Which
    clustering method?", 1998), which can find that there is one cluster only. k-means has no likelihood, so it is
    chosen by the mean silhouette (P. Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of
    cluster analysis", 1987), which needs at least two clusters.
    """
    fits = {number: fit(method, number, rows, seed) for number in numbers}
    if method == "mixture":
        scores = {number: float(fitted.bic(rows)) for number, fitted in fits.items()}
        return Choice(min(scores, key=scores.__getitem__), fits, "BIC", scores)
    scores = {number: silhouette(rows, fitted.labels_) for number, fitted in fits.items()}
    return Choice(max(scores, key=scores.__getitem__), fits, "silhouette", scores)


def silhouette(rows: NDArray[np.float64], labels: NDArray[np.integer]) -> float:
    """Mean silhouette; of more than 2,000 samples, 2,000 are drawn, and at least one of each cluster."""
    with extra("learn", "the silhouette"):
        from sklearn.metrics import silhouette_score

    if len(rows) > MOST_PAIRED:
        _, first = np.unique(labels, return_index=True)
        drawn = np.union1d(first, np.random.default_rng(0).permutation(len(rows))[:MOST_PAIRED])
        rows, labels = rows[drawn], labels[drawn]
    return float(silhouette_score(rows, labels))


def agreement(pairs: Iterable[tuple[NDArray[np.int64], NDArray[np.integer]]]) -> dict[str, Any]:
    """Adjusted Rand indices of labels and clusters, a pair for each seed, with their mean and its 95 % interval."""
    from rl_lab.compare.statistics import interval, mean

    with extra("learn", "the adjusted Rand index"):
        from sklearn.metrics import adjusted_rand_score

    scores = [float(adjusted_rand_score(labels, found)) for labels, found in pairs]
    low, high = (float(end) for end in interval(mean, scores))
    return {"mean": float(np.mean(scores)), "low": low, "high": high, "scores": scores}


def shown(agreement: dict[str, Any]) -> str:
    """The mean and its interval as text."""
    return f"{agreement['mean']:6.3f} [{agreement['low']:.3f}, {agreement['high']:.3f}]"
