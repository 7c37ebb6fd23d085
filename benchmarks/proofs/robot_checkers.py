"""Gymnasium's checker on every id in every observation, and SB3's on every id in the default one.

`python -m benchmarks.proofs.robot_checkers` writes what passed; a warning of theirs counts as a failure. Worlds are
compiled, as people use them. Gymnasium's checker draws each in all of its render modes, "human" among them where pygame
is installed; the window is SDL's dummy, so that it works without a screen.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_for_sb3

from benchmarks.proofs import entry
from rl_lab.envs.robot.observations import KINDS
from rl_lab.envs.robot.registration import ENVIRONMENTS
from rl_lab.envs.window import DRIVER
from rl_lab.errors import LabError
from rl_lab.files import write_text

# With each observation on one id of each family, in plain Python: compiling them all would take half an hour.
MORE: tuple[dict[str, Any], ...] = ({"view_size": 5, "debug": True}, {"frame_stack": 3, "debug": True})


def check(id: str, modes: Counter[str], **arguments: Any) -> bool:
    """Let Gymnasium's checker loose on an environment, and count its render modes.

    Returns:
        False where it does not offer such observations.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*is out of date.*")  # MiniGrid's old versions, kept as they are
        try:
            env = gym.make(id, **arguments).unwrapped
        except LabError as error:
            if "is not offered" not in str(error):
                raise
            return False
        check_env(env)
        modes.update(env.metadata["render_modes"])
    return True


def main() -> None:
    """Check everything; a quarter of an hour where nothing is compiled yet."""
    os.environ.setdefault(DRIVER, "dummy")
    passed, modes, families = Counter[str](), Counter[str](), set[str]()
    started = time.perf_counter()
    for id, (place, _) in ENVIRONMENTS.items():
        for kind in KINDS:
            for more in ({}, *(() if place in families else MORE)):
                passed[kind] += check(id, modes, observation=kind, **more)
        families.add(place)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", message=".*is out of date.*")
            check_for_sb3(gym.make(id).unwrapped)
        passed["sb3"] += 1
        print(f"{time.perf_counter() - started:5.0f} s  {id}", flush=True)
    found = {"ids": len(ENVIRONMENTS), "families": len(families), "passed": passed, "drawn in": modes}
    write_text(Path(__file__).with_suffix(".json"), json.dumps(found, indent=1) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    entry.run(main)
