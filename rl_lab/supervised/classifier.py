"""A classifier on the core: perceptrons in layers, and a softmax."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError, short
from rl_lab.supervised import losses
from rl_lab.supervised.estimator import Estimator, even
from rl_lab.supervised.training import History, TrainingSamples
from rl_lab.validation import refuse_masked


@dataclass(eq=False, repr=False)
class Classifier(Estimator):
    """Learns which of several classes a sample belongs to; names and conventions are those of scikit-learn.

    Args:
        class_weight: weights by class, or "balanced", by which each class counts the same; see `Estimator` for the
            others. Class by class, a `validation_fraction` of the samples is held out.

    Attributes:
        classes_: the classes, sorted; `predict_proba` has a column for each.

    Example:
        >>> X = [[0, 0], [0, 1], [1, 0], [1, 1]] * 8
        >>> xor = Classifier((8,), "tanh", learning_rate_init=0.05).fit(X, [a != b for a, b in X])
        >>> xor.predict([[0, 1], [1, 1]])
        array([ True, False])
    """

    loss = staticmethod(losses.cross_entropy)

    class_weight: Mapping[Any, float] | str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.classes_: NDArray[Any]

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        classes: ArrayLike | None = None,
        network: MLP | None = None,
        validation: tuple[ArrayLike, ArrayLike] | None = None,
        report: Callable[[History], None] | None = None,
    ) -> Self:
        """Learn.

        Args:
            X: samples `(samples, features)`.
            y: the class of each, `(samples,)`: numbers, bools or texts.
            sample_weight: how much each counts, `(samples,)`.
            classes: all that there are, where `y` may lack some.
            network: trained in place, from the weights that it has, instead of a new one.
            validation: samples and classes held out, in place of a part of `X`.
            report: called with the history after each epoch.

        Raises:
            LabError: a shape is wrong, a number is not finite, there is one class only, or a class is unknown.
        """
        labels = self._labels(y)
        self._both(X, labels)
        present = np.unique(labels)
        known = present if classes is None else np.unique(self._labels(classes, "classes"))
        if len(known) < 2:
            raise LabError(f"y holds one class only, {present.tolist()[0]!r}; there is nothing to tell apart")
        with self._unless_refused():
            self._check_names(X, fitting=True)
            self.classes_ = known
            weights = self._weights(sample_weight, len(labels)) * self._class_weights(labels)
            self._fit(self._given(X, labels, weights), len(self.classes_), network, validation, report)
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probabilities `(samples, classes)`, in the order of `classes_`."""
        outputs = self.outputs(X).astype(np.float64)
        shares = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each sample, `(samples,)`."""
        places = self.outputs(X).argmax(axis=1)
        return self.classes_[places]

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Accuracy: the share of samples whose class is predicted."""
        labels = self._labels(y)
        self._both(X, labels)
        self._check_fitted()
        if (labels.dtype.kind == "U") != (self.classes_.dtype.kind == "U"):
            raise LabError(
                f"y holds {short(labels.tolist())}, and the classes are {short(self.classes_.tolist())}; give labels "
                "of the same kind"
            )
        return float(np.average(self.predict(X) == labels, weights=self._weights(sample_weight, len(labels))))

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn's own tools ask an estimator."""
        from sklearn.utils import ClassifierTags, Tags, TargetTags

        return Tags("classifier", TargetTags(required=True), classifier_tags=ClassifierTags())

    @staticmethod
    def _labels(y: ArrayLike, name: str = "y") -> NDArray[Any]:
        refuse_masked(name, y)
        try:
            labels = np.asarray(y)
        except ValueError:
            raise LabError(f"{name} is ragged; it must be (samples,), a class for each") from None
        except RuntimeError as error:  # a tensor that requires gradients
            raise LabError(f"{name} cannot be read ({error}); it must be (samples,), a class for each") from None
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.ndim != 1 or len(labels) == 0:
            raise LabError(f"{name} has shape {labels.shape}; it must be (samples,), a class for each")
        if labels.dtype.kind not in "biufUO":
            raise LabError(f"{name} holds {labels.dtype}; classes must be texts, whole numbers or bools")
        if labels.dtype.kind == "U" and not isinstance(y, np.ndarray):  # NumPy makes text of mixed lists
            labels = np.array(y, object).reshape(labels.shape)
        if labels.dtype.kind == "O":
            labels = _of_one_kind(labels, name)
        if labels.dtype.kind == "f":
            odd = np.flatnonzero(~np.isfinite(labels) | (labels != np.round(labels)))
            if len(odd):
                known = "which is no class; for numbers there is a Regressor"
                why = f", {known}" if np.isfinite(labels[odd[0]]) else "; every class must be known"
                raise LabError(f"{name}[{odd[0]}] is {labels[odd[0]]}{why}")
        return labels

    def _class_weights(self, labels: NDArray[Any]) -> NDArray[np.float64]:
        """The weight of each sample's class, float64 `(samples,)`."""
        if self.class_weight is None:
            return np.ones(len(labels))
        present, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            return (len(labels) / (len(present) * counts))[places]
        if not isinstance(self.class_weight, Mapping):
            raise LabError(f"class_weight={self.class_weight!r} is not allowed; give 'balanced', a dict or None")
        if unknown := [name for name in self.class_weight if name not in present]:
            raise LabError(f"class_weight names {unknown[0]!r}, which is not among the classes {present.tolist()}")
        given = [self.class_weight.get(name, 1.0) for name in present.tolist()]
        numbers = all(isinstance(weight, (int, float, np.number)) for weight in given)
        weights = np.array(given, np.float64) if numbers else np.full(len(given), np.nan)
        if not (np.isfinite(weights) & (weights >= 0)).all():
            raise LabError(f"class_weight={self.class_weight!r} is not allowed; weights must be finite and at least 0")
        return weights[places]

    def _given(self, X: ArrayLike, y: ArrayLike, weights: NDArray[np.float64] | None = None) -> TrainingSamples:
        labels = self._labels(y)
        rows = self._both(X, labels)
        unknown = ~np.isin(labels, self.classes_)
        if unknown.any():
            raise LabError(
                f"class {labels[unknown].tolist()[0]!r} was not among those to learn, {self.classes_.tolist()}; "
                "leave it out, or name all classes"
            )
        places = np.searchsorted(self.classes_, labels).astype(np.int64)[:, None]
        return TrainingSamples(rows, places, even(weights, len(rows)))

    def _held_out(self, samples: TrainingSamples, rng: np.random.Generator) -> NDArray[np.bool_]:
        """The same fraction of each class, but never all of one."""
        held = np.zeros(len(samples.inputs), np.bool_)
        for place in range(len(self.classes_)):
            members = rng.permutation(np.flatnonzero(samples.targets[:, 0] == place))
            held[members[: min(round(self.validation_fraction * len(members)), len(members) - 1)]] = len(members) > 1
        return held

    def _score(self, outputs: np.ndarray, samples: TrainingSamples) -> float:
        return float((outputs.argmax(axis=1) == samples.targets[:, 0]).mean())

    def _header(self) -> dict[str, Any]:
        weights = self.class_weight
        pairs = list(weights.items()) if isinstance(weights, Mapping) else None
        classes = {"classes": self.classes_.tolist(), "dtype": self.classes_.dtype.str}
        return super()._header() | classes | {"class_weight": pairs}

    def _restore(self, header: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        super()._restore(header, tensors)
        self.classes_ = np.array(header["classes"], header["dtype"])
        if self.classes_.shape != (self.network_.sizes[-1],):
            raise ValueError("a class for each output")
        if header["class_weight"] is not None:  # whose keys JSON would turn into text
            self.class_weight = {name: value for name, value in header["class_weight"]}


def _of_one_kind(labels: NDArray[Any], name: str) -> NDArray[Any]:
    """Labels of any kind as an array of one: texts, whole numbers or bools."""
    kinds = {type(label).__name__ for label in labels.tolist()}
    if len(kinds) > 1 or not isinstance(labels[0], (str, int, float, bool)):
        missing = [place for place, label in enumerate(labels.tolist()) if not isinstance(label, (str, int, float))]
        if missing:
            raise LabError(
                f"{name}[{missing[0]}] is {labels[missing[0]]!r}; every class must be known, a text or a number"
            )
        raise LabError(f"{name} mixes {' and '.join(sorted(kinds))}; all classes must be of one kind")
    return np.array(labels.tolist())
