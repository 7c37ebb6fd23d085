"""What the autoencoders share: a narrow code in the middle, by scikit-learn's conventions for transformers."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_lab.errors import LabError
from rl_lab.supervised.estimator import Estimator
from rl_lab.supervised.training import TrainingSamples


@dataclass(eq=False, repr=False)
class Coder(Estimator):
    """A network that writes samples as short codes and reads them again; see `Autoencoder`, `VariationalAutoencoder`.

    `hidden_layer_sizes` are those from the samples to the code; on the way back they are met in reverse.
    """

    n_components: int = field(default=2, kw_only=True)

    def encode(self, X: ArrayLike) -> NDArray[np.float32]:
        """Codes `(samples, n_components)` of samples `(samples, features)`."""
        raise NotImplementedError

    def decode(self, codes: ArrayLike) -> NDArray[np.float32]:
        """Samples `(samples, features)` for codes `(samples, n_components)`."""
        raise NotImplementedError

    def reconstruct(self, X: ArrayLike) -> NDArray[np.float32]:
        """What comes back of samples `(samples, features)` through their codes."""
        return self.decode(self.encode(X))

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """The same as `encode`, by scikit-learn's name."""
        return self.encode(X)

    def inverse_transform(self, codes: ArrayLike) -> NDArray[np.float32]:
        """The same as `decode`, by scikit-learn's name."""
        return self.decode(codes)

    def fit_transform(self, X: ArrayLike, y: object = None) -> NDArray[np.float32]:
        """Learn, and encode what was learnt from."""
        return self.fit(X).encode(X)  # type: ignore[attr-defined]

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn's own tools ask an estimator."""
        from sklearn.utils import Tags, TargetTags, TransformerTags

        return Tags(None, TargetTags(required=False), transformer_tags=TransformerTags())

    def _check(self) -> None:
        self._check_whole(n_components=1)
        super()._check()

    def _given(self, X: ArrayLike, y: object = None, weights: NDArray[np.float64] | None = None) -> TrainingSamples:
        rows = self._rows(X)
        return TrainingSamples(rows, rows, np.ones(len(rows), np.float32))

    def _check_to_learn(self, X: ArrayLike, samples: TrainingSamples) -> None:
        """Refuse a single sample, and learn the names of the features."""
        if len(samples.inputs) < 2:
            raise LabError("X has one sample only; what samples have in common can be learnt from two on")
        self._check_names(X, fitting=True)
