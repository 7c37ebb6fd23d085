"""Random streams that kernels can draw from, compiled or as plain Python, with the same numbers in both.

A stream is one `uint64` in an array of shape `(1,)`, so that it lives inside a state record and is saved,
restored and cloned with it. The generator is MWC64X (D. Thomas, "The MWC64X random number generator",
2011): a multiply-with-carry step on two 32-bit halves, whose product never leaves 64 bits. That matters
here: NumPy's integers would raise on overflow when a kernel runs as plain Python, Numba's would wrap.
"""

import math

import numpy as np
from numpy.typing import NDArray

MULTIPLIER = np.uint64(4294883355)
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


def seed_stream(stream: NDArray[np.uint64], sequence: np.random.SeedSequence) -> None:
    """Start a stream, uint64 `(1,)`, from a seed sequence; equal sequences give equal streams."""
    low, carry = (int(word) for word in sequence.generate_state(2, np.uint32))
    carry = 1 + carry % (int(MULTIPLIER) - 2)  # neither of the two fixed points of the recurrence
    stream[0] = low | carry << 32


def bits32(stream: NDArray[np.uint64]) -> np.uint64:
    """The next 32 random bits, as a uint64 below 2**32."""
    low, carry = stream[0] & LOW, stream[0] >> HALF
    stream[0] = MULTIPLIER * low + carry
    return low ^ carry


def integers(stream: NDArray[np.uint64], low: int | np.int64, high: int | np.int64) -> np.int64:
    """A random integer in `[low, high)`; `high - low` is at least 1 and at most 2**32.

    Lemire's multiply-and-shift without the rejection: the bias is below `(high - low) / 2**32`.
    """
    return low + np.int64((bits32(stream) * np.uint64(high - low)) >> HALF)


def random(stream: NDArray[np.uint64]) -> float:
    """A random float64 in `[0, 1)` with 53 random bits."""
    high, low = bits32(stream) >> np.uint64(5), bits32(stream) >> np.uint64(6)
    return (np.float64(high) * 67108864.0 + np.float64(low)) / 9007199254740992.0


def uniform(stream: NDArray[np.uint64], low: float, high: float) -> float:
    """A random float64 in `[low, high)`."""
    return low + (high - low) * random(stream)


def normal(stream: NDArray[np.uint64]) -> float:
    """A standard normal float64, by Box and Muller's method (two uniform draws, one result)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - random(stream)))
    return radius * math.cos(2.0 * math.pi * random(stream))
