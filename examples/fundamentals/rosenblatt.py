"""Rosenblatt's rule: after each mistake, move the weights towards the input or away from it. What can it learn?

    python examples/fundamentals/rosenblatt.py

The pictures and the page go to results/rosenblatt.
"""

from pathlib import Path

import numpy as np
import tyro

from rl_lab.cli.app import registry
from rl_lab.core.perceptron import Perceptron
from rl_lab.files import make_folder
from rl_lab.lessons import rosenblatt
from rl_lab.supervised import Classifier


def main(out: Path = Path("results/rosenblatt"), sets: int = 10, seed: int = 0) -> None:
    """Learn OR, a set with a known margin, and try XOR.

    Args:
        out: folder of the results.
        sets: of samples, for each margin and width.
        seed: of everything random.
    """
    make_folder(out)

    # OR: a line divides the one corner that says no from the three that say yes, and the rule finds one.
    square, either = [[0, 0], [0, 1], [1, 0], [1, 1]], [False, True, True, True]
    unit = Perceptron(2)
    print(f"OR is known after {unit.fit(square, either)} mistakes: {unit.predict(square).tolist()}")

    # However many samples there are: where they keep a margin g from some plane and none is longer than R, the rule
    # makes at most (R / g)² mistakes (Novikoff 1962). Here are samples whose margin we know, since we made them.
    data = rosenblatt.separable(samples=1000, width=5, margin=0.1, rng=np.random.default_rng(seed))
    mistakes = Perceptron(5).fit(data.inputs, data.labels)
    print(f"1000 samples with margin {data.margin:.3f}: {mistakes} mistakes, at most {data.bound:.0f} were allowed")

    # XOR: no line has (0, 1) and (1, 0) on one side and (0, 0) and (1, 1) on the other. The rule never ends.
    exclusive = [False, True, True, False]
    print(f"XOR, one unit: {Perceptron(2).fit(square, exclusive, passes=1000)} mistakes in 1000 passes")

    # Two layers bend the line. They need derivatives, which the step has not: see activations.py.
    layers = Classifier((4,), "tanh", learning_rate_init=0.05, max_iter=1000, tol=0).fit(square, exclusive)
    print(f"XOR, two layers: {layers.predict(square).tolist()}")

    findings = rosenblatt.study(sets, seed)
    print(findings.text)
    print(f"page: {findings.write(out)}")


if __name__ == "__main__":
    tyro.cli(main, registry=registry)
