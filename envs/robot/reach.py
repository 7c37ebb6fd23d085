"""Whether a mission can be fulfilled at all, as far as a search that forgives can tell.

It lets the robot push every thing out of its way, open every door that is not locked, and keep every key that it
could touch. What cannot be reached so cannot be reached at all; what can, the planner decides exactly.
Where to toggle ends the episode, as in GO_TO, doors that are shut are walls.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.robot import tasks
from rl_lab.envs.robot.cells import (
    CLOSED_DOOR,
    COLOUR,
    COLOURS,
    EMPTY,
    GOAL,
    KEY,
    KIND,
    LAVA,
    LOCKED_DOOR,
    OBJECTS,
    WALL,
)
from rl_lab.envs.robot.maps import LevelSource
from rl_lab.envs.robot.world import NOWHERE

Place = tuple[int, int]


@dataclass
class Reach:
    """What a robot can come to."""

    things: set[int]  # bytes of what it can have ahead, in boxes too, or carries
    entered: set[Place] = field(default_factory=set)  # cells that it can stand on
    touched: set[Place] = field(default_factory=set)  # cells that it can have ahead, or stand on


def region(free: NDArray[np.bool_], start: Place) -> NDArray[np.bool_]:
    """The free cells that can be reached from one of them; none if it is not free itself."""
    from scipy import ndimage

    labels, _ = ndimage.label(free)
    return free & (labels == labels[start])


def reach(grid: NDArray[np.uint8], contents: Mapping[Place, int], start: Place, carried: set[int], task: int) -> Reach:
    """What the robot can come to, from where it is and with what it carries, and what is in that, as bytes.

    The grid is bytes `(width, height)`, and `contents` is what is in boxes, as bytes.
    """
    known = -1
    found = Reach(set(carried))
    if stays_shut(task):
        grid = np.where(grid & KIND >= CLOSED_DOOR, WALL, grid)
    while known < len(found.things) + len(found.touched):  # each key may open a way to another
        known = len(found.things) + len(found.touched)
        found.entered, frontier = {start}, [start]
        while frontier:
            x, y = frontier.pop()
            for place in ((x, y), (x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
                if not (0 <= place[0] < grid.shape[0] and 0 <= place[1] < grid.shape[1]):
                    continue
                cell = int(grid[place])
                found.touched.add(place)
                found.things |= {cell & (KIND | COLOUR), int(contents.get(place, EMPTY))}
                if place not in found.entered and _passable(cell, found.things):
                    found.entered.add(place)
                    frontier.append(place)
    return found


def stays_shut(task: int) -> bool:
    """Whether no door can be opened, since to toggle ends the episode."""
    return task == tasks.GO_TO


def _passable(cell: int, things: set[int]) -> bool:
    kind = cell & KIND
    return KEY | cell & COLOUR in things if kind == LOCKED_DOOR else kind not in (WALL, LAVA)


def obstacle(
    task: int, grid: NDArray[np.uint8], found: Reach, fields: Mapping[str, Any], source: LevelSource
) -> str | None:
    """Why the mission cannot be fulfilled, in words that go on after "cannot be solved:"; None if it may be.

    `found` is what the robot can come to, and `fields` what the mission is about, see `targets.fields`.
    """
    if task in (tasks.REACH, tasks.DODGE, tasks.SCOUT):
        return None if any(thing & KIND == GOAL for thing in found.things) else "no way leads to a goal"
    if task in (tasks.PICK_UP, tasks.FETCH, tasks.PUT_NEAR):
        wanted = int(fields["target"])
        if wanted not in found.things:
            return f"no way leads to a {COLOURS[wanted >> 4 & 7]} {OBJECTS[wanted & KIND]}"
    places = [(int(fields[f"{name}_x"]), int(fields[f"{name}_y"])) for name in ("target", "other")]
    for place in places if task == tasks.IN_ORDER else places[:1]:
        if place[0] != NOWHERE and place not in (found.entered if task == tasks.MATCH else found.touched):
            return f"no way leads to {source.spot(*place)}, the place that its mission is about"
        if task in (tasks.OPEN, tasks.IN_ORDER) and not _passable(int(grid[place]), found.things):
            return f"no key opens the door at {source.spot(*place)}"
    return None
