"""A variational autoencoder on the core: codes are normally distributed, so that new samples can be drawn."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_lab.core import activations, mlp, weights
from rl_lab.core.mlp import MLP
from rl_lab.core.optim import make_adam
from rl_lab.errors import LabError
from rl_lab.estimators import check_report
from rl_lab.memory import check_memory
from rl_lab.supervised.training import History, TrainingSamples, activate, compiled, descend, predicted
from rl_lab.unsupervised import evidence
from rl_lab.unsupervised.coder import Coder
from rl_lab.validation import choice, whole_number


@dataclass(eq=False, repr=False)
class VariationalAutoencoder(Coder):
    """Learns a distribution that samples could have come from.

    A sample is thought to be made from a code `z ~ N(0, 1)`. The decoder says how, and the encoder guesses the code
    back: as a normal distribution, whose draw `mean + noise * deviation` lets gradients pass. Both learn by raising
    the evidence lower bound `log p(x | z) - KL(q(z | x) || p(z))` (Kingma and Welling 2014, "Auto-encoding
    variational Bayes").

    Args:
        hidden_layer_sizes: units of the layers from the samples to the code; back, they are met in reverse.
        activation: of the hidden layers; codes are linear.
        n_components: numbers in a code; see `Estimator` for the parameters that are not here.
        likelihood: "bernoulli" for numbers from 0 to 1, such as the brightness of pixels; "gaussian" for any, with
            one standard deviation, which is learnt.
        beta: weight of the divergence; 1 is the bound itself.

    Attributes:
        encoder_: `MLP` from samples to means and logarithms of variances, side by side.
        decoder_: `MLP` from codes to logits or means.
        parameters_: float32, the flat buffer that both look into; its last number is the logarithm of the
            Gaussian's standard deviation.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal([3, -1], [0.5, 2], (400, 2))
        >>> fitted = VariationalAutoencoder((16,), n_components=2, likelihood="gaussian", max_iter=100).fit(X)
        >>> fitted.sample(5, seed=1).shape
        (5, 2)
    """

    likelihood: str = field(default="bernoulli", kw_only=True)
    beta: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.encoder_: MLP
        self.decoder_: MLP
        self.parameters_: NDArray[np.float32]

    def fit(self, X: ArrayLike, y: object = None, *, report: Callable[[History], None] | None = None) -> Self:
        """Learn.

        Args:
            X: samples `(samples, features)`; for the Bernoulli likelihood, from 0 to 1.
            y: not looked at; scikit-learn's tools pass it.
            report: called with the history after each epoch; its losses are minus the bound, in nats a sample.

        Raises:
            LabError: a shape is wrong, a number is not finite or not allowed, or there is one sample only.
        """
        self._check()
        check_report(report)
        samples = self._given(X)
        streams = np.random.SeedSequence(self.random_state).spawn(4)
        rng, of_weights, of_split, of_judge = (np.random.default_rng(stream) for stream in streams)
        held = None
        with self._unless_refused():
            self._check_to_learn(X, samples)
            if self.early_stopping:
                samples, held = self._split(samples, of_split)
            self._build(samples.inputs.shape[1], of_weights)
            self.history_ = self._descend(samples, held, rng, int(of_judge.integers(2**32)), report)
        return self

    def encode(self, X: ArrayLike) -> NDArray[np.float32]:
        """The mean of each sample's code, `(samples, n_components)`."""
        return self.posterior(X)[0]

    def posterior(self, X: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of each sample's code, each `(samples, n_components)`."""
        self._check_fitted()
        means, log_variances = self._code(self._inputs(X))
        return means, np.exp(log_variances / 2)

    def decode(self, codes: ArrayLike) -> NDArray[np.float32]:
        """The mean sample of each code, `(samples, features)`; for the Bernoulli likelihood, probabilities."""
        self._check_fitted()
        outputs = predicted(self.decoder_, self._rows(codes, self.decoder_.sizes[0]))
        if self.likelihood == "bernoulli":
            activate(activations.SIGMOID, outputs)
        return outputs

    def sample(self, n: int, seed: int | None = 0) -> NDArray[np.float32]:
        """New samples `(n, features)`: the mean sample of codes drawn from the prior."""
        self._check_fitted()
        whole_number("n", n, 1)
        whole_number("seed", seed or 0, 0)
        check_memory(8.0 * n * (self.n_components + self.n_features_in_), f"n={n} samples", "draw fewer")
        return self.decode(np.random.default_rng(seed).standard_normal((n, self.n_components)))

    def elbo(self, X: ArrayLike, draws: int = 1, seed: int | None = 0) -> NDArray[np.float64]:
        """The evidence lower bound of each sample, `(samples,)`, in nats.

        Args:
            X: samples `(samples, features)`.
            draws: of each code; the mean over them is returned.
            seed: of the draws.

        Raises:
            LabError: it is not fitted, a number is not allowed, samples are of another width, or so far from those
                that it was fitted to that their bound is no finite number.
        """
        self._check_fitted()
        whole_number("draws", draws, 1)
        whole_number("seed", seed or 0, 0)
        with np.errstate(over="ignore", invalid="ignore"):
            bounds = self._bounds(self._inputs(X), draws, seed)
        if not np.isfinite(bounds).all():
            row = int(np.flatnonzero(~np.isfinite(bounds))[0])
            raise LabError(
                f"the bound of X[{row}] is {bounds[row]}, since it is too far from the samples that this was fitted "
                "to; scale it as those were"
            )
        return bounds

    def score(self, X: ArrayLike, y: object = None) -> float:
        """The mean evidence lower bound of the samples, in nats."""
        return float(self.elbo(X).mean())

    def _code(self, rows: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        return np.split(predicted(self.encoder_, rows), 2, axis=1)

    def _bounds(self, rows: NDArray[np.float32], draws: int, seed: int | None) -> NDArray[np.float64]:
        """The evidence lower bound of each sample, which is not finite where it is beyond float64."""
        rng = np.random.default_rng(seed)
        means, log_variances = self._code(rows)
        wide, deviations = log_variances.astype(np.float64), np.exp(log_variances / 2)
        divergence = 0.5 * (means.astype(np.float64) ** 2 + np.exp(wide) - wide - 1).sum(axis=1)
        total, log_noise = np.zeros(len(rows)), float(self.parameters_[-1])
        for _ in range(draws):
            noise = rng.standard_normal(means.shape, np.float32)
            outputs = predicted(self.decoder_, means + noise * deviations).astype(np.float64)
            if self.likelihood == "bernoulli":
                total += (rows * outputs - np.logaddexp(0, outputs)).sum(axis=1)
            else:
                squares = ((rows - outputs) / np.exp(log_noise)) ** 2
                total += (-0.5 * squares - log_noise - 0.5 * np.log(2 * np.pi)).sum(axis=1)
        return total / draws - divergence

    def _descend(
        self,
        samples: TrainingSamples,
        held: TrainingSamples | None,
        rng: np.random.Generator,
        judge_seed: int,
        report: Callable[[History], None] | None,
    ) -> History:
        schedule, rows = self._schedule(len(samples.inputs)), samples.inputs
        run = compiled(evidence.epoch, "training of a variational autoencoder")
        shape, likelihood = self._shape(), evidence.LIKELIHOODS[self.likelihood]
        adam, scratch = make_adam(len(self.parameters_)), make_scratch(shape, schedule.batch)

        def one_epoch(number: int) -> float:
            noise = rng.standard_normal((len(rows), self.n_components), np.float32)
            given = likelihood, self.parameters_, shape, self.encoder_.code, rows, noise, rng.permutation(len(rows))
            return run(*given, float(self.beta), adam, scratch, float(schedule.learning_rate), float(schedule.alpha))

        def judge() -> tuple[float, float]:
            assert held is not None
            bound = float(self._bounds(held.inputs, 1, judge_seed).mean())  # the same draws each time
            return -bound, bound

        self.history_ = History()  # so that `judge` finds it fitted
        return descend(one_epoch, self.parameters_, adam, schedule, None if held is None else judge, report)

    def _build(self, features: int, rng: np.random.Generator | None = None) -> None:
        hidden = list(self.hidden_layer_sizes)
        down, up = [features, *hidden, 2 * self.n_components], [self.n_components, *reversed(hidden), features]
        middle, end = mlp.count(down), mlp.count(down) + mlp.count(up)
        self.parameters_ = np.zeros(end + 1, np.float32)
        self.encoder_ = MLP(down, self.activation, self.parameters_[:middle])
        self.decoder_ = MLP(up, self.activation, self.parameters_[middle:end])
        self.n_features_in_ = features
        if rng is not None:
            self.encoder_.initialise(rng, gain=0.1)  # so that codes begin near the prior
            self.decoder_.initialise(rng)

    def _shape(self) -> evidence.AutoencoderShape:
        middle = len(self.encoder_.parameters)
        return evidence.AutoencoderShape(
            self.encoder_.size_array, self.decoder_.size_array, middle, len(self.parameters_) - 1
        )

    def _inputs(self, X: ArrayLike) -> NDArray[np.float32]:
        return self._allowed(self._fitted_rows(X))

    def _given(self, X: ArrayLike, y: object = None, weights: NDArray[np.float64] | None = None) -> TrainingSamples:
        samples = super()._given(X, y, weights)
        self._allowed(samples.inputs)
        return samples

    def _allowed(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.likelihood == "bernoulli" and (rows.min() < 0 or rows.max() > 1):
            row, column = np.argwhere((rows < 0) | (rows > 1))[0]
            raise LabError(
                f"X[{row}, {column}] is {rows[row, column]:g}; likelihood='bernoulli' takes numbers from 0 to 1: "
                "scale them, or give likelihood='gaussian'"
            )
        return rows

    def _check(self) -> None:
        super()._check()
        choice("likelihood", self.likelihood, evidence.LIKELIHOODS)
        self._check_at_least_0("beta")

    def _tensors(self) -> dict[str, np.ndarray]:
        both = weights.of_network(self.encoder_, "encoder.") | weights.of_network(self.decoder_, "decoder.")
        return both | {"log_noise": self.parameters_[-1:]}

    def _header(self) -> dict[str, Any]:
        return {"features": self.n_features_in_}

    def _restore(self, header: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        self._build(header["features"])
        for network, prefix in ((self.encoder_, "encoder."), (self.decoder_, "decoder.")):
            kept = weights.network(tensors, self.activation, prefix)
            if kept.sizes != network.sizes:
                raise KeyError(prefix)
            network.parameters[:] = kept.parameters
        self.parameters_[-1:] = tensors["log_noise"]
        self.history_ = History()


def make_scratch(shape: evidence.AutoencoderShape, batch: int) -> evidence.ElboScratch:
    """Memory for a minibatch of so many samples."""
    down, up = shape.encoder.tolist(), shape.decoder.tolist()
    widths = down[0], up[0], up[0], up[0], down[-1], up[-1]
    return evidence.ElboScratch(
        *(np.zeros((batch, width), np.float32) for width in widths),  # type: ignore[call-arg]
        np.zeros(mlp.hidden_size(down, batch), np.float32),
        np.zeros(mlp.hidden_size(up, batch), np.float32),
        np.zeros(max(mlp.scratch_size(down, batch), mlp.scratch_size(up, batch)), np.float32),
        np.zeros(shape.end + 1, np.float32),
    )
