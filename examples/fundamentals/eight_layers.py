"""Why ReLU mattered: the same eight layers, on handwritten digits, with sigmoid and with ReLU.

    python examples/fundamentals/eight_layers.py

Takes half a minute; the pictures and the page go to results/depth.
"""

from pathlib import Path

import numpy as np
import tyro

from rl_lab.cli.app import registry
from rl_lab.core.mlp import MLP
from rl_lab.files import make_folder
from rl_lab.lessons import depth
from rl_lab.supervised import losses
from rl_lab.supervised.gradients import norms_by_layer


def main(out: Path = Path("results/depth"), seeds: int = 5, epochs: int = 60) -> None:
    """Look at the gradient of each layer before learning, then learn, by gradient descent and by Adam.

    Args:
        out: folder of the results.
        seeds: of initial weights and of the order of the samples.
        epochs: passes over the samples.
    """
    make_folder(out)

    # Two networks with the same sizes and the very same first weights. Only the activation differs.
    data = depth.digits()
    for activation in ("sigmoid", "relu"):
        network = MLP([64, 32, 32, 32, 32, 32, 32, 32, 10], activation)
        network.initialise(np.random.default_rng(0))

        # How much would the loss change with the weights of each layer? Backpropagation multiplies the derivatives of
        # all layers above, and a sigmoid's is 1/4 at most: what reaches the first layer is next to nothing.
        gradient = norms_by_layer(network, losses.cross_entropy, data.learned)
        print(f"{activation:8}", " ".join(f"{size:.0e}" for size in gradient))

    # Does it matter? With gradient descent, the sigmoid learns nothing at any of six rates. Adam, which divides each
    # gradient by its own size, gets some way. It is the product of weights and slopes that must stay near 1: with first
    # weights of gain 4 the sigmoid learns after all, if less steadily, and tanh is as good as ReLU here, or better.
    # ReLU, whose slope is 1 wherever it answers, is the simplest way to have it so.
    findings = depth.study(seeds, epochs)
    print(findings.text)
    print(f"page: {findings.write(out)}")


if __name__ == "__main__":
    tyro.cli(main, registry=registry)
