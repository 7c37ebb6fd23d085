"""The picture of a cell in MiniGrid's style."""

import functools

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.robot import cells
from rl_lab.envs.robot.cells import COLOURS

Image = NDArray[np.float64]
Shape = NDArray[np.bool_]

RGB = dict(
    zip(COLOURS, [(255, 0, 0), (0, 255, 0), (0, 0, 255), (112, 39, 195), (255, 255, 0), (100, 100, 100)], strict=True)
)
BLACK, LINES, ROBOT, LAVA = (0, 0, 0), (100, 100, 100), (255, 0, 0), (255, 128, 0)
UNSEEN = (22, 22, 22)  # in the camera's own image
SAMPLES = 3  # a pixel is the mean of so many squared


@functools.lru_cache(maxsize=4096)
def tile(cell: int, direction: int, visible: bool, side: int) -> NDArray[np.uint8]:
    """The picture of a cell by its byte, uint8 `(side, side, 3)`; `direction` of the robot on it is -1 for none."""
    points = (np.arange(side * SAMPLES) + 0.5) / (side * SAMPLES)
    x, y = np.meshgrid(points, points)
    picture = np.zeros((*x.shape, 3))
    picture[(x < 1 / 32) | (y < 1 / 32)] = LINES
    thing, colour, state = (int(number) for number in cells.unpack(cell))
    _draw(picture, x, y, thing, RGB[COLOURS[colour]], state)
    if direction >= 0:
        u, v = x - 0.5, y - 0.5
        for _ in range(direction):
            u, v = v, -u
        picture[(u > -0.38) & (np.abs(v) < 0.31 * (0.37 - u) / 0.75)] = ROBOT
    if visible:
        picture += 0.3 * (255 - picture)
    return picture.reshape(side, SAMPLES, side, SAMPLES, 3).mean(axis=(1, 3)).astype(np.uint8)


def _box(x: Image, y: Image, left: float, right: float, top: float, bottom: float) -> Shape:
    return (x >= left) & (x <= right) & (y >= top) & (y <= bottom)


def _disc(x: Image, y: Image, centre_x: float, centre_y: float, radius: float) -> Shape:
    return (x - centre_x) ** 2 + (y - centre_y) ** 2 <= radius**2


def _draw(picture: Image, x: Image, y: Image, thing: int, colour: tuple[int, ...], state: int) -> None:
    """Draw what is in a cell; an empty one has nothing but its lines."""
    if thing == cells.UNSEEN:
        picture[...] = UNSEEN
    elif thing in (cells.WALL, cells.GOAL):
        picture[...] = colour
    elif thing == cells.FLOOR:
        picture[(x >= 1 / 32) & (y >= 1 / 32)] = np.array(colour) / 2
    elif thing == cells.LAVA:
        picture[...] = LAVA
        zigzag = 0.05 - np.abs((x - 0.1) % 0.4 - 0.2) / 2
        for line in (0.35, 0.55, 0.75):
            picture[(np.abs(y - line - zigzag) < 0.035) & (np.abs(x - 0.5) < 0.4)] = BLACK
    elif thing == cells.DOOR and state == cells.OPEN:
        picture[_box(x, y, 0.88, 1.0, 0.0, 1.0)] = colour
        picture[_box(x, y, 0.92, 0.96, 0.04, 0.96)] = BLACK
    elif thing == cells.DOOR and state == cells.LOCKED:
        picture[...] = colour
        picture[_box(x, y, 0.06, 0.94, 0.06, 0.94)] = 0.45 * np.array(colour)
        picture[_box(x, y, 0.52, 0.75, 0.5, 0.56)] = colour
    elif thing == cells.DOOR:
        picture[...] = colour
        picture[_box(x, y, 0.04, 0.96, 0.04, 0.96)] = BLACK
        picture[_box(x, y, 0.08, 0.92, 0.08, 0.92)] = colour
        picture[_box(x, y, 0.12, 0.88, 0.12, 0.88)] = BLACK
        picture[_disc(x, y, 0.75, 0.5, 0.08)] = colour
    elif thing == cells.KEY:
        shaft = _box(x, y, 0.5, 0.63, 0.31, 0.88)
        teeth = _box(x, y, 0.38, 0.5, 0.59, 0.66) | _box(x, y, 0.38, 0.5, 0.81, 0.88)
        picture[shaft | teeth | _disc(x, y, 0.56, 0.28, 0.19)] = colour
        picture[_disc(x, y, 0.56, 0.28, 0.064)] = BLACK
    elif thing == cells.BALL:
        picture[_disc(x, y, 0.5, 0.5, 0.31)] = colour
    elif thing == cells.BOX:
        picture[_box(x, y, 0.12, 0.88, 0.12, 0.88)] = colour
        picture[_box(x, y, 0.18, 0.82, 0.18, 0.82)] = BLACK
        picture[_box(x, y, 0.16, 0.84, 0.47, 0.53)] = colour
