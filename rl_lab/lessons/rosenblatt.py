"""Rosenblatt's rule: it learns what one line can divide, within a bound, and XOR it never learns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.core.perceptron import Perceptron
from rl_lab.errors import LabError
from rl_lab.lessons.findings import Findings, Picture
from rl_lab.lessons.style import BLUE, COLOURS, FAINT, ORANGE, SOFT, frame, legend, new_figure
from rl_lab.supervised.classifier import Classifier
from rl_lab.validation import whole_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SQUARE = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
OR, XOR = np.array([False, True, True, True]), np.array([False, True, True, False])
WIDTHS = (2, 5, 20)  # inputs
MARGINS = np.geomspace(0.01, 0.3, 12)
SAMPLES = 200
PASSES_OF_XOR = 60


class Separable(NamedTuple):
    """Samples that a hyperplane divides, at a known distance from it."""

    inputs: NDArray[np.float32]  # (samples, width)
    labels: NDArray[np.bool_]  # (samples,)
    margin: float  # of the hyperplane they were made with, over the inputs with a 1 appended
    radius: float  # length of the longest input, with a 1 appended

    @property
    def bound(self) -> float:
        """Novikoff's: the most mistakes that the rule can make."""
        return (self.radius / self.margin) ** 2


def separable(samples: int, width: int, margin: float, rng: np.random.Generator) -> Separable:
    """Uniform samples of a cube, without those nearer to a random hyperplane than the margin, at most 0.5."""
    if samples < 2 or width < 1 or not 0 < margin <= 0.5:
        raise LabError(
            f"{samples} samples of width {width} with margin {margin} cannot be made; "
            "give at least 2 samples, a width of at least 1 and a margin above 0 and up to 0.5"
        )
    normal = rng.standard_normal(width)
    normal *= np.sqrt(0.95) / np.linalg.norm(normal)
    normal = np.append(normal, rng.choice((-1, 1)) * np.sqrt(0.05))  # of length 1; it passes close to the centre
    rows = np.empty((0, width), np.float32)
    while len(rows) < samples:
        drawn = rng.uniform(-1, 1, (4 * samples, width)).astype(np.float32)
        rows = np.concatenate([rows, drawn[np.abs(_extended(drawn) @ normal) >= margin]])
    rows = rows[:samples]
    distances = _extended(rows) @ normal
    radius = float(np.linalg.norm(_extended(rows), axis=1).max())
    return Separable(rows, distances > 0, float(np.abs(distances).min()), radius)


