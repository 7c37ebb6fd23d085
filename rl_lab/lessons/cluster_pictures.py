"""Drawings of clusters: in the plane, by their means, by their words, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rl_lab.errors import extra
from rl_lab.lessons import style
from rl_lab.lessons.cluster_models import Choice
from rl_lab.lessons.style import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = (*style.COLOURS, "#8a6d1f", "#3a93a5", "#6b7280", "#d08fb0", "#7fae3f")
MARKERS = "o^sDv"  # after ten clusters the colours come again, with another one
INK, FAINT = "#1d2126", "#8b929b"


def matched(found: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Clusters renumbered by the labels with which they share most, so that both are drawn in one colour.

    Each label gets one cluster, where there are as many. A further cluster gets the most frequent label in it plus a
    multiple of the number of colours, so that it is drawn in that label's colour with another marker.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array

    clusters, places = np.unique(found, return_inverse=True)
    shared = coo_array((np.ones(len(found)), (places, labels)), (len(clusters), int(labels.max()) + 1)).toarray()
    numbers = dict(zip(*(side.tolist() for side in linear_sum_assignment(-shared)), strict=True))
    for cluster in range(len(clusters)):
        number = int(shared[cluster].argmax())
        while cluster not in numbers and number in numbers.values():
            number += len(COLOURS)
        numbers.setdefault(cluster, number)
    return np.array([numbers[cluster] for cluster in range(len(clusters))])[places]


def plane(rows: NDArray[np.float64], parts: Sequence[tuple[str, NDArray[np.int64], Sequence[str]]]) -> Figure:
    """Samples along their first two principal components, coloured once for each way to part them.

    `parts` has for each panel a title, the part `(samples,)` of each sample, and names of the parts; names longer than
    two letters stand in a legend, since they would hide one another in the plane.
    """
    with extra("learn", "principal components"):
        from sklearn.decomposition import PCA

    pca = PCA(min(2, *rows.shape), svd_solver="full")
    places = pca.fit_transform(rows)
    if places.shape[1] == 1:  # a single column: side by side, by chance, so that points do not hide one another
        places = np.column_stack([places, np.random.default_rng(0).uniform(-1, 1, len(places))])
    figure = new_figure(5.6 * len(parts) + (1.2 if len(parts) == 1 else 0), 5.4)
    short = all(len(name) <= 2 for _, _, names in parts for name in names)
    if not short:
        _add_legend(figure, parts[-1][2])
    for axes, (title, part, names) in zip(figure.subplots(1, len(parts), squeeze=False)[0], parts, strict=True):
        scatter(axes, places, part, names if short else [""] * len(names))
        axes.set_title(title, loc="left", fontsize=12)
        along = [f"principal component {i + 1} ({ratio:.0%})" for i, ratio in enumerate(pca.explained_variance_ratio_)]
        axes.set(xlabel=along[0], ylabel=along[1] if len(along) > 1 else "")
        if len(along) == 1:
            axes.set_yticks([])
    return figure


def _add_legend(figure: Figure, names: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    dots = [Line2D([], [], color=COLOURS[k], marker="o", linestyle="", label=name) for k, name in enumerate(names)]
    figure.legend(handles=dots, loc="outside lower center", ncols=len(names), frameon=False, fontsize=11)


def scatter(axes: Any, places: NDArray[np.float64], part: NDArray[np.int64], names: Sequence[str]) -> None:
    """Points in the plane, a colour for each part, whose name, where it has one, stands in its middle."""
    size = float(np.clip(9_000 / len(places), 3, 26))
    order = np.random.default_rng(0).permutation(len(places))  # so that no part lies on top of the others
    for marker in range(-(-len(names) // len(COLOURS))):
        chosen = order[part[order] // len(COLOURS) == marker]
        colours = [COLOURS[k % len(COLOURS)] for k in part[chosen]]
        axes.scatter(
            *places[chosen].T, c=colours, s=size, marker=MARKERS[marker % len(MARKERS)], alpha=0.65, linewidths=0
        )
    for k, name in enumerate(names):
        if name and (part == k).any():
            middle = np.median(places[part == k], axis=0)
            box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": COLOURS[k % len(COLOURS)]}
            axes.annotate(name, middle, ha="center", va="center", fontsize=9, color=INK, bbox=box)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)


def criterion(choice: Choice, truth: int | None) -> Figure:
    """The criterion over the number of clusters."""
    figure = new_figure(7.2, 3.6)
    axes = figure.subplots()
    draw_criterion(axes, choice, truth)
    return figure


def draw_criterion(axes: Any, choice: Choice, truth: int | None) -> None:
    """The criterion over the number of clusters, with the number chosen and the true one."""
    numbers, scores = list(choice.scores), list(choice.scores.values())
    if truth is not None:
        axes.axvline(truth, color=FAINT, linestyle=":", linewidth=1.5, label=f"true number, {truth}")
    axes.plot(numbers, scores, color=COLOURS[0], marker="o", markersize=4)
    best = choice.scores[choice.number]
    axes.plot(choice.number, best, "o", markersize=10, color=COLOURS[1], label=f"chosen, {choice.number}")
    axes.set(
        xlabel="clusters", ylabel=f"{choice.criterion} ({'least' if choice.criterion == 'BIC' else 'most'} is best)"
    )
    axes.locator_params(axis="x", integer=True)
    axes.legend(frameon=False, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)


def centroids(images: NDArray[np.float64], labels: NDArray[np.int64], found: NDArray[np.int64]) -> Figure:
    """The mean image of each cluster, in the order of the digit that is most frequent in it."""
    clusters = []
    for k in np.unique(found):
        counts = np.bincount(labels[found == k], minlength=10)
        clusters.append((int(counts.argmax()), -int(counts.sum()), float(counts.max() / counts.sum()), int(k)))
    columns = min(5, len(clusters))
    lines = -(-len(clusters) // columns)
    figure = new_figure(1.9 * columns, 2.35 * lines)
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for place in axes:
        place.set_axis_off()
    for place, (digit, size, share, k) in zip(axes, sorted(clusters), strict=False):
        place.imshow(images[found == k].mean(axis=0), cmap="gray_r")
        place.set_title(f"{-size} images,\n{share:.0%} of them {digit}", fontsize=10)
    return figure


def words(clusters: Sequence[tuple[str, int, Sequence[tuple[str, float]]]]) -> Figure:
    """Bars of the words of greatest weight in clusters, each with a title, the number of its colour, and its words."""
    columns = min(3, len(clusters))
    lines = -(-len(clusters) // columns)
    figure = new_figure(3.4 * columns, 2.7 * lines)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    longest = max((weight for _, _, top in clusters for _, weight in top), default=1.0)
    for place, axes in enumerate(panels):
        if place >= len(clusters):
            axes.set_axis_off()
            continue
        title, colour, top = clusters[place]
        axes.barh([word for word, _ in top], [weight for _, weight in top], color=COLOURS[colour])
        axes.invert_yaxis()
        axes.set_xlim(0, longest * 1.05)
        axes.set_title(title, loc="left", fontsize=10)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0, labelsize=9)
        axes.tick_params(axis="x", labelsize=8)
    figure.supxlabel("mean tf-idf", fontsize=10)
    return figure
