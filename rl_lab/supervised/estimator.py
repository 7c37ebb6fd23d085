"""What everything that is fitted on the core shares: parameters, checks, held-out samples, files."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_lab.core import activations, mlp, weights
from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError, short
from rl_lab.estimators import ParameterMixin, check_layers, check_report
from rl_lab.memory import check_memory
from rl_lab.supervised.training import History, Schedule, TrainingSamples, predicted, train
from rl_lab.validation import real_array, switches, whole

AUTO_BATCH = 192  # three panels of the core's; a multiple of 64 is quickest


@dataclass(eq=False, repr=False)
class Estimator(ParameterMixin):
    """A network that is fitted to samples; see `Classifier` and `Regressor`, and `rl_lab.unsupervised`.

    Args:
        hidden_layer_sizes: units of the hidden layers.
        activation: of the hidden layers, "relu", "tanh", "sigmoid" or "identity".
        alpha: of the penalty on squared weights.
        batch_size: samples in a minibatch; "auto" is 192, or all where there are fewer.
        learning_rate_init: step size of Adam.
        max_iter: the most epochs.
        tol: by how much the loss must fall to count as an improvement.
        n_iter_no_change: epochs without one, after which training ends.
        early_stopping: hold a part of the samples out, watch the loss on it, and keep the best weights.
        validation_fraction: of the samples that are held out.
        random_state: seed of the weights, of the order of the samples and of what is held out.

    Attributes:
        network_: the fitted `MLP`.
        n_features_in_: numbers in a sample.
        history_: losses and scores, epoch by epoch.
    """

    loss: ClassVar[Callable[..., Any]]

    hidden_layer_sizes: tuple[int, ...] = (64, 64)
    activation: str = "relu"
    _: KW_ONLY
    alpha: float = 1e-4
    batch_size: int | str = "auto"
    learning_rate_init: float = 1e-3
    max_iter: int = 200
    tol: float = 1e-4
    n_iter_no_change: int = 10
    early_stopping: bool = False
    validation_fraction: float = 0.1
    random_state: int | None = 0

    def __post_init__(self) -> None:
        self.network_: MLP
        self.history_: History

    def fit_to(self, X: ArrayLike, y: ArrayLike, **more: Any) -> Self:
        """`fit`, for those who do not care whether this is a classifier or a regressor."""
        return self.fit(X, y, **more)  # type: ignore[attr-defined]

    @property
    def loss_curve_(self) -> list[float]:
        """Mean loss of each epoch, as the minibatches were met."""
        return self.history_.losses

    @property
    def validation_scores_(self) -> list[float]:
        """Score on the held-out samples after each epoch; empty without `early_stopping`."""
        return self.history_.validation_scores

    @property
    def n_iter_(self) -> int:
        """Epochs that were run."""
        return len(self.history_.losses)

    def outputs(self, X: ArrayLike) -> NDArray[np.float32]:
        """The network's outputs `(samples, outputs)`."""
        self._check_fitted()
        return predicted(self.network_, self._fitted_rows(X))

    def save(self, path: str | Path) -> None:
        """Write the fitted network and its parameters to a safetensors file."""
        self._check_fitted()
        params = {name: value for name, value in self.get_params().items() if not isinstance(value, Mapping)}
        params |= {"hidden_layer_sizes": [int(units) for units in self.hidden_layer_sizes]}
        names = {"feature_names": self.feature_names_in_.tolist()} if hasattr(self, "feature_names_in_") else {}
        header = {"type": type(self).__name__, "params": params} | names | self._header()
        text = json.dumps(header, sort_keys=True, default=_plain)
        weights.save(path, self._tensors(), {"rl_lab": text})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote; raises a LabError where the file is missing, damaged, or of something else."""
        tensors, metadata = weights.load_with_metadata(path)
        try:
            header = json.loads(metadata["rl_lab"])
            if header["type"] != cls.__name__:
                raise LabError(f"{path} holds a {header['type']}; load it with {header['type']}.load")
            params = header["params"] | {"hidden_layer_sizes": tuple(header["params"]["hidden_layer_sizes"])}
            fitted = cls(**params)
            fitted._restore(header, tensors)
            if "feature_names" in header:
                names = header["feature_names"]
                if not isinstance(names, list) or [type(name) for name in names] != [str] * fitted.n_features_in_:
                    raise ValueError("a name for each feature")
                fitted.feature_names_in_ = np.array(names)
        except LabError:
            raise
        except (LookupError, TypeError, ValueError, OverflowError, AttributeError, RecursionError):
            raise LabError(f"{path} is no file of a {cls.__name__}; give one that save wrote") from None
        return fitted

    def _check_fitted(self) -> None:
        if not hasattr(self, "history_"):
            parameters = inspect.signature(self.fit).parameters.values()  # type: ignore[attr-defined]
            needed = ", ".join(one.name for one in parameters if one.default is one.empty)
            raise LabError(f"this {type(self).__name__} is not fitted yet; call fit({needed}) first")

    def _tensors(self) -> dict[str, np.ndarray]:
        """The arrays that a file holds, by name."""
        return weights.of_network(self.network_)

    def _header(self) -> dict[str, Any]:
        """What else a file holds, as JSON can say it."""
        return {"of_network": self.network_.activation}

    def _restore(self, header: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        self.network_ = weights.network(tensors, header["of_network"])
        self.n_features_in_, self.history_ = self.network_.sizes[0], History()

    def _fit(
        self,
        samples: TrainingSamples,
        outputs: int,
        network: MLP | None,
        validation: tuple[ArrayLike, ArrayLike] | None,
        report: Callable[[History], None] | None,
    ) -> None:
        self._check()
        check_report(report)
        streams = np.random.SeedSequence(self.random_state).spawn(3)
        rng, of_weights, of_split = (np.random.default_rng(stream) for stream in streams)
        if network is None:
            network = MLP(self._sizes(samples.inputs.shape[1], outputs), self.activation)
            network.initialise(of_weights)
        elif not isinstance(network, MLP):
            raise LabError(f"network={short(network)} is not allowed; give an MLP of rl_lab.core.mlp, or None")
        elif (network.sizes[0], network.sizes[-1]) != (samples.inputs.shape[1], outputs):
            raise LabError(
                f"a network of sizes {network.sizes} does not fit samples of {samples.inputs.shape[1]} numbers "
                f"and {outputs} outputs; give one that begins and ends with these"
            )
        held = None
        if validation is not None:
            if not isinstance(validation, (tuple, list)) or len(validation) != 2:
                raise LabError(f"validation={short(validation)} is not allowed; give samples and labels as (X, y)")
            self._check_names(validation[0])
            held = self._given(*validation)
            if held.targets.shape[1:] != samples.targets.shape[1:]:
                raise LabError(
                    f"y of validation has {held.targets.shape[1]} outputs, and y {samples.targets.shape[1]}; they must "
                    "be as many"
                )
        if held is None and self.early_stopping:
            samples, held = self._split(samples, of_split)
        schedule = self._schedule(len(samples.inputs))
        self.n_features_in_ = samples.inputs.shape[1]
        self.history_ = train(network, type(self).loss, samples, schedule, rng, held, self._score, report)
        self.network_ = network

    def _sizes(self, inputs: int, outputs: int) -> list[int]:
        return [inputs, *self.hidden_layer_sizes, outputs]

    def _schedule(self, samples: int) -> Schedule:
        batch = min(AUTO_BATCH if self.batch_size == "auto" else int(self.batch_size), samples)
        waiting = self.n_iter_no_change, self.tol
        return Schedule(batch, self.learning_rate_init, self.alpha, self.max_iter, *waiting)

    def _split(self, samples: TrainingSamples, rng: np.random.Generator) -> tuple[TrainingSamples, TrainingSamples]:
        held = self._held_out(samples, rng)
        if not held.any() or held.all():
            raise LabError(
                f"validation_fraction={self.validation_fraction} of {len(held)} samples leaves nothing on one side; "
                "give more samples, or early_stopping=False"
            )
        learned, kept = (TrainingSamples(*(array[chosen] for array in samples)) for chosen in (~held, held))
        return learned, kept

    def _held_out(self, samples: TrainingSamples, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Which samples are held out, bool `(samples,)`."""
        held = np.zeros(len(samples.inputs), np.bool_)
        held[rng.permutation(len(held))[: round(self.validation_fraction * len(held))]] = True
        return held

    def _given(self, X: ArrayLike, y: ArrayLike, weights: NDArray[np.float64] | None = None) -> TrainingSamples:
        """Samples as the network takes them; weights of them have the mean 1."""
        raise NotImplementedError

    def _score(self, outputs: np.ndarray, samples: TrainingSamples) -> float:
        raise NotImplementedError

    def _check(self) -> None:
        activations.code(self.activation)
        sizes = self.hidden_layer_sizes
        check_layers(sizes)
        if self.random_state is not None and not whole(self.random_state, 0):
            raise LabError(
                f"random_state={self.random_state!r} is not allowed; it must be a whole number of at least 0, or None "
                "for another seed each time"
            )
        layers = [*sizes, getattr(self, "n_components", 1)]
        numbers = 5 * mlp.count([1, *layers])  # weights, gradient, Adam's moments, the best weights
        check_memory(4.0 * numbers, f"a network with layers of {layers} units", "choose smaller layers")
        batch = {} if self.batch_size == "auto" else {"batch_size": 1}
        self._check_whole(max_iter=1, n_iter_no_change=1, **batch)
        self._check_at_least_0("learning_rate_init", "alpha", "tol")
        switches(early_stopping=self.early_stopping)
        fraction = self.validation_fraction
        if self.early_stopping and not (isinstance(fraction, (float, np.floating)) and 0 < fraction < 1):
            raise LabError(f"validation_fraction={fraction!r} is not allowed; it must be between 0 and 1")

    def _both(self, X: ArrayLike, y: NDArray[Any]) -> NDArray[np.float32]:
        """Samples as float32, of which there must be as many as of `y`."""
        rows = self._rows(X)
        if len(y) != len(rows):
            raise LabError(f"X has {len(rows)} samples and y {len(y)}; they must be as many")
        return rows

    @staticmethod
    def _weights(sample_weight: ArrayLike | None, count: int) -> NDArray[np.float64]:
        if sample_weight is None:
            return np.ones(count)
        given = real_array("sample_weight", sample_weight, f"it must be ({count},)", np.float64)
        with np.errstate(over="ignore"):
            total = given.sum()
        if given.shape != (count,) or (given < 0).any() or not 0 < total < np.inf:
            raise LabError(
                f"sample_weight has shape {given.shape}; it must be ({count},), at least 0, not all 0, of finite sum"
            )
        return given


def _plain(value: Any) -> Any:
    """A number of NumPy as JSON has it, and other things as text."""
    return value.item() if isinstance(value, np.generic) else str(value)


def even(weights: NDArray[np.float64] | None, count: int) -> NDArray[np.float32]:
    """Weights whose mean is 1, float32 `(count,)`."""
    if weights is None:
        return np.ones(count, np.float32)
    return (weights / weights.mean()).astype(np.float32)
