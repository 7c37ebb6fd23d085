"""What people look at: the world as an image in MiniGrid's style, or as text."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.robot import cells, missions
from rl_lab.envs.robot.cells import COLOURS, EMPTY, UNSEEN
from rl_lab.envs.robot.world import DEPTH, FORWARD_X, FORWARD_Y, SIDE, cells_of

Image = NDArray[np.float64]
Shape = NDArray[np.bool_]

RGB = dict(
    zip(COLOURS, [(255, 0, 0), (0, 255, 0), (0, 0, 255), (112, 39, 195), (255, 255, 0), (100, 100, 100)], strict=True)
)
BLACK, LINES, ROBOT, LAVA = (0, 0, 0), (100, 100, 100), (255, 0, 0), (255, 128, 0)
SAMPLES = 3  # a pixel is the mean of so many squared
LETTERS = {"wall": "W", "floor": "F", "door": "D", "key": "K", "ball": "A", "box": "B", "goal": "G", "lava": "V"}
ARROWS = (">", "V", "<", "^")


def render(state: Any, config: Any, mode: str) -> NDArray[np.uint8] | str:
    """A frame.

    Args:
        state: record of a lane, as last observed.
        config: record of the environment.
        mode: "rgb_array" or "ansi".

    Returns:
        uint8 `(height * tile_size, width * tile_size, 3)`, in which the cells that the robot sees are lighter;
        or a text, two letters a cell, and what is carried below.
    """
    return draw(state, config) if mode == "rgb_array" else write(state, config)


def draw(state: Any, config: Any) -> NDArray[np.uint8]:
    """The world as an image; see `render`."""
    grid, visible, side = cells_of(state, config), visible_cells(state), int(config.tile_size)
    frame = np.empty((grid.shape[1] * side, grid.shape[0] * side, 3), np.uint8)
    for (x, y), cell in np.ndenumerate(grid):
        direction = int(state.direction) if (x, y) == (state.x, state.y) else None
        picture = tile(int(cell), direction, bool(visible[x, y]), side)
        frame[y * side : (y + 1) * side, x * side : (x + 1) * side] = picture
    return frame


def write(state: Any, config: Any) -> str:
    """The world as text in the letters of MiniGrid's `pprint_grid`, mission and hands below."""
    grid = cells_of(state, config)
    lines = ["".join(letters(int(cell)) for cell in row) for row in grid.T]
    x, y = int(state.x), int(state.y)
    lines[y] = lines[y][: 2 * x] + 2 * ARROWS[int(state.direction)] + lines[y][2 * x + 2 :]
    hands = f"carrying {cells.describe(int(state.carrying))}"
    status = [missions.text(state.mission), hands, f"step {int(state.steps)}"]
    return "\n".join([*lines, "; ".join(filter(None, status))])


def letters(cell: int) -> str:
    """Two letters for a cell: the thing (a door by its state), and its colour."""
    thing, colour, state = (int(number) for number in cells.unpack(cell))
    if thing == EMPTY:
        return "  "
    if thing == cells.DOOR and state == cells.OPEN:
        return "__"
    letter = "L" if thing == cells.DOOR and state == cells.LOCKED else LETTERS[cells.OBJECTS[thing]]
    return letter + COLOURS[colour][0].upper()


def visible_cells(state: Any) -> NDArray[np.bool_]:
    """Which cells of the world the robot sees, `(width, height)`."""
    visible = np.zeros((int(state.width), int(state.height)), np.bool_)
    ahead_x, ahead_y = FORWARD_X[int(state.direction)], FORWARD_Y[int(state.direction)]
    image = np.asarray(state.seen)[:49].reshape(7, 7)
    for column, row in np.argwhere(image != UNSEEN):
        right, ahead = column - SIDE, DEPTH - row
        x, y = int(state.x) + ahead * ahead_x - right * ahead_y, int(state.y) + ahead * ahead_y + right * ahead_x
        if 0 <= x < visible.shape[0] and 0 <= y < visible.shape[1]:
            visible[x, y] = True
    return visible


