"""A regressor on the core: perceptrons in layers, and linear outputs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError
from rl_lab.supervised import losses
from rl_lab.supervised.estimator import Estimator, even
from rl_lab.supervised.training import History, TrainingSamples
from rl_lab.validation import real_array


@dataclass(eq=False, repr=False)
class Regressor(Estimator):
    """Learns numbers; names and conventions are those of scikit-learn, parameters those of `Estimator`.

    Example:
        >>> X = np.linspace(-1, 1, 200)[:, None]
        >>> line = Regressor((), learning_rate_init=0.01, tol=0).fit(X, 2 * X[:, 0] + 1)
        >>> np.round(line.predict([[0.5]]), 2)
        array([2.], dtype=float32)
    """

    loss = staticmethod(losses.squared_error)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._flat: bool

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        network: MLP | None = None,
        validation: tuple[ArrayLike, ArrayLike] | None = None,
        report: Callable[[History], None] | None = None,
    ) -> Self:
        """Learn.

        Args:
            X: samples `(samples, features)`.
            y: numbers `(samples,)` or `(samples, outputs)`.
            sample_weight: how much each counts, `(samples,)`.
            network: trained in place, from the weights that it has, instead of a new one.
            validation: samples and numbers held out, in place of a part of `X`.
            report: called with the history after each epoch.

        Raises:
            LabError: a shape is wrong, or a number is not finite.
        """
        targets = self._targets(y)
        self._both(X, targets)
        with self._unless_refused():
            self._check_names(X, fitting=True)
            self._flat = targets.ndim == 1
            samples = self._given(X, targets, self._weights(sample_weight, len(targets)))
            self._fit(samples, samples.targets.shape[1], network, validation, report)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float32]:
        """Numbers `(samples,)`, or `(samples, outputs)` where `y` was so."""
        outputs = self.outputs(X)
        return outputs[:, 0] if self._flat else outputs

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """R²: 1 is perfect, 0 as good as the mean of `y`; the mean over outputs."""
        targets = self._targets(y)
        self._both(X, targets)
        weights, predicted = self._weights(sample_weight, len(targets)), self.predict(X)
        if targets.size != predicted.size:
            raise LabError(f"y has shape {targets.shape}, and predictions have {predicted.shape}; give as many numbers")
        return _explained(predicted, targets, weights)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn's own tools ask an estimator."""
        from sklearn.utils import RegressorTags, Tags, TargetTags

        return Tags("regressor", TargetTags(required=True), regressor_tags=RegressorTags())

    @staticmethod
    def _targets(y: ArrayLike) -> NDArray[np.float32]:
        targets = real_array("y", y, "it must be (samples,) or (samples, outputs)")
        if targets.ndim not in (1, 2):
            raise LabError(f"y has shape {targets.shape}; it must be (samples,) or (samples, outputs)")
        if not np.isfinite(targets).all():
            place = np.argwhere(~np.isfinite(targets))[0]
            raise LabError(f"y{place.tolist()} is {targets[tuple(place)]}; every number must be finite")
        return targets

    def _given(self, X: ArrayLike, y: ArrayLike, weights: NDArray[np.float64] | None = None) -> TrainingSamples:
        targets = self._targets(y)
        rows = self._both(X, targets)
        return TrainingSamples(rows, targets.reshape(len(rows), -1), even(weights, len(rows)))

    def _score(self, outputs: np.ndarray, samples: TrainingSamples) -> float:
        return _explained(outputs, samples.targets, np.ones(len(outputs)))

    def _header(self) -> dict[str, Any]:
        return super()._header() | {"flat": self._flat}

    def _restore(self, header: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        super()._restore(header, tensors)
        self._flat = bool(header["flat"])


def _explained(outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    """R², averaged over outputs; an output that never varies counts 1 where it is met and 0 where not."""
    outputs, targets = (np.reshape(array, (len(targets), -1)).astype(np.float64) for array in (outputs, targets))
    missed = np.average((targets - outputs) ** 2, axis=0, weights=weights)
    spread = np.average((targets - np.average(targets, axis=0, weights=weights)) ** 2, axis=0, weights=weights)
    scores = np.where(spread > 0, 1 - missed / np.where(spread > 0, spread, 1), (missed == 0).astype(float))
    return float(scores.mean())
