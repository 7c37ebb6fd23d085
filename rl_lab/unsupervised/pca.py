"""Principal components: the directions along which samples differ most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_lab.errors import LabError
from rl_lab.estimators import Parameters
from rl_lab.numbers import whole


@dataclass(eq=False, repr=False)
class PCA(Parameters):
    """Principal components by singular values; names, conventions and signs are those of scikit-learn.

    The sign of a component is free; here its number that is greatest in absolute value is positive.

    Args:
        n_components: how many; a fraction below 1 asks for as many as explain that part of the variance; None is all.

    Attributes:
        components_: float64 `(components, features)`, of length 1, at right angles, those of most variance first.
        explained_variance_: float64 `(components,)`.
        explained_variance_ratio_: float64 `(components,)`, as part of the variance of all features.
        singular_values_: float64 `(components,)`.
        mean_: float64 `(features,)`.
        n_components_: how many there are.

    Example:
        >>> line = PCA(1).fit([[0, 0], [1, 2], [2, 4]])
        >>> (line.components_ * 5**0.5).round(9).tolist(), line.explained_variance_ratio_.tolist()
        ([[1.0, 2.0]], [1.0])
    """

    precision: ClassVar[Any] = np.float64

    n_components: int | float | None = None

    def __post_init__(self) -> None:
        self.components_: NDArray[np.float64]
        self.explained_variance_: NDArray[np.float64]
        self.explained_variance_ratio_: NDArray[np.float64]
        self.singular_values_: NDArray[np.float64]
        self.mean_: NDArray[np.float64]
        self.n_components_: int
        self.n_features_in_: int

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the components of samples `(samples, features)`; `y` is not looked at.

        Raises:
            LabError: there are fewer than two distinct samples, or fewer samples or features than components.
        """
        rows = self._rows(X)
        if (rows == rows[0]).all():
            raise LabError(f"all {len(rows)} samples are the same; there is no direction along which they differ")
        self._check(min(rows.shape))
        mean = rows.mean(axis=0)
        _, values, directions = np.linalg.svd(rows - mean, full_matrices=False)
        greatest = np.abs(directions).argmax(axis=1)
        directions *= np.sign(directions[np.arange(len(directions)), greatest])[:, None]
        variances = values**2 / (len(rows) - 1)
        shares = (values / values[0]) ** 2  # of the greatest variance; tiny variances themselves may underflow to 0
        ratios = shares / shares.sum()
        kept = self._kept(ratios)
        self.mean_, self.n_components_, self.n_features_in_ = mean, kept, rows.shape[1]
        self.components_, self.singular_values_ = directions[:kept], values[:kept]
        self.explained_variance_, self.explained_variance_ratio_ = variances[:kept], ratios[:kept]
        self._check_names(X, fitting=True)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Places of samples along the components, `(samples, components)`."""
        self._check_fitted()
        return (self._fitted_rows(X) - self.mean_) @ self.components_.T

    def fit_transform(self, X: ArrayLike, y: Any = None) -> NDArray[np.float64]:
        """`fit`, and then `transform`."""
        return self.fit(X).transform(X)

    def inverse_transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Samples `(samples, features)` from their places along the components, `(samples, components)`."""
        self._check_fitted()
        return self._rows(X, self.n_components_) @ self.components_ + self.mean_

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn's own tools ask an estimator."""
        from sklearn.utils import Tags, TargetTags, TransformerTags

        return Tags("transformer", TargetTags(required=False), transformer_tags=TransformerTags())

    def _check(self, most: int) -> None:
        if self.n_components is None or self._is_fraction():
            return
        if not whole(self.n_components, 1) or self.n_components > most:
            raise LabError(
                f"n_components={self.n_components!r} is not allowed; it must be a whole number of 1 to {most}, "
                "the lesser of samples and features, or a fraction between 0 and 1"
            )

    def _is_fraction(self) -> bool:
        return isinstance(self.n_components, (float, np.floating)) and 0 < self.n_components < 1

    def _kept(self, ratios: NDArray[np.float64]) -> int:
        if self.n_components is None:
            return len(ratios)
        if self._is_fraction():
            return min(int(np.searchsorted(np.cumsum(ratios), self.n_components, side="right")) + 1, len(ratios))
        return int(self.n_components)

    def _check_fitted(self) -> None:
        if not hasattr(self, "components_"):
            raise LabError("this PCA is not fitted yet; call fit(X) first")