@functools.lru_cache(maxsize=4096)
def tile(cell: int, direction: int | None, visible: bool, side: int) -> NDArray[np.uint8]:
    """The picture of a cell, uint8 `(side, side, 3)`.

    Args:
        cell: its byte.
        direction: where the robot on it faces, or None.
        visible: whether to draw it lighter.
        side: pixels.
    """
    points = (np.arange(side * SAMPLES) + 0.5) / (side * SAMPLES)
    x, y = np.meshgrid(points, points)
    picture = np.zeros((*x.shape, 3))
    picture[(x < 1 / 32) | (y < 1 / 32)] = LINES
    thing, colour, state = (int(number) for number in cells.unpack(cell))
    name = cells.OBJECTS[thing]
    if name in PICTURES:
        PICTURES[name](picture, x, y, RGB[COLOURS[colour]], state)
    if direction is not None:
        u, v = _turned(x - 0.5, y - 0.5, direction)
        picture[(u > -0.38) & (np.abs(v) < 0.31 * (0.37 - u) / 0.75)] = ROBOT
    if visible:
        picture += 0.3 * (255 - picture)
    return picture.reshape(side, SAMPLES, side, SAMPLES, 3).mean(axis=(1, 3)).astype(np.uint8)


def _turned(x: Image, y: Image, quarters: int) -> tuple[Image, Image]:
    """Coordinates ahead and to the right of somebody who made so many quarter turns to the right."""
    for _ in range(quarters):
        x, y = y, -x
    return x, y


def _box(x: Image, y: Image, left: float, right: float, top: float, bottom: float) -> Shape:
    return (x >= left) & (x <= right) & (y >= top) & (y <= bottom)


def _disc(x: Image, y: Image, centre_x: float, centre_y: float, radius: float) -> Shape:
    return (x - centre_x) ** 2 + (y - centre_y) ** 2 <= radius**2


def _fill(picture: Image, x: Image, y: Image, colour: tuple[int, ...], state: int) -> None:
    picture[...] = colour


def _floor(picture: Image, x: Image, y: Image, colour: tuple[int, ...], state: int) -> None:
    picture[(x >= 1 / 32) & (y >= 1 / 32)] = np.array(colour) / 2


def _lava(picture: Image, x: Image, y: Image, colour: tuple[int, ...], state: int) -> None:
    picture[...] = LAVA
    zigzag = 0.05 - np.abs((x - 0.1) % 0.4 - 0.2) / 2
    for line in (0.35, 0.55, 0.75):
        picture[(np.abs(y - line - zigzag) < 0.035) & (np.abs(x - 0.5) < 0.4)] = BLACK


def _door(picture: Image, x: Image, y: Image, colour: tuple[int, ...], state: int) -> None:
    if state == cells.OPEN:
        picture[_box(x, y, 0.88, 1.0, 0.0, 1.0)] = colour
        picture[_box(x, y, 0.92, 0.96, 0.04, 0.96)] = BLACK
        return
    picture[...] = colour
    if state == cells.LOCKED:
        picture[_box(x, y, 0.06, 0.94, 0.06, 0.94)] = 0.45 * np.array(colour)
        picture[_box(x, y, 0.52, 0.75, 0.5, 0.56)] = colour
    else:
        picture[_box(x, y, 0.04, 0.96, 0.04, 0.96)] = BLACK
        picture[_box(x, y, 0.08, 0.92, 0.08, 0.92)] = colour
        picture[_box(x, y, 0.12, 0.88, 0.12, 0.88)] = BLACK
        picture[_disc(x, y, 0.75, 0.5, 0.08)] = colour


def _key(picture: Image, x: Image, y: Image, colour: tuple[int, ...], state: int) -> None:
    shaft = _box(x, y, 0.5, 0.63, 0.31, 0.88)
    teeth = _box(x, y, 0.38, 0.5, 0.59, 0.66) | _box(x, y, 0.38, 0.5, 0.81, 0.88)
    picture[shaft | teeth | _disc(x, y, 0.56, 0.28, 0.19)] = colour
    picture[_disc(x, y, 0.56, 0.28, 0.064)] = BLACK


def _ball(picture: Image, x: Image, y: Image, colour: tuple[int, ...], state: int) -> None:
    picture[_disc(x, y, 0.5, 0.5, 0.31)] = colour


def _chest(picture: Image, x: Image, y: Image, colour: tuple[int, ...], state: int) -> None:
    picture[_box(x, y, 0.12, 0.88, 0.12, 0.88)] = colour
    picture[_box(x, y, 0.18, 0.82, 0.18, 0.82)] = BLACK
    picture[_box(x, y, 0.16, 0.84, 0.47, 0.53)] = colour


PICTURES: dict[str, Callable[[Image, Image, Image, tuple[int, ...], int], None]] = {
    "wall": _fill,
    "goal": _fill,
    "floor": _floor,
    "lava": _lava,
    "door": _door,
    "key": _key,
    "ball": _ball,
    "box": _chest,
}
