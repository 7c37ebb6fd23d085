"""Neurons that stimulate one another: a chain passes a signal on, a ring keeps it.

    python examples/fundamentals/chain.py

The pictures and the page go to results/chain.
"""

from pathlib import Path

import tyro

from rl_lab.cli.app import registry
from rl_lab.lessons.chain import Circuit, graded, run, study


def main(out: Path = Path("results/chain")) -> None:
    """Let chains and rings fire, and see how much of a signal reaches the end.

    Args:
        out: folder of the results.
    """
    # Four neurons in a row. Each sends 1 to the next, whose threshold is 0.5; the first is stimulated once.
    chain = Circuit("a chain", 4, {(0, 1): 1.0, (1, 2): 1.0, (2, 3): 1.0}, stimuli={0: [0]})
    for time, fired in enumerate(run(chain, steps=5)):
        print(f"step {time}: {''.join('#' if yes else '.' for yes in fired)}")

    # One link more, from the last to the first, and it never ends: the simplest memory there is.
    ring = Circuit("a ring", 4, {**chain.links, (3, 0): 1.0}, stimuli={0: [0]})
    print(f"a ring, after a thousand steps: {'still firing' if run(ring, steps=1000)[-1].any() else 'silent'}")

    # Neurons that answer by degrees pass on only a part. Twelve sigmoids in a row: change the first one's sum a
    # little, and at the end there is next to nothing of it. With ReLU, all of it arrives.
    for activation in ("sigmoid", "tanh", "relu"):
        print(f"12 {activation} units: derivative of the end by the first {graded(activation, 1.0).influence[0]:.1e}")

    findings = study()
    print(findings.text)
    print(f"page: {findings.write(out)}")


if __name__ == "__main__":
    tyro.cli(main, registry=registry)
