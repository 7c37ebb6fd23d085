"""The fewest actions by trying everything: plain Python over whole worlds, written from MiniGrid's rules alone.

It shares nothing with the planner: no pruning, no bound, no compiled kernel. A world is all that can change beside the
robot's pose: what is in every cell, and in the robot's hands.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

LEFT, RIGHT, FORWARD, PICKUP, DROP, TOGGLE, DONE = range(7)
EMPTY, WALL, FLOOR, DOOR, KEY, BALL, BOX, GOAL, LAVA = range(1, 10)
OPEN, CLOSED, LOCKED = range(3)
STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))

Place = tuple[int, int]
Thing = tuple[int, int]  # object and colour


class Cell(NamedTuple):
    """What is in a cell, as MiniGrid numbers it, with what is in a box."""

    thing: int
    colour: int = 0
    state: int = 0
    inside: Thing | None = None


NOTHING = Cell(EMPTY)
World = tuple[tuple[Cell, ...], Cell]  # cells row by row, and what is carried (NOTHING for empty hands)
Pose = tuple[int, int, int]
GOES_ON, WON, LOST = "goes on", "won", "lost"


@dataclass(frozen=True)
class Mission:
    """What ends an episode beside goal and lava; the families as MiniGrid has them."""

    kind: str
    """"reach", "open", "pick up", "fetch", "go to", "put near", "in order" or "match"."""
    target: Thing | None = None
    """The thing that it is about."""
    place: Place | None = None
    """The place that it is about."""
    other: Place | None = None
    """A second one."""


class TooMany(Exception):
    """There are more states than allowed."""


def after(width: int, world: World, pose: Pose, action: int, mission: Mission) -> tuple[World, Pose, str]:
    """One step of MiniGrid's."""
    cells, hands = world
    x, y, direction = pose
    ahead = x + STEPS[direction][0], y + STEPS[direction][1]
    index = ahead[1] * width + ahead[0]
    cell, outcome, carried = cells[index], GOES_ON, hands
    if mission.kind == "match" and action == PICKUP:
        action = TOGGLE
    new, place = cell, (x, y)
    if action == LEFT:
        direction = (direction - 1) % 4
    elif action == RIGHT:
        direction = (direction + 1) % 4
    elif action == FORWARD:
        if cell.thing in (EMPTY, FLOOR, GOAL, LAVA) or (cell.thing == DOOR and cell.state == OPEN):
            place = ahead
        if cell.thing == GOAL:
            outcome = WON
        if cell.thing == LAVA:
            outcome = LOST
    elif action == PICKUP:
        if cell.thing in (KEY, BALL, BOX) and carried == NOTHING:
            carried, new = cell, NOTHING
    elif action == DROP:
        if cell.thing == EMPTY and carried != NOTHING:
            carried, new = NOTHING, carried
    elif action == TOGGLE:
        new = toggled(cell, carried)
    if new is not cell:
        cells = (*cells[:index], new, *cells[index + 1 :])
    outcome = judged(mission, width, world, (cells, carried), place, ahead, action, outcome)
    return (cells, carried), (*place, direction), outcome


def toggled(cell: Cell, carried: Cell) -> Cell:
    """A cell after it was toggled."""
    if cell.thing == BOX:
        return Cell(*cell.inside) if cell.inside else NOTHING
    if cell.thing != DOOR:
        return cell
    if cell.state == LOCKED:
        return cell._replace(state=OPEN) if carried[:2] == (KEY, cell.colour) else cell
    return cell._replace(state=CLOSED if cell.state == OPEN else OPEN)


def judged(
    mission: Mission, width: int, before: World, now: World, place: Place, ahead: Place, action: int, outcome: str
) -> str:
    """How a step ends, by the family's own `step`."""

    def is_open(world: World, at: Place | None) -> bool:
        assert at is not None
        return world[0][at[1] * width + at[0]][0::2][:2] == (DOOR, OPEN)

    carried, won = now[1], {True: WON, False: LOST}
    if mission.kind == "open":
        return WON if action == TOGGLE and is_open(now, mission.place) else outcome
    if mission.kind == "pick up":
        return WON if action == PICKUP and carried[:2] == mission.target else outcome
    if mission.kind == "fetch":
        return won[carried[:2] == mission.target] if carried != NOTHING else outcome
    if mission.kind == "go to":
        assert mission.place is not None
        if action == DONE and abs(place[0] - mission.place[0]) + abs(place[1] - mission.place[1]) == 1:
            return WON
        return LOST if action in (DONE, TOGGLE) else outcome
    if mission.kind == "put near":
        assert mission.place is not None
        if action == DROP and before[1] != NOTHING:
            near = max(abs(ahead[0] - mission.place[0]), abs(ahead[1] - mission.place[1])) <= 1
            return won[near and carried == NOTHING]
        wrong = action == PICKUP and carried != NOTHING and carried[:2] != mission.target
        return LOST if wrong else outcome
    if mission.kind == "in order":
        red, blue = mission.place, mission.other
        if is_open(now, blue):
            return won[is_open(before, red)]
        return LOST if is_open(now, red) and is_open(before, blue) else outcome
    if mission.kind == "match":
        return LOST if place == mission.other else WON if place == mission.place else outcome
    return outcome


def fewest(
    width: int, cells: tuple[Cell, ...], hands: Cell, pose: Pose, mission: Mission, most: int = 400_000
) -> int | None:
    """The fewest actions to success; None if there is no way.

    Args:
        width: of the world.
        cells: row by row.
        hands: what is carried.
        pose: x, y, direction.
        mission: what counts as success.
        most: states.

    Raises:
        TooMany: there are more states than that.
    """
    worlds: dict[World, int] = {(cells, hands): 0}
    known = [(cells, hands)]
    seen = {(0, pose)}
    waiting = deque([(0, pose, 0)])
    while waiting:
        number, pose, depth = waiting.popleft()
        for action in range(7):
            world, following, outcome = after(width, known[number], pose, action, mission)
            if outcome == WON:
                return depth + 1
            if outcome == LOST:
                continue
            if world[0] is known[number][0] and world[1] is known[number][1]:
                now = number  # to look a world up takes long
            else:
                now = worlds.setdefault(world, len(known))
                known += [world] * (now == len(known))
            state = now, following
            if state not in seen:
                seen.add(state)
                waiting.append((*state, depth + 1))
                if len(seen) > most:
                    raise TooMany
    return None


def read(options: dict[str, Any]) -> tuple[int, tuple[Cell, ...], Cell, Pose]:
    """Width, cells, hands and pose of a position as `reset(options=...)` takes it."""
    grid = options["grid"]
    width, height, _ = grid.shape
    inside = options.get("contents") or {}

    def lying() -> Iterator[Cell]:
        for y in range(height):
            for x in range(width):
                thing, colour, state = (int(n) for n in grid[x, y])
                yield Cell(thing, colour, state, inside.get((x, y)))

    carrying, within = options.get("carrying"), options.get("carrying_contents")
    hands = Cell(*carrying, 0, within) if carrying else NOTHING
    return width, tuple(lying()), hands, tuple(int(n) for n in options["agent"])
