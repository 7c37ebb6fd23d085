"""`rl-lab approximate`: one hidden layer and any function."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from rl_lab.cli.app import app, ready, show


@app.command
def approximate(
    source: Positional[str],
    hidden: int = 50,
    low: float | None = None,
    high: float | None = None,
    activation: str = "tanh",
    seed: int = 0,
    most: int = 1000,
    page: Path | None = None,
    out: Path | None = None,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> None:
    """Fit a function with one hidden layer; shows the fit, each unit's part, towers, and the error over widths.

    Example: rl-lab approximate "sin(3*x) + 0.3*x**2" --hidden 50 --page fit.html

    Args:
        source: an expression of x, or of x and y; or a CSV of points, with two columns.
        hidden: units of the network that is drawn, 1 to 1000.
        low: start of the range; -3 for an expression.
        high: end of the range; 3 for an expression.
        activation: of the hidden units, "tanh", "sigmoid", "relu", "step" or "identity".
        seed: seed of the initial weights and of the training.
        most: units of the widest network that is measured, 1 to 1000.
        page: write an interactive page to this file.
        out: folder of the results; by default results/approximation.
        as_json: print JSON.
    """
    from rl_lab.lessons import approximation, approximation_page, targets

    options = approximation.Options(source, hidden, low, high, activation, seed, most)
    if page is not None:
        approximation_page.check(targets.target(source, low, high).variables, page)
        ready(page.absolute().parent, "--page")
    ready(out or Path("results"))
    result = approximation.approximate(options)
    show(lambda: approximation.findings(result), out, as_json)
    if page is not None:
        approximation_page.write(result, page)
        if not as_json:
            print(f"interactive: {page}")
