"""Numbers of states for tables of values: `observation="state"`, where a family's levels are few enough to count.

- Empty, DistShift: the pose, that is place and direction, `4 n` numbers.
- LavaGap: the gap's place and the pose, `(w - 4)(h - 2) 4 n`.
- DoorKey: the door's place and state, the key's place or that it is held, and the pose,
  `3 (w - 4)(h - 3)(n + 1) 4 n`.
- Custom, without boxes: the state of every door, the place of every thing, and the pose,
  `3**doors (n + 1)**things 4 n`.

`n` is `(w - 2)(h - 2)`, the cells inside the outer walls. Two states of one environment have the same number only
if nothing that an action can do tells them apart. The pose is the last digit: `number % (4 n)` is
`4 * ((y - 1)(w - 2) + x - 1) + direction`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rl_lab.envs.robot.cells import BOX, CLOSED_DOOR, DOOR, EMPTY, KEY, KIND, LAVA, LOCKED_DOOR
from rl_lab.envs.robot.world import place
from rl_lab.errors import LabError

MOST_STATES = 2**31 - 1


class Code(NamedTuple):
    """How a family's states are numbered."""

    index: Callable[..., int]  # `index(state, config)`, a kernel
    total: Callable[[int, int], int]  # how many numbers there are in a world of a width and a height
    variant: str = ""  # what else the numbers depend on


def inside(x, y, config):
    """The number of a cell inside the outer walls."""
    return (y - 1) * (config.width - 2) + x - 1


def pose(state, config):
    """The number of the robot's pose."""
    return 4 * inside(np.int64(state.x), np.int64(state.y), config) + np.int64(state.direction)


def pose_count(config):
    """How many poses there are."""
    return 4 * (config.width - 2) * (config.height - 2)


def gap_and_pose(state, config):
    """The number of a state of LavaGap."""
    gap_x, gap_y = 2, 1
    for x in range(2, config.width - 2):
        free, lava = 1, 0
        for y in range(1, config.height - 1):
            if state.cells[place(x, y, config.stride)] & KIND == LAVA:
                lava += 1
            else:
                free = y
        if lava > 0:
            gap_x, gap_y = x, free
    gap = (gap_x - 2) * (config.height - 2) + gap_y - 1
    return gap * pose_count(config) + pose(state, config)


def door_key_and_pose(state, config):
    """The number of a state of DoorKey."""
    cells = (config.width - 2) * (config.height - 2)
    door, key = 0, cells  # in the robot's hands unless it is found
    for x in range(1, config.width - 1):
        for y in range(1, config.height - 1):
            kind = np.int64(state.cells[place(x, y, config.stride)]) & KIND
            if kind == KEY:
                key = inside(x, y, config)
            elif kind in (DOOR, CLOSED_DOOR, LOCKED_DOOR):
                door = 3 * ((x - 2) * (config.height - 3) + y - 1) + door_state(kind)
    return (door * (cells + 1) + key) * pose_count(config) + pose(state, config)


def door_state(kind):
    """Open 0, closed 1, locked 2."""
    return 0 if kind == DOOR else kind - CLOSED_DOOR + 1


def layout_and_pose(state, config):
    """The number of a state of a custom layout: its doors are in `config.doors`, its things in `config.things`.

    A thing is told apart from others by its byte; of things that are alike, the places are in order.
    """
    cells = (config.width - 2) * (config.height - 2)
    code = np.int64(0)
    for k in range(config.door_count):
        x, y = np.int64(config.doors[k, 0]), np.int64(config.doors[k, 1])
        code = 3 * code + door_state(np.int64(state.cells[place(x, y, config.stride)]) & KIND)
    after, before = cells, np.int64(EMPTY)  # of a thing like the one before: its place comes after that one's
    for k in range(config.thing_count):
        thing = np.int64(config.things[k])
        after = find(state, thing, after + 1 if thing == before else 0, config)
        before = thing
        code = code * (cells + 1) + after
    return code * pose_count(config) + pose(state, config)


def find(state, thing, start, config):
    """The number of the first cell that holds a thing, from a cell on; that of hands, after all cells, if none does."""
    width, cells = config.width - 2, (config.width - 2) * (config.height - 2)
    for n in range(start, cells):
        if state.cells[place(n % width + 1, n // width + 1, config.stride)] == thing:
            return np.int64(n)
    return np.int64(cells)


def _poses(width: int, height: int) -> int:
    return 4 * (width - 2) * (height - 2)


POSE = Code(pose, _poses)
CODES = {
    "Robot-Empty": POSE,
    "Robot-DistShift": POSE,
    "Robot-LavaGap": Code(gap_and_pose, lambda width, height: (width - 4) * (height - 2) * _poses(width, height)),
    "Robot-DoorKey": Code(
        door_key_and_pose,
        lambda width, height: 3 * (width - 4) * (height - 3) * ((width - 2) * (height - 2) + 1) * _poses(width, height),
    ),
}


MOST_DOORS, MOST_THINGS = 16, 16  # of a custom layout whose states are numbered


def code_of_layout(doors: list[tuple[int, int]], things: list[int]) -> Code:
    """How the states of a custom layout are numbered, by the places of doors, and bytes of things in order."""
    if any(thing & KIND == BOX for thing in things):
        raise LabError("observation='state' is not offered with a layout that has boxes; take them out")
    if len(doors) > MOST_DOORS or len(things) > MOST_THINGS:
        raise LabError(
            f"observation='state' is not offered with a layout of {len(doors)} doors and {len(things)} things; "
            f"up to {MOST_DOORS} and {MOST_THINGS} are numbered"
        )

    def total(width: int, height: int) -> int:
        return 3 ** len(doors) * ((width - 2) * (height - 2) + 1) ** len(things) * _poses(width, height)

    return Code(layout_and_pose, total, f"{doors} {things}")


def config_of_layout(doors: list[tuple[int, int]], things: list[int]) -> dict[str, Any]:
    """What `layout_and_pose` reads from the config."""
    places, kinds = np.zeros((MOST_DOORS, 2), np.int64), np.zeros(MOST_THINGS, np.int64)
    places[: len(doors)] = np.reshape(doors[:MOST_DOORS], (-1, 2))
    kinds[: len(things)] = things[:MOST_THINGS]
    return {"doors": places, "door_count": len(doors), "things": kinds, "thing_count": len(things)}


def code_of(name: str) -> Code:
    """How the states of a family are numbered, or a `LabError` where they are not."""
    if name not in CODES:
        allowed = ", ".join(known.removeprefix("Robot-") for known in CODES)
        raise LabError(
            f"observation='state' is not offered by {name}, whose levels are too many to number; "
            f"{allowed} and custom layouts without boxes offer it"
        )
    return CODES[name]
