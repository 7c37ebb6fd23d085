"""An autoencoder on the core: perceptrons in layers that learn to repeat their input through a narrow one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_lab.core.mlp import MLP, count
from rl_lab.errors import LabError
from rl_lab.supervised import losses
from rl_lab.supervised.training import History, TrainingSamples, activate, predicted
from rl_lab.unsupervised.coder import Coder


@dataclass(eq=False, repr=False)
class Autoencoder(Coder):
    """Learns to repeat samples through a layer of a few units, whose activations are the code.

    With the identity as activation the code spans what principal components span (Baldi and Hornik 1989, "Neural
    networks and principal component analysis"); curved activations can bend it to the data.

    Args:
        hidden_layer_sizes: units of the layers from the samples to the code; back, they are met in reverse.
        activation: of all layers but the last, the code's too.
        n_components: numbers in a code; see `Estimator` for the other parameters.

    Example:
        >>> angles = np.linspace(0, np.pi, 200)
        >>> arc = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        >>> fitted = Autoencoder((16,), n_components=1, batch_size=20, learning_rate_init=0.01, tol=0).fit(arc)
        >>> fitted.encode(arc).shape, bool(fitted.score(arc) > 0.99)  # one principal component explains 0.84
        ((200, 1), True)
    """

    loss = staticmethod(losses.squared_error)

    activation: str = "tanh"

    def fit(
        self,
        X: ArrayLike,
        y: object = None,
        *,
        network: MLP | None = None,
        validation: ArrayLike | None = None,
        report: Callable[[History], None] | None = None,
    ) -> Self:
        """Learn.

        Args:
            X: samples `(samples, features)`.
            y: not looked at; scikit-learn's tools pass it.
            network: trained in place, from the weights that it has, instead of a new one.
            validation: samples held out, in place of a part of `X`.
            report: called with the history after each epoch.

        Raises:
            LabError: a shape is wrong, a number is not finite, or there is one sample only.
        """
        samples = self._given(X)
        width = samples.inputs.shape[1]
        if isinstance(network, MLP) and network.sizes != tuple(self._sizes(width, width)):
            raise LabError(f"a network of sizes {network.sizes} does not fit; it must be {self._sizes(width, width)}")
        held = None if validation is None else (validation, validation)
        with self._unless_refused():
            self._check_to_learn(X, samples)
            self._fit(samples, width, network, held, report)
        return self

    @property
    def encoder_(self) -> MLP:
        """The layers up to the code, before its activation; they share the network's memory."""
        sizes = self.network_.sizes[: len(self.network_.sizes) // 2 + 1]
        return MLP(sizes, self.network_.activation, self.network_.parameters[: count(sizes)])

    @property
    def decoder_(self) -> MLP:
        """The layers from the code on; they share the network's memory."""
        sizes = self.network_.sizes[len(self.network_.sizes) // 2 :]
        return MLP(sizes, self.network_.activation, self.network_.parameters[-count(sizes) :])

    def encode(self, X: ArrayLike) -> NDArray[np.float32]:  # noqa: D102  # the base class says it
        self._check_fitted()
        codes = predicted(self.encoder_, self._fitted_rows(X))
        activate(self.network_.code, codes)
        return codes

    def decode(self, codes: ArrayLike) -> NDArray[np.float32]:  # noqa: D102
        self._check_fitted()
        return predicted(self.decoder_, self._rows(codes, self.decoder_.sizes[0]))

    def score(self, X: ArrayLike, y: object = None) -> float:
        """The share of the variance that comes back: 1 is all of it, 0 as much as the mean explains."""
        self._check_fitted()
        rows = self._fitted_rows(X)
        return _explained(self.reconstruct(rows), rows)

    def _sizes(self, inputs: int, outputs: int) -> list[int]:
        return [inputs, *self.hidden_layer_sizes, self.n_components, *reversed(self.hidden_layer_sizes), outputs]

    def _score(self, outputs: np.ndarray, samples: TrainingSamples) -> float:
        return _explained(outputs, samples.inputs)

    def _restore(self, header: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        super()._restore(header, tensors)
        if self.network_.sizes != tuple(self._sizes(self.n_features_in_, self.n_features_in_)):
            raise KeyError("layers")


def _explained(outputs: np.ndarray, rows: np.ndarray) -> float:
    missed = np.square(rows - outputs, dtype=np.float64).sum()
    spread = np.square(rows - rows.mean(axis=0), dtype=np.float64).sum()
    return float(1 - missed / spread) if spread > 0 else float(missed == 0)
