"""A board as people like to look at it: wood, lines, and stones in soft light from above on the left."""

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.go.vertices import COLUMNS

Image = NDArray[np.float64]

WOOD, INK, LETTERS, BAR = (226.0, 187.0, 124.0), (62.0, 42.0, 20.0), (116.0, 82.0, 42.0), (178.0, 44.0, 30.0)
RADIUS = 0.478  # of a stone, where the distance between lines is 1
SHADOW_X, SHADOW_Y, BLUR, DARK = 0.055, 0.085, 0.09, 0.42
CAPITALS = 0.7  # of a font's size: how high Pillow's own font has them
SAMPLES = 4  # a pixel of a stone is the mean of so many squared
NONE, LAST, BARRED = range(3)  # what a point is marked as


def draw(stones: NDArray[np.int8], last: int | None = None, barred: Sequence[int] = ()) -> NDArray[np.uint8]:
    """A picture of a board.

    Args:
        stones: `(size, size)` from the upper left: 1 black, -1 white, 0 nothing.
        last: index of the move to mark, or None.
        barred: indices of points to mark as forbidden by ko.

    Returns:
        uint8 `(height, width, 3)`, a square of even sides: 348 pixels for 5x5, 486 for 9x9, 672 for 19x19.
    """
    size = len(stones)
    cell, margin = spacing(size)
    frame = background(size).copy()
    marks = np.zeros((size + 1, size + 1), np.int8)
    for action in barred:
        marks[divmod(action, size)] = BARRED
    if last is not None:
        marks[divmod(last, size)] = LAST
    kinds, shadows = np.zeros_like(marks), np.zeros_like(marks)
    kinds[:-1, :-1] = stones
    there = kinds != 0
    shadows[:, 1:] |= there[:, :-1]
    shadows[1:] |= there[:-1] * np.int8(2)
    rows, columns = np.nonzero(there | (shadows > 0) | (marks > 0))
    looks = zip(*(grid[rows, columns].tolist() for grid in (kinds, shadows, marks)), strict=True)
    for row, column, look in zip(rows.tolist(), columns.tolist(), looks, strict=True):
        top, left = margin + row * cell, margin + column * cell
        frame[top : top + cell, left : left + cell] = tile(size, row, column, *look)
    return frame


def spacing(size: int) -> tuple[int, int]:
    """Pixels from line to line, an odd number so that lines lie on pixels, and of the margin."""
    cell = 55 if size <= 7 else 47 if size <= 9 else 41 if size <= 13 else 33
    return cell, round(0.66 * cell)


@functools.lru_cache(maxsize=8192)
def tile(size: int, row: int, column: int, stone: int, shadows: int, mark: int) -> NDArray[np.uint8]:
    """The picture of a point, uint8 of at most `(cell, cell, 3)`.

    Args:
        size: of the board.
        row: of the point; one past the last is the margin, where shadows fall.
        column: likewise.
        stone: 1 black, -1 white, 0 none.
        shadows: 1 for a stone on the left, 2 for one above, 3 for both; what is above on the left is too far.
        mark: NONE, LAST or BARRED.
    """
    cell, margin = spacing(size)
    top, left = margin + row * cell, margin + column * cell
    picture = background(size)[top : top + cell, left : left + cell].astype(np.float64)
    height, width = picture.shape[:2]
    shade = shadow(cell)
    for bit, (down, right) in enumerate(((0, 1), (1, 0))):
        if shadows >> bit & 1:
            picture *= 1 - shade[down * cell : down * cell + height, right * cell : right * cell + width, None]
    if stone:
        picture *= 1 - shade[:height, :width, None]
        colours, cover = sprite(stone, cell)
        picture += cover * (colours - picture)
    if mark:
        colour = BAR if mark == BARRED else (240.0, 240.0, 236.0) if stone > 0 else (40.0, 40.0, 44.0)
        picture += marker(mark, cell) * (colour - picture)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


@functools.lru_cache(maxsize=32)
def background(size: int) -> NDArray[np.uint8]:
    """The empty board: wood, lines, star points and coordinates."""
    cell, margin = spacing(size)
    side = size * cell + 2 * margin
    side += side % 2  # films want even numbers
    picture = wood(side)
    lines = margin + cell * (np.arange(size) + 0.5)
    pixels = np.arange(side) + 0.5
    weight = 0.9 + cell / 110  # of a line
    across = np.clip(weight / 2 + 0.5 - np.abs(pixels[:, None] - lines), 0, 1)
    edge = np.clip(0.8 * weight + 0.5 - np.abs(pixels[:, None] - lines[[0, -1]]), 0, 1).max(axis=1)
    across = np.maximum(across.max(axis=1), edge)
    along = np.clip(np.minimum(pixels - lines[0], lines[-1] - pixels) + weight, 0, 1)
    ink = np.maximum(across[:, None] * along, along[:, None] * across)
    for row, column in star_points(size):
        distance = np.hypot(pixels[:, None] - lines[row], pixels - lines[column])
        ink = np.maximum(ink, np.clip(0.055 * cell + 1.2 - distance, 0, 1))
    picture += 0.88 * ink[..., None] * (np.array(INK) - picture)
    for index in range(size):
        for text, x, y in (
            *((COLUMNS[index], lines[index], y) for y in (0.45 * margin, side - 0.45 * margin)),
            *((str(size - index), x, lines[index]) for x in (0.45 * margin, side - 0.45 * margin)),
        ):
            write(picture, text, x, y, 0.27 * cell)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def wood(side: int) -> Image:
    """A square of wood, `(side, side, 3)`: fine grain from top to bottom, lighter where the light comes from."""
    rng = np.random.default_rng(5)
    y, x = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side), indexing="ij")
    bent = x + 0.012 * np.sin(2.1 * y + 0.6) + 0.004 * np.sin(9 * y + 5 * x)
    grain = np.zeros_like(x)
    for rings, strength in ((9, 1.0), (31, 0.9), (83, 0.7), (190, 0.4)):
        noise = rng.normal(size=rings + 4)
        grain += strength * np.interp(bent * rings, np.arange(-2, rings + 2), noise)
    light = 1 + 0.013 * grain + 0.035 * (0.5 - (x + y) / 2)
    return light[..., None] * np.array(WOOD) + 1.5 * grain[..., None] * np.array([0.0, 0.3, 0.8])


