"""Statistics over seeds, all from SciPy, and of matches between two players.

The unit is the seed, never the episode. Every function over seeds takes arrays whose last axis is the seeds and works
on any leading axes, so that a thousand comparisons, or the points of a curve, are one call.

Sources: R. Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice", 2021
(interquartile mean, probability of improvement, optimality gap); S. Holm, "A simple sequentially rejective
multiple test procedure", 1979; B. L. Welch, "The generalization of Student's problem", 1947; E. B. Wilson, "Probable
inference, the law of succession, and statistical inference", 1927; A. E. Elo, "The Rating of Chessplayers, Past and
Present", 1978, whose scale has a difference of 400 points for odds of ten to one.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.95
RESAMPLES = 9_999
EXACT_PAIRS = 16  # up to here all 2**n sign flips are tried; beyond, RANDOM_FLIPS of them
RANDOM_FLIPS = 99_999

Statistic = Callable[..., NDArray[np.float64]]


def interquartile_mean(scores: ArrayLike, axis: int = -1) -> NDArray[np.float64]:
    """Mean of the middle half of the scores; with fewer than four, the mean of all."""
    from scipy.stats import trim_mean

    return np.asarray(trim_mean(np.asarray(scores, float), 0.25, axis=axis))


def mean(scores: ArrayLike, axis: int = -1) -> NDArray[np.float64]:
    """Arithmetic mean."""
    return np.asarray(np.mean(np.asarray(scores, float), axis=axis))


def optimality_gap(scores: ArrayLike, optimum: float = 1.0, axis: int = -1) -> NDArray[np.float64]:
    """How far the scores stay below the optimum on average; scores above it do not make up for others."""
    return np.asarray(np.mean(np.maximum(optimum - np.asarray(scores, float), 0.0), axis=axis))


def probability_of_improvement(scores: ArrayLike, others: ArrayLike, axis: int = -1) -> NDArray[np.float64]:
    """Probability that a random seed of one group scores higher than one of the other group; ties count half.

    It is the Mann-Whitney U statistic over the number of pairs.
    """
    from scipy.stats import rankdata

    first, second = np.asarray(scores, float), np.asarray(others, float)
    count, against = first.shape[axis], second.shape[axis]
    ranks = rankdata(np.concatenate([first, second], axis=axis), axis=axis)
    total = np.take(ranks, range(count), axis=axis).sum(axis=axis)
    return np.asarray((total - count * (count + 1) / 2) / (count * against))


def interval(
    statistic: Statistic,
    *samples: ArrayLike,
    paired: bool = False,
    resamples: int = RESAMPLES,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Percentile bootstrap interval of a statistic, called with `axis=-1`, over the seeds on the last axis.

    The percentile method, because the default of SciPy (BCa) gives NaN where all seeds are equal. The resampling has a
    fixed seed: the same runs always give the same interval. With a single seed both ends are the statistic itself.
    `paired` resamples the seeds of all samples together.
    """
    from scipy.stats import bootstrap

    arrays = [np.asarray(sample, float) for sample in samples]
    if min(array.shape[-1] for array in arrays) < 2:
        value = statistic(*arrays, axis=-1)
        return value, value
    found = bootstrap(
        arrays,
        statistic,
        paired=paired,
        vectorized=True,
        axis=-1,
        n_resamples=resamples,
        batch=max(1, 20_000_000 // max(array.size for array in arrays)),
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return np.asarray(found.low), np.asarray(found.high)


def sign_flip_p(differences: ArrayLike) -> NDArray[np.float64]:
    """Two-sided p of the sign-flip test that paired differences are symmetric about zero.

    Exact up to 16 pairs. With five pairs the smallest p is 2/32 = 0.0625, so five seeds never suffice.
    """
    from scipy.stats import permutation_test

    values = np.asarray(differences, float)
    pairs = values.shape[-1]
    if pairs < 2:
        return np.ones(values.shape[:-1])
    flips = 2**pairs if pairs <= EXACT_PAIRS else RANDOM_FLIPS
    return np.asarray(
        permutation_test(
            (values,),
            mean,
            permutation_type="samples",
            vectorized=True,
            axis=-1,
            n_resamples=flips,
            batch=max(1, 20_000_000 // values.size),
            rng=np.random.default_rng(0),
        ).pvalue
    )


def welch_p(scores: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """Two-sided p of Welch's test that two unpaired groups have the same mean."""
    from scipy.stats import ttest_ind

    first, second = np.asarray(scores, float), np.asarray(others, float)
    gap = mean(first) - mean(second)
    if min(first.shape[-1], second.shape[-1]) < 2:
        return np.ones(np.shape(gap))
    constant = (np.ptp(first, axis=-1) == 0) & (np.ptp(second, axis=-1) == 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # SciPy's about constant groups, which are answered below
        p = ttest_ind(first, second, equal_var=False, axis=-1).pvalue
    return np.where(constant, np.where(gap == 0, 1.0, 0.0), p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction: p values that may each be held against the level of the whole family."""
    values = np.asarray(p_values, float)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(p) for p in adjusted]


@dataclass(frozen=True)
class Contrast:
    """How much higher one group of seeds is than another; arrays where the scores had leading axes."""

    estimate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    p: NDArray[np.float64]


def contrast(scores: ArrayLike, others: ArrayLike, paired: bool = True, resamples: int = RESAMPLES) -> Contrast:
    """Difference of means of `(..., seeds)` with its bootstrap interval and test: sign flips of pairs, or Welch's."""
    first, second = np.asarray(scores, float), np.asarray(others, float)
    if paired:
        differences = first - second
        low, high = interval(mean, differences, resamples=resamples)
        return Contrast(mean(differences), low, high, sign_flip_p(differences))
    low, high = interval(_mean_gap, first, second, resamples=resamples)
    return Contrast(_mean_gap(first, second), low, high, welch_p(first, second))


def _mean_gap(scores: NDArray[np.float64], others: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    return mean(scores, axis) - mean(others, axis)


def decide(low: float, high: float, p: float, margin: float | None, level: float = 1 - CONFIDENCE) -> str:
    """The verdict on one contrast.

    `equivalent` if the whole interval lies within the margin; `better` or `worse` if the interval excludes zero
    and the test agrees, since the interval alone is too narrow with ten seeds; `inconclusive` otherwise.
    """
    if margin is not None and -margin <= low and high <= margin:
        return "equivalent"
    if p <= level and low > 0:
        return "better"
    if p <= level and high < 0:
        return "worse"
    return "inconclusive"


class Range(NamedTuple):
    """An estimate and its interval."""

    value: float
    low: float
    high: float


def share(points: float, games: int) -> Range:
    """The share of the points in some games, a win 1 and a draw 0.5, with Wilson's interval.

    That makes the interval a little too wide, since half points scatter less than whole ones.

    Example:
        >>> [round(end, 3) for end in share(14, 20)]
        [0.7, 0.481, 0.855]
    """
    from scipy.special import ndtri

    z = float(ndtri(0.5 + CONFIDENCE / 2))
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
