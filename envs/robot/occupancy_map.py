"""A map of what a camera has shown, and the ways that a planner finds on it.

Places are counted from where the robot started. What was never seen is taken for wall, or, to find the nearest place
that will show something new, for a goal.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.robot.cells import (
    CLOSED_DOOR,
    DOOR,
    EMPTY,
    GOAL,
    GREY_WALL,
    KEY,
    KIND,
    LAVA,
    LOCKED_DOOR,
    OPAQUE,
    PORTABLE,
    UNSEEN,
    WALL,
    pack,
)
from rl_lab.envs.robot.planning.engine import own_search
from rl_lab.envs.robot.planning.level import NONE
from rl_lab.envs.robot.world import CAPACITIES, FORWARD_X, FORWARD_Y

MIDDLE = 128  # where the start is on the map
STATES = 20_000  # that a search may find before it counts as having found no way
NO_THING = UNSEEN  # the byte of nothing that could be wanted
DOORS = (DOOR, CLOSED_DOOR, LOCKED_DOOR)
Place = tuple[int, int]
Pose = tuple[int, int, int]  # x, y, direction


@dataclass(frozen=True)
class Goal:
    """What to plan for; a step onto a goal always counts."""

    task: int  # one of those in `tasks`
    target: int = NO_THING  # the thing that it is about, as a byte
    place: Place | None = None  # the place that it is about
    other: Place | None = None  # a second one
    walls: tuple[Place, ...] = ()  # places not to enter
    new: bool = False  # whether a step onto what was never seen counts as success, too
    boxes: tuple[Place, ...] = ()  # where boxes are that are worth opening, whatever is in them


class OccupancyMap:
    """What is known of a world."""

    def __init__(self) -> None:
        self.seen = np.full((2 * MIDDLE, 2 * MIDDLE), UNSEEN, np.uint8)  # bytes by place, shifted by `MIDDLE`
        self.first_seen: dict[int, Place] = {}  # where each thing or door was at first, by its byte, doors as open ones

    def look(self, image: NDArray[np.uint8], pose: Pose) -> int:
        """Enter an image `(size, size, 3)`, seen from a pose, into the map; returns the byte of what is carried."""
        size, (x, y, direction) = len(image), pose
        bytes_seen = pack(image)
        carried = int(bytes_seen[size // 2, size - 1])  # shown where the robot stands
        bytes_seen[size // 2, size - 1] = self.at((x, y)) or EMPTY
        columns, rows = np.nonzero(bytes_seen != UNSEEN)
        ahead, aside, right = size - 1 - rows, columns - size // 2, (direction + 1) & 3
        to_x = x + ahead * FORWARD_X[direction] + aside * FORWARD_X[right]
        to_y = y + ahead * FORWARD_Y[direction] + aside * FORWARD_Y[right]
        found = bytes_seen[columns, rows]
        self.seen[to_x + MIDDLE, to_y + MIDDLE] = found
        kinds = found & KIND
        for index in np.flatnonzero(PORTABLE[kinds] | np.isin(kinds, DOORS)):
            byte, place = int(found[index]), (int(to_x[index]), int(to_y[index]))
            self.first_seen.setdefault(byte if PORTABLE[byte & KIND] else DOOR | byte & ~KIND & ~OPAQUE, place)
        return carried

    def at(self, place: Place) -> int:
        """What is known of a place, as a byte."""
        return int(self.seen[place[0] + MIDDLE, place[1] + MIDDLE])

    def places(self, *kinds: int) -> list[Place]:
        """Where cells of these kinds are."""
        return [(int(x) - MIDDLE, int(y) - MIDDLE) for x, y in np.argwhere(np.isin(self.seen & KIND, kinds))]

    def lacks_key(self, carried: int) -> bool:
        """Whether a locked door is known and no key for it."""
        keys = {self.at(place) for place in self.places(KEY)} | {carried}
        return any(KEY | self.at(place) & ~KIND & ~OPAQUE not in keys for place in self.places(LOCKED_DOOR))

    def way(self, pose: Pose, carried: int, wish: Goal) -> list[int] | None:
        """The fewest actions that make a wish come true, as far as is known; None if no way is found."""
        left, top, width, height = self._frame(pose)
        line = width + 2
        inside = self.seen[left : left + width, top : top + height]
        cells = np.full((width + 2, height + 2), GREY_WALL, np.uint8)
        cells[1:-1, 1:-1] = np.where(inside == UNSEEN, GREY_WALL, inside)
        contents = np.full_like(cells, EMPTY)

        def column_row(place: Place) -> tuple[int, int]:
            return place[0] + MIDDLE - left + 1, place[1] + MIDDLE - top + 1

        def number(place: Place | None) -> int:
            return int(NONE) if place is None else int(np.dot(column_row(place), (1, line)))

        if wish.new:
            cells[1:-1, 1:-1][_beside(inside)] = GOAL
        for wall in wish.walls:
            cells[column_row(wall)] = GREY_WALL
        for box in wish.boxes:
            contents[column_row(box)] = GOAL
        search = own_search(STATES)
        level = search.levels[0]
        level["line"], level["cells"] = line, cells.size
        level["task"], level["target"], level["hand"], level["hand_inside"] = wish.task, wish.target, carried, EMPTY
        level["target_cell"], level["other_cell"] = number(wish.place), number(wish.other)
        level["start"] = number(pose[:2]) * 4 + pose[2]
        level["bytes"][: cells.size] = cells.T.ravel()
        level["inside"][: cells.size] = contents.T.ravel()
        found = np.zeros((1, 3), np.int64)
        search.solve(found)
        return search.plan if found[0, 0] > 0 else None

    def _frame(self, pose: Pose) -> tuple[int, int, int, int]:
        """Left, top, width and height of the part of the map that matters: what is no wall, and a cell around it."""
        known = (self.seen != UNSEEN) & (self.seen & KIND != WALL)
        known[pose[0] + MIDDLE, pose[1] + MIDDLE] = True
        frame: list[int] = []
        for axis in (1, 0):
            some = np.flatnonzero(known.any(axis))
            first, last = int(some[0]), int(some[-1])
            spare = last - first + 1 < CAPACITIES[-1] - 1
            frame += [first - spare, last - first + 1 + 2 * spare]
        return frame[0], frame[2], frame[1], frame[3]


def _beside(seen: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The cells never seen that are next to one that the robot may come to."""
    kinds = seen & KIND
    open_ = np.pad((seen != UNSEEN) & (kinds != WALL) & (kinds != LAVA), 1)
    around = open_[2:, 1:-1] | open_[:-2, 1:-1] | open_[1:-1, 2:] | open_[1:-1, :-2]
    return (seen == UNSEEN) & around