def star_points(size: int) -> list[tuple[int, int]]:
    """Where a board has its dots: rows and columns."""
    line, middle = (3 if size > 11 else 2), size // 2
    ends = [line, size - 1 - line]
    stars = [(row, column) for row in ends for column in ends] if size > 7 else []
    if size % 2 and size > 4:
        stars.append((middle, middle))
    if size % 2 and size > 16:
        stars += [(middle, end) for end in ends] + [(end, middle) for end in ends]
    return stars


def write(picture: Image, text: str, x: float, y: float, height: float) -> None:
    """Write a word around a place of a picture."""
    cover = lettered(text, height)
    top, left = round(y - cover.shape[0] / 2), round(x - cover.shape[1] / 2)
    place = picture[top : top + cover.shape[0], left : left + cover.shape[1]]
    place += cover[..., None] * (np.array(LETTERS) - place)


@functools.lru_cache(maxsize=256)
def lettered(text: str, height: float) -> Image:
    """A word in capitals as high as `height` pixels: how much of each pixel is covered, from 0 to 1."""
    from PIL import ImageFont

    ink = ImageFont.load_default(height / CAPITALS).getmask(text)
    return np.array(list(ink), np.float64).reshape(ink.size[::-1]) / 255


@functools.lru_cache(maxsize=16)
def sprite(stone: int, cell: int) -> tuple[Image, Image]:
    """A stone: colours `(cell, cell, 3)`, and how much of each pixel it covers `(cell, cell, 1)`."""
    x, y = samples_of(cell)
    distance = np.hypot(x, y) / RADIUS
    inside = distance < 1
    height = np.sqrt(np.clip(1 - 0.82 * distance**2, 0.05, 1))  # of the stone's lens
    slope = np.clip((height - 0.75 * (x + 1.15 * y) / RADIUS * 0.62) / 1.25, 0, 1)  # towards the light
    if stone > 0:
        shine = np.exp(-((x + 0.15) ** 2 + (y + 0.19) ** 2) / 0.022)
        grey = 22 + 38 * slope**2 + 74 * shine
        colours = grey[..., None] * np.array([0.97, 0.99, 1.06])
    else:
        shine = np.exp(-((x + 0.15) ** 2 + (y + 0.19) ** 2) / 0.03)
        grey = 186 + 60 * slope**0.9 + 14 * shine - 34 * np.clip(distance - 0.9, 0, 1) / 0.1
        colours = np.minimum(grey, 254)[..., None] * np.array([1.0, 0.995, 0.975])
    cover = mean(inside[..., None].astype(np.float64), cell)
    return mean(colours * inside[..., None], cell) / np.maximum(cover, 1e-9), cover


@functools.lru_cache(maxsize=8)
def shadow(cell: int) -> Image:
    """How dark a stone makes its own point and those below and to the right, `(2 * cell, 2 * cell)`."""
    place = (np.arange(2 * cell) + 0.5) / cell - 0.5
    distance = np.hypot(place - SHADOW_X, place[:, None] - SHADOW_Y)
    part = np.clip((RADIUS + BLUR - distance) / (2 * BLUR), 0, 1)
    return DARK * part * part * (3 - 2 * part)


@functools.lru_cache(maxsize=16)
def marker(mark: int, cell: int) -> Image:
    """How much of each pixel a mark covers, `(cell, cell, 1)`: a ring for the last move, a square for ko."""
    x, y = samples_of(cell)
    away = np.hypot(x, y) if mark == LAST else np.maximum(np.abs(x), np.abs(y))
    return mean((np.abs(away - 0.2) < 0.036)[..., None].astype(np.float64), cell)


def samples_of(cell: int) -> tuple[Image, ...]:
    """Coordinates x and y of the samples of a cell, from its middle, in cells."""
    place = (np.arange(cell * SAMPLES) + 0.5) / (cell * SAMPLES) - 0.5
    return np.meshgrid(place, place)


def mean(picture: Image, cell: int) -> Image:
    """The means of the samples of each pixel."""
    return picture.reshape(cell, SAMPLES, cell, SAMPLES, -1).mean(axis=(1, 3))
