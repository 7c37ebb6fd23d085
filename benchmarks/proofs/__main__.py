"""`make proofs`: run every plan and every script of this folder and put what they found beside them.

Runs of plans that are finished are not run again; `make proofs ARGS=cartpole` runs one plan.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import NamedTuple

from tyro.conf import Positional

from benchmarks.proofs import entry
from rl_lab.errors import LabError
from rl_lab.files import write_bytes

FOLDER = Path(__file__).parent


class Proof(NamedTuple):
    """A line of the help."""

    what: str
    """What is held against what."""
    takes: str
    """How long, on an otherwise idle machine."""


PLANS = {
    "acrobot": Proof("PPO beside SB3's on Gymnasium's Acrobot-v1", "15 minutes of two cores"),
    "cartpole": Proof("PPO beside SB3's on CartPole-v1", "6 minutes of two cores"),
    "cartpole_a2c": Proof("A2C beside SB3's on CartPole-v1", "10 minutes of two cores"),
    "cartpole_dqn": Proof("DQN beside SB3's on CartPole-v1", "10 minutes of two cores"),
    "doorkey": Proof("PPO beside SB3's on DoorKey-6x6", "8 minutes of two cores"),
}
SCRIPTS = {
    "resume": Proof("runs killed at up to twenty random moments beside whole ones, every algorithm", "10 minutes"),
    "go_rules": Proof("rules of Go beside GNU Go, OpenSpiel and a plain reference", "2 minutes"),
    "go_games": Proof("sixty whole games against GNU Go over GTP", "2 minutes"),
    "go_opponents": Proof("how strong each opponent of Go is, beside the one before", "a few minutes"),
    "robot_parity": Proof("every world in lock-step with MiniGrid's", "20 minutes"),
    "robot_levels": Proof("the distribution of levels beside MiniGrid's", "half an hour"),
    "robot_optimum": Proof("the fewest actions to success, in MiniGrid and by brute force", "10 minutes"),
    "robot_checkers": Proof("Gymnasium's and SB3's checkers on every world", "15 minutes, to compile"),
    "robot_looking": Proof("never looking, looking well and always seeing in Scout", "10 minutes of two cores"),
}


def description() -> str:
    """What there is, a line each."""
    known = PLANS | SCRIPTS
    width = max(map(len, known))
    lines = [f"  {name:{width}}  {proof.what} ({proof.takes})" for name, proof in known.items()]
    return "\n".join(["Long runs behind the claims; each puts what it found beside its plan or script.", "", *lines])


def main(names: Positional[tuple[str, ...]] = ()) -> None:
    """Run the plans and scripts of these names.

    Args:
        names: which; all by default, which takes about two hours.

    Raises:
        LabError: there is none of a name; then nothing is run.
    """
    known = PLANS | SCRIPTS
    for name in names:
        if name not in known:
            raise LabError(f"there is no proof {name!r}; there are {', '.join(known)}")
    chosen = names or tuple(known)
    scripts = [importlib.import_module(f"benchmarks.proofs.{name}") for name in SCRIPTS if name in chosen]
    for name in PLANS:  # after the imports, so that what is not installed is missed before anything runs
        if name in chosen:
            run_plan(name)
    for script in scripts:
        script.main()


def run_plan(name: str) -> None:
    """Run a plan, and keep its verdicts."""
    from rl_lab import compare

    plan, out = FOLDER / f"{name}.toml", Path("results") / "proofs" / name
    compare.run_plan(plan, out)
    write_bytes(plan.with_suffix(".verdicts.json"), (out / "verdicts.json").read_bytes())


if __name__ == "__main__":
    entry.run(main, description())
