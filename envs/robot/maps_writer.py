"""Levels written as text, which `maps` reads."""

import itertools
import string
from collections.abc import Iterator
from typing import Any

import numpy as np

from rl_lab.envs.robot import cells, map_words, missions, targets
from rl_lab.envs.robot.cells import BOX, EMPTY, KIND
from rl_lab.envs.robot.world import NOWHERE, cells_of, place

KNOWN = {
    map_words.parse(words, ""): character
    for character, words in reversed(map_words.CHARACTERS.items())
    if character != " "
}
SPARE = [c for c in string.ascii_letters + string.digits if c not in map_words.CHARACTERS]


def write(state: Any, config: Any) -> str:
    """The level as it is now, without its clock: map, what its letters mean, mission, hands, places of the mission."""
    grid = cells_of(state, config)
    known, legend, rows = dict(KNOWN), dict[str, str](), [""] * grid.shape[1]
    for x, y in itertools.product(range(grid.shape[0]), range(grid.shape[1])):
        meaning = _meaning(state, config, int(grid[x, y]), x, y)
        if meaning not in known:
            known[meaning] = next(_letters(meaning, legend))
            legend[known[meaning]] = words(meaning)
        rows[y] += known[meaning]
    lines = [*rows, "", *(f"{letter} = {text}" for letter, text in sorted(legend.items()))]
    return "\n".join([*lines, *_more(state, config)])


def words(meaning: map_words.Meaning) -> str:
    """What `map_words.parse` reads."""
    thing = cells.describe(meaning.cell)
    if meaning.facing is not None:
        return f"robot facing {map_words.DIRECTIONS[meaning.facing]}" + (
            f" on {thing}" if meaning.cell != EMPTY else ""
        )
    return thing if meaning.inside is None else f"{thing} with {cells.describe(meaning.inside)}"


def _meaning(state: Any, config: Any, cell: int, x: int, y: int) -> map_words.Meaning:
    inside = int(state.contents[place(x, y, config.stride)]) if cell & KIND == BOX else EMPTY
    facing = int(state.direction) if (x, y) == (state.x, state.y) else None
    return map_words.Meaning(cell, None if inside == EMPTY else inside, facing)


def _letters(meaning: map_words.Meaning, taken: dict[str, str]) -> Iterator[str]:
    """Letters that mean nothing yet, those first that remind of the thing."""
    colour, *_, kind = cells.describe(meaning.cell & ~cells.OPAQUE).split() if meaning.facing is None else ("Robot", "")
    wished = [colour[0].upper(), colour[0]] if "door" in kind else [colour[0], colour[0].upper()]
    spare = [letter for letter in (*wished, *kind[:1], *kind[:1].upper(), *SPARE) if letter not in map_words.CHARACTERS]
    farther = (chr(code) for code in range(0xC0, 0xFFFF) if chr(code).isalpha())
    return (letter for letter in itertools.chain(spare, farther) if letter not in taken)


def _more(state: Any, config: Any) -> list[str]:
    """The lines that are not about characters."""
    mission = missions.text(state.mission)
    lines = [f"mission = {mission or 'nothing'}"] if mission or np.any(config.mission) else []
    if state.carrying != EMPTY:
        inside = int(state.carrying_contents)
        held = map_words.Meaning(int(state.carrying), None if inside == EMPTY else inside)
        lines.append(f"carrying = {words(held)}")
    for name in targets.OPTIONS.get(int(config.task), ()):
        if name == "clocks":
            clocks = _clocks(state, config)
            lines += [f"clocks = {clocks}"] if clocks else []
            continue
        if name == "obstacles":
            places = [pair for pair in np.asarray(state.obstacles).tolist() if pair[0] != NOWHERE]
        else:
            places = [(int(state[f"{name}_x"]), int(state[f"{name}_y"]))]
        text = " ".join(f"{x}, {y}" for x, y in places if x != NOWHERE)
        if name == "obstacles":  # without this line all balls would move
            text = text or "nothing"
        lines += [f"{name} = {text}"] if text else []
    return lines


def _clocks(state: Any, config: Any) -> str:
    """Where doors turn, and how far their clocks are."""
    doors = [(int(x), int(y), int(phase)) for phase, *_, x, y in np.asarray(state.rooms).tolist() if x != NOWHERE]
    return " ".join(f"{x}, {y}, {(phase + int(state.steps)) % int(config.period)}" for x, y, phase in doors)