def _extended(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.column_stack([rows.astype(np.float64), np.ones(len(rows))])


class PerceptronTrial(NamedTuple):
    """One set of samples, learnt."""

    width: int
    margin: float
    bound: float
    mistakes: int
    learned: bool  # every label, in the end


def study(sets: int = 10, seed: int = 0) -> Findings:
    """Count mistakes on sets of samples with known margins; then try XOR, with one unit and with two layers."""
    whole_number("sets", sets, 1)
    rng = np.random.default_rng(seed)
    trials = [_trial(width, margin, rng) for width in WIDTHS for margin in MARGINS for _ in range(sets)]
    alone = Perceptron(2)
    mistakes = [alone.fit(SQUARE, XOR, passes=1) for _ in range(PASSES_OF_XOR)]
    network = two_layers(seed)
    right = [int((model.predict(SQUARE) == XOR).sum()) for model in (alone, network)]
    used = max(trial.mistakes / trial.bound for trial in trials)
    found: dict[str, Any] = {
        "trials": [trial._asdict() for trial in trials],
        "largest share of the bound": used,
        "mistakes on XOR, pass by pass": mistakes,
        "right on XOR": {"one unit": right[0], "two layers": right[1]},
    }
    lines = [
        f"{len(trials)} sets that a plane divides: {sum(trial.learned for trial in trials)} learnt, with at most "
        f"{used:.0%} of the mistakes that Novikoff's bound (R/g)² allows",
        f"XOR, one unit: {right[0]} of 4 right after {PASSES_OF_XOR} passes, {min(mistakes)} mistakes or more in each",
        f"XOR, two layers of the core: {right[1]} of 4 right",
    ]
    pictures = [
        Picture("bound", "Mistakes until all is known, against the bound", picture_of_bound(trials, mistakes)),
        Picture("xor", "One line divides OR. None divides XOR; two layers bend it", picture_of_xor(alone, network)),
    ]
    command = f"python examples/fundamentals/rosenblatt.py --sets {sets} --seed {seed}"
    return Findings("rosenblatt", "What can one neuron learn?", lines, found, command, pictures=pictures)


def two_layers(seed: int = 0) -> Classifier:
    """Two layers of the core, trained on XOR."""
    network = Classifier((4,), "tanh", alpha=0, learning_rate_init=0.05, max_iter=1000, tol=0, random_state=seed)
    return network.fit(SQUARE, XOR)


def _trial(width: int, margin: float, rng: np.random.Generator) -> PerceptronTrial:
    data = separable(SAMPLES, width, margin, rng)
    unit = Perceptron(width)
    mistakes = unit.fit(data.inputs, data.labels, passes=1_000_000)  # ends long before, says the theorem
    learned = bool((unit.predict(data.inputs) == data.labels).all())
    return PerceptronTrial(width, data.margin, data.bound, mistakes, learned)


def picture_of_bound(trials: list[PerceptronTrial], mistakes: list[int]) -> Figure:
    """Mistakes by margin, below the bound; and mistakes on XOR, which never end."""
    figure = new_figure(11, 4.4)
    left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
    edge = [min(trial.bound for trial in trials) / 1.5, max(trial.bound for trial in trials) * 1.5]
    left.plot(edge, edge, color=SOFT, lw=1.2, ls=(0, (4, 3)))
    left.text(edge[1], edge[1], "the bound ", ha="right", va="bottom", fontsize=9, color=SOFT, rotation=0)
    for colour, width in zip(COLOURS, WIDTHS, strict=False):
        shown = [trial for trial in trials if trial.width == width]
        x, y = [trial.bound for trial in shown], [max(trial.mistakes, 0.5) for trial in shown]
        left.plot(x, y, "o", color=colour, ms=4, alpha=0.6, mew=0, label=f"{width} inputs")
    left.set(xscale="log", yscale="log")
    frame(left, "Sets that a plane divides", xlabel="Novikoff's bound (R / margin)²", ylabel="mistakes until it knows")
    legend(left, loc="upper left")
    right.step(range(1, len(mistakes) + 1), mistakes, where="mid", color=ORANGE, lw=1.6)
    right.set(ylim=(0, 4.4), yticks=range(5))
    frame(right, "XOR: no pass without a mistake", xlabel="pass over the four samples", ylabel="mistakes")
    return figure


def picture_of_xor(alone: Perceptron, network: Classifier) -> Figure:
    """Where each model says yes."""
    learned = Perceptron(2)
    learned.fit(SQUARE, OR)
    figure = new_figure(11, 4.3)
    models: tuple[tuple[str, Any, Any], ...] = (
        ("OR, one unit", learned, OR),
        ("XOR, one unit", alone, XOR),
        ("XOR, two layers", network, XOR),
    )
    side = np.linspace(-0.5, 1.5, 201)
    first, second = np.meshgrid(side, side)
    for axes, (name, model, labels) in zip(figure.subplots(1, 3), models, strict=True):
        yes = model.predict(np.column_stack([first.ravel(), second.ravel()])).reshape(first.shape)
        axes.contourf(first, second, yes.astype(float), levels=[-0.5, 0.5, 1.5], colors=["#faf3ec", "#dbe7f4"])
        for sample, label in zip(SQUARE, labels, strict=True):
            wrong = bool(model.predict(sample[None])[0]) != label
            axes.plot(*sample, "o", ms=13, color=BLUE if label else ORANGE, mec="white", mew=2, zorder=3)
            if wrong:
                axes.plot(*sample, "x", ms=9, color="white", mew=2.4, zorder=4)
        right = int((model.predict(SQUARE) == labels).sum())
        frame(axes, f"{name}: {right} of 4 right", xlabel="first input")
        axes.set(aspect="equal", xticks=(0, 1), yticks=(0, 1))
        axes.spines[:].set_color(FAINT)
    figure.axes[0].set_ylabel("second input")
    return figure
