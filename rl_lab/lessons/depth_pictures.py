"""Pictures of eight layers: the gradient by layer, at the start and over training, and what was learnt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rl_lab.lessons.style import BLUE, FAINT, GREEN, ORANGE, PURPLE, SOFT, frame, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rl_lab.lessons.depth import DepthOutcome

COLOURS = (ORANGE, PURPLE, GREEN, BLUE)  # in the order of the contenders
LEAST = 1e-9  # of a gradient that is drawn


def gradients(outcomes: Sequence[DepthOutcome]) -> Figure:
    """By layer before the first step, with all seeds; and in three layers over training by gradient descent."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7.4), layout="constrained")
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
    frame(
        start,
        "Before the first step",
        xlabel="layer, from the pixels to the answer",
        ylabel="gradient (rms of weights)",
    )
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


def learning(outcomes: Sequence[DepthOutcome]) -> Figure:
    """Accuracy over training, all seeds, for each optimiser."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.8), layout="constrained")
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
