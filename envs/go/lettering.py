"""Letters and digits for the edge of a board, drawn as strokes, so that no font has to be found."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

HEIGHT = 6.0  # of a character; widths are up to 4.4
# Strokes by points "x,y" from the upper left. "~" rounds the corners, "o" does so and closes the stroke.
STROKES = {
    "A": "0,6 2.1,0 4.2,6|0.7,4 3.5,4",
    "B": "0,0 0,6|~0,0 3.6,0 3.6,2.9 0,2.9|~0,2.9 4,2.9 4,6 0,6",
    "C": "~4,1.5 3.6,0 0,0 0,6 3.6,6 4,4.5",
    "D": "0,0 0,6|~0,0 4.2,0 4.2,6 0,6",
    "E": "3.4,0 0,0 0,6 3.4,6|0,2.9 2.9,2.9",
    "F": "3.4,0 0,0 0,6|0,2.9 2.9,2.9",
    "G": "~4,1.5 3.6,0 0,0 0,6 4.1,6 4.1,3.2|4.1,3.3 2.3,3.3",
    "H": "0,0 0,6|4,0 4,6|0,2.9 4,2.9",
    "J": "~3,0 3,6 0,6 0,4.3",
    "K": "0,0 0,6|3.8,0 0,3.7|1.4,2.4 4,6",
    "L": "0,0 0,6 3.4,6",
    "M": "0,6 0,0 2.3,4.2 4.6,0 4.6,6",
    "N": "0,6 0,0 4,6 4,0",
    "O": "o0,0 4.5,0 4.5,6 0,6",
    "P": "0,0 0,6|~0,0 3.9,0 3.9,3.3 0,3.3",
    "Q": "o0,0 4.5,0 4.5,6 0,6|2.5,4.1 4.7,6.7",
    "R": "0,0 0,6|~0,0 3.9,0 3.9,3.2 0,3.2|1.9,3.2 4,6",
    "S": "~3.7,1.3 3.4,0 0.1,0 0.1,2.9 3.9,2.9 3.9,6 0.2,6 0,4.6",
    "T": "0,0 4.2,0|2.1,0 2.1,6",
    "0": "o0,0 3.9,0 3.9,6 0,6",
    "1": "0.3,1.5 2,0 2,6",
    "2": "~0.1,1.6 0.1,0 3.7,0 3.7,2.6 0,6|0,6 3.9,6",
    "3": "~0.1,1.3 0.3,0 3.6,0 3.6,2.8 1.4,2.8|~1.4,2.8 3.9,2.8 3.9,6 0.2,6 0,4.6",
    "4": "3,6 3,0 0,4.3 4.1,4.3",
    "5": "3.5,0 0.5,0 0.3,2.7|~0.3,2.7 1,2.1 3.9,2.1 3.9,6 0.2,6 0,4.7",
    "6": "~3.6,1.2 3.3,0 0,0 0,6 3.9,6 3.9,2.4 0.4,2.4 0,4",
    "7": "0,0 3.8,0 1.3,6",
    "8": "o0.2,0 3.7,0 3.7,2.8 0.2,2.8|o0,2.8 3.9,2.8 3.9,6 0,6",
    "9": "~0.3,4.8 0.6,6 3.9,6 3.9,0 0,0 0,3.6 3.5,3.6 3.9,2",
}
GAP = 1.5  # between characters
WEIGHT = 0.78  # of a stroke


@functools.lru_cache(maxsize=256)
def lettered(text: str, height: float) -> NDArray[np.float64]:
    """A word as how much of each pixel is covered.

    Args:
        text: capital letters without I, and digits.
        height: of the characters, in pixels.

    Returns:
        `(height, width)` from 0 to 1, the word in the middle, with a pixel or two around it.
    """
    scale, left, strokes = height / HEIGHT, 0.0, list[Points]()
    for character in text:
        shapes = [points_of(stroke) for stroke in STROKES[character].split("|")]
        strokes += [shape + np.array([left, 0.0]) for shape in shapes]
        left += max(shape[:, 0].max() for shape in shapes) + GAP
    width = left - GAP
    rows, columns = int(height) + 5, int(width * scale) + 5
    y = (np.arange(rows) + 0.5 - (rows - height) / 2) / scale
    x = (np.arange(columns) + 0.5 - (columns - width * scale) / 2) / scale
    pixels = np.stack(np.meshgrid(x, y), axis=-1)
    distance = np.min([away(pixels, stroke) for stroke in strokes], axis=0)
    return np.clip((WEIGHT / 2 - distance) * scale + 0.5, 0, 1)


def points_of(stroke: str) -> Points:
    """The points of a stroke, `(points, 2)`; corners are rounded by Chaikin's cutting."""
    kind, numbers = stroke[0], stroke.lstrip("~o")
    points = np.array([pair.split(",") for pair in numbers.split()], np.float64)
    for _ in range(4 if kind in "~o" else 0):
        after = np.roll(points, -1, axis=0)
        cut = np.stack([0.75 * points + 0.25 * after, 0.25 * points + 0.75 * after], axis=1).reshape(-1, 2)
        points = cut if kind == "o" else np.concatenate([points[:1], cut[:-2], points[-1:]])
    return np.concatenate([points, points[:1]]) if kind == "o" else points


def away(pixels: Points, stroke: Points) -> Points:
    """How far pixels `(height, width, 2)` are from the nearest line between points of a stroke."""
    start, along = stroke[:-1], np.diff(stroke, axis=0)
    offset = pixels[..., None, :] - start
    part = np.clip((offset * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-12), 0, 1)
    return np.sqrt(((offset - part[..., None] * along) ** 2).sum(-1)).min(axis=-1)
