"""What a cell holds: MiniGrid's numbers, and the one byte in which the world keeps them.

A byte is `kind | colour << 4 | opaque << 7`. The kind is MiniGrid's object, except that doors which are not
open have kinds of their own, so that kind and colour say all: an object's state is 0 otherwise.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

UNSEEN, EMPTY, WALL, FLOOR, DOOR, KEY, BALL, BOX, GOAL, LAVA, AGENT = range(11)
CLOSED_DOOR, LOCKED_DOOR = 11, 12  # kinds; the kind DOOR is an open one
RED, GREEN, BLUE, PURPLE, YELLOW, GREY = range(6)
OPEN, CLOSED, LOCKED = range(3)
OBJECTS = ("unseen", "empty", "wall", "floor", "door", "key", "ball", "box", "goal", "lava", "agent")
COLOURS = ("red", "green", "blue", "purple", "yellow", "grey")
STATES = ("open", "closed", "locked")

KIND, COLOUR, OPAQUE = 0x0F, 0x70, 0x80  # bits of a byte
STANDABLE: NDArray[np.bool_] = np.isin(np.arange(16), (EMPTY, FLOOR, DOOR, GOAL, LAVA))  # by kind
PORTABLE: NDArray[np.bool_] = np.isin(np.arange(16), (KEY, BALL, BOX))
CONTAINABLE: NDArray[np.bool_] = np.isin(np.arange(16), (FLOOR, KEY, BALL, BOX, GOAL, LAVA))  # by boxes

# Bytes that kernels hand to each other are np.int64: Numba compiles a function again for every plain int it is given.
NOTHING = np.int64(EMPTY)
GREY_WALL = np.int64(WALL | GREY << 4 | OPAQUE)
GREEN_GOAL = np.int64(GOAL | GREEN << 4)
RED_LAVA = np.int64(LAVA | RED << 4)


def pack(encoding: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Bytes uint8 `(...)` for cells in MiniGrid's encoding, object, colour and state `(..., 3)`."""
    thing, colour, state = np.moveaxis(np.asarray(encoding, np.int64), -1, 0)
    shut = (thing == DOOR) & (state != OPEN)
    kind = np.where(shut, CLOSED_DOOR - CLOSED + state, thing)
    opaque = shut | (thing == WALL)
    return (kind | colour << 4 | opaque * OPAQUE).astype(np.uint8)


def unpack(cells: ArrayLike) -> NDArray[np.uint8]:
    """MiniGrid's encoding of bytes: object, colour and state, uint8 `(..., 3)`."""
    wide = np.asarray(cells, np.int64)
    kind = wide & KIND
    shut = kind >= CLOSED_DOOR
    thing, state = np.where(shut, DOOR, kind), np.where(shut, kind - CLOSED_DOOR + CLOSED, OPEN)
    return np.stack([thing, (wide & COLOUR) >> 4, state], axis=-1).astype(np.uint8)


def describe(cell: int) -> str:
    """A cell in words, such as "yellow locked door" or "nothing"."""
    thing, colour, state = (int(number) for number in unpack(cell))
    if thing == EMPTY:
        return "nothing"
    words = [COLOURS[colour], *([STATES[state]] if thing == DOOR else []), OBJECTS[thing]]
    return " ".join(words)
