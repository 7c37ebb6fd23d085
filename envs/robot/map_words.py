"""What words in a layout mean: those for a cell, and those of the lines below the map; see `maps`."""

from __future__ import annotations

import functools
import re
from typing import Any, NamedTuple

import numpy as np

from rl_lab.envs.robot import cells, missions
from rl_lab.envs.robot.cells import BALL, BOX, COLOURS, DOOR, EMPTY, GOAL, KEY, KIND, LAVA, OBJECTS, STATES
from rl_lab.errors import LabError

CHARACTERS = {
    "#": "grey wall",
    ".": "nothing",
    " ": "nothing",
    "G": "green goal",
    "~": "red lava",
    "_": "blue floor",
    "k": "yellow key",
    "o": "blue ball",
    "b": "purple box",
    "/": "yellow open door",
    "d": "yellow closed door",
    "D": "yellow locked door",
    ">": "robot facing right",
    "v": "robot facing down",
    "<": "robot facing left",
    "^": "robot facing up",
}
DIRECTIONS = ("right", "down", "left", "up")
EXAMPLES = "'red key', 'blue locked door', 'grey box with green ball' or 'robot facing left on red floor'"
NOTHING = ("nothing", "empty")  # words for it
Pair = tuple[int, int]


class Spot(NamedTuple):
    """Where something stands in a text; lines and columns count from 1."""

    source: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.source}, line {self.line}, column {self.column}"

    def along(self, characters: int) -> Spot:
        """So many characters further on."""
        return self._replace(column=self.column + characters)


class Meaning(NamedTuple):
    """What a character stands for."""

    cell: int = EMPTY  # kind, colour and state as `cells.pack` has them
    inside: int | None = None  # what the box there holds
    facing: int | None = None  # where the robot that stands there faces


def parse(words: str, where: Any) -> Meaning:
    """What words such as "red locked door", "blue box with red key" or "robot facing up on green floor" mean.

    A `LabError` for words that mean nothing begins with `where`, a spot or another name for where they stand.
    """
    robot = re.fullmatch(r"robot facing (right|down|left|up)(?: on (.+))?", words)
    if robot:
        ground = _cell(robot[2] or "nothing", where)
        if not cells.STANDABLE[ground & KIND]:
            raise LabError(f"{where}: the robot cannot stand on {robot[2]!r}; it can on a floor, goal, lava, open door")
        return Meaning(ground, None, DIRECTIONS.index(robot[1]))
    outer, joined, inner = words.partition(" with ")
    cell = _cell(outer, where)
    if not joined:
        return Meaning(cell)
    if cell & KIND != BOX:
        raise LabError(f"{where}: {outer!r} holds nothing; only boxes do")
    inside = _cell(inner, where)
    if not cells.CONTAINABLE[inside & KIND]:
        raise LabError(f"{where}: a box cannot hold {inner!r}; it can hold a key, ball, box, floor, goal or lava")
    return Meaning(cell, inside)


def _cell(words: str, where: Any) -> int:
    """The byte of a cell in words: colour, for doors the state, and object."""
    if words.strip() in NOTHING:
        return EMPTY
    *before, name = words.split() or [""]
    colours, states = [w for w in before if w in COLOURS], [w for w in before if w in STATES]
    is_door = name == OBJECTS[DOOR]
    objects = [OBJECTS[kind] for kind in (cells.WALL, cells.FLOOR, DOOR, KEY, BALL, BOX, GOAL, LAVA)]
    if name not in objects or len(colours) != 1 or len(states) != is_door or len(before) != 1 + is_door:
        raise LabError(
            f"{where}: {words!r} is not understood; write a colour ({', '.join(COLOURS)}), for doors a state "
            f"({', '.join(STATES)}), and an object ({', '.join(objects)}), such as {EXAMPLES}"
        )
    encoded = OBJECTS.index(name), COLOURS.index(colours[0]), STATES.index(states[0]) if is_door else 0
    return int(cells.pack(np.array(encoded)))


def _mission(words: str, spot: Spot) -> dict[str, Any]:
    words = "" if words in NOTHING else words
    if (problem := missions.problem(words)) is not None:
        raise LabError(f"{spot.along(problem.start)}: {problem.sentence}")
    return {"mission": words}


def _carrying(words: str, spot: Spot) -> dict[str, Any]:
    meaning = parse(words, spot)
    if meaning.cell == EMPTY:
        return {"carrying": None}
    if meaning.facing is not None or not cells.PORTABLE[meaning.cell & KIND]:
        raise LabError(f"{spot}: {words!r} cannot be carried; a key, a ball or a box can, or nothing")
    carried: dict[str, Any] = {"carrying": pair(meaning.cell)}
    return carried if meaning.inside is None else carried | {"carrying_contents": pair(meaning.inside)}


def _place(name: str, words: str, spot: Spot) -> dict[str, Any]:
    return {name: _numbers(words, spot, 2, "place", "its column and row from the upper left, such as 3, 4")[0]}


def _obstacles(words: str, spot: Spot) -> dict[str, Any]:
    rule = "column and row of each, counted from the upper left, such as 3, 4 5, 4, or nothing"
    return {"obstacles": _numbers(words, spot, 2, "list of places", rule, several=True)}


def _clocks(words: str, spot: Spot) -> dict[str, Any]:
    rule = "column, row and phase of each door, such as 3, 4, 0"
    return {"clocks": {(x, y): phase for x, y, phase in _numbers(words, spot, 3, "clock", rule, several=True)}}


def _numbers(words: str, spot: Spot, count: int, what: str, rule: str, several: bool = False) -> list[tuple[int, ...]]:
    """Groups of so many numbers with commas in between."""
    group = r"\s*,\s*".join([r"(\d{1,9})"] * count)
    words = "" if several and words in NOTHING else words
    found = [tuple(int(number) for number in numbers) for numbers in re.findall(group, words)]
    if re.sub(group, "", words).strip() or (not several and len(found) != 1):
        raise LabError(f"{spot}: {words!r} is no {what}; write {rule}")
    return found


LINES = {"mission": _mission, "carrying": _carrying, "obstacles": _obstacles, "clocks": _clocks} | {
    name: functools.partial(_place, name) for name in ("target", "other")
}


def pair(cell: int) -> Pair:
    """Object and colour of a cell's byte."""
    return int(cell & KIND), int(cell & cells.COLOUR) >> 4
