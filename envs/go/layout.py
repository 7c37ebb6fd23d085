"""How a game of Go lies in a record: points, chains, and what superko must remember.

The structures are those of libEGO (Ł. Lew, 2006–2010). Points are numbered row by row from the top with a
border around them, `(row + 1) * (size + 1) + column + 1`; the border between two rows serves both. So the
neighbours of a point are `point ± 1` and `point ± (size + 1)`, and nothing asks whether a point is inside.

A chain is known by one of its points, and keeps its *pseudo-liberties*: every pair of a stone and an empty point
beside it counts once. They are packed into one 64-bit word as their number, the sum of their points and the sum
of their squares, so that one addition adds a liberty. A chain without liberties has the word 0; one whose only
liberty is `point` has the word `number * UNITS[point]`, and no other chain has that, since the variance of
its liberties is 0.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

CAPACITIES = (9, 19)  # boards of one capacity share machine code
BLACK, WHITE, EMPTY, OFF = range(4)  # what is on a point; OFF is the border
COLOURS = ("black", "white")  # their names
PASS = 0  # as a point: it lies on the border
NO_POINT = 0  # where a point is kept, and there is none
SIMPLE, POSITIONAL, SITUATIONAL = range(3)  # rules of ko
LEGAL, OCCUPIED, SUICIDE, KO, SUPERKO = range(5)  # what `board.verdict` says of a move; those of ko are last

# What superko remembers: the position after every move and the first one. It must hold the longest game.
POSITIONS = {9: 512, 19: 1536}
SEEN_WORDS = {9: 32, 19: 128}  # 64 bits each; powers of two

# Neighbours of a point by what they are, four bits each; the border counts as black and as white.
NEIGHBOUR_BITS = 4
MANY = 15
NEAR_BORDER = 1 << NEIGHBOUR_BITS * BLACK | 1 << NEIGHBOUR_BITS * WHITE
NEAR_EMPTY = 1 << NEIGHBOUR_BITS * EMPTY

# A word of pseudo-liberties: their number in 12 bits, the sum of their points in 20, that of the squares in 32.
COUNT, SUM = np.uint64(0xFFF), np.uint64(0xFFFFF)
SUM_SHIFT, SQUARES_SHIFT = np.uint64(12), np.uint64(32)


def point_count(size: int) -> int:
    """Points of a board with its border."""
    return (size + 1) * (size + 2) + 1


MOST_POINTS = point_count(CAPACITIES[-1])
_POINTS = np.arange(MOST_POINTS, dtype=np.uint64)
UNITS = np.uint64(1) | _POINTS << SUM_SHIFT | _POINTS * _POINTS << SQUARES_SHIFT  # by point: what one liberty adds

# Zobrist (1970): a position is the XOR of its stones' keys. Two positions of one game have the same key by accident
# with a probability of n² / 2**65 in a game of n moves: one in 10**13 for the longest.
_KEYS = np.random.default_rng(19).integers(1, 2**64, (3, MOST_POINTS), np.uint64)
KEYS = np.ascontiguousarray(_KEYS[:2])  # [colour, point]
WHITE_TO_PLAY = _KEYS[2, 0]


def capacity_for(size: int) -> int:
    """The smallest capacity that holds a board."""
    return next(capacity for capacity in CAPACITIES if size <= capacity)


def state_dtype(capacity: int) -> np.dtype:
    """The fields of a game on boards up to `capacity`."""
    points, stones = point_count(capacity), capacity**2
    number = np.uint8 if points <= 256 else np.uint16  # holds any point
    return np.dtype(
        [
            ("liberties", np.uint64, (points,)),  # by chain: its pseudo-liberties as one word
            ("position", np.uint64),  # key of the stones on the board
            ("seen", np.uint64, (SEEN_WORDS[capacity],)),  # a bit by the lowest bits of each key in the history
            ("positions", np.int32),  # in the history
            ("moves", np.int32),  # played, passes among them
            ("captures", np.int32, (2,)),  # stones that Black and White have taken; suicides go to the other side
            ("near", np.uint16, (points,)),  # by point: its neighbours, counted
            ("work", number, (points,)),  # by point: the workspace of scores
            ("sizes", number, (points,)),  # by chain: its stones
            ("stones", np.uint8, (points,)),  # by point: BLACK, WHITE, EMPTY or OFF
            ("stood", np.uint8, (points,)),  # by point: bit 0 if a black stone was taken from there, bit 1 if a white
            ("chains", number, (points,)),  # by point: the point that its chain is known by, NO_POINT without a stone
            ("next", number, (points,)),  # by stone: another one of its chain, all around
            ("empty", number, (stones,)),  # the empty points, in no order
            ("places", number if stones <= 255 else np.uint16, (points,)),  # by empty point: where it is in `empty`
            ("empties", np.uint16),  # how many
            ("ko", np.uint16),  # the point that a single stone was just taken from in a ko, or NO_POINT
            ("last", np.uint16, (2,)),  # the last move and the one before, PASS also where there is none
            ("to_play", np.uint8),
            ("passes", np.uint8),  # in a row, up to now
            ("history", np.uint64, (POSITIONS[capacity],)),  # keys of positions or situations, none under simple ko
        ],
        align=True,
    )


def stones_of(state: Any, config: Any) -> NDArray[np.int8]:
    """What stands where, `(size, size)` from the upper left: 1 black, -1 white, 0 nothing."""
    values = np.array([1, -1, 0, 0], np.int8)  # by BLACK, WHITE, EMPTY, OFF
    return values[on_board(np.asarray(state.stones), int(config.width))]


def on_board(points: NDArray[Any], size: int) -> NDArray[Any]:
    """What a record keeps by point, `(size, size)` without the border."""
    stride = size + 1
    return points[: stride * (stride + 1)].reshape(-1, stride)[1:stride, 1:]
