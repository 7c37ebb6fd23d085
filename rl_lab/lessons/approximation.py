"""Universal approximation: one hidden layer fits any function, by training and by towers set by hand.

Towers over a line are one hidden layer; over a plane they are two, of which the second says where both steps are met.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rl_lab.core import activations, towers
from rl_lab.core.mlp import MLP
from rl_lab.lessons.findings import Findings, PageTable, Picture
from rl_lab.lessons.targets import Target, target
from rl_lab.supervised.curves import fit_curve
from rl_lab.supervised.training import predicted
from rl_lab.validation import whole_number

WIDTHS = (1, 2, 3, 5, 7, 10, 14, 20, 30, 50, 70, 100, 200, 300, 500, 1000)
PIECES = (1, 2, 3, 4, 6, 8, 11, 16, 22, 30)  # along each side of a square
MOST = 1000


@dataclass(frozen=True)
class Options:
    """What is approximated, and how."""

    source: str
    """An expression of x, or of x and y, or a CSV of points."""
    hidden: int = 50
    """Units of the network that is drawn."""
    low: float | None = None
    """Where the range begins; -3, or the first point."""
    high: float | None = None
    """Where it ends; 3, or the last point."""
    activation: str = "tanh"
    """Of the trained network; the towers are of sigmoids."""
    seed: int = 0
    most: int = MOST
    """Units of the widest network that is measured."""


class Error(NamedTuple):
    """How far a network is from the function, over the places where that is measured."""

    largest: float
    mean: float


class Approximation(NamedTuple):
    """Everything that was made of a function."""

    target: Target
    options: Options
    trained: Mapping[int, MLP]  # by number of hidden units
    built: Mapping[int, MLP]
    trained_errors: Mapping[int, Error]
    built_errors: Mapping[int, Error]


def approximate(options: Options) -> Approximation:
    """Train and build networks of many widths."""
    for name, least, most in (("hidden", 1, MOST), ("most", 1, MOST), ("seed", 0, None)):
        whole_number(name, getattr(options, name), least, most)
    activations.code(options.activation)
    goal = target(options.source, options.low, options.high)
    values = goal.values(goal.learned)
    widths = sorted({width for width in WIDTHS if width <= options.most} | {options.hidden})
    logging.getLogger("rl_lab").info("fitting networks of %d widths, up to %d hidden units", len(widths), widths[-1])
    how = options.activation, options.seed, goal.ridge
    trained = {width: fit_curve(goal.learned, values, width, *how) for width in widths}
    built = _built(goal, widths, max(options.most, options.hidden))
    return Approximation(
        goal,
        options,
        trained,
        built,
        *({width: error(network, goal) for width, network in side.items()} for side in (trained, built)),
    )


def _built(goal: Target, widths: list[int], most: int) -> dict[int, MLP]:
    """Towers of these numbers of hidden units; on a square, of the numbers that whole chessboards have."""
    if len(goal.variables) == 1:
        return {width: towers.in_one_dimension(goal.function, goal.low, goal.high, width)[0] for width in widths}
    networks = (
        towers.in_two_dimensions(goal.function, goal.low, goal.high, pieces)
        for pieces in PIECES
        if pieces**2 + 2 * pieces <= most
    )
    return {sum(network.sizes[1:-1]): network for network in networks}


def error(network: MLP, goal: Target) -> Error:
    """The largest and the mean distance to the function."""
    missed = np.abs(predicted(network, goal.tested)[:, 0] - goal.values(goal.tested))
    return Error(float(missed.max()), float(missed.mean()))


def findings(result: Approximation) -> Findings:
    """What there is to say and to draw."""
    from rl_lab.lessons import approximation_pictures as drawing

    hidden = result.options.hidden
    pictures = [
        Picture("fit", f"The function, the fit of {hidden} hidden units, and what each unit adds", drawing.fit(result)),
        Picture("towers", "The same function, built of towers and not learnt", drawing.built(result)),
        Picture("widths", "The error, by the number of hidden units", drawing.widths(result)),
    ]
    return Findings(
        "approximation",
        f"Can one hidden layer be {result.target.text}?",
        summary_lines(result),
        figures(result),
        command(result.options),
        tables=[table(result)],
        pictures=pictures,
    )


def study(options: Options) -> Findings:
    """Fit a function, build it of towers, and measure both over widths; raises as `approximate` does."""
    return findings(approximate(options))


def summary_lines(result: Approximation) -> list[str]:
    """The errors as lines of text."""
    goal, options = result.target, result.options
    names = " and ".join(goal.variables)
    lines = [f"{goal.text}, {names} from {goal.low:g} to {goal.high:g}, {options.activation}, seed {options.seed}"]
    for width, built in ((options.hidden, options.hidden), (max(result.trained), max(result.built))):
        shown = {f"{width} hidden units, trained": result.trained_errors[width]}
        at_most = max((units for units in result.built if units <= built), default=None)
        if at_most is not None:
            shown[f"{at_most} hidden units, towers"] = result.built_errors[at_most]
        lines += [f"  {what:26} largest error {one.largest:.2e}, mean {one.mean:.2e}" for what, one in shown.items()]
    if len(goal.variables) > 1:
        lines.append("  the trained network has one hidden layer, the towers have two, and both are counted")
    return list(dict.fromkeys(lines))


def table(result: Approximation) -> PageTable:
    """Errors over widths."""
    rows = []
    for width in sorted({*result.trained, *result.built}):
        row = [str(width)]
        for errors in (result.trained_errors, result.built_errors):
            row += [f"{value:.2e}" for value in errors[width]] if width in errors else ["", ""]
        rows.append(row)
    return PageTable(["hidden units", "trained, largest", "mean", "towers, largest", "mean"], rows)


def figures(result: Approximation) -> dict[str, Any]:
    """Every number, as JSON can say it."""
    goal, options = result.target, result.options
    (weights, bias), (head, head_bias) = result.trained[options.hidden].layers()
    return {
        "function": goal.text,
        "variables": list(goal.variables),
        "range": [goal.low, goal.high],
        "hidden": options.hidden,
        "activation": options.activation,
        "seed": options.seed,
        "largest error": result.trained_errors[options.hidden].largest,
        "mean error": result.trained_errors[options.hidden].mean,
        "trained": {str(width): missed._asdict() for width, missed in result.trained_errors.items()},
        "towers": {str(width): missed._asdict() for width, missed in result.built_errors.items()},
        "network": {
            "weights": weights.tolist(),
            "biases": bias.tolist(),
            "output weights": head[:, 0].tolist(),
            "output bias": float(head_bias[0]),
        },
    }


def command(options: Options) -> str:
    """The command line that makes the same."""
    words = ["rl-lab approximate", f'"{options.source}"', f"--hidden {options.hidden}"]
    words += [f"--{name} {value:g}" for name in ("low", "high") if (value := getattr(options, name)) is not None]
    words += [f"--activation {options.activation}"] * (options.activation != "tanh")
    words += [f"--seed {options.seed}"] * (options.seed != 0) + [f"--most {options.most}"] * (options.most != MOST)
    return " ".join(words)
