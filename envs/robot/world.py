"""The state of a robot's world, and how kernels read and write its cells.

The cells lie in `state.cells` twice, by rows and then by columns, so that the camera finds seven cells in a
line next to each other whichever way it faces. A margin of grey wall as wide as the camera reaches lies
around them: nothing needs to ask whether a cell is inside, and MiniGrid's camera shows wall there too.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_lab.errors import LabError

CAPACITIES = (9, 25, 41)  # longest sides; worlds of one capacity share machine code
SMALLEST_SIDE = 3  # a cell with walls around it
DEPTH, SIDE = 6, 3  # how many cells the camera sees ahead, and to either side
MISSION_LENGTH = 20  # tokens
MOST_OBSTACLES, MOST_ROOMS = 24, 8
NOWHERE = np.int64(255)  # a coordinate that no cell has
FORWARD_X = np.array([1, 0, -1, 0])  # facing right, down, left, up
FORWARD_Y = np.array([0, 1, 0, -1])


def capacity_for(width: int, height: int) -> int:
    """The smallest capacity that holds a world; a `LabError` if none does."""
    longest = max(width, height)
    if longest > CAPACITIES[-1]:
        raise LabError(f"a world of {width}x{height} is too large; a side may be up to {CAPACITIES[-1]} cells")
    return next(capacity for capacity in CAPACITIES if longest <= capacity)


def stride_for(capacity: int) -> int:
    """Bytes from one line of cells to the next; the margin between two lines serves both."""
    return capacity + DEPTH + 1


def state_dtype(capacity: int, seen: int = 56, memory: Sequence[tuple[Any, ...]] = ()) -> np.dtype:
    """The fields of one lane, in a world up to a capacity.

    `seen` are the bytes of what is seen, `memory` are more fields, in which an observation keeps what was seen before.
    """
    lines = stride_for(capacity) ** 2
    return np.dtype(
        [
            ("cells", np.uint8, (2 * lines,)),  # by rows, then by columns; see `place`
            ("contents", np.uint8, (lines,)),  # what the box at a place holds, or EMPTY; by rows
            ("columns", np.uint64, (7,)),  # the camera's workspace
            ("seen", np.uint8, (seen,)),  # the image as bytes, [column * 7 + row]; UNSEEN where occluded
            ("mission", np.uint8, (MISSION_LENGTH,)),  # tokens
            ("obstacles", np.uint8, (MOST_OBSTACLES, 2)),  # where balls that move by themselves are, then NOWHERE
            ("rooms", np.uint8, (MOST_ROOMS, 6)),  # left, top, width, height, x and y of its door: a layout's workspace
            ("target", np.uint8),  # the thing that the mission is about, kind and colour
            ("target_x", np.uint8),  # the place that it is about; see `tasks`
            ("target_y", np.uint8),
            ("other_x", np.uint8),  # a second place
            ("other_y", np.uint8),
            ("variant", np.uint32),  # whose state it is; others refuse it
            ("width", np.uint8),
            ("height", np.uint8),
            ("x", np.uint8),
            ("y", np.uint8),
            ("direction", np.uint8),
            ("carrying", np.uint8),  # EMPTY for nothing
            ("carrying_contents", np.uint8),  # what the box in the robot's hands holds
            *memory,
        ],
        align=True,
    )


def place(x, y, stride):
    """Where the cell (x, y) lies in `state.cells`; for its place by columns exchange x and y, and add `stride**2`."""
    return np.uint64((y + SIDE) * stride + x + DEPTH)


def put(state, x, y, cell, stride):
    """Write a cell."""
    state.cells[place(x, y, stride)] = cell
    state.cells[place(y, x, stride) + np.uint64(stride * stride)] = cell


def cells_of(state: Any, config: Any) -> NDArray[np.uint8]:
    """The cells of a state as bytes `(width, height)`; `cells.unpack` makes MiniGrid's encoding of them."""
    stride, width, height = int(config.stride), int(state.width), int(state.height)
    first = int(place(0, 0, stride))
    rows = np.asarray(state.cells)[first : first + height * stride].reshape(height, stride)
    return rows[:, :width].T.copy()
