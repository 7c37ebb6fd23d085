"""`make proofs`: run every plan and every script of this folder and put what they found beside them.

Runs of plans that are finished are not run again; `make proofs ARGS=cartpole` runs one plan.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from rl_lab.compare import run_plan
from rl_lab.files import write_bytes

FOLDER = Path(__file__).parent
SCRIPTS = (
    "go_rules",
    "go_games",
    "go_opponents",
    "robot_parity",
    "robot_levels",
    "robot_optimum",
    "robot_checkers",
    "robot_looking",
)


def main(names: list[str]) -> None:
    """Run the plans and scripts of these names, or all."""
    for plan in sorted(FOLDER.glob("*.toml")):
        if names and plan.stem not in names:
            continue
        out = Path("results") / "proofs" / plan.stem
        run_plan(plan, out)
        write_bytes(plan.with_suffix(".verdicts.json"), (out / "verdicts.json").read_bytes())
    for script in SCRIPTS:
        if not names or script in names:
            importlib.import_module(f"benchmarks.proofs.{script}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
