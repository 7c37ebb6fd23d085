"""Layouts as text: a map with a character a cell, and below it, after an empty line, what else there is to say.

    #########
    #>  #  G#
    # k D   #
    #########

    k = red key
    D = red locked door
    mission = use the key to open the door and then get to the goal

`CHARACTERS` have a meaning of their own; every other character, and these too where that is wanted, gets one in a line
such as `b = purple box with red key` or `R = robot facing left on blue floor`. Rows may end early: what is left is
empty. The other lines are `mission`, `carrying` (a thing), and what the missions of some families are about: `target`,
`other` and `obstacles`, places such as `3, 4` counted from the upper left, which is `0, 0`; and `clocks`, places of
doors that turn by themselves, each with its phase, such as `3, 4, 0`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.robot import cells
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
PORTABLE, CONTAINABLE = (KEY, BALL, BOX), (cells.FLOOR, KEY, BALL, BOX, GOAL, LAVA)
Pair = tuple[int, int]
EXAMPLES = "'red key', 'blue locked door', 'grey box with green ball' or 'robot facing left on red floor'"


class Meaning(NamedTuple):
    """What a character stands for."""

    cell: int = EMPTY
    """Kind, colour and state as `cells.pack` has them."""
    inside: int | None = None
    """What the box there holds."""
    facing: int | None = None
    """Where the robot that stands there faces."""


@dataclass
class Map:
    """A text that was read."""

    source: str
    """Where it is from, for messages."""
    grid: NDArray[np.uint8]
    """MiniGrid's encoding, `(width, height, 3)`."""
    agent: tuple[int, int, int]
    first: Pair
    """Line and column of the upper left cell in the text, from 1."""
    contents: dict[Pair, Pair] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    """Other reset options: those that the lines below the map give."""

    def options(self) -> dict[str, Any]:
        """What `reset(options=...)` takes."""
        return {"grid": self.grid, "agent": self.agent, "contents": self.contents} | self.more

    def where(self, x: int, y: int) -> str:
        """A place of the map in words."""
        return f"{self.source}, line {self.first[0] + y}, column {self.first[1] + x}"


def read(text: Any, largest: int, source: str = "layout") -> Map:
    r"""Read a map and the lines below it.

    Args:
        text: see the module.
        largest: side of a map in cells.
        source: where the text is from, for messages.

    Raises:
        LabError: it cannot be read; the sentence has line and column.

    Example:
        >>> level = read("#####\n#> G#\n#####", 9)
        >>> level.grid.shape, level.agent
        ((5, 3, 3), (1, 1, 0))
    """
    if not isinstance(text, str):
        raise LabError(f"{source} is {type(text).__name__}; it must be a text, a map with a character a cell")
    lines = text.replace("\t", " " * 8).split("\n")
    lines = [line.rstrip() for line in lines]
    top = next((number for number, line in enumerate(lines) if line), None)
    if top is None:
        raise LabError(f"{source} is empty; it must be a map with a character a cell, such as a robot > in walls #")
    end = next((number for number in range(top, len(lines)) if not lines[number]), len(lines))
    legend, more = _below(lines, end, source)
    rows = lines[top:end]
    left = min(len(row) - len(row.lstrip()) for row in rows)
    return _mapped([row[left:] for row in rows], (top + 1, left + 1), legend, more, largest, source)


def _mapped(
    rows: list[str], first: Pair, legend: dict[str, Meaning], more: dict[str, Any], largest: int, source: str
) -> Map:
    width, height = max(map(len, rows)), len(rows)
    grid = np.zeros((width, height, 3), np.uint8)
    level = Map(source, grid, (-1, -1, 0), first, more=more)
    _check_size(level, rows, largest)
    for y, row in enumerate(rows):
        for x, character in enumerate(row.ljust(width)):
            meaning = legend.get(character)
            if meaning is None:
                known = " ".join(known for known in legend if known != " ")
                raise LabError(
                    f"{level.where(x, y)}: {character!r} is not known; known are {known} and blanks; "
                    f"say below the map, after an empty line, what it is, such as {character} = red key"
                )
            grid[x, y] = cells.unpack(meaning.cell)
            if meaning.inside is not None:
                level.contents[x, y] = _pair(meaning.inside)
            if meaning.facing is not None:
                _check_alone(level, x, y)
                level.agent = x, y, meaning.facing
    if level.agent[0] < 0:
        raise LabError(f"{source} has no robot; put one of > v < ^ where it starts")
    return level


def _check_size(level: Map, rows: list[str], largest: int) -> None:
    width, height, _ = level.grid.shape
    rule = f"a side may be up to {largest} cells here"
    if width > largest:
        y = next(y for y, row in enumerate(rows) if len(row) > largest)
        raise LabError(f"{level.where(largest, y)}: the map is {width} cells wide; {rule}")
    if height > largest:
        raise LabError(f"{level.where(0, largest)}: the map is {height} cells high; {rule}")
    if min(width, height) < 3:
        raise LabError(f"{level.where(0, 0)}: the map is {width}x{height} cells; a side must be at least 3")


def _check_alone(level: Map, x: int, y: int) -> None:
    if level.agent[0] >= 0:
        other = level.where(*level.agent[:2]).removeprefix(f"{level.source}, ")
        raise LabError(f"{level.where(x, y)}: this is a second robot, the first is in {other}; there must be one")


