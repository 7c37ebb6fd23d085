"""Step, sigmoid, tanh and ReLU: how neurons answer, and how the answer changes when the sum does.

    python examples/fundamentals/activations.py

The pictures and the page go to results/activations.
"""

from pathlib import Path

import numpy as np
import tyro

from rl_lab.cli.app import registry
from rl_lab.lessons import derivatives


def main(out: Path = Path("results/activations")) -> None:
    """Look at activations and their derivatives, check these by finite differences, and draw all.

    Args:
        out: folder of the results.
    """
    # A network learns by asking how its answer would change. The step's answer does not, however the sum moves,
    # except in the jump: its derivative is 0. The others answer by degrees.
    places = [-2.0, -0.5, 0.5, 2.0]
    for name in ("step", "sigmoid", "tanh", "relu"):
        answers, slopes = derivatives.activated(name, places), derivatives.derivative(name, places)
        print(f"{name:8} answers {np.round(answers, 3)}, derivatives {np.round(slopes, 3)}")

    # The derivative is what finite differences come close to: the answer a little above, less the one a little below.
    print(f"tanh, by differences: {derivatives.finite_difference('tanh', places).round(3)}")

    # Two places to mind. ReLU has a corner at 0, where the core takes 0. Far out, sigmoid and tanh are flat: little
    # of an error comes through, and less with every layer. chain.py and eight_layers.py show what follows from it.
    print(f"relu at its corner: {derivatives.derivative('relu', [0.0])[0]:g}")
    print(f"sigmoid at 10: {derivatives.derivative('sigmoid', [10.0])[0]:.1e}")

    findings = derivatives.study()
    print(findings.text)
    print(f"page: {findings.write(out)}")


if __name__ == "__main__":
    tyro.cli(main, registry=registry)
