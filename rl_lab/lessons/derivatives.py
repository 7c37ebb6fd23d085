"""Activations and their derivatives: against finite differences, at ReLU's corner, and far out in the tails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_lab.core import activations
from rl_lab.lessons.findings import Findings, PageTable, Picture
from rl_lab.lessons.style import BLUE, FAINT, GREEN, ORANGE, SOFT, frame, legend, new_figure
from rl_lab.supervised.training import activate, compiled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = ("step", "sigmoid", "tanh", "relu")
SPACING = 1 / 64  # of the finite differences; a power of two, so that no place is rounded
TAILS = (2.0, 5.0, 8.0, 10.0, 12.0, 15.0, 20.0)


def activated(name: str, places: ArrayLike) -> NDArray[np.float32]:
    """What the core's kernel puts out, float32 of the shape of the places."""
    values = np.array(places, np.float32)
    activate(activations.code(name), values)
    return values


def derivative(name: str, places: ArrayLike) -> NDArray[np.float32]:
    """The derivative that the core's backward pass uses: a function of the activation's float32 output."""
    outputs = activated(name, places)
    slopes = np.ones_like(outputs)
    run = compiled(activations.scale_by_derivative, "the activations' derivatives")
    run(activations.code(name), outputs.reshape(-1), slopes.reshape(-1))
    return slopes


def exact_derivative(name: str, places: ArrayLike) -> NDArray[np.float64]:
    """The derivative in double precision; 0 at a corner and at a jump, as the core has it."""
    x = np.asarray(places, np.float64)
    if name == "sigmoid":
        return 0.25 / np.cosh(np.clip(x / 2, -300, 300)) ** 2
    if name == "tanh":
        return 1 / np.cosh(np.clip(x, -300, 300)) ** 2
    return {"relu": (x > 0).astype(float), "step": np.zeros_like(x), "identity": np.ones_like(x)}[name]


def finite_difference(name: str, places: ArrayLike, spacing: float = SPACING) -> NDArray[np.float64]:
    """The slope of the core's own outputs, from a little below each place to a little above."""
    x = np.asarray(places, np.float64)
    above, below = (activated(name, x + side * spacing).astype(np.float64) for side in (1, -1))
    return (above - below) / (2 * spacing)


def study() -> Findings:
    """Compare derivatives with finite differences, look at the corner and at the tails, and draw all."""
    places = np.arange(-512, 513) / 64 + 1 / 128  # of -8 to 8, beside the corner and the jump by half a spacing
    places = places[np.abs(places) > SPACING]
    apart = {
        name: float(np.abs(derivative(name, places) - finite_difference(name, places)).max())
        for name in activations.CODES
    }
    corner = {
        "slope below": float((activated("relu", 0.0) - activated("relu", -0.5)) / 0.5),
        "slope above": float((activated("relu", 0.5) - activated("relu", 0.0)) / 0.5),
        "the core takes": float(derivative("relu", [0.0])[0]),
    }
    tails = {name: _tail(name) for name in ("sigmoid", "tanh")}
    found: dict[str, Any] = {"largest distance to finite differences": apart, "corner of relu": corner, "tails": tails}
    lines = [
        "derivatives against finite differences of the core's outputs, largest distance: "
        + ", ".join(f"{name} {distance:.0e}" for name, distance in apart.items()),
        f"relu at 0: slope {corner['slope below']:g} below and {corner['slope above']:g} above; "
        f"the core takes {corner['the core takes']:g}",
    ]
    for name, tail in tails.items():
        lines.append(
            f"{name}: the core's derivative is 1 % off from |x| = {tail['one per cent off from']:.1f} and "
            f"keeps {tail['rest']:.1e} far out, where the exact one goes to 0"
        )
    rows = [
        [f"{x:g}", *(f"{function(name, [x])[0]:.2e}" for name in tails for function in (exact_derivative, derivative))]
        for x in TAILS
    ]
    table = PageTable(["x", "sigmoid's derivative", "the core's", "tanh's derivative", "the core's"], rows)
    pictures = [
        Picture("activations", "Activations, and their derivatives below them", picture()),
        Picture("tails", "Far out, derivatives vanish; float32 keeps a small rest", picture_of_tails()),
    ]
    command = "python examples/fundamentals/activations.py"
    return Findings("activations", "How do neurons answer?", lines, found, command, [table], pictures)


def _tail(name: str) -> dict[str, float]:
    x = np.linspace(0, 25, 50_001)
    core = derivative(name, x).astype(np.float64)
    off = np.abs(core / exact_derivative(name, x) - 1)
    return {"one per cent off from": float(x[np.argmax(off > 0.01)]), "rest": float(core[-1])}


def picture() -> Figure:
    """Each activation above its derivative; circles are finite differences."""
    figure = new_figure(11, 5.2)
    axes = figure.subplots(2, 4, sharex=True)
    x, few = np.linspace(-5, 5, 1001), np.arange(-9, 10) / 2 + 0.25
    for column, name in enumerate(SHOWN):
        upper, lower = axes[0, column], axes[1, column]
        upper.plot(x, activated(name, x), color=BLUE, lw=2)
        lower.plot(x, derivative(name, x), color=ORANGE, lw=2)
        lower.plot(few, finite_difference(name, few), "o", ms=4, color="white", mec=SOFT, mew=1)
        for place in (upper, lower):
            place.axhline(0, color=FAINT, lw=0.7, zorder=0)
        frame(upper, name)
        frame(lower, xlabel="weighted sum + bias")
        lower.set_ylim(-0.1, 1.15)
    axes[0, 0].set_ylabel("output")
    axes[1, 0].set_ylabel("derivative")
    quiet: dict[str, Any] = {"ha": "center", "fontsize": 8.5, "color": SOFT}
    quiet["arrowprops"] = {"arrowstyle": "-", "color": FAINT}
    axes[1, 0].annotate("the jump: no derivative;\nthe core takes 0", (0, 0), xytext=(0, 0.45), **quiet)
    axes[1, 3].annotate("the corner:\nthe core takes 0", (0, 0), xytext=(-2.6, 0.5), **quiet)
    axes[1, 1].plot([], [], "o", ms=4, color="white", mec=SOFT, mew=1, label="finite differences")
    legend(axes[1, 1], loc="upper right")
    return figure


def picture_of_tails() -> Figure:
    """Derivatives far from zero, on a logarithmic scale."""
    figure = new_figure(11, 3.9)
    x = np.linspace(-22, 22, 2201)
    for axes, name in zip(figure.subplots(1, 2, sharey=True), ("sigmoid", "tanh"), strict=True):
        axes.plot(x, exact_derivative(name, x), color=FAINT, lw=5, alpha=0.7, label="exact")
        axes.plot(x, derivative(name, x), color=GREEN, lw=1.6, label="the core's, from a float32 output")
        axes.set(yscale="log", ylim=(1e-11, 2))
        frame(axes, f"{name}'s derivative", xlabel="weighted sum + bias")
        if name == "sigmoid":
            legend(axes, loc="lower center")
    return figure
