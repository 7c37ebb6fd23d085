"""The colours and the frame of every drawing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE, ROSE = "#2a66ad", "#c4661f", "#2f8558", "#8753a8", "#b03a5b"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, ROSE)
INK, SOFT, FAINT, RULE = "#1d2126", "#5a626c", "#a9b0b8", "#e4e2dd"


def new_figure(width: float, height: float) -> Figure:
    """A figure of this size in inches; matplotlib is imported where something is drawn."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def frame(axes: Any, title: str = "", **labels: Any) -> None:
    """Give axes a title on the left and labels, and take away the upper and right edges."""
    axes.set(**labels)
    if title:
        axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=SOFT, labelsize=9, length=3)
    axes.xaxis.label.set(color=SOFT, fontsize=10)
    axes.yaxis.label.set(color=SOFT, fontsize=10)


def legend(axes: Any, **more: Any) -> None:
    """A legend without a box."""
    axes.legend(**{"frameon": False, "fontsize": 9, "labelcolor": INK} | more)


def draw_counts(axes: Any, counts: np.ndarray, shades: np.ndarray, fontsize: float) -> None:
    """A table of counts over shades from 0 to 1, darker for more."""
    axes.imshow(np.sqrt(shades), cmap="Blues", vmin=0, vmax=1.1)
    for row, column in np.argwhere(counts > 0):
        ink = "white" if shades[row, column] > 0.4 else "#333"
        axes.text(column, row, counts[row, column], ha="center", va="center", color=ink, fontsize=fontsize)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def draw_images(figure: Any, rows: int, columns: int, shown: Sequence[tuple[np.ndarray, str]], **how: Any) -> None:
    """Images with titles, as many as there is room for, and nothing in what is left."""
    grid = figure.subplots(rows, columns).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, (image, title) in zip(grid, shown, strict=False):
        axes.imshow(image, **how)
        axes.set_title(title, fontsize=10)
