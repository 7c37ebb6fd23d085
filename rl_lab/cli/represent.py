"""`rl-lab represent`: representation learning without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from rl_lab.cli.app import Env, EnvOption, app, one_env, show, within

DEFAULT = "rl_lab/Robot-DoorKey-8x8-v0"


@app.command
def represent(
    env: Env = None,
    env_option: EnvOption = None,
    out: Path | None = None,
    steps: int = 200_000,
    epochs: int = 5,
    seed: int = 0,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> None:
    """Learn representations without labels; linear probes predict position, direction and what the robot carries.

    Example: rl-lab represent rl_lab/Robot-DoorKey-8x8-v0 --steps 200000

    Args:
        env: id of a robot environment; by default rl_lab/Robot-DoorKey-8x8-v0.
        env_option: the same, as an option.
        out: folder of the results; by default results/representations.
        steps: environment steps for each objective.
        epochs: passes over these steps.
        seed: of all random numbers.
        as_json: print JSON.
    """
    from rl_lab.lessons import representations

    within(seed, steps=(steps, 1_000, 10_000_000), epochs=(epochs, 1, 10_000))
    show(lambda: representations.study(one_env(env, env_option) or DEFAULT, steps, epochs, seed), out, as_json)
