"""Gaussian mixtures: samples drawn from several normal distributions, and which of them is behind each."""

from __future__ import annotations

import functools
import math
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_lab import jit
from rl_lab.errors import LabError
from rl_lab.estimators import Parameters
from rl_lab.memory import check_memory
from rl_lab.numbers import whole
from rl_lab.unsupervised import expectation
from rl_lab.unsupervised.blocks import in_blocks
from rl_lab.unsupervised.expectation import DIAGONAL, FULL, Mixture, Sums
from rl_lab.unsupervised.kmeans import KMeans, check_distinct, nearest

SHORT = 10  # steps of EM by which a start is judged
SAME = 1e-4  # relative difference of inertias below which k-means has ended in the same place
KINDS = {"full": FULL, "diag": DIAGONAL}


class Distributions(NamedTuple):
    """The parameters of a mixture."""

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]


class Run(NamedTuple):
    """Where one start of EM ended."""

    likelihood: float  # mean log likelihood of a sample
    end: Distributions
    steps: int
    converged: bool


@dataclass(eq=False, repr=False)
class GaussianMixture(Parameters):
    """A mixture of normal distributions, fitted by EM; names and conventions are those of scikit-learn.

    Where to start is found by short runs, as in C. Biernacki, G. Celeux and G. Govaert, "Choosing starting values for
    the EM algorithm for getting the highest likelihood in multivariate Gaussian mixture models", 2003.

    Args:
        n_components: how many distributions.
        covariance_type: "full", or "diag" where features are taken to be independent within a component.
        tol: a run ends when the mean log likelihood grows by less.
        reg_covar: added to variances, so that no component shrinks to a point.
        max_iter: the most steps of a run.
        n_init: how often to start; the likeliest end is kept. A start is the likelier of two after a few steps, one
            from the clusters of k-means, unless these were met before, and one from clusters around samples that are
            drawn: k-means alone leads to the same place again and again, and to a wrong one where clusters are long.
        random_state: seed of what is drawn.

    Attributes:
        weights_: float64 `(components,)`, how often a sample comes from each.
        means_: float64 `(components, features)`.
        covariances_: float64 `(components, features, features)`, or `(components, features)` for "diag".
        lower_bound_: mean log likelihood of a sample before the last step of the run that was kept.
        n_iter_: steps of that run.
        converged_: whether it ended before `max_iter`.

    Example:
        >>> fitted = GaussianMixture(2).fit([[1.0, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
        >>> sorted(fitted.means_.round(6).tolist())
        [[1.0, 2.0], [10.0, 2.0]]
    """

    precision: ClassVar[Any] = np.float64

    n_components: int = 1
    _: KW_ONLY
    covariance_type: str = "full"
    tol: float = 1e-3
    reg_covar: float = 1e-6
    max_iter: int = 100
    n_init: int = 1
    random_state: int = 0

    def __post_init__(self) -> None:
        self.weights_: NDArray[np.float64]
        self.means_: NDArray[np.float64]
        self.covariances_: NDArray[np.float64]
        self.lower_bound_: float
        self.n_iter_: int
        self.converged_: bool
        self.n_features_in_: int

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the mixture behind samples `(samples, features)`; `y` is not looked at.

        Raises:
            LabError: a parameter is not allowed, a number is not finite, there are fewer distinct samples than
                components, a covariance is singular, or the covariances do not fit into memory.
        """
        self._check()
        rows = self._rows(X)
        check_distinct(rows, self.n_components, "n_components")
        if self.covariance_type == "full":
            count, width = self.n_components, rows.shape[1]
            what = f"a mixture of n_components={count} with full covariances of {width} features"
            check_memory(
                24.0 * count * width * width, what, "leave out features, take covariance_type='diag', or k-means"
            )
        samples = in_blocks(rows)
        rng = np.random.default_rng(self.random_state)
        known: list[float] = []
        runs = [self._run(rows, samples, rng, known) for _ in range(self.n_init)]
        best = max(runs, key=lambda run: run.likelihood)
        self.weights_, self.means_, self.covariances_ = best.end
        self.lower_bound_, self.n_iter_, self.converged_ = best.likelihood, best.steps, best.converged
        self.n_features_in_ = rows.shape[1]
        self._check_names(X, fitting=True)
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """How probably each component is behind each sample, `(samples, components)`."""
        return self._judged(X)[0]

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """The most probable component of each sample, `(samples,)`."""
        return self.predict_proba(X).argmax(axis=1)

    def fit_predict(self, X: ArrayLike, y: Any = None) -> NDArray[np.int64]:
        """`fit`, and then `predict`."""
        return self.fit(X).predict(X)

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Log likelihood of each sample, `(samples,)`."""
        return self._judged(X)[1]

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Mean log likelihood of the samples."""
        return float(self.score_samples(X).mean())

    def bic(self, X: ArrayLike) -> float:
        """Bayesian information criterion: less is better (G. Schwarz, "Estimating the dimension of a model", 1978)."""
        likelihoods = self.score_samples(X)
        return self.free_parameters * math.log(len(likelihoods)) - 2 * float(likelihoods.sum())

    @property
    def free_parameters(self) -> int:
        """How many numbers can be chosen freely: weights, means and covariances."""
        features = self.n_features_in_
        of_covariance = features * (features + 1) // 2 if self.covariance_type == "full" else features
        return self.n_components * (1 + features + of_covariance) - 1

    def sample(self, n_samples: int = 1, random_state: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Draw samples from the mixture.

        Args:
            n_samples: how many.
            random_state: seed.

        Returns:
            The samples, `(n_samples, features)`, and the component of each, `(n_samples,)`.
        """
        self._check_fitted()
        if not whole(n_samples, 1):
            raise LabError(f"n_samples={n_samples!r} is not allowed; it must be a whole number of at least 1")
        rng = np.random.default_rng(random_state)
        components = rng.choice(self.n_components, n_samples, p=self.weights_)
        noise = rng.standard_normal((n_samples, self.n_features_in_))
        if self.covariance_type == "diag":
            return self.means_[components] + np.sqrt(self.covariances_[components]) * noise, components
        factors = np.linalg.cholesky(self.covariances_)
        return self.means_[components] + np.einsum("nij,nj->ni", factors[components], noise), components

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn's own tools ask an estimator."""
        from sklearn.utils import Tags, TargetTags

        return Tags("density_estimator", TargetTags(required=False))

    def _run(
        self, rows: NDArray[np.float64], samples: NDArray[np.float64], rng: np.random.Generator, known: list[float]
    ) -> Run:
        """EM from the likelier of two starts; `known` are the inertias of k-means that were started from already."""
        drawn = rows[rng.choice(len(rows), self.n_components, replace=False)]
        starts = [self._begun(nearest(rows, drawn), drawn, samples)]
        kmeans = KMeans(self.n_components, n_init=1, random_state=int(rng.integers(2**32))).fit(rows)
        if not any(math.isclose(kmeans.inertia_, inertia, rel_tol=SAME) for inertia in known):
            starts.insert(0, self._begun(kmeans.labels_, kmeans.cluster_centers_, samples))
            known.append(kmeans.inertia_)
        short = min(SHORT, self.max_iter)
        tried = max(
            (self._climbed(start, short, len(rows), samples) for start in starts), key=lambda run: run.likelihood
        )
        if tried.converged or short == self.max_iter:
            return tried
        run = self._climbed(tried.end, self.max_iter - short, len(rows), samples)
        return run._replace(steps=run.steps + short)

    def _begun(
        self, labels: NDArray[np.int64], centers: NDArray[np.float64], samples: NDArray[np.float64]
    ) -> Distributions:
        """The distributions of clusters."""
        sums = self._room(centers.shape[1])
        _compiled(expectation.start, KINDS[self.covariance_type])(labels, samples, centers, sums)
        return self._maximised(centers, sums)

    def _climbed(self, begin: Distributions, most: int, count: int, samples: NDArray[np.float64]) -> Run:
        """So many steps of EM, or fewer, where the likelihood grows no more."""
        step, sums = _compiled(expectation.step, KINDS[self.covariance_type]), self._room(begin.means.shape[1])
        at, likelihood, steps, converged = begin, -math.inf, 0, False
        while steps < most and not converged:
            steps += 1
            before, mixture = likelihood, self._as_densities(at)
            likelihood = float(step(count, samples, mixture, sums)) / count
            at = self._maximised(mixture.means, sums)
            converged = abs(likelihood - before) < self.tol
        return Run(likelihood, at, steps, converged)

    def _room(self, features: int) -> Sums:
        height = features if self.covariance_type == "full" else 1
        shapes = (self.n_components,), (self.n_components, features), (self.n_components, height, features)
        return Sums(*(np.zeros(shape) for shape in shapes))

    def _maximised(self, means: NDArray[np.float64], sums: Sums) -> Distributions:
        """Weights, means and covariances from sums around the means of the step before."""
        shares = sums.responsibilities + 10 * np.finfo(np.float64).eps  # as scikit-learn: never a division by zero
        shifts = sums.first / shares[:, None]
        seconds = sums.second / shares[:, None, None]
        if self.covariance_type == "diag":
            covariances = np.maximum(seconds[:, 0] - shifts**2, 0) + self.reg_covar
        else:
            lower = np.tril(seconds)
            covariances = lower + np.tril(lower, -1).transpose(0, 2, 1) - shifts[:, :, None] * shifts[:, None]
            covariances += self.reg_covar * np.eye(means.shape[1])
        return Distributions(shares / shares.sum(), means + shifts, covariances)

    def _as_densities(self, given: Distributions) -> Mixture:
        """What the kernels compute densities from."""
        weights, means, covariances = given
        try:
            if self.covariance_type == "diag":
                if not (covariances > 0).all():
                    raise np.linalg.LinAlgError
                whitening = 1 / np.sqrt(covariances[:, None])
                logs = np.log(whitening[:, 0])
            else:
                whitening = np.tril(np.linalg.inv(np.linalg.cholesky(covariances)))
                logs = np.log(np.diagonal(whitening, axis1=1, axis2=2))
        except np.linalg.LinAlgError:
            raise LabError(
                f"a covariance is singular, so the likelihood has no maximum; raise reg_covar, which is "
                f"{self.reg_covar:g}, use fewer components than {self.n_components}, or covariance_type='diag'"
            ) from None
        constants = np.log(weights) + logs.sum(axis=1) - 0.5 * means.shape[1] * math.log(2 * math.pi)
        return Mixture(np.ascontiguousarray(means), np.ascontiguousarray(whitening), constants)

    def _judged(self, X: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Responsibilities `(samples, components)` and log likelihoods `(samples,)`."""
        self._check_fitted()
        rows = self._fitted_rows(X)
        probabilities, likelihoods = np.empty((len(rows), self.n_components)), np.empty(len(rows))
        mixture = self._as_densities(Distributions(self.weights_, self.means_, self.covariances_))
        judge = _compiled(expectation.judge, KINDS[self.covariance_type])
        judge(len(rows), in_blocks(rows), mixture, probabilities, likelihoods)
        return probabilities, likelihoods

    def _check(self) -> None:
        self._check_whole(n_components=1, max_iter=1, n_init=1, random_state=0)
        self._check_at_least_0("tol", "reg_covar")
        if not isinstance(self.covariance_type, str) or self.covariance_type not in KINDS:
            raise LabError(f"covariance_type={self.covariance_type!r} is not allowed; it is one of {', '.join(KINDS)}")

    def _check_fitted(self) -> None:
        if not hasattr(self, "means_"):
            raise LabError("this GaussianMixture is not fitted yet; call fit(X) first")


@functools.cache
def _compiled(kernel: Any, kind: int) -> jit.Compiled:
    return jit.specialize(jit.fast(kernel), name=f"mixtures: {kernel.__name__}", kind=kind)
