"""What the mission of a position given in `reset(options=...)` is about: from its words, the grid, or the options.

| family               | option      | meaning                                   | default                      |
| Unlock               | `target`    | the door to open, `(x, y)`                | the only door                |
| GoToDoor, GoToObject | `target`    | the place to stand by                     | what the mission names       |
| PutNear              | `target`    | the place to put something by             | what the mission names last  |
| RedBlueDoors         | `target`    | the first door                            | as the mission says, or red  |
|                      | `other`     | the second door                           | as the mission says, or blue |
| Memory               | `target`    | where to go                               | none, it must be given       |
|                      | `other`     | where not to go                           | nowhere                      |
| Dynamic-Obstacles    | `obstacles` | the balls that move, in order, `[(x, y)]` | all, row by row              |
| Scout                | `clocks`    | doors that turn, `{(x, y): phase}`        | none                         |

What Fetch, PutNear and the families that end with a thing want is what the mission names first; `mission_parser` has
the sentences.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.robot import cells, clocks, tasks
from rl_lab.envs.robot.cells import BALL, COLOURS, DOOR, OBJECTS
from rl_lab.envs.robot.maps import LevelSource
from rl_lab.envs.robot.mission_parser import understood
from rl_lab.envs.robot.world import MOST_OBSTACLES, MOST_ROOMS, NOWHERE
from rl_lab.errors import LabError
from rl_lab.validation import whole

OPTIONS: dict[int, tuple[str, ...]] = {
    tasks.OPEN: ("target",),
    tasks.GO_TO: ("target",),
    tasks.PUT_NEAR: ("target",),
    tasks.IN_ORDER: ("target", "other"),
    tasks.MATCH: ("target", "other"),
    tasks.DODGE: ("obstacles",),
    tasks.SCOUT: ("clocks",),
}
Place = tuple[int, int]
SHOWN = 4  # of places that errors list


def fields(
    task: int, options: Mapping[str, Any], grid: NDArray[np.uint8], mission: str, source: LevelSource
) -> dict[str, Any]:
    """The fields of the state that say what the mission is about; `grid` is cells as bytes `(width, height)`."""
    if task == tasks.DODGE:
        return {"obstacles": _obstacles(options.get("obstacles"), grid, source)}
    if task == tasks.SCOUT:
        return {"rooms": _clocks(options.get("clocks"), grid, source)}
    found: dict[str, Any] = {"target": cells.EMPTY}
    places: dict[str, Place | None] = {"target": None, "other": None}
    for name in OPTIONS.get(task, ()):
        if options.get(name) is not None:
            places[name] = _checked(name, options[name], grid, source)
    _, first, second, _ = understood(mission)
    if task in (tasks.PICK_UP, tasks.FETCH, tasks.PUT_NEAR):
        is_thing = first is not None and first & cells.KIND != DOOR
        found["target"] = _wanted(source, mission, first if is_thing else None, "pick up the red ball")
    if task == tasks.OPEN:
        colour = None if first is None or first & cells.KIND != DOOR else first >> 4
        door = places["target"] or _only("target", grid, DOOR, colour, source)
        places["target"] = _door("target", door, grid, source, colour)
    elif task == tasks.IN_ORDER:
        colours = (cells.RED, cells.BLUE) if first is None or second is None else (first >> 4, second >> 4)
        for name, colour in zip(("target", "other"), colours, strict=True):
            door = places[name] or _only(name, grid, DOOR, colour, source)
            places[name] = _door(name, door, grid, source)
    elif task in (tasks.GO_TO, tasks.PUT_NEAR) and places["target"] is None:
        thing = first if task == tasks.GO_TO else second
        example = "go to the red ball" if task == tasks.GO_TO else "put the red ball near the blue box"
        thing = _wanted(source, mission, thing, example)
        places["target"] = _only("target", grid, thing & cells.KIND, thing >> 4, source)
    elif task == tasks.MATCH and places["target"] is None:
        raise LabError(
            f"{source.begin('mission')}the mission is about a place that the grid does not determine; "
            f"{source.naming('target', (1, 1))}"
        )
    for name, place in places.items():
        found[f"{name}_x"], found[f"{name}_y"] = place or (NOWHERE, NOWHERE)
    return found


def _wanted(source: LevelSource, mission: str, thing: int | None, example: str) -> int:
    if thing is None:
        begin = source.begin("mission")
        raise LabError(
            f"{begin}mission {mission!r} does not name what is wanted; it must be a sentence like {example!r}"
        )
    return thing


def _only(name: str, grid: NDArray[np.uint8], kind: int, colour: int | None, source: LevelSource) -> Place:
    """The place of the one thing of a kind and, where it is given, a colour."""
    encoded = cells.unpack(grid)
    there = (encoded[..., 0] == kind) & (encoded[..., 1] == colour if colour is not None else True)
    places = [(int(x), int(y)) for x, y in np.argwhere(there)]
    if len(places) == 1:
        return places[0]
    what = OBJECTS[kind] if colour is None else f"{COLOURS[colour]} {OBJECTS[kind]}"
    about = f"{source.begin('mission')}the mission is about a {what}"
    if not places:
        raise LabError(f"{about}, but there is no {what} in the grid; put one there")
    shown = " and ".join(source.spot(*place) for place in places[:SHOWN]) + " and more" * (len(places) > SHOWN)
    raise LabError(
        f"{about}, of which the grid holds {len(places)}, at {shown}; leave one of them, or "
        f"{source.naming(name, places[0])}"
    )


def _door(name: str, place: Place, grid: NDArray[np.uint8], source: LevelSource, colour: int | None = None) -> Place:
    thing, painted, _ = cells.unpack(grid[place])
    if thing != DOOR or colour not in (None, painted):
        what = "door" if colour is None else f"{COLOURS[colour]} door"
        there = f"{name} is {place}, where there is {cells.describe(int(grid[place]))}"
        raise LabError(f"{source.begin(name)}{there}; it must be a {what}")
    return place


def _checked(option: str, value: Any, grid: NDArray[np.uint8], source: LevelSource, name: str = "") -> Place:
    """A place in the grid."""
    pair = np.asarray(value) if isinstance(value, (tuple, list, np.ndarray)) else np.empty(0)
    if pair.shape != (2,) or pair.dtype.kind not in "iu" or (pair < 0).any() or (pair >= grid.shape).any():
        raise LabError(f"{source.begin(option)}{source.outside(option, name or option, value, *grid.shape)}")
    return int(pair[0]), int(pair[1])


def _obstacles(value: Any, grid: NDArray[np.uint8], source: LevelSource) -> NDArray[np.uint8]:
    """The places of the balls that move, filled up with NOWHERE."""
    balls = [(int(x), int(y)) for y, x in np.argwhere((grid & cells.KIND == BALL).T)]
    if value is not None and not isinstance(value, (tuple, list, np.ndarray)):
        raise LabError(f"obstacles is {value!r}; it must be a list of places (x, y)")
    begin, name = source.begin("obstacles"), "a place in obstacles"
    places = balls if value is None else [_checked("obstacles", place, grid, source, name) for place in value]
    for place in places:
        if place not in balls:
            raise LabError(f"{begin}obstacles names {place}, where there is no ball; only balls move")
    if len(places) > MOST_OBSTACLES or len(set(places)) < len(places):
        raise LabError(f"{begin}obstacles are {len(places)} balls, or name one twice; up to {MOST_OBSTACLES} can move")
    filled = np.full((MOST_OBSTACLES, 2), NOWHERE, np.uint8)
    filled[: len(places)] = np.array(places, np.uint8).reshape(-1, 2)
    return filled


def opened(task: int, grid: NDArray[np.uint8], found: Mapping[str, Any]) -> NDArray[np.uint8]:
    """The grid with the doors open that open by themselves; `found` is what `fields` gave."""
    if task == tasks.SCOUT:
        grid = grid.copy()
        for x, y in found["rooms"][:, 4:].tolist():
            if x != NOWHERE:
                grid[x, y] = clocks.OPEN
    return grid


def _clocks(value: Any, grid: NDArray[np.uint8], source: LevelSource) -> NDArray[np.uint8]:
    """Doors on a clock, as `clocks` has them in the state; they turn from the first step on."""
    if value is not None and not isinstance(value, Mapping):
        raise LabError(f"clocks is {value!r}; it must be a dict from (x, y) of a door to its phase")
    begin = source.begin("clocks")
    rooms = np.zeros((MOST_ROOMS, 6), np.uint8)
    rooms[:, 4:] = NOWHERE
    if len(value or ()) > MOST_ROOMS:
        raise LabError(f"{begin}clocks names {len(value or ())} doors; up to {MOST_ROOMS} can be on a clock")
    for k, (place, phase) in enumerate((value or {}).items()):
        x, y = _checked("clocks", place, grid, source, "a door in clocks")
        if cells.unpack(grid[x, y])[0] != DOOR:
            there = f"a door in clocks is {(x, y)}, where there is {cells.describe(int(grid[x, y]))}"
            raise LabError(f"{begin}{there}; it must be a door")
        if not whole(phase, 0, 255):
            raise LabError(f"{begin}the door at {(x, y)} has phase {phase!r}; it must be a whole number from 0 to 255")
        rooms[k, 0], rooms[k, 4:] = phase, (x, y)
    return rooms
