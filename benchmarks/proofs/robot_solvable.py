"""Whether a level can be solved, if things are never in the way for long: the robot floods what it can reach."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label

from rl_lab.envs.robot.cells import COLOURS, EMPTY, GOAL, KEY, KIND, LAVA, LOCKED_DOOR, OBJECTS, WALL, unpack

KINDS = ("door", "key", "ball", "box")


def solvable(grid: NDArray[np.uint8], inside: NDArray[np.uint8], robot: NDArray[np.int64], mission: str) -> bool:
    """Whether all that the mission is about can be reached.

    Things can be moved and boxes opened, so they block nothing; walls and lava do, and locked doors without a key
    that can be reached.

    Args:
        grid: cells as bytes `(width, height)`.
        inside: what is in boxes, as bytes.
        robot: x, y, direction.
        mission: its text.
    """
    kinds, keys = grid & KIND, set[int]()
    while True:
        locked = (kinds == LOCKED_DOOR) & ~np.isin(grid >> 4 & 7, sorted(keys))
        areas, _ = label(~np.isin(kinds, (WALL, LAVA)) & ~locked)
        touched = binary_dilation(areas == areas[robot[0], robot[1]])
        seen = np.concatenate([grid[touched], inside[touched]])
        found = {int(thing) >> 4 & 7 for thing in seen[seen & KIND == KEY]}
        if found <= keys:
            break
        keys |= found
    encoded = unpack(seen[seen != EMPTY])
    things = {(COLOURS[colour], OBJECTS[kind]) for kind, colour, _ in encoded.tolist()}
    pairs = itertools.pairwise(mission.split())
    wanted = {(colour, kind) for colour, kind in pairs if colour in COLOURS and kind in KINDS}
    goals = (kinds == GOAL).any()
    return wanted <= things and (not goals or bool((kinds[touched] == GOAL).any()))
