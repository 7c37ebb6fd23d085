"""Layouts as text: a map with a character a cell, and below it, after an empty line, what else there is to say.

    #########
    #>  #  G#
    # k D   #
    #########

    k = red key
    D = red locked door
    mission = use the key to open the door and then get to the goal

`map_words.CHARACTERS` have a meaning of their own; every other character, and these too where that is wanted, gets one
in a line such as `b = purple box with red key` or `R = robot facing left on blue floor`. Rows may end early: what is
left is empty. The other lines are `mission`, `carrying` (a thing), and what the missions of some families are about:
`target`, `other` and `obstacles`, places such as `3, 4` counted from the upper left, which is `0, 0`; and `clocks`,
places of doors that turn by themselves, each with its phase, such as `3, 4, 0`. `mission`, `carrying` and `obstacles`
may be `nothing`. A tab in the map is refused, because its width is ambiguous; a byte order mark is ignored.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.robot import cells
from rl_lab.envs.robot.map_words import CHARACTERS, LINES, Meaning, Pair, Spot, pair, parse
from rl_lab.errors import LabError

LARGEST_FILE = 100_000  # bytes
LONGEST_NAME = 200  # characters of a file's name in errors


class LevelSource:
    """Where a level is from, as errors speak of it: here from reset options."""

    def begin(self, name: str) -> str:
        """How a sentence about an option begins."""
        return ""

    def where(self, x: int, y: int) -> str:
        """A place in words."""
        return f"({x}, {y})"

    spot = where

    def naming(self, name: str, place: Pair) -> str:
        """How to say which place is meant."""
        return f"say with {name!r} which is meant"

    def outside(self, option: str, name: str, value: Any, width: int, height: int) -> str:
        """That an option, or one that it names so, is no place."""
        return f"{name} is {value!r}; it must be a place (x, y) in the grid of {width}x{height} cells"


@dataclass
class Map(LevelSource):
    """A text that was read."""

    source: str  # where it is from, for messages
    grid: NDArray[np.uint8]  # MiniGrid's encoding, `(width, height, 3)`
    agent: tuple[int, int, int]
    first: Pair  # line and column of the upper left cell in the text, from 1
    contents: dict[Pair, Pair] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)  # other reset options, which the lines below the map give
    said: dict[str, Spot] = field(default_factory=dict)  # where what those lines say stands

    def options(self) -> dict[str, Any]:
        """What `reset(options=...)` takes."""
        return {"grid": self.grid, "agent": self.agent, "contents": self.contents} | self.more

    def begin(self, name: str) -> str:
        """The line and column of what is said about an option, if the text says it."""
        return f"{self.said.get(name, self.source)}: "

    def where(self, x: int, y: int) -> str:
        """A place of the map in words."""
        return f"{self.source}, {self.spot(x, y)}"

    def spot(self, x: int, y: int) -> str:
        """The same without the text's name."""
        return f"line {self.first[0] + y}, column {self.first[1] + x}"

    def naming(self, name: str, place: Pair) -> str:
        """The line that says which place is meant."""
        return f"add a line such as {name} = {place[0]}, {place[1]}"

    def outside(self, option: str, name: str, value: Any, width: int, height: int) -> str:
        """That a place is not on the map."""
        if option not in self.said:
            return super().outside(option, name, value, width, height)
        x, y = value
        return f"{x}, {y} is outside the map, whose columns are 0 to {width - 1} and rows 0 to {height - 1}"


