"""`rl-lab generate`: digits, text and sound that were not there before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import arg
from tyro.extras import SubcommandApp

from rl_lab.cli.app import app, show
from rl_lab.cli.progress import watched

generate = SubcommandApp()
app.command(generate, name="generate", help="Make what was not there before: digits, text or a spoken word.")

Json = Annotated[bool, arg(name="json")]


@generate.command
def digits(
    out: Path | None = None, samples: int = 1000, epochs: int = 2000, seed: int = 0, as_json: Json = False
) -> None:
    """Draw digits that nobody wrote, with a variational autoencoder, and have the digit classifier judge them.

    Example: rl-lab generate digits

    Args:
        out: folder of the results; by default results/generated-digits.
        samples: digits that are drawn.
        epochs: passes over the training digits.
        seed: of everything random.
        as_json: print JSON.
    """
    from rl_lab.lessons import generated_digits

    with watched(not as_json) as tell:
        findings = generated_digits.study(samples, epochs, seed, tell)
    show(findings, out, as_json)
