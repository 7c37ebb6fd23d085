"""What a mission's words ask for, as one who knows MiniGrid's families understands them."""

from __future__ import annotations

import itertools
from typing import NamedTuple

from rl_lab.envs.robot import tasks
from rl_lab.envs.robot.cells import BLUE, DOOR, RED
from rl_lab.envs.robot.targets import named


class Errand(NamedTuple):
    """A mission, understood."""

    task: int
    """One of those in `tasks`."""
    first: int | None = None
    """The thing or door that it is about, as a byte; doors have the kind of open ones."""
    second: int | None = None
    """Another one: what to put something near, the door to open last."""
    hint: int | None = None
    """The door behind which the key is."""


def understood(mission: str) -> Errand:
    """The errand that a mission's text describes; to reach a goal where it says nothing else.

    Example:
        >>> understood("put the red ball near the blue box")
        Errand(task=6, first=6, second=39, hint=None)
    """
    things = named(mission)
    if mission.startswith("open the red door then"):
        return Errand(tasks.IN_ORDER, DOOR | RED << 4, DOOR | BLUE << 4)
    if "matching object" in mission:
        return Errand(tasks.MATCH)
    if mission == "open the door":
        return Errand(tasks.OPEN)
    if mission.startswith("put the") and len(things) == 2:
        return Errand(tasks.PUT_NEAR, *things)
    if mission.startswith("pick up") and things:
        return Errand(tasks.PICK_UP, things[0])
    if mission.startswith("go to the") and things:
        return Errand(tasks.GO_TO, things[0])
    if "get a " in mission or "fetch a " in mission:
        return Errand(tasks.FETCH, things[0] if things else None)
    return Errand(tasks.REACH, hint=_room(mission))


def _room(mission: str) -> int | None:
    """The door of the room in "get the red key from the blue room, ..."."""
    words = mission.split()
    for colour, word in itertools.pairwise(words):
        if word == "room,":
            return named(f"{colour} door")[0]
    return None
