"""`rl-lab represent`: representation learning without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from rl_lab.cli.app import app, show, within


@app.command
def represent(
    env: Positional[str] = "rl_lab/Robot-DoorKey-8x8-v0",
    out: Path | None = None,
    steps: int = 200_000,
    epochs: int = 5,
    seed: int = 0,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> None:
    """Learn representations without labels; linear probes predict position, direction and what the robot carries.

    Example: rl-lab represent rl_lab/Robot-DoorKey-8x8-v0 --steps 200000

    Args:
        env: id of one of the robot's worlds.
        out: folder of the results; by default results/representations.
        steps: environment steps for each objective.
        epochs: passes over these steps.
        seed: of all random numbers.
        as_json: print JSON.
    """
    from rl_lab.lessons import representations

    within(seed, steps=(steps, 1_000, 10_000_000), epochs=(epochs, 1, 10_000))
    show(lambda: representations.study(env, steps, epochs, seed), out, as_json)
