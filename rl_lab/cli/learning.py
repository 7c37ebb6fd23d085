"""`rl-lab learn`: what the core learns from labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from rl_lab.cli.app import app, show


@app.command
def learn(
    task: Positional[Literal["digits"]],
    out: Path | None = None,
    splits: int = 10,
    seed: int = 0,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> None:
    """Learn with labels, beside scikit-learn: what it reached, and its mistakes as a picture.

    Example: rl-lab learn digits

    Args:
        task: "digits", scikit-learn's 1797 handwritten digits of 8x8 pixels.
        out: folder of the results; by default results/digits.
        splits: random thirds that are held out in turn.
        seed: of everything random.
        as_json: print JSON.
    """
    from rl_lab.lessons import digits

    show(digits.study(splits, seed), out, as_json)