def _below(lines: list[str], end: int, source: str) -> tuple[dict[str, Meaning], dict[str, Any]]:
    """What the lines below the map say: meanings of characters, and options."""
    legend = {character: parse(words, source) for character, words in CHARACTERS.items()}
    more, said = dict[str, Any](), set[str]()
    for number in range(end, len(lines)):
        if not lines[number]:
            continue
        where = f"{source}, line {number + 1}"
        found = re.fullmatch(r"\s*(\S+)\s*=\s*(.*)", lines[number])
        if not found:
            column = len(lines[number]) - len(lines[number].lstrip()) + 1
            raise LabError(
                f"{where}, column {column}: {lines[number].strip()!r} is not understood; below the map, lines are "
                "such as 'k = red key' or 'mission = get to the green goal square'"
            )
        name, words = found.groups()
        if name in said:
            raise LabError(f"{where}, column 1: {name!r} is explained a second time; once is enough")
        said.add(name)
        if len(name) == 1:
            legend[name] = parse(words, f"{where}, column {found.start(2) + 1}")
        elif name in LINES:
            more |= LINES[name](words, f"{where}, column {found.start(2) + 1}")
        else:
            known = ", ".join(LINES)
            raise LabError(f"{where}, column 1: {name!r} is not known; write a single character, or one of {known}")
    return legend, more


def parse(words: str, where: str) -> Meaning:
    """What words such as "red locked door", "blue box with red key" or "robot facing up on green floor" mean.

    Raises:
        LabError: nothing; `where` says where they stand.
    """
    robot = re.fullmatch(r"robot facing (right|down|left|up)(?: on (.+))?", words)
    if robot:
        ground = _thing(robot[2] or "nothing", where)
        if not cells.STANDABLE[ground & KIND]:
            raise LabError(f"{where}: the robot cannot stand on {robot[2]!r}; it can on a floor, goal, lava, open door")
        return Meaning(ground, None, DIRECTIONS.index(robot[1]))
    outer, joined, inner = words.partition(" with ")
    cell = _thing(outer, where)
    if not joined:
        return Meaning(cell)
    if cell & KIND != BOX:
        raise LabError(f"{where}: {outer!r} holds nothing; only boxes do")
    inside = _thing(inner, where)
    if inside & KIND not in CONTAINABLE:
        raise LabError(f"{where}: a box cannot hold {inner!r}; it can hold a key, ball, box, floor, goal or lava")
    return Meaning(cell, inside)


def _thing(words: str, where: str) -> int:
    """The byte of a cell in words: colour, for doors the state, and object."""
    if words.strip() in ("nothing", "empty"):
        return EMPTY
    *before, name = words.split() or [""]
    colours, states = [w for w in before if w in COLOURS], [w for w in before if w in STATES]
    is_door = name == OBJECTS[DOOR]
    objects = [OBJECTS[kind] for kind in (cells.WALL, cells.FLOOR, DOOR, KEY, BALL, BOX, GOAL, LAVA)]
    if name not in objects or len(colours) != 1 or len(states) != is_door or len(before) != 1 + is_door:
        _not_understood(words, where, objects)
    encoded = OBJECTS.index(name), COLOURS.index(colours[0]), STATES.index(states[0]) if is_door else 0
    return int(cells.pack(np.array(encoded)))


def _not_understood(words: str, where: str, objects: list[str]) -> NoReturn:
    raise LabError(
        f"{where}: {words!r} is not understood; write a colour ({', '.join(COLOURS)}), for doors a state "
        f"({', '.join(STATES)}), and an object ({', '.join(objects)}), such as {EXAMPLES}"
    )


def _mission(words: str, where: str) -> dict[str, Any]:
    return {"mission": words}


def _carrying(words: str, where: str) -> dict[str, Any]:
    meaning = parse(words, where)
    if meaning.cell == EMPTY:
        return {"carrying": None}
    if meaning.facing is not None or meaning.cell & KIND not in PORTABLE:
        raise LabError(f"{where}: {words!r} cannot be carried; a key, a ball or a box can, or nothing")
    carried: dict[str, Any] = {"carrying": _pair(meaning.cell)}
    return carried if meaning.inside is None else carried | {"carrying_contents": _pair(meaning.inside)}


def _place(name: str) -> Any:
    def places(words: str, where: str) -> dict[str, Any]:
        found = re.findall(r"(\d+)\s*,\s*(\d+)", words)
        if re.sub(r"\d+\s*,\s*\d+", "", words).strip() or (name != "obstacles" and len(found) != 1):
            raise LabError(
                f"{where}: {words!r} is no place; write its column and row from the upper left, such as 3, 4"
            )
        pairs = [(int(x), int(y)) for x, y in found]
        return {name: pairs if name == "obstacles" else pairs[0]}

    return places


def _clocks(words: str, where: str) -> dict[str, Any]:
    triple = r"(\d+)\s*,\s*(\d+)\s*,\s*(\d+)"
    if re.sub(triple, "", words).strip():
        raise LabError(f"{where}: {words!r} is no clock; write column, row and phase of each door, such as 3, 4, 0")
    return {"clocks": {(int(x), int(y)): int(phase) for x, y, phase in re.findall(triple, words)}}


LINES = {"mission": _mission, "carrying": _carrying, "clocks": _clocks} | {
    name: _place(name) for name in ("target", "other", "obstacles")
}


def _pair(cell: int) -> Pair:
    return int(cell & KIND), int(cell & cells.COLOUR) >> 4
