"""How many clusters are there?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_lab.errors import LabError, extra
from rl_lab.estimators import check_report
from rl_lab.numbers import whole
from rl_lab.unsupervised.kmeans import KMeans
from rl_lab.unsupervised.mixture import GaussianMixture

MOST_PAIRED = 2_000  # samples whose distances to one another are computed


@dataclass(frozen=True)
class Choice:
    """A number of clusters, and why that one."""

    number: int
    """That was chosen."""
    criterion: str
    """By what: "BIC", of which the least is best, or "silhouette", of which the greatest is."""
    scores: dict[int, float]
    """The criterion for each number that was tried."""
    fitted: Any
    """The estimator with that number."""


def choose(
    model: KMeans | GaussianMixture,
    X: ArrayLike,
    numbers: Iterable[int],
    report: Callable[[int], None] | None = None,
) -> Choice:
    """Fit a model with each number of clusters and choose one.

    Mixtures are chosen by the Bayesian information criterion, the log likelihood less a price for each parameter
    (C. Fraley and A. Raftery, "How many clusters? Which clustering method?", 1998); it can find that there is one
    cluster only. k-means has no likelihood, so it is chosen by the mean silhouette, which compares each sample's
    distance to its own cluster with that to the next one (P. Rousseeuw, "Silhouettes: a graphical aid to the
    interpretation and validation of cluster analysis", 1987); it needs at least two clusters.

    Args:
        model: whose parameters are kept, apart from the number.
        X: samples `(samples, features)`.
        numbers: that are tried.
        report: called with each number, once it has been tried.

    Raises:
        LabError: no number is given, one is not allowed, or the silhouette's scikit-learn is missing.
    """
    is_mixture = isinstance(model, GaussianMixture)
    if not is_mixture and not isinstance(model, KMeans):
        raise LabError(f"model={model!r} is not supported; give a KMeans or a GaussianMixture")
    check_report(report, "the number that was tried")
    given = list(numbers) if isinstance(numbers, Iterable) else [numbers]
    if not all(whole(number, 0) for number in given):
        raise LabError(f"numbers={given} are not allowed; give whole numbers of clusters, such as range(2, 9)")
    tried, rows = sorted(set(given)), model._rows(X)
    least, most = (1, len(rows)) if is_mixture else (2, len(rows) - 1)
    if not tried or tried[0] < least or tried[-1] > most:
        raise LabError(f"numbers={tried} are not allowed; give numbers of clusters from {least} to {most}")
    name = "n_components" if is_mixture else "n_clusters"
    fits, scores = {}, {}
    for number in tried:
        fits[number] = fitted = type(model)(**{**model.get_params(), name: number}).fit(rows)
        scores[number] = fitted.bic(rows) if isinstance(fitted, GaussianMixture) else silhouette(rows, fitted.labels_)
        if report is not None:
            report(number)
    number = (min if is_mixture else max)(tried, key=lambda n: scores[n])
    fits[number]._check_names(X, fitting=True)
    return Choice(number, "BIC" if is_mixture else "silhouette", scores, fits[number])


def silhouette(rows: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean silhouette; of more than 2,000 samples, so many are drawn, and one of each cluster in any case."""
    with extra("learn", "the silhouette"):
        from sklearn.metrics import silhouette_score
    if len(rows) > MOST_PAIRED:
        _, first = np.unique(labels, return_index=True)
        drawn = np.union1d(first, np.random.default_rng(0).permutation(len(rows))[:MOST_PAIRED])
        rows, labels = rows[drawn], labels[drawn]
    return float(silhouette_score(rows, labels))
