"""Rendering for people: images of lanes side by side, and a window that shows them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rl_lab.envs.definition import Definition
from rl_lab.envs.window import Window, check_installed
from rl_lab.validation import whole_number

if TYPE_CHECKING:
    from rl_lab.envs.lanes import Lanes

GAP, BACKGROUND = 4, 255  # pixels between lanes, and their brightness


def mosaic(images: Sequence[np.ndarray], columns: int | None = None) -> np.ndarray:
    """Images side by side, row by row, with white lines between them.

    Args:
        images: uint8 `(height, width, 3)` each; smaller ones stand in the upper left of their place.
        columns: how many are in a row; by default as many as there are rows, or one more.

    Returns:
        uint8 `(height, width, 3)`.

    Raises:
        LabError: there are not so many images.

    Example:
        >>> import numpy as np
        >>> mosaic([np.zeros((10, 20, 3), np.uint8)] * 5).shape
        (24, 68, 3)
    """
    if columns is None:
        columns = math.ceil(math.sqrt(len(images)))
    whole_number("columns", columns, 1, len(images))
    height, width = (max(image.shape[axis] for image in images) + GAP for axis in (0, 1))
    rows = math.ceil(len(images) / columns)
    whole = np.full((rows * height - GAP, columns * width - GAP, 3), BACKGROUND, np.uint8)
    for number, image in enumerate(images):
        top, left = number // columns * height, number % columns * width
        whole[top : top + image.shape[0], left : left + image.shape[1]] = image
    return whole


class Screen:
    """Shows lanes in a window, which opens when there is something to show; a `LabError` without pygame."""

    def __init__(self, definition: Definition, lanes: Lanes) -> None:
        check_installed()
        self.definition, self.lanes = definition, lanes
        self._window: Window | None = None

    def show(self) -> None:
        """Show all lanes as they are now; one alone has its caption below."""
        if self._window is None:
            self._window = Window(self.definition.name, self.definition.metadata.get("render_fps", 10))
        caption = self.definition.caption
        lines = caption(*self.lanes.record(0)).split("\n") if caption is not None and self.lanes.count == 1 else []
        self._window.show(mosaic(self.lanes.images()), lines)

    def close(self) -> None:
        """Close the window; the next thing shown opens another."""
        if self._window is not None:
            self._window.close()
        self._window = None
