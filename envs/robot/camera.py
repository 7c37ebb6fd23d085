"""The robot's camera: seven by seven cells ahead of it, as MiniGrid 3.2 shows them.

The image is indexed [column, row]: column 0 is on the robot's left, row 0 is farthest away, and the robot
stands at [3, 6]. A column is one machine word with a byte a row, so all rows are worked on at once: the
opaque bits of the columns make one byte a row, light spreads row by row through a table, and what it does
not reach is masked out of the words.
"""

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.robot.cells import CLOSED_DOOR, DOOR, KIND
from rl_lab.envs.robot.world import DEPTH, SIDE, place

IMAGE_BYTES = 147  # 7 columns, 7 rows, object, colour and state
SIDEWAYS = np.array([1, -1, -1, 1])  # along the axis across the view, from left to right
BIT = np.uint64(1)
BYTE = np.uint64(0xFF)
EACH_BYTE = np.uint64(0x0101010101010101)
ROW = np.uint64(0x7F)
NEAREST_ROW = np.uint64(8 * DEPTH)
ROBOT = np.uint64(1 << SIDE)


def spread(lit: int, clear: int) -> int:
    """How light spreads in MiniGrid, whose two passes over a row come down to this; one bit a column.

    Every run of transparent cells that holds a lit one, with the two cells beside it: these light up in this row, and
    the same in the row beyond.
    """
    runs = lit & clear
    for _ in range(7):
        runs |= (runs << 1 | runs >> 1) & clear
    return (runs | runs << 1 | runs >> 1) & 0x7F


SPREAD: NDArray[np.uint8] = np.array([spread(lit, clear) for clear in range(128) for lit in range(128)], np.uint8)


def observe_flat(state, observation, config):
    """Image and direction in one vector: 147 bytes as in `observe_dict`, then the direction one-hot."""
    look(state, config)
    encode(state.seen, observation, 0, 49)
    direction = np.int64(state.direction)
    for k in range(4):
        observation[IMAGE_BYTES + k] = 1 if k == direction else 0


def observe_dict(state, observation, config):
    """Image `(7, 7, 3)`, direction, and the mission's tokens."""
    look(state, config)
    encode(state.seen, observation.image.reshape(IMAGE_BYTES), 0, 49)
    observation.direction = np.int64(state.direction)
    for k in range(state.mission.shape[0]):
        observation.mission[k] = state.mission[k]


def look(state, config):
    """Fill `state.seen` with the bytes of what is seen."""
    take_columns(state, config)
    lit = np.uint64(0xFFFFFFFFFFFFFFFF) if config.see_through_walls else light(state.columns)
    for column in range(7):
        mask = (lit >> np.uint64(column) & EACH_BYTE) * BYTE
        store_word(state.seen, np.uint64(7 * column), state.columns[column] & mask)
    state.seen[7 * SIDE + DEPTH] = state.carrying


def encode(cells, image, start, count):
    """Write object, colour and state of the first so many cells into `image`, from `start` on."""
    for k in range(count):
        cell = np.int64(cells[k])
        kind = cell & KIND
        shut = kind >= CLOSED_DOOR
        image[start + 3 * k] = DOOR if shut else kind
        image[start + 3 * k + 1] = cell >> 4 & 7
        image[start + 3 * k + 2] = kind - (CLOSED_DOOR - 1) if shut else 0


def take_columns(state, config):
    """Read the seven columns into `state.columns`, the row farthest away in the lowest byte."""
    stride, direction = config.stride, np.int64(state.direction)
    along, across = np.int64(state.x), np.int64(state.y)
    half = 0
    if direction & 1:
        along, across, half = across, along, stride * stride
    ahead_is_up = direction < 2  # the cells ahead have rising numbers
    sideways = SIDEWAYS[direction]
    start = along if ahead_is_up else along - DEPTH
    first = np.int64(place(start, across - SIDE * sideways, stride)) + half
    for column in range(7):
        word = load_word(state.cells, np.uint64(first + column * sideways * stride))
        state.columns[column] = reverse_bytes(word) >> np.uint64(8) if ahead_is_up else word


def light(columns):
    """What the light reaches from the robot: a byte a row, a bit a column."""
    opaque = np.uint64(0)
    for column in range(7):
        opaque |= (columns[column] >> np.uint64(7) & EACH_BYTE) << np.uint64(column)
    lit, reached = np.uint64(0), ROBOT
    for row in range(7):
        shift = NEAREST_ROW - np.uint64(8 * row)
        clear = ~opaque >> shift & ROW
        beyond = np.uint64(SPREAD[clear << np.uint64(7) | reached])
        lit |= (reached | beyond) << shift
        reached = beyond
    return lit


def load_word(array, start):
    """Eight bytes as one number, the first lowest; compiled, one instruction."""
    word = np.uint64(array[start])
    for k in range(1, 8):
        word |= np.uint64(array[start + np.uint64(k)]) << np.uint64(8 * k)
    return word


def store_word(array, start, word):
    """The inverse of `load_word`."""
    for k in range(8):
        array[start + np.uint64(k)] = word >> np.uint64(8 * k) & BYTE


def reverse_bytes(word):
    """The last byte first; compiled, one instruction."""
    reversed_word = np.uint64(0)
    for k in range(8):
        reversed_word |= (word >> np.uint64(8 * k) & BYTE) << np.uint64(56 - 8 * k)
    return reversed_word
