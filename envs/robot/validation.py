"""What the saved states of a robot's world must be, so that every action from there is one of a legal game."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.robot import cells, targets, tasks
from rl_lab.envs.robot.cells import BOX, EMPTY, KIND
from rl_lab.envs.robot.looking import AGE, AHEAD, ASIDE, BUMP, CARRYING, TURNED
from rl_lab.envs.robot.missions import VOCABULARY
from rl_lab.envs.robot.reach import region, stays_shut
from rl_lab.envs.robot.world import CAPACITIES, DEPTH, NOWHERE, SIDE, SMALLEST_SIDE
from rl_lab.envs.validation import Rule

BYTES = np.arange(256)
SHUT = (BYTES & KIND == cells.CLOSED_DOOR) | (BYTES & KIND == cells.LOCKED_DOOR)
DOORS = SHUT | (BYTES & KIND == cells.DOOR)
COLOURED = len(cells.COLOURS) > (BYTES >> 4 & 7)
NOTHING = BYTES == EMPTY
# Which bytes a cell may be; the bit of what is opaque follows from the kind.
CELL = COLOURED & (BYTES & KIND > EMPTY) & ((BYTES & KIND <= cells.LAVA) | SHUT)
CELL = NOTHING | (CELL & ((BYTES & cells.OPAQUE > 0) == (SHUT | (BYTES & KIND == cells.WALL))))
THING = CELL & cells.PORTABLE[BYTES & KIND]
INSIDE = CELL & cells.CONTAINABLE[BYTES & KIND]
SEEN = CELL | (BYTES == cells.UNSEEN) | np.isin(BYTES, cells.AGENT | np.arange(4) << 4)
Numbers = NDArray[np.int64]


def validate(states: NDArray[Any], config: Any) -> Iterator[Rule]:
    """What must hold; see `Definition.validate`. Every rule may rely on those before it."""
    yield "variant", states["variant"] == config.variant, f"{config.variant}, the family and variant of its world"
    most_wide, most_high = (config.width, config.height) if config.numbers or config.whole else (config.capacity,) * 2
    for name, most in (("width", most_wide), ("height", most_high)):
        size = states[name]
        yield name, (size >= SMALLEST_SIDE) & (size <= most), f"{SMALLEST_SIDE} to {most} cells"
    width, height, x, y = (states[name].astype(np.int64) for name in ("width", "height", "x", "y"))
    yield "x", (x > 0) & (x < width - 1), "inside the outer walls"
    yield "y", (y > 0) & (y < height - 1), "inside the outer walls"
    yield "direction", states["direction"] < 4, "0 right, 1 down, 2 left or 3 up"
    yield from _cells(states, config)
    yield "x", cells.STANDABLE[at(states, x, y, config) & KIND], "a place that the robot can stand on"
    yield "carrying", (THING | NOTHING)[states["carrying"]], f"{EMPTY} for nothing, or a key, a ball or a box"
    inside, holds = states["carrying_contents"], states["carrying"] & KIND == BOX
    fine = (INSIDE[inside] & holds) | (inside == EMPTY)
    yield "carrying_contents", fine, f"{EMPTY} for nothing, or what the box that is carried can hold"
    yield "mission", states["mission"] < len(VOCABULARY), f"tokens of known words, 0 to {len(VOCABULARY) - 1}"
    yield from _mission(states, config)
    if config.numbers and "door_count" in config.dtype.names:
        doors = np.broadcast_to(config.doors[: config.door_count].T[:, None], (2, len(states), config.door_count))
        yield "cells", DOORS[at(states, doors[0], doors[1], config)].all(axis=1), "doors where the layout has them"
    yield from _memory(states, config)


def at(states: NDArray[Any], x: Numbers, y: Numbers, config: Any) -> NDArray[np.uint8]:
    """The cells at a place `(num_envs,)` or at several `(num_envs, n)` of every world."""
    places = (y + SIDE) * int(config.stride) + x + DEPTH
    return np.take_along_axis(states["cells"], places.reshape(len(places), -1), 1).reshape(places.shape)


def _cells(states: NDArray[Any], config: Any) -> Iterator[Rule]:
    """Known bytes, alike by rows and by columns, with walls around the world that the robot cannot leave."""
    stride, lines = int(config.stride), int(config.stride) ** 2
    yield "cells", CELL[states["cells"]], "the byte of a cell: its kind, its colour, and whether it is opaque"
    by_rows, by_columns = states["cells"].reshape(-1, 2, stride, stride).transpose(1, 0, 2, 3)
    ahead = np.arange(stride)
    x, y = ahead - DEPTH, (ahead - SIDE)[:, None]
    width, height = states["width"][:, None, None], states["height"][:, None, None]
    world = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    turned = (y >= 0) & (y < width) & (x >= 0) & (x < height)
    margins = np.stack([world | (by_rows == cells.GREY_WALL), turned | (by_columns == cells.GREY_WALL)], axis=1)
    yield "cells", margins.reshape(-1, 2 * lines), f"{cells.GREY_WALL}, a grey wall, outside the world"
    inner = (slice(None), slice(SIDE, SIDE + config.capacity), slice(DEPTH, DEPTH + config.capacity))
    alike = by_rows[inner] == by_columns[inner].transpose(0, 2, 1)
    yield "cells", alike.all(axis=(1, 2)), "the same by rows as by columns"
    contents = states["contents"]
    holds = (by_rows & KIND == BOX).reshape(-1, lines) & INSIDE[contents]
    yield "contents", holds | (contents == EMPTY), f"{EMPTY} for nothing, or what a box at that place can hold"
    walls = BYTES & KIND == cells.WALL
    closed = (walls | SHUT) if stays_shut(int(config.task)) else walls
    fine = np.ones(len(states), np.bool_)
    edge = world & ~((x > 0) & (x < width - 1) & (y > 0) & (y < height - 1))
    for lane in np.flatnonzero((edge & ~closed[by_rows]).any(axis=(1, 2)) & ~states["done"]).tolist():
        robot = int(states["y"][lane]) + SIDE, int(states["x"][lane]) + DEPTH
        fine[lane] = not (region(~closed[by_rows[lane]], robot) & edge[lane]).any()
    yield "cells", fine, "a world whose outer walls the robot cannot pass"


def _mission(states: NDArray[Any], config: Any) -> Iterator[Rule]:
    """What the mission is about, where it is read."""
    task, width, height = int(config.task), states["width"], states["height"]
    if task in (tasks.PICK_UP, tasks.FETCH, tasks.PUT_NEAR):
        yield "target", THING[states["target"]], "a key, a ball or a box"
    if task == tasks.DODGE:
        yield from _listed(states, states["obstacles"], "obstacles", BYTES & KIND == cells.BALL, "balls", config)
        return
    if task == tasks.SCOUT:
        yield from _listed(states, states["rooms"][:, :, 4:], "rooms", DOORS, "doors", config)
        return
    for name in targets.OPTIONS.get(task, ()):
        x, y = states[f"{name}_x"], states[f"{name}_y"]
        may_be_nowhere = np.full(len(states), task == tasks.MATCH and name == "other")
        nowhere = may_be_nowhere & (x == NOWHERE) & (y == NOWHERE)
        yield f"{name}_x", (x < width) | nowhere, "in the world"
        yield f"{name}_y", (y < height) | nowhere, "in the world"
        if task in (tasks.OPEN, tasks.IN_ORDER):
            yield f"{name}_x", DOORS[at(states, x.astype(np.int64), y.astype(np.int64), config)], "the place of a door"


def _listed(
    states: NDArray[Any], pairs: NDArray[np.uint8], name: str, allowed: NDArray[np.bool_], what: str, config: Any
) -> Iterator[Rule]:
    """Places `(num_envs, n, 2)`, up to the first that is NOWHERE, of different cells that hold what is allowed."""
    x, y = pairs.astype(np.int64).transpose(2, 0, 1)
    used = np.logical_and.accumulate(x != NOWHERE, axis=1)
    inside = (x < states["width"][:, None]) & (y < states["height"][:, None])
    yield name, (~used | inside).all(axis=1), f"places in the world, then {NOWHERE}"
    there: Any = allowed[at(states, np.where(used, x, 0), np.where(used, y, 0), config)]
    yield name, (~used | there).all(axis=1), f"places of {what}"
    numbers = np.sort(np.where(used, 256 * x + y, -1 - np.arange(x.shape[1])), axis=1)
    yield name, (numbers[:, 1:] != numbers[:, :-1]).all(axis=1), f"places of different {what}"


def _memory(states: NDArray[Any], config: Any) -> Iterator[Rule]:
    """What was seen and felt before, in the frames that are shown or will be."""
    names = states.dtype.names or ()
    yield "seen", SEEN[states["seen"]], "bytes of cells, or 0 for one that is not seen"
    if "first_frame" not in names:
        return
    first, steps = states["first_frame"].astype(np.int64), states["steps"].astype(np.int64)
    yield "first_frame", (first >= 0) & (first <= steps), "a step of the episode"
    frames, lanes = int(config.frame_stack), np.arange(len(states))[:, None]
    shown = np.maximum(steps[:, None] - np.arange(1, frames), first[:, None])
    before, rows = shown < steps[:, None], shown % frames  # the frame of this step is made again
    if "codes" in names:
        codes = states["codes"][lanes, rows]
        fine = ~before | ((codes >= 0) & (codes < config.numbers))
        yield "codes", fine.all(axis=1), f"numbers of states, 0 to {config.numbers - 1}"
        return
    seen, faced, held = np.split(states["frames"][lanes, rows], [config.seen_cells, config.seen_cells + 1], axis=2)
    fine = SEEN[seen].all(axis=2) & (faced < 4).all(axis=2) & (THING | NOTHING)[held[..., 0]]
    yield "frames", (~before | fine).all(axis=1), "cells that were seen, a direction from 0 to 3, and what was carried"
    if "felt" not in names:
        return
    far, age = CAPACITIES[-1], states["age"]
    yield "age", (age >= 0) & (age <= steps), "steps since the last look, no more than those of the episode"
    yield "look_x", states["look_x"] < states["width"], "in the world"
    yield "look_y", states["look_y"] < states["height"], "in the world"
    yield "look_direction", states["look_direction"] < 4, "0 right, 1 down, 2 left or 3 up"
    felt = states["felt"][lanes, rows]
    lowest, highest = np.zeros(felt.shape[2], np.int64), np.zeros(felt.shape[2], np.int64)
    lowest[[AHEAD, ASIDE]] = -far
    highest[[AGE, BUMP, CARRYING, AHEAD, ASIDE, TURNED]] = 2**31 - 1, 1, 255, far, far, 3
    fine = ((felt >= lowest) & (felt <= highest)).all(axis=2)
    fine &= (THING | NOTHING)[np.where(fine, felt[..., CARRYING], 0)]
    yield "felt", (~before | fine).all(axis=1), "what was felt in steps of the episode"
