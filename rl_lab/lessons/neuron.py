"""One neuron: weights, a bias that is a threshold with the other sign, and what makes it fire."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rl_lab.core.perceptron import Perceptron
from rl_lab.errors import LabError
from rl_lab.lessons.findings import Findings, PageTable, Picture
from rl_lab.lessons.style import BLUE, FAINT, INK, ORANGE, RULE, SOFT, frame, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WEIGHTS, THRESHOLD = (0.7, 0.5, -0.8), 0.6  # two inputs that excite, one that inhibits
FIRING, SILENT = (1, 1, 0), (1, 1, 1)


def neuron(weights: Sequence[float], threshold: float) -> Perceptron:
    """A unit of the core that fires where the weighted sum of its inputs exceeds the threshold.

    A threshold is a bias of the other sign: `w·x > threshold` is `w·x + bias > 0` with `bias = -threshold`.

    Raises:
        LabError: there is no weight, or a number is not finite.

    Example:
        >>> both = neuron([1, 1], threshold=1.5)
        >>> both.predict([[0, 1], [1, 1]])
        array([False,  True])
    """
    if not all(math.isfinite(number) for number in (*weights, threshold)):
        raise LabError(f"weights {tuple(weights)} and threshold {threshold} must all be finite numbers")
    unit = Perceptron(len(weights))
    unit.parameters[:] = [*weights, -threshold]
    return unit


def study(weights: Sequence[float] = WEIGHTS, threshold: float = THRESHOLD) -> Findings:
    """Every input of zeros and ones, the weighted sum of each, and the answer; drawn for three inputs."""
    if len(weights) != 3:
        raise LabError(f"{len(weights)} weights cannot be drawn here; give three")
    unit = neuron(weights, threshold)
    inputs = np.array(list(itertools.product((0, 1), repeat=3)))
    sums = inputs @ np.array(weights)
    fires = unit.predict(inputs)
    rows = [
        [" ".join(str(value) for value in row), f"{total:+.2f}", f"{total - threshold:+.2f}", "fires" if yes else "–"]
        for row, total, yes in zip(inputs, sums, fires, strict=True)
    ]
    found = {
        "weights": list(weights),
        "threshold": threshold,
        "bias": -threshold,
        "inputs": inputs.tolist(),
        "sums": sums.tolist(),
        "fires": fires.tolist(),
    }
    lines = [
        f"weights {', '.join(f'{weight:g}' for weight in weights)}; threshold {threshold:g}, so bias {-threshold:g}",
        f"fires for {fires.sum()} of {len(fires)} inputs",
    ]
    drawn = Picture("neuron", "One neuron, firing and not firing", picture(unit, weights, threshold))
    table = PageTable(["inputs", "weighted sum", "sum + bias", "answer"], rows)
    command = "python examples/fundamentals/neuron.py"
    return Findings("neuron", "When does a neuron fire?", lines, found, command, [table], [drawn])


def picture(unit: Perceptron, weights: Sequence[float], threshold: float) -> Figure:
    """The neuron with two inputs, the step over the sum, and the line in the plane of its first two inputs."""
    figure = new_figure(11, 7.6)
    axes = figure.subplots(2, 2)
    for place, inputs in zip(axes[0], (FIRING, SILENT), strict=True):
        _draw_neuron(place, unit, weights, threshold, inputs)
    _draw_step(axes[1, 0], unit, weights, threshold)
    _draw_plane(axes[1, 1], unit)
    return figure


def _draw_neuron(axes: Any, unit: Perceptron, weights: Sequence[float], threshold: float, inputs: Any) -> None:
    from matplotlib.patches import Circle

    fires = bool(unit.predict([inputs])[0])
    total = float(np.dot(inputs, weights))
    for row, (value, weight) in enumerate(zip(inputs, weights, strict=True)):
        y = 1.0 - row
        colour = (BLUE if weight > 0 else ORANGE) if value else FAINT
        axes.plot([0.2, 1.5], [y, y * 0.28], color=colour, lw=1 + 5 * abs(weight), alpha=0.85, solid_capstyle="round")
        axes.add_patch(Circle((0, y), 0.2, facecolor=INK if value else "white", edgecolor=INK, lw=1.4, zorder=3))
        ink = "white" if value else INK
        axes.text(0, y, f"{value:g}", ha="center", va="center", color=ink, fontsize=12, zorder=4)
        label = {"ha": "center", "va": "bottom", "fontsize": 10, "color": INK if value else SOFT}
        axes.text(0.72, y * 0.72 + (0.12 if y >= 0 else 0.2), f"× {weight:g}".replace("-", "−"), **label)
    body = "#dbe7f4" if fires else "white"
    axes.add_patch(Circle((1.9, 0), 0.46, facecolor=body, edgecolor=BLUE if fires else FAINT, lw=2.4, zorder=3))
    sign = ">" if total > threshold else "≤"
    axes.text(
        1.9, 0, f"{total:.1f}\n{sign} {threshold:.1f}", ha="center", va="center", fontsize=12, color=INK, zorder=4
    )
    axes.plot([2.36, 3.2], [0, 0], color=BLUE if fires else FAINT, lw=4.5 if fires else 1.5, zorder=2)
    axes.add_patch(
        Circle((3.4, 0), 0.2, facecolor=BLUE if fires else "white", edgecolor=BLUE if fires else FAINT, lw=1.4)
    )
    ink = "white" if fires else SOFT
    axes.text(3.4, 0, str(int(fires)), ha="center", va="center", color=ink, fontsize=12, zorder=4)
    axes.set(xlim=(-0.35, 3.75), ylim=(-1.35, 1.45), aspect="equal")
    axes.set_axis_off()
    title = "Firing: the sum exceeds the threshold" if fires else "Silent: the inhibiting input is on"
    axes.set_title(title, loc="left", fontsize=11, color=INK)


def _draw_step(axes: Any, unit: Perceptron, weights: Sequence[float], threshold: float) -> None:
    sums = np.linspace(-1.2, 1.6, 561)
    single = neuron([1.0], threshold)
    axes.plot(sums, single.predict(sums[:, None]), color=BLUE, lw=2)
    axes.axvline(threshold, color=SOFT, lw=0.8, ls=(0, (4, 3)))
    axes.text(
        threshold - 0.04, 0.5, f"threshold {threshold:g}", fontsize=9, color=SOFT, rotation=90, ha="right", va="center"
    )
    inputs = np.array(list(itertools.product((0, 1), repeat=3)))
    totals, fires = inputs @ np.array(weights), unit.predict(inputs)
    for rank, place in enumerate(np.argsort(totals)):
        row, total, yes = inputs[place], totals[place], fires[place]
        axes.plot(total, yes, "o", ms=7, color=BLUE if yes else "white", mec=BLUE if yes else SOFT, mew=1.4, zorder=3)
        name = "".join(str(value) for value in row)
        far = 0.06 + 0.06 * (rank % 2)  # neighbours' names at two heights
        label = {"fontsize": 8.5, "color": INK, "ha": "center", "va": "top" if yes else "bottom"}
        axes.text(total, yes - far if yes else far, name, **label)
    frame(axes, "The step: all eight inputs on it", xlabel="weighted sum of the inputs", ylabel="output")
    axes.set(ylim=(-0.15, 1.15), yticks=(0, 1))


def _draw_plane(axes: Any, unit: Perceptron) -> None:
    side = np.linspace(-0.3, 1.3, 321)
    first, second = np.meshgrid(side, side)
    for third, colour, name in ((0, BLUE, "off"), (1, ORANGE, "on")):
        fires = unit.predict(np.column_stack([first.ravel(), second.ravel(), np.full(first.size, third)]))
        shown = fires.reshape(first.shape).astype(float)
        if third == 0:
            axes.contourf(first, second, shown, levels=[0.5, 1.5], colors=["#dbe7f4"])
        if 0 < shown.mean() < 1:
            axes.contour(first, second, shown, levels=[0.5], colors=[colour], linewidths=1.8)
        axes.plot([], [], color=colour, lw=1.8, label=f"third input {name}")
    corners = np.array(list(itertools.product((0, 1), repeat=2)))
    fires = unit.predict(np.column_stack([corners, np.zeros(4)]))
    for corner, yes in zip(corners, fires, strict=True):
        axes.plot(*corner, "o", ms=8, color=BLUE if yes else "white", mec=BLUE if yes else SOFT, mew=1.4, zorder=3)
    axes.set_aspect("equal")
    frame(axes, "Beyond the line it fires; the third input moves it", xlabel="first input", ylabel="second input")
    axes.legend(frameon=True, framealpha=0.9, edgecolor=RULE, fontsize=9, loc="lower left")
