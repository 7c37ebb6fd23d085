"""Neurons that stimulate one another: a signal along a chain, around a ring, and what is left of it on the way.

Time goes in steps. In each, every unit adds what the units that fired just before send it, and fires where the sum
exceeds its threshold (McCulloch and Pitts 1943). One step is one layer of the core, with the step as its activation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError
from rl_lab.lessons.findings import Findings, Picture
from rl_lab.lessons.style import BLUE, GREEN, INK, ORANGE, PURPLE, ROSE, RULE, SOFT, frame, legend, new_figure
from rl_lab.supervised import losses
from rl_lab.supervised.gradients import gradient
from rl_lab.supervised.training import TrainingSamples
from rl_lab.validation import whole_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UNITS, STEPS = 10, 30
THRESHOLD = 0.5
DEPTH = 12  # of the graded chain


class Circuit(NamedTuple):
    """Units, the links between them, and what is stimulated from outside."""

    name: str
    units: int
    links: Mapping[tuple[int, int], float]  # (from, to): strength; negative inhibits
    stimuli: Mapping[int, Sequence[int]]  # by time step, the units that are made to fire


def run(circuit: Circuit, steps: int) -> NDArray[np.bool_]:
    """Let a circuit fire.

    Returns:
        Who fires when, bool `(steps, units)`.

    Raises:
        LabError: a link or a stimulus names a unit that is not there, or there are no steps.

    Example:
        >>> pair = Circuit("a pair", 2, {(0, 1): 1.0}, {0: [0]})
        >>> run(pair, 3).astype(int).tolist()
        [[1, 0], [0, 1], [0, 0]]
    """
    named = {unit for link in circuit.links for unit in link} | {u for units in circuit.stimuli.values() for u in units}
    if not named <= set(range(circuit.units)):
        raise LabError(f"a circuit of {circuit.units} units has no unit {max(named)}; units are counted from 0")
    whole_number("steps", steps, 1)
    network = MLP([circuit.units, circuit.units, circuit.units], "step")  # the second layer hands on what fires
    (weights, bias), (through, _) = network.layers()
    for (start, end), strength in circuit.links.items():
        weights[start, end] = strength
    bias[:] = -THRESHOLD
    through[:] = np.eye(circuit.units)
    fired = np.zeros((steps, circuit.units), np.bool_)
    for time in range(steps):
        if time > 0:
            fired[time] = network(fired[time - 1 : time])[0] > 0
        fired[time, list(circuit.stimuli.get(time, ()))] = True
    return fired


def circuits() -> dict[str, Circuit]:
    """A chain, the same with a weak link, a ring, a ring that is stopped, and a unit that waits for two signals."""
    line = {(unit, unit + 1): 1.0 for unit in range(UNITS - 1)}
    ring = line | {(UNITS - 1, 0): 1.0}
    stop = UNITS  # one more unit, which inhibits the sixth of the ring
    early, late = {(0, 1): 1.0, (1, 2): 1.0, (2, 6): 0.4}, {(3, 4): 1.0, (4, 5): 1.0, (5, 6): 0.4}
    meeting = early | late | {(6, 7): 1.0, (7, 8): 1.0, (8, 9): 1.0}
    return {
        "chain": Circuit("A chain: the signal runs through", UNITS, line, {0: [0], 14: [0]}),
        "weak": Circuit("A weak link: the signal dies there", UNITS, line | {(4, 5): 0.4}, {0: [0], 14: [0]}),
        "ring": Circuit("A ring keeps firing, from one stimulus", UNITS, ring, {0: [0]}),
        "stopped": Circuit(
            "Unit 11 inhibits unit 6: silence", stop + 1, ring | {(stop, 5): -1.0}, {0: [0], 14: [stop]}
        ),
        "meeting": Circuit("Unit 7 fires only if two arrive at once", UNITS, meeting, {0: [0], 4: [3], 14: [0, 3]}),
    }


class Graded(NamedTuple):
    """A chain of units that answer by degrees."""

    signal: NDArray[np.float32]  # (depth,), what each unit puts out
    influence: NDArray[np.float32]  # (depth,), how much the end changes with the sum in each unit


def graded(activation: str, weight: float, depth: int = DEPTH) -> Graded:
    """A chain of `depth` units, the first of which gets 1, and the derivative of its end by each unit's weighted sum.

    The output of a sigmoid is 1/2 where its sum is 0; its bias takes that away, so that it works where it is steepest.
    """
    network = MLP([1] * (depth + 2), activation)
    for number, (weights, bias) in enumerate(network.layers()):
        weights[:] = weight if number < depth else 1
        bias[:] = -weight / 2 if activation == "sigmoid" and number < depth else 0
    inputs = np.ones((1, 1), np.float32)
    output = network(inputs)
    # A squared error whose error is 1 has the output's own derivative.
    samples = TrainingSamples(inputs, output - 1, np.ones(1, np.float32))
    influence = [bias[0] for _, bias in gradient(network, losses.squared_error, samples)][:-1]
    signal = []
    for number in range(1, depth + 1):
        part = MLP([1] * (number + 2), activation)
        layers = zip(part.layers(), network.layers()[:number] + network.layers()[-1:], strict=True)
        for (weights, bias), (given, given_bias) in layers:
            weights[:], bias[:] = given, given_bias
        signal.append(part(inputs)[0, 0])
    return Graded(np.array(signal, np.float32), np.array(influence, np.float32))


CHAINS = (("sigmoid", 1.0, ORANGE), ("sigmoid", 4.0, PURPLE), ("tanh", 1.0, GREEN), ("relu", 1.0, BLUE))


def study() -> Findings:
    """Let every circuit fire, and send a signal through chains of graded units."""
    fired = {name: run(circuit, STEPS) for name, circuit in circuits().items()}
    chains = [(activation, weight, graded(activation, weight)) for activation, weight, _ in CHAINS]
    last = {name: int(np.flatnonzero(rows.any(axis=1))[-1]) for name, rows in fired.items()}
    found: dict[str, Any] = {
        "circuits": {
            name: {
                "last step with a firing unit": last[name],
                "firings": rows.sum(axis=0).tolist(),
                "fired": [np.flatnonzero(row).tolist() for row in rows],
            }
            for name, rows in fired.items()
        },
        "graded chains": [
            {"activation": name, "weight": weight, "signal": one.signal.tolist(), "influence": one.influence.tolist()}
            for name, weight, one in chains
        ],
    }
    lines = [
        f"chain of {UNITS}: the last unit fires {fired['chain'][:, -1].sum()} times for 2 stimuli, "
        f"with a weak link {fired['weak'][:, -1].sum()} times",
        f"ring of {UNITS}: still firing after {STEPS} steps from one stimulus; inhibited at step 15, "
        f"it is silent from step {last['stopped'] + 2} on",
        f"waiting for two: fires {fired['meeting'][:, 6].sum()} time, when both come at once",
    ]
    for name, weight, one in chains:
        what = f"{DEPTH} {name} units, weight {weight:g}"
        lines.append(f"{what}: the derivative of the end by the first unit's sum is {one.influence[0]:.1e}")
    pictures = [
        Picture("circuits", "Who fires when, step by step", picture(fired)),
        Picture("graded", "Units that answer by degrees, and how little of the first reaches the end", drawn(chains)),
    ]
    command = "python examples/fundamentals/chain.py"
    return Findings("chain", "How do neurons stimulate one another?", lines, found, command, (), pictures)


def picture(fired: Mapping[str, NDArray[np.bool_]]) -> Figure:
    """A raster for each circuit: a row for each unit, a column for each step."""
    figure = new_figure(11, 7.2)
    places = figure.subplots(2, 3).ravel()
    colours = (BLUE, ROSE, GREEN, PURPLE, ORANGE)
    for axes, (name, circuit), colour in zip(places, circuits().items(), colours, strict=False):
        rows = fired[name]
        times, units = np.nonzero(rows)
        axes.hlines(np.arange(1, circuit.units + 1), 0.5, STEPS + 0.5, color=RULE, lw=0.8, zorder=0)
        axes.scatter(times + 1, units + 1, marker="s", s=34, color=colour, lw=0, zorder=2)
        for time, chosen in circuit.stimuli.items():
            kwargs = {"marker": "s", "s": 70, "facecolors": "none", "edgecolors": INK, "linewidths": 1.2, "zorder": 3}
            axes.scatter([time + 1] * len(chosen), np.array(chosen) + 1, **kwargs)
        frame(axes, circuit.name, xlabel="time step", ylabel="unit")
        axes.set(yticks=range(1, circuit.units + 1), xlim=(0, STEPS + 1), ylim=(circuit.units + 0.7, 0.3))
    places[-1].set_axis_off()
    places[-1].scatter([0.08], [0.72], marker="s", s=34, color=SOFT)
    places[-1].scatter([0.08], [0.58], marker="s", s=70, facecolors="none", edgecolors=INK, linewidths=1.2)
    places[-1].text(0.15, 0.72, "fires", va="center", fontsize=10, color=INK)
    places[-1].text(0.15, 0.58, "is stimulated from outside", va="center", fontsize=10, color=INK)
    note = f"A unit fires when what reaches it\nexceeds {THRESHOLD:g}. A link carries 1,\na weak one 0.4."
    places[-1].text(0.05, 0.44, note, va="top", fontsize=10, color=SOFT, linespacing=1.5)
    places[-1].set(xlim=(0, 1), ylim=(0, 1))
    return figure


def drawn(chains: Sequence[tuple[str, float, Graded]]) -> Figure:
    """The signal in each unit, and the influence of each unit on the end."""
    figure = new_figure(11, 4)
    left, right = figure.subplots(1, 2)
    for (name, weight, one), (_, _, colour) in zip(chains, CHAINS, strict=True):
        units = np.arange(1, len(one.signal) + 1)
        label = f"{name}, weight {weight:g}"
        left.plot(units, one.signal, color=colour, marker="o", ms=4, lw=1.6, label=label)
        right.plot(units, np.abs(one.influence), color=colour, marker="o", ms=4, lw=1.6, label=label)
    left.set_ylim(-0.05, 1.3)
    right.set_yscale("log")
    frame(left, "The signal, unit by unit", xlabel="unit", ylabel="output")
    frame(right, "How much the end depends on each unit", xlabel="unit", ylabel="derivative of the end")
    legend(right, loc="lower right")
    return figure
