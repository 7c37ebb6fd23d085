"""k-means: clusters around centres, so that samples lie near the centre of their own."""

from __future__ import annotations

import functools
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_lab import jit
from rl_lab.errors import LabError
from rl_lab.estimators import Parameters
from rl_lab.unsupervised import lloyd

SMALLEST = 1e-150  # difference of samples; the squares of smaller ones vanish


@dataclass(eq=False, repr=False)
class KMeans(Parameters):
    """Clusters around centres; names and conventions are those of scikit-learn.

    Args:
        n_clusters: how many clusters.
        n_init: how often to start anew, from centres drawn by k-means++; the run of least inertia is kept.
        max_iter: the most steps of a run.
        tol: a run ends when the centres move less, relative to the variance of the samples.
        random_state: seed of what is drawn.

    Attributes:
        cluster_centers_: float64 `(clusters, features)`.
        labels_: int64 `(samples,)`, the cluster of each sample that it was fitted to.
        inertia_: sum of the squared distances of these samples to their centres.
        n_iter_: steps of the run that was kept.

    Example:
        >>> fitted = KMeans(2).fit([[1.0, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
        >>> sorted(fitted.cluster_centers_.tolist())
        [[1.0, 2.0], [10.0, 2.0]]
    """

    precision: ClassVar[Any] = np.float64

    n_clusters: int = 8
    _: KW_ONLY
    n_init: int = 10
    max_iter: int = 300
    tol: float = 1e-4
    random_state: int = 0

    def __post_init__(self) -> None:
        self.cluster_centers_: NDArray[np.float64]
        self.labels_: NDArray[np.int64]
        self.inertia_: float
        self.n_iter_: int
        self.n_features_in_: int

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the clusters of samples `(samples, features)`; `y` is not looked at.

        Raises:
            LabError: a parameter is not allowed, a number is not finite, or there are fewer distinct samples than
                clusters.
        """
        self._check_whole(n_clusters=1, n_init=1, max_iter=1, random_state=0)
        self._check_at_least_0("tol")
        rows = self._rows(X)
        check_distinct(rows, self.n_clusters, "n_clusters")
        self._mean = rows.mean(axis=0)  # products of samples far from zero would lose what tells them apart
        samples = lloyd.points(rows - self._mean)
        tolerance = self.tol * float(samples.rows.var(axis=0).mean())
        rng = np.random.default_rng(self.random_state)
        self.inertia_ = np.inf
        for _ in range(self.n_init):
            centers, labels = np.empty((self.n_clusters, rows.shape[1])), np.empty(len(rows), np.int64)
            draws = rng.random((self.n_clusters, 2 + int(np.log(self.n_clusters))))  # as many as scikit-learn
            _compiled(lloyd.spread)(samples, draws, centers)
            inertia, steps = _compiled(lloyd.lloyd)(samples, centers, labels, self.max_iter, tolerance)
            if inertia < self.inertia_:
                self.inertia_, self.n_iter_, self.labels_, self._centers = float(inertia), int(steps), labels, centers
        self._check_names(X, fitting=True)
        self.cluster_centers_, self.n_features_in_ = self._centers + self._mean, rows.shape[1]
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """The nearest cluster of each sample, `(samples,)`."""
        return self._nearest(self._known(X))

    def fit_predict(self, X: ArrayLike, y: Any = None) -> NDArray[np.int64]:
        """`fit`, and then the cluster of each sample."""
        return self.fit(X).labels_

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Distances of samples to the centres, `(samples, clusters)`."""
        from scipy.spatial.distance import cdist

        return cdist(self._known(X), self.cluster_centers_)

    def fit_transform(self, X: ArrayLike, y: Any = None) -> NDArray[np.float64]:
        """`fit`, and then `transform`."""
        return self.fit(X).transform(X)

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Minus the sum of the squared distances of samples to their nearest centres: greater is better."""
        rows = self._known(X)
        return -float(((rows - self.cluster_centers_[self._nearest(rows)]) ** 2).sum())

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn's own tools ask an estimator."""
        from sklearn.utils import Tags, TargetTags, TransformerTags

        return Tags("clusterer", TargetTags(required=False), transformer_tags=TransformerTags())

    def _known(self, X: ArrayLike) -> NDArray[np.float64]:
        if not hasattr(self, "cluster_centers_"):
            raise LabError("this KMeans is not fitted yet; call fit(X) first")
        return self._fitted_rows(X)

    def _nearest(self, rows: NDArray[np.float64]) -> NDArray[np.int64]:
        return nearest(rows - self._mean, self._centers)


def nearest(rows: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which centre `(clusters, features)` lies nearest to each of the rows `(samples, features)`."""
    labels = np.full(len(rows), lloyd.NOWHERE)
    _compiled(lloyd.assign)(lloyd.points(rows), centers, labels)
    return labels


def check_distinct(rows: NDArray[np.float64], clusters: int, name: str) -> None:
    """Refuse to find more clusters than there are distinct samples.

    Raises:
        LabError: there are fewer.
    """
    if clusters > len(rows):
        raise LabError(f"{name}={clusters} is more than the {len(rows)} samples; ask for at most {len(rows)}")
    found = min(clusters, 1)
    if clusters > 1:
        found = len(np.unique(rows[: 4 * clusters], axis=0))
        found = found if found >= clusters else len(np.unique(rows, axis=0))
    if clusters > 1 and found >= clusters and np.ptp(rows, axis=0).max() < SMALLEST:
        raise LabError(
            f"the samples differ by less than {SMALLEST:g}, whose square is 0 in float64; scale the features up"
        )
    if found < clusters:
        raise LabError(f"{name}={clusters} is more than the {found} distinct samples; ask for at most {found}")


@functools.cache
def _compiled(kernel: Any) -> jit.Compiled:
    return jit.specialize(kernel, name=f"k-means: {kernel.__name__}")
