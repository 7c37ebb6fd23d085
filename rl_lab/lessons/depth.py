"""Why ReLU mattered: the same eight layers on digits with sigmoid, tanh and ReLU, and the gradient in each layer.

Everyone gets the same orthogonal initialisation, with the gain √2 that the core uses everywhere; the sigmoid also
gets the gain 4, which makes up for its largest slope of 1/4. Everyone may choose among the same learning rates, by
accuracy on samples held out for that choice, with gradient descent (momentum 0.9) and with Adam.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError, extra
from rl_lab.lessons.findings import Findings, PageTable, Picture
from rl_lab.supervised import losses
from rl_lab.supervised.gradients import Step, descend, norms_by_layer
from rl_lab.supervised.training import Schedule, TrainingSamples, predicted, train

SIZES = (64, *[32] * 7, 10)  # eight layers of weights
BATCH, MOMENTUM = 64, 0.9
RATES = {"gradient descent": (0.003, 0.01, 0.03, 0.1, 0.3, 1.0), "Adam": (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)}


class Competitor(NamedTuple):
    """An activation and the gain of its initialisation."""

    activation: str
    gain: float

    @property
    def name(self) -> str:
        """As it is called in tables and pictures."""
        return f"{self.activation}, gain {'√2' if self.gain == 2**0.5 else f'{self.gain:g}'}"


CONTENDERS = tuple(
    Competitor(*each) for each in (("sigmoid", 2**0.5), ("sigmoid", 4.0), ("tanh", 2**0.5), ("relu", 2**0.5))
)


class DigitSplits(NamedTuple):
    """Samples to learn from, to choose the learning rate by, and to test on."""

    learned: TrainingSamples
    chosen: TrainingSamples
    tested: TrainingSamples


class DepthTrial(NamedTuple):
    """One training of one network."""

    gradients: NDArray[np.float64]  # (epochs + 1, layers), before the first epoch and after each
    accuracies: NDArray[np.float64]  # (epochs + 1,), on the test samples
    chosen_by: float  # accuracy on the samples that the learning rate is chosen by


class DepthOutcome(NamedTuple):
    """A contender with its best learning rate."""

    contender: Competitor
    optimiser: str
    rate: float
    trials: Sequence[DepthTrial]  # one for each seed

    @property
    def accuracies(self) -> list[float]:
        """On the test samples, after training, by seed."""
        return [float(trial.accuracies[-1]) for trial in self.trials]


def digits(seed: int = 0) -> DigitSplits:
    """Half of scikit-learn's digits to learn from, a sixth to choose by and a third to test on, at random.

    Raises:
        LabError: scikit-learn is missing.
    """
    with extra("learn", "a lesson on digits"):
        from sklearn.datasets import load_digits
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    return DigitSplits(*(_samples(images[part], labels[part]) for part in np.split(order, [898, 1198])))


def _samples(images: NDArray[Any], labels: NDArray[Any]) -> TrainingSamples:
    inputs = np.ascontiguousarray(images / 16, np.float32)
    return TrainingSamples(inputs, np.ascontiguousarray(labels[:, None], np.int64), np.ones(len(images), np.float32))


def study(seeds: int = 5, epochs: int = 60) -> Findings:
    """Train every contender with every learning rate and optimiser, from several seeds.

    Args:
        seeds: of the initial weights and of the order of the samples.
        epochs: passes over the samples.

    Raises:
        LabError: an argument is less than 1, or scikit-learn is missing.
    """
    if seeds < 1 or epochs < 1:
        raise LabError(f"seeds={seeds} and epochs={epochs} must both be at least 1")
    data = digits()
    outcomes = [best(contender, optimiser, data, seeds, epochs) for optimiser in RATES for contender in CONTENDERS]
    return findings(outcomes, seeds, epochs)


def best(contender: Competitor, optimiser: str, data: DigitSplits, seeds: int, epochs: int) -> DepthOutcome:
    """Train with each learning rate, and keep the one with the best accuracy on the samples kept for that."""
    tried = []
    for rate in RATES[optimiser]:
        trials = [run(contender, optimiser, rate, data, seed, epochs) for seed in range(seeds)]
        tried.append(DepthOutcome(contender, optimiser, rate, trials))
    return max(tried, key=lambda outcome: np.mean([trial.chosen_by for trial in outcome.trials]))


def run(contender: Competitor, optimiser: str, rate: float, data: DigitSplits, seed: int, epochs: int) -> DepthTrial:
    """Train one network and watch the gradient of each layer, over all samples, after each epoch."""
    streams = np.random.SeedSequence(seed).spawn(2)
    of_weights, of_order = (np.random.default_rng(stream) for stream in streams)
    network = MLP(SIZES, contender.activation)
    network.initialise(of_weights, hidden_gain=contender.gain)
    gradients, accuracies = [], []

    def watch(_: Any = None) -> None:
        gradients.append(norms_by_layer(network, losses.cross_entropy, data.learned))
        accuracies.append(accuracy(network, data.tested))

    watch()
    if optimiser == "Adam":
        schedule = Schedule(BATCH, rate, 0.0, epochs, epochs, 0.0)
        train(network, losses.cross_entropy, data.learned, schedule, of_order, report=watch)
    else:
        descend(network, losses.cross_entropy, data.learned, Step(BATCH, rate, MOMENTUM), epochs, of_order, watch)
    return DepthTrial(np.array(gradients), np.array(accuracies), accuracy(network, data.chosen))


def accuracy(network: MLP, samples: TrainingSamples) -> float:
    """The share of samples whose label the network gives the largest output."""
    outputs = predicted(network, samples.inputs)
    return float((outputs.argmax(axis=1) == samples.targets[:, 0]).mean()) if np.isfinite(outputs).all() else 0.0


def findings(outcomes: Sequence[DepthOutcome], seeds: int, epochs: int) -> Findings:
    """What there is to say and to draw."""
    from rl_lab.lessons import depth_pictures as drawing

    rows, lines, found = [], ["gradient before the first step, layer 1 as a share of layer 7:"], []
    plain = [outcome for outcome in outcomes if outcome.optimiser == "gradient descent"]
    lines.append("  " + "; ".join(f"{outcome.contender.name} {_share(outcome):.1e}" for outcome in plain))
    for outcome in outcomes:
        ends = outcome.accuracies
        rows.append(
            [
                outcome.contender.name,
                outcome.optimiser,
                f"{outcome.rate:g}",
                f"{_share(outcome):.1e}",
                f"{np.mean(ends):.3f}",
                f"{min(ends):.3f}–{max(ends):.3f}",
            ]
        )
        lines.append(
            f"{outcome.optimiser:16} {outcome.contender.name:16} rate {outcome.rate:<6g} "
            f"accuracy {np.mean(ends):.3f} ({min(ends):.3f} to {max(ends):.3f} over {seeds} seeds)"
        )
        found.append(
            {
                "activation": outcome.contender.activation,
                "gain": outcome.contender.gain,
                "optimiser": outcome.optimiser,
                "rate": outcome.rate,
                "accuracies": ends,
                "gradient by layer at the start": _at_start(outcome).tolist(),
                "gradient by layer at the end": outcome.trials[0].gradients[-1].tolist(),
            }
        )
    columns = ["network", "optimiser", "rate", "gradient, layer 1 / layer 7", "accuracy", "of seeds"]
    pictures = [
        Picture("gradients", "The gradient on its way down through eight layers", drawing.gradients(outcomes)),
        Picture("learning", "What became of it: accuracy on digits never seen", drawing.learning(outcomes)),
    ]
    return Findings(
        "depth",
        "Why did ReLU matter?",
        lines,
        {"seeds": seeds, "epochs": epochs, "sizes": list(SIZES), "outcomes": found},
        f"python examples/fundamentals/eight_layers.py --seeds {seeds} --epochs {epochs}",
        [PageTable(columns, rows)],
        pictures,
    )


def _at_start(outcome: DepthOutcome) -> NDArray[np.float64]:
    """Gradient of each layer before the first step, the geometric mean over seeds."""
    return np.exp(np.mean([np.log(trial.gradients[0]) for trial in outcome.trials], axis=0))


def _share(outcome: DepthOutcome) -> float:
    """The first layer's by the seventh's; the eighth is initialised alike for everyone, with gain 1."""
    layers = _at_start(outcome)
    return float(layers[0] / layers[-2])
