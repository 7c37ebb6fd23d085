"""Pictures of an approximation: the fit and its parts, the towers, and the errors over widths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rl_lab.core import towers
from rl_lab.core.mlp import MLP
from rl_lab.lessons.style import BLUE, COLOURS, FAINT, GREEN, INK, ORANGE, SOFT, frame, legend, new_figure
from rl_lab.lessons.targets import TESTED_SIDE, Points, Target
from rl_lab.supervised.curves import parts
from rl_lab.supervised.training import predicted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rl_lab.lessons.approximation import Approximation

LARGEST_UNITS = 10  # whose parts are drawn one by one
FINE = 1601


def fit(result: Approximation) -> Figure:
    """The function, the fit, its error, and what each hidden unit adds."""
    network = result.trained[result.options.hidden]
    return _fit_line(result, network) if len(result.target.variables) == 1 else _fit_square(result, network)


def built(result: Approximation) -> Figure:
    """Towers, few and many."""
    return _built_line(result.target) if len(result.target.variables) == 1 else _built_square(result.target)


def widths(result: Approximation) -> Figure:
    """The largest and the mean error by the number of units, trained and built."""
    figure = new_figure(10, 4.6)
    axes = figure.subplots()
    for errors, colour, name in (
        (result.trained_errors, BLUE, f"trained ({result.options.activation})"),
        (result.built_errors, ORANGE, "towers"),
    ):
        units = list(errors)
        axes.plot(units, [one.largest for one in errors.values()], color=colour, marker="o", ms=4, lw=1.8)
        axes.plot(units, [one.mean for one in errors.values()], color=colour, ls=":", marker="o", ms=3, lw=1.3)
        axes.plot([], [], color=colour, lw=2.4, label=name)
    axes.plot([], [], color=SOFT, lw=1.8, label="largest error")
    axes.plot([], [], color=SOFT, lw=1.3, ls=":", label="mean error")
    missed = any(one.largest > 0 for errors in (result.trained_errors, result.built_errors) for one in errors.values())
    axes.set(xscale="log", yscale="log" if missed else "linear")  # a logarithm needs an error over 0
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(axis="y", color=FAINT, alpha=0.3, lw=0.6)
    frame(axes, xlabel="hidden units", ylabel="distance to the function")
    legend(axes, loc="lower left", ncols=2)
    return figure


def _fit_line(result: Approximation, network: MLP) -> Figure:
    goal = result.target
    x = np.linspace(goal.low, goal.high, FINE)
    figure = new_figure(11, 9)
    upper, middle, lower = figure.subplots(3, 1, height_ratios=(2.2, 0.8, 1.8), sharex=True)
    _draw_truth(upper, goal, x)
    upper.plot(x, predicted(network, x[:, None])[:, 0], color=BLUE, lw=1.6, label="the network")
    frame(upper, goal.text, ylabel="value")
    legend(upper, loc="best")
    missed = predicted(network, goal.tested)[:, 0] - goal.values(goal.tested)
    middle.axhline(0, color=FAINT, lw=0.8)
    if isinstance(goal.function, Points):
        middle.vlines(goal.tested[:, 0], 0, missed, color=GREEN, lw=1.4)
        middle.plot(goal.tested[:, 0], missed, "o", color=GREEN, ms=3)
    else:
        middle.plot(goal.tested[:, 0], missed, color=GREEN, lw=0.9)
    frame(middle, f"Error, at most {np.abs(missed).max():.1e}", ylabel="network − truth")
    pieces = parts(network, x[:, None])
    order = np.ptp(pieces, axis=0).argsort()[::-1]
    lower.plot(x, pieces[:, order[LARGEST_UNITS:]], color=FAINT, lw=0.7, alpha=0.7)
    for rank, unit in enumerate(order[:LARGEST_UNITS]):
        lower.plot(x, pieces[:, unit], color=COLOURS[rank % len(COLOURS)], lw=1.4, alpha=0.9)
    count = min(LARGEST_UNITS, len(order))
    what = f"the {count} largest of {len(order)} in colour" if len(order) > count else f"all {count}"
    frame(lower, f"What each hidden unit adds ({what})", xlabel="x", ylabel="part of the output")
    return figure


def _draw_truth(axes: Any, goal: Target, x: np.ndarray) -> None:
    if isinstance(goal.function, Points):
        axes.plot(goal.function.x, goal.function.y, "o", color=ORANGE, ms=4, alpha=0.7, label="the points")
    else:
        axes.plot(x, goal.function(x), color=ORANGE, lw=5, alpha=0.45, solid_capstyle="round", label="the function")


def _built_line(goal: Target) -> Figure:
    figure = new_figure(11, 7.4)
    x = np.linspace(goal.low, goal.high, FINE)
    for axes, units in zip(figure.subplots(2, 2, sharex=True, sharey=True).ravel(), (10, 20, 60, 200), strict=True):
        network, edges = towers.in_one_dimension(goal.function, goal.low, goal.high, units)
        _draw_truth(axes, goal, x)
        axes.plot(x, predicted(network, x[:, None])[:, 0], color=BLUE, lw=1.2)
        if units == 10:
            _draw_one_tower(axes, network, edges, x)
        missed = np.abs(predicted(network, x[:, None])[:, 0] - goal.function(x))
        frame(axes, f"{units} units, {units // 2} towers: error {missed.max():.2g}, mean {missed.mean():.2g}")
        if units >= 60:
            axes.set_xlabel("x")
    return figure


def _draw_one_tower(axes: Any, network: MLP, edges: np.ndarray, x: np.ndarray) -> None:
    """The tallest tower but the outermost, or the deepest: two steps, both as high as the tower."""
    heights, base = network.layers()[1][0][::2, 0], float(network.layers()[1][1][0])
    inner = heights[1:-1] if heights[1:-1].max() > 0 else -heights[1:-1]
    tallest = 1 + int(inner.argmax())
    steps = ("up", "down") if heights[tallest] > 0 else ("down", "up")
    pair = parts(network, x[:, None])[:, 2 * tallest : 2 * tallest + 2]
    axes.fill_between(x, base, base + pair.sum(axis=1), color=GREEN, alpha=0.35, lw=0)
    axes.axhline(base, color=SOFT, lw=0.7, ls=(0, (4, 3)))
    top = base + float(pair.sum(axis=1)[np.abs(pair.sum(axis=1)).argmax()])
    axes.annotate(
        f"one tower: a step {steps[0]}\nand a step {steps[1]}",
        ((edges[tallest] + edges[tallest + 1]) / 2, (base + top) / 2),
        xytext=(0.3, 0.93),
        textcoords="axes fraction",
        va="top",
        fontsize=9,
        color=INK,
        arrowprops={"arrowstyle": "-", "color": SOFT, "lw": 0.7},
    )


def _fit_square(result: Approximation, network: MLP) -> Figure:
    goal = result.target
    truth, fitted = goal.values(goal.tested), predicted(network, goal.tested)[:, 0]
    pieces = parts(network, goal.tested)
    order = np.ptp(pieces, axis=0).argsort()[::-1][:4]
    figure = new_figure(11, 5.2)
    axes = figure.subplots(2, 4)
    shared = float(truth.min()), float(truth.max())
    _map(figure, axes[0, 0], goal, truth, "The function", shared)
    _map(figure, axes[0, 1], goal, fitted, f"The network, {len(pieces[0])} units", shared)
    _map(figure, axes[0, 2], goal, fitted - truth, f"Error, at most {np.abs(fitted - truth).max():.1e}")
    axes[0, 3].set_axis_off()
    for place, unit in zip(axes[1], order, strict=False):
        _map(figure, place, goal, pieces[:, unit], f"What unit {unit + 1} adds")
    for place in axes[1, len(order) :]:
        place.set_axis_off()
    return figure


def _built_square(goal: Target) -> Figure:
    figure = new_figure(11, 3.1)
    truth = goal.values(goal.tested)
    shared = float(truth.min()), float(truth.max())
    for axes, count in zip(figure.subplots(1, 4), (4, 8, 16, 30), strict=True):
        network = towers.in_two_dimensions(goal.function, goal.low, goal.high, count)
        shown = predicted(network, goal.tested)[:, 0]
        title = f"{count * count} towers: error {np.abs(shown - truth).max():.2g}"
        _map(figure, axes, goal, shown, title, shared)
    return figure


def _map(
    figure: Any, axes: Any, goal: Target, values: np.ndarray, title: str, limits: tuple[float, float] | None = None
) -> None:
    """Values on the square, `x` to the right and `y` up."""
    low, high = limits or (-float(np.abs(values).max()), float(np.abs(values).max()))
    table = values.reshape(TESTED_SIDE, TESTED_SIDE).T
    extent = (goal.low, goal.high, goal.low, goal.high)
    image = axes.imshow(table, origin="lower", extent=extent, cmap="RdBu_r", vmin=low, vmax=high, aspect="equal")
    bar = figure.colorbar(image, ax=axes, shrink=0.7, pad=0.03)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, length=0, colors=SOFT)
    frame(axes)
    axes.set_title(title, loc="left", fontsize=9.5, color=INK)
    axes.spines[:].set_visible(False)
    axes.tick_params(labelsize=7, length=0)
