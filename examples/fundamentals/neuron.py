"""One neuron: it adds up its inputs, each times a weight, and fires where the sum exceeds a threshold.

    python examples/fundamentals/neuron.py

The picture and the page go to results/neuron.
"""

from pathlib import Path

import tyro

from rl_lab.cli.app import registry
from rl_lab.core.perceptron import Perceptron
from rl_lab.lessons import neuron


def main(out: Path = Path("results/neuron")) -> None:
    """Set a neuron by hand, ask it, and draw it.

    Args:
        out: folder of the results.
    """
    # Two inputs that excite and one that inhibits. A threshold of 0.6 is a bias of -0.6: instead of asking whether
    # the sum exceeds 0.6, the unit asks whether sum - 0.6 exceeds 0.
    unit = Perceptron(3)
    unit.parameters[:] = [0.7, 0.5, -0.8, -0.6]  # weights, and then the bias

    # 0.7 + 0.5 = 1.2 is enough; with the third input on it is 0.4, and the neuron stays silent.
    for inputs in ([1, 1, 0], [1, 1, 1]):
        print(inputs, "fires" if unit.predict([inputs])[0] else "is silent")

    # All eight inputs as a table, and the line in the plane of two inputs beyond which the neuron fires.
    findings = neuron.study(weights=(0.7, 0.5, -0.8), threshold=0.6)
    print(findings.text)
    print(f"page: {findings.write(out)}")


if __name__ == "__main__":
    tyro.cli(main, registry=registry)
