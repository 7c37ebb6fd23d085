"""Why ReLU mattered: the same eight layers on digits with sigmoid, tanh and ReLU, and the gradient in each layer.

Everyone gets the same orthogonal initialisation, with the gain √2 that the core uses everywhere; the sigmoid also
gets the gain 4, which makes up for its largest slope of 1/4. Everyone may choose among the same learning rates, by
accuracy on samples held out for that choice, with gradient descent (momentum 0.9) and with Adam.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError, extra
from rl_lab.lessons.findings import Findings, PageTable, Picture
from rl_lab.lessons.style import BLUE, FAINT, GREEN, ORANGE, PURPLE, SOFT, frame, legend, new_figure
from rl_lab.supervised import losses
from rl_lab.supervised.gradients import Step, descend, norms_by_layer
from rl_lab.supervised.training import Schedule, TrainingSamples, predicted, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZES = (64, *[32] * 7, 10)  # eight layers of weights
BATCH, MOMENTUM = 64, 0.9
COLOURS = (ORANGE, PURPLE, GREEN, BLUE)  # in the order of the contenders
LEAST = 1e-9  # of a gradient that is drawn
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
    """Half of scikit-learn's digits to learn from, a sixth to choose by and a third to test on, at random."""
    with extra("learn", "a lesson on digits"):
        from sklearn.datasets import load_digits
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    return DigitSplits(*(_samples(images[part], labels[part]) for part in np.split(order, [898, 1198])))


def _samples(images: NDArray[Any], labels: NDArray[Any]) -> TrainingSamples:
    inputs = np.ascontiguousarray(images / 16, np.float32)
    return TrainingSamples(inputs, np.ascontiguousarray(labels[:, None], np.int64), np.ones(len(images), np.float32))


def study(seeds: int = 5, epochs: int = 60) -> Findings:
    """Train every contender with every learning rate and optimiser, from several seeds."""
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
    rows, lines, found = [], ["gradient before the first step, layer 1 as a share of layer 7:"], []
    plain = [outcome for outcome in outcomes if outcome.optimiser == "gradient descent"]
    lines.append("  " + "; ".join(f"{outcome.contender.name} {_share(outcome):.1e}" for outcome in plain))
    for outcome in outcomes:
        ends = outcome.accuracies
        row = [outcome.contender.name, outcome.optimiser, f"{outcome.rate:g}", f"{_share(outcome):.1e}"]
        rows.append([*row, f"{np.mean(ends):.3f}", f"{min(ends):.3f}–{max(ends):.3f}"])
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
        Picture("gradients", "The gradient on its way down through eight layers", drawn_gradients(outcomes)),
        Picture("learning", "What became of it: accuracy on digits never seen", drawn_learning(outcomes)),
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


def drawn_gradients(outcomes: Sequence[DepthOutcome]) -> Figure:
    """By layer before the first step, with all seeds; and in three layers over training by gradient descent."""
    figure = new_figure(11, 7.4)
    upper, lower = figure.subfigures(2, 1, height_ratios=(1.15, 1), squeeze=False)[:, 0]
    plain = [outcome for outcome in outcomes if outcome.optimiser == "gradient descent"]
    start = upper.subplots()
    for outcome, colour in zip(plain, COLOURS, strict=True):
        layers = np.arange(1, len(outcome.trials[0].gradients[0]) + 1)
        each = np.array([trial.gradients[0] for trial in outcome.trials])
        start.plot(layers, each.T, color=colour, lw=0.7, alpha=0.4)
        middle = np.exp(np.log(each).mean(axis=0))
        start.plot(layers, middle, color=colour, marker="o", ms=5, lw=2, label=outcome.contender.name)
    start.set_yscale("log")
    labels = {"xlabel": "layer, from the pixels to the answer", "ylabel": "gradient (rms of weights)"}
    frame(start, "Before the first step", **labels)
    legend(start, loc="lower right", ncols=2)
    axes = lower.subplots(1, len(plain), sharey=True)
    for place, outcome, colour in zip(axes, plain, COLOURS, strict=True):
        _draw_training(place, outcome, colour)
    axes[0].set_ylabel("gradient (rms)")
    legend(axes[0], loc="lower right", fontsize=8)
    return figure


def _draw_training(axes: Any, outcome: DepthOutcome, colour: str) -> None:
    with np.errstate(divide="ignore"):
        each = np.array([np.log(np.maximum(trial.gradients, LEAST)) for trial in outcome.trials])
    middle = np.exp(each.mean(axis=0))
    epochs = np.arange(len(middle))
    for layer, dash, width in ((0, "-", 2.0), (3, "--", 1.3), (7, ":", 1.6)):
        axes.plot(epochs, middle[:, layer], color=colour, ls=dash, lw=width, label=f"layer {layer + 1}")
    axes.set(yscale="log", ylim=(LEAST, 1))
    frame(axes, f"{outcome.contender.name}, rate {outcome.rate:g}", xlabel="epoch of gradient descent")
    axes.title.set_fontsize(10)


def drawn_learning(outcomes: Sequence[DepthOutcome]) -> Figure:
    """Accuracy over training, all seeds, for each optimiser."""
    figure = new_figure(11, 4.8)
    names = list(dict.fromkeys(outcome.optimiser for outcome in outcomes))
    for axes, name in zip(figure.subplots(1, len(names), sharey=True), names, strict=True):
        shown = [outcome for outcome in outcomes if outcome.optimiser == name]
        for outcome, colour in zip(shown, COLOURS, strict=True):
            each = np.array([trial.accuracies for trial in outcome.trials])
            axes.plot(each.T, color=colour, lw=0.7, alpha=0.4)
            label = f"{outcome.contender.name}, rate {outcome.rate:g}: {each[:, -1].mean():.1%}"
            axes.plot(each.mean(axis=0), color=colour, lw=2.2, label=label)
        axes.axhline(0.1, color=FAINT, lw=0.9, ls=(0, (4, 3)))
        axes.text(each.shape[1] - 1, 0.105, "chance", ha="right", va="bottom", fontsize=8.5, color=SOFT)
        axes.set_ylim(0, 1.02)
        frame(axes, name, xlabel="epoch")
        legend(axes, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
    axes.figure.axes[0].set_ylabel("accuracy on the test third")
    return figure
