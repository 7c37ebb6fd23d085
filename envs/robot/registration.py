"""Which ids there are, and where their definitions are; importing this costs nothing."""

from __future__ import annotations

from typing import Any

EMPTY = "rl_lab.envs.robot.families:empty"
DOOR_KEY = "rl_lab.envs.robot.families:door_key"

# MiniGrid's ids with `MiniGrid-` replaced, the version kept.
ENVIRONMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"rl_lab/Robot-Empty-{n}x{n}-v0": (EMPTY, {"size": n}) for n in (5, 6, 8, 16)},
    **{f"rl_lab/Robot-Empty-Random-{n}x{n}-v0": (EMPTY, {"size": n, "random_start": True}) for n in (5, 6)},
    **{f"rl_lab/Robot-DoorKey-{n}x{n}-v0": (DOOR_KEY, {"size": n}) for n in (5, 6, 8, 16)},
}
