"""The pictures of generated digits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rl_lab.supervised.classifier import Classifier
from rl_lab.unsupervised.vae import VariationalAutoencoder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rl_lab.lessons.generated_digits import Digits

ACROSS, DOWN = 12, 4  # pairs that are shown
STEPS = 15  # of the walk between two digits
COLOURS = ("#2a66ad", "#c4661f", "#2f8558", "#8753a8", "#b03a5b")


def nearest(images: np.ndarray, known: np.ndarray, judge: Classifier) -> Figure:
    """The first generated digits, each above its nearest training digit."""
    from matplotlib.figure import Figure
    from scipy.spatial import KDTree

    images = images[: ACROSS * DOWN]
    distances, places = KDTree(known).query(images)
    read = judge.predict(images)
    figure = Figure(figsize=(11, 9.2), layout="constrained")
    grid = figure.subplots(2 * DOWN, ACROSS, squeeze=False)
    for number, axes in enumerate(grid.ravel()):
        axes.set(xticks=[], yticks=[])
        row, column = divmod(number, ACROSS)
        place = row // 2 * ACROSS + column
        if place >= len(images):
            axes.set_axis_off()
            continue
        shown = images[place] if row % 2 == 0 else known[places[place]]
        axes.imshow(shown.reshape(8, 8), cmap="Blues" if row % 2 == 0 else "Greys", vmin=0, vmax=1)
        axes.spines[:].set_visible(False)
        if row % 2 == 0:
            axes.set_title(f"{read[place]}", fontsize=10, color=COLOURS[0], pad=2)
        else:
            axes.set_xlabel(f"{distances[place]:.2f}", fontsize=9, color="#5a626c", labelpad=2)
    figure.suptitle(
        "Blue: generated, and what it is read as. Grey: the nearest training digit, and its distance.",
        x=0.01,
        ha="left",
        fontsize=12,
    )
    return figure


def distances(sets: Mapping[str, np.ndarray], known: np.ndarray) -> Figure:
    """Distances to the nearest training digit, of generated, real and shuffled digits."""
    from matplotlib.figure import Figure
    from scipy.spatial import KDTree

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots()
    tree, edges = KDTree(known), np.linspace(0, 4.5, 91)
    for (name, images), colour in zip(sets.items(), COLOURS, strict=False):
        found = tree.query(images)[0]
        counts, _ = np.histogram(found, edges)
        axes.stairs(counts / len(found), edges, color=colour, fill=True, alpha=0.25)
        axes.stairs(counts / len(found), edges, color=colour, linewidth=1.6, label=name)
    axes.set(xlabel="Euclidean distance to the nearest training digit", ylabel="share", xlim=(0, 4.5))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def walk(model: VariationalAutoencoder, digits: Digits) -> Figure:
    """Straight lines through the code, from a held-out digit to one of the next class."""
    from matplotlib.figure import Figure

    firsts = [digits.held[np.flatnonzero(digits.held_labels == label)[0]] for label in range(10)]
    codes = model.encode(firsts)
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    grid = figure.subplots(5, STEPS, squeeze=False)
    for row, start in enumerate(range(0, 10, 2)):
        shares = np.linspace(0, 1, STEPS)[:, None]
        path = model.decode((1 - shares) * codes[start] + shares * codes[start + 1])
        for axes, image in zip(grid[row], path, strict=True):
            axes.imshow(image.reshape(8, 8), cmap="Blues", vmin=0, vmax=1)
            axes.set_axis_off()
    return figure


def errors(found: Mapping[str, Mapping[str, float]]) -> Figure:
    """Errors of reconstruction by code size, autoencoder and principal components."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.8), layout="constrained")
    axes: Any = figure.subplots()
    sizes = [int(size) for size in found]
    for name, colour in zip(("principal components", "autoencoder"), (COLOURS[1], COLOURS[0]), strict=True):
        values = [of[name] for of in found.values()]
        axes.plot(sizes, values, marker="o", color=colour, label=name)
    axes.set(
        xscale="log", xlabel="numbers in the code", ylabel="mean squared error of a pixel, held out", ylim=(0, None)
    )
    axes.set_xticks(sizes, labels=[str(size) for size in sizes])
    axes.minorticks_off()
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