def load(layout: Any, largest: int) -> Map:
    """Read a layout from a file, or from a text, which has more than one line; see `read`."""
    if isinstance(layout, str) and ("\n" in layout or not layout.strip()):
        return read(layout, largest)
    if not isinstance(layout, (str, os.PathLike)):
        raise LabError(f"layout={layout!r} is not allowed; it must be the name of a file, or a text with several lines")
    path = Path(layout)
    name = repr(str(path) if len(str(path)) <= LONGEST_NAME else f"{str(path)[:LONGEST_NAME]}...")
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
        text = data.decode() if len(data) <= LARGEST_FILE else ""
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no text"
        raise LabError(f"layout file {name} cannot be read: {reason.lower()}; name a text file") from None
    if len(data) > LARGEST_FILE:
        raise LabError(f"layout file {name} is larger than {LARGEST_FILE} bytes, and so is no layout")
    return read(text, largest, str(path))


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
    lines = [line.rstrip() for line in text.removeprefix("\ufeff").split("\n")]
    top = next((number for number, line in enumerate(lines) if line), None)
    if top is None:
        raise LabError(f"{source} is empty; it must be a map with a character a cell, such as a robot > in walls #")
    end = next((number for number in range(top, len(lines)) if not lines[number]), len(lines))
    rows = lines[top:end]
    for number, row in enumerate(rows, top + 1):
        if "\t" in row:
            spot = Spot(source, number, row.index("\t") + 1)
            raise LabError(f"{spot}: a tab may be any number of cells wide; write blanks in the map")
    legend, more, said = _below(lines, end, source)
    left = min(len(row) - len(row.lstrip()) for row in rows)
    rows = [row[left:] for row in rows]
    grid = np.zeros((max(map(len, rows)), len(rows), 3), np.uint8)
    level = Map(source, grid, (-1, -1, 0), (top + 1, left + 1), more=more, said=said)
    _check_size(level, rows, largest)
    _fill(level, rows, legend)
    return level


def _fill(level: Map, rows: list[str], legend: dict[str, Meaning]) -> None:
    """Write what the characters mean into the grid."""
    for y, row in enumerate(rows):
        for x, character in enumerate(row.ljust(len(level.grid))):
            meaning = legend.get(character)
            if meaning is None:
                known = " ".join(known for known in legend if known != " ")
                raise LabError(
                    f"{level.where(x, y)}: {character!r} is not known; known are {known} and blanks; "
                    f"say below the map, after an empty line, what it is, such as {character} = red key"
                )
            level.grid[x, y] = cells.unpack(meaning.cell)
            if meaning.inside is not None:
                level.contents[x, y] = pair(meaning.inside)
            if meaning.facing is not None:
                if level.agent[0] >= 0:
                    first = f"the first is in {level.spot(*level.agent[:2])}"
                    raise LabError(f"{level.where(x, y)}: this is a second robot, {first}; there must be one")
                level.agent = x, y, meaning.facing
    if level.agent[0] < 0:
        raise LabError(f"{level.source} has no robot; put one of > v < ^ where it starts")


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


def _below(lines: list[str], end: int, source: str) -> tuple[dict[str, Meaning], dict[str, Any], dict[str, Spot]]:
    """What the lines below the map say: meanings of characters, options, and where each of these is said."""
    legend = {character: parse(words, source) for character, words in CHARACTERS.items()}
    more, said = dict[str, Any](), dict[str, Spot]()
    for number in range(end, len(lines)):
        if not lines[number]:
            continue
        found = re.fullmatch(r"\s*(\S+)\s*=\s*(.*)", lines[number])
        here = Spot(source, number + 1, len(lines[number]) - len(lines[number].lstrip()) + 1)
        if not found:
            raise LabError(
                f"{here}: {lines[number].strip()!r} is not understood; below the map, lines are "
                "such as 'k = red key' or 'mission = get to the green goal square'"
            )
        name, words = found.groups()
        if name in said:
            raise LabError(f"{here}: {name!r} is explained a second time; once is enough")
        said[name] = here._replace(column=found.start(2) + 1)
        if len(name) == 1:
            legend[name] = parse(words, said[name])
        elif name in LINES:
            more |= LINES[name](words, said[name])
        else:
            raise LabError(f"{here}: {name!r} is not known; write a single character, or one of {', '.join(LINES)}")
    return legend, more, said
