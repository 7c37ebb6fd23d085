"""What a match between two players says: the score with its interval, and the difference in Elo.

Sources: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927; A. E. Elo, "The
Rating of Chessplayers, Past and Present", 1978, whose scale has a difference of 400 points for odds of ten to one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from rl_lab.compare.statistics import CONFIDENCE


class Range(NamedTuple):
    """An estimate and its interval."""

    value: float
    low: float
    high: float


def share(points: float, games: int, confidence: float = CONFIDENCE) -> Range:
    """The share of the points, with Wilson's interval.

    A draw counts half. That makes the interval a little too wide, since half points scatter less than whole ones.

    Args:
        points: a win counts 1, a draw 0.5.
        games: at least one.
        confidence: what share of such intervals covers the truth, nominally.

    Example:
        >>> [round(end, 3) for end in share(14, 20)]
        [0.7, 0.481, 0.855]
    """
    from scipy.special import ndtri

    z = float(ndtri(0.5 + confidence / 2))
    mean, scale = points / games, 1 + z * z / games
    centre = (mean + z * z / (2 * games)) / scale
    half = z / scale * math.sqrt(mean * (1 - mean) / games + z * z / (4 * games * games))
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Range(mean, min(mean, low), max(mean, high))  # rounding may have put the ends beside it


def elo(score: Range) -> Range:
    """The difference in Elo that a share of the points means; infinite where one side has all of them.

    Example:
        >>> [round(end) for end in elo(share(14, 20))]
        [147, -13, 308]
    """
    return Range(*(_elo(end) for end in score))


def _elo(score: float) -> float:
    if score in (0.0, 1.0):
        return math.copysign(math.inf, score - 0.5)
    return 400 * math.log10(score / (1 - score))
