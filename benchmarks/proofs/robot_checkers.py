"""Gymnasium's checker on every id in every observation, and SB3's on every id in the default one.

`python -m benchmarks.proofs.robot_checkers` writes what passed; a warning of theirs counts as a failure.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_for_sb3

from benchmarks.proofs import entry
from rl_lab.envs.robot.observations import KINDS
from rl_lab.envs.robot.registration import ENVIRONMENTS
from rl_lab.errors import LabError
from rl_lab.files import write_text

MORE: tuple[dict[str, Any], ...] = ({"view_size": 5}, {"frame_stack": 3})  # with each observation, on one id each


def check(id: str, **arguments: Any) -> bool:
    """Let Gymnasium's checker loose on an environment; False where it does not offer such observations."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*is out of date.*")  # MiniGrid's old versions, kept as they are
        try:
            env = gym.make(id, debug=True, **arguments).unwrapped
        except LabError as error:
            if "is not offered" not in str(error):
                raise
            return False
        check_env(env, skip_render_check=True)
    return True


def main() -> None:
    """Check everything; about two minutes of an idle core."""
    passed, families = dict.fromkeys([*KINDS, "sb3"], 0), set[str]()
    for id, (place, _) in ENVIRONMENTS.items():
        for kind in KINDS:
            passed[kind] += check(id, observation=kind)
            if place not in families:
                passed[kind] += sum(check(id, observation=kind, **more) for more in MORE)
        families.add(place)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", message=".*is out of date.*")
            check_for_sb3(gym.make(id, debug=True).unwrapped)
        passed["sb3"] += 1
    found = {"ids": len(ENVIRONMENTS), "families": len(families), "passed": passed}
    write_text(Path(__file__).with_suffix(".json"), json.dumps(found, indent=1) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    entry.run(main)
