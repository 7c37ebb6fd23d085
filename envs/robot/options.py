"""`reset(options=...)`: start from any position, checked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.robot import cells, maps, missions, reach, targets
from rl_lab.envs.robot.cells import COLOURS, EMPTY, GREY_WALL, KIND, OBJECTS
from rl_lab.envs.robot.world import SMALLEST_SIDE, place, put
from rl_lab.errors import LabError
from rl_lab.validation import whole_number

KNOWN = ("grid", "agent", "carrying", "carrying_contents", "mission", "contents", "step")


def inject(state: Any, config: Any, options: Mapping[str, Any]) -> None:
    """Replace the level that was drawn by the one in the options.

    Args:
        state: the lane's record.
        config: the environment's record.
        options: `grid`, MiniGrid's encoding, integers `(width, height, 3)` of any size up to the capacity;
            `agent`, `(x, y, direction)`; and where wanted
            `carrying`, `(object, colour)` of a key, a ball or a box, or None;
            `carrying_contents`, `(object, colour)`, what is in the box that is carried;
            `mission`, words of `missions.VOCABULARY`, by default that of the level that was drawn;
            `contents`, `{(x, y): (object, colour)}`, what is in boxes;
            `step`, how many steps of the episode are over, by default 0;
            `target`, `other`, `obstacles` and `clocks`, places that the family's mission is about; see `targets`.
            Or `layout`, all of that as a text or a file, see `maps`, beside which others of these say what it does not.

    Raises:
        LabError: something is not allowed; the state is then as it was.
    """
    level = None
    if "layout" in options:
        level = maps.load(options["layout"], int(config.capacity))
        options = _beside(options, level)
    if config.numbers:
        raise LabError(
            "reset options cannot be used with observation='state', which numbers the family's own levels only; "
            "load a saved state, or make rl_lab/Robot-Custom-v0 with layout=..."
        )
    apply(state, config, options, level)


def apply(state: Any, config: Any, options: Mapping[str, Any], level: maps.Map | None = None) -> None:
    """Make a state what options say; see `inject`.

    The config needs `task`, `capacity`, `stride`, `max_steps` and `whole`. Where the options are from a text, `level`,
    its mission must be possible.
    """
    task, source = int(config.task), level or maps.LevelSource()
    _check_names(options, task, source)
    grid = _grid(options["grid"], int(config.capacity))
    _check_shown(grid, config)
    x, y, direction = _agent(options["agent"], grid)
    _check_closed(grid, x, y, reach.stays_shut(task), source)
    carried, carried_contents = _carrying(options)
    contents = _contents(options.get("contents"), grid)
    mission = missions.tokens(options["mission"]) if "mission" in options else state.mission.copy()
    steps = whole_number("step", options.get("step", 0), 0, int(config.max_steps) - 1)
    fields = targets.fields(task, options, grid, missions.text(mission), source)
    if level is not None and mission.any():  # without a mission there is nothing to solve
        held = {carried, carried_contents}
        found = reach.reach(targets.opened(task, grid, fields), contents, (x, y), held, task)
        if (why := reach.obstacle(task, grid, found, fields, source)) is not None:
            what = f"{level.begin('mission')}the level" if "mission" in level.said else level.source
            raise LabError(f"{what} cannot be solved: {why}, even if every thing in between could be moved")

    state.cells[:] = GREY_WALL
    state.contents[:] = EMPTY
    state.width, state.height = grid.shape
    for (column, row), cell in np.ndenumerate(grid):
        put(state, column, row, cell, config.stride)
    for (column, row), inside in contents.items():
        state.contents[place(column, row, config.stride)] = inside
    state.x, state.y, state.direction = x, y, direction
    state.carrying, state.carrying_contents = carried, carried_contents
    state.mission[:] = mission
    state.steps = steps
    for name, value in fields.items():
        state[name] = value
    if "first_frame" in state.dtype.names:
        state.first_frame = steps


def _beside(options: Mapping[str, Any], level: maps.Map) -> dict[str, Any]:
    """The options of a layout, and those that are given beside it."""
    for name in options:
        level.said.pop(name, None)
        if name in ("grid", "agent", "contents"):
            raise LabError(f"reset options have 'layout' and {name!r}, which the layout says; leave one of them out")
    return level.options() | {name: value for name, value in options.items() if name != "layout"}


def _check_shown(grid: NDArray[np.uint8], config: Any) -> None:
    """Refuse a level that the observation has no room for."""
    width, height = grid.shape
    if config.whole and (width > config.width or height > config.height):
        raise LabError(
            f"the level is {width}x{height}, but observation='full' shows {config.width}x{config.height} cells here; "
            "make the environment with a larger size"
        )


def _check_names(options: Mapping[str, Any], task: int, source: maps.LevelSource) -> None:
    allowed = (*KNOWN, *targets.OPTIONS.get(task, ()))
    for name in options:
        if name not in allowed and isinstance(source, maps.Map) and name in source.said:
            raise LabError(
                f"{source.begin(name)}{name!r} is not known here, where no mission is about it; leave it out"
            )
        if name not in allowed:
            raise LabError(f"reset option {name!r} is not known here; allowed are: {', '.join((*allowed, 'layout'))}")
    for name in ("grid", "agent"):
        if name not in options:
            raise LabError(f"reset options with {', '.join(options)} lack {name!r}; give both 'grid' and 'agent'")


def _integers(name: str, value: Any, dimensions: int, last: int, meaning: str) -> NDArray[np.int64]:
    """An array of integers with so many dimensions, the last of them so long."""
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged list
        array = np.empty(0)
    if array.dtype.kind not in "iu" or array.ndim != dimensions or array.shape[-1] != last:
        given = f"{array.dtype} of shape {array.shape}" if isinstance(value, np.ndarray) else repr(value)
        raise LabError(f"{name} is {given if len(given) < 90 else given[:87] + '...'}; it must be {meaning}")
    return array.astype(np.int64)


def _grid(value: Any, capacity: int) -> NDArray[np.uint8]:
    """The grid as bytes `(width, height)`."""
    meaning = "integers of shape (width, height, 3), each cell its object, colour and state as MiniGrid encodes them"
    grid = _integers("grid", value, 3, 3, meaning)
    width, height, _ = grid.shape
    if min(width, height) < SMALLEST_SIDE or max(width, height) > capacity:
        raise LabError(
            f"grid is {width}x{height}; a side must be {SMALLEST_SIDE} to {capacity} cells here: "
            "make the environment with a larger size for more"
        )
    thing, colour, state = np.moveaxis(grid, -1, 0)
    _check_cells(grid, (thing < EMPTY) | (thing > cells.LAVA), f"objects are {_numbered(OBJECTS[: cells.AGENT], 1)}")
    _check_cells(grid, (colour < 0) | (colour >= len(COLOURS)), f"colours are {_numbered(COLOURS)}")
    _check_cells(grid, (state < 0) | (state >= len(cells.STATES)), f"states are {_numbered(cells.STATES)}")
    _check_cells(grid, (thing != cells.DOOR) & (state != 0), "the state of all but doors is 0")
    _check_cells(grid, (thing == EMPTY) & (colour != 0), "an empty cell is (1, 0, 0)")
    return cells.pack(grid)


def _check_cells(grid: NDArray[np.int64], wrong: NDArray[np.bool_], rule: str) -> None:
    if wrong.any():
        x, y = (int(number) for number in np.argwhere(wrong)[0])
        raise LabError(f"grid cell ({x}, {y}) is {tuple(grid[x, y].tolist())}; {rule}")


def _numbered(names: tuple[str, ...], start: int = 0) -> str:
    return ", ".join(f"{number} {name}" for number, name in enumerate(names) if number >= start)


def _agent(value: Any, grid: NDArray[np.uint8]) -> tuple[int, int, int]:
    """Position and direction, inside the grid and not in a wall or a thing."""
    pose = _integers("agent", value, 1, 3, "three integers: x, y, and direction 0 right, 1 down, 2 left or 3 up")
    x, y, direction = (int(number) for number in pose)
    width, height = grid.shape
    if not (0 <= x < width and 0 <= y < height):
        raise LabError(f"agent is at ({x}, {y}), outside the grid of {width}x{height} cells; put it inside")
    if not 0 <= direction <= 3:
        raise LabError(f"agent has direction {direction}; directions are 0 right, 1 down, 2 left, 3 up")
    if not cells.STANDABLE[grid[x, y] & KIND]:
        raise LabError(
            f"agent stands at ({x}, {y}) in a {cells.describe(grid[x, y])}; "
            "put it on an empty cell, a floor, a goal, lava or an open door"
        )
    return x, y, direction


def _check_closed(grid: NDArray[np.uint8], x: int, y: int, doors_stay_shut: bool, source: maps.LevelSource) -> None:
    """Refuse a grid that the robot could walk out of, if it removed every thing and opened every door that it may."""
    passable = grid & KIND != cells.WALL
    if doors_stay_shut:
        passable &= grid & KIND < cells.CLOSED_DOOR
    outside = reach.region(passable, (x, y))
    outside[1:-1, 1:-1] = False
    for y, x in np.argwhere(outside.T).tolist():
        there = f"{source.where(x, y)}, where there is {cells.describe(grid[x, y])}"
        raise LabError(
            f"the robot could walk out of the grid at {there}; "
            "put walls around all that it can reach, since doors can be opened and things be moved"
        )


def _thing_given(name: str, value: Any, allowed: NDArray[np.bool_]) -> int:
    """A thing that is given as a pair, as its byte."""
    pair = _integers(name, value, 1, 2, "a pair of integers, object and colour")
    thing, colour = (int(number) for number in pair)
    if not 0 <= thing < len(allowed) or not allowed[thing] or not 0 <= colour < len(COLOURS):
        things = ", ".join(f"{number} {OBJECTS[number]}" for number in np.flatnonzero(allowed))
        raise LabError(f"{name} is ({thing}, {colour}); objects here are {things}; colours are {_numbered(COLOURS)}")
    return thing | colour << 4


def _carrying(options: Mapping[str, Any]) -> tuple[int, int]:
    """What the robot carries, and what is in it, as bytes."""
    given, inside = options.get("carrying"), options.get("carrying_contents")
    carried = EMPTY if given is None else _thing_given("carrying", given, cells.PORTABLE)
    if inside is None:
        return carried, EMPTY
    if carried & KIND != cells.BOX:
        raise LabError(f"carrying_contents is {inside!r}, but no box is carried; only boxes contain things")
    return carried, _thing_given("carrying_contents", inside, cells.CONTAINABLE)


def _contents(value: Any, grid: NDArray[np.uint8]) -> dict[tuple[int, int], int]:
    """What is in boxes, as bytes by position."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise LabError(
            f"contents is {value!r}; it must be a dict from (x, y) of a box to (object, colour) of what is in it"
        )
    width, height = grid.shape
    contents = {}
    for position, thing in value.items():
        x, y = (int(n) for n in _integers("a position in contents", position, 1, 2, "a pair of integers, x and y"))
        if not (0 <= x < width and 0 <= y < height) or grid[x, y] & KIND != cells.BOX:
            raise LabError(f"contents names ({x}, {y}), where there is no box; only boxes contain things")
        contents[x, y] = _thing_given(f"contents of ({x}, {y})", thing, cells.CONTAINABLE)
    return contents
