"""Running normalisation of observations and rewards, with the arithmetic of SB3's `VecNormalize`.

Moments are merged batch by batch (Chan, Golub and LeVeque, 1979). Rewards are divided by the standard
deviation of the discounted return, not shifted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

EPSILON = 1e-8
FIRM = 1e9  # samples that moments count for which are to stay as they are


class Normalizer(NamedTuple):
    """State of the normalisation; all arrays are changed in place."""

    observations: bool  # whether observations are normalised
    rewards: bool  # whether rewards are
    clip: float  # largest absolute value of either
    gamma: float
    mean: np.ndarray  # float64 (size,), of observations
    variance: np.ndarray  # float64 (size,)
    count: np.ndarray  # type: ignore[assignment]  # float64 (1,)
    returns: np.ndarray  # float64 (lanes,), discounted return so far
    return_moments: np.ndarray  # float64 (3,): mean, variance and count of `returns`


def make_normalizer(size: int, lanes: int, observations: bool, rewards: bool, clip: float, gamma: float) -> Normalizer:
    """A normaliser that has seen nothing yet."""
    moments = np.array([0.0, 1.0, 1e-4])
    return Normalizer(
        observations, rewards, clip, gamma, np.zeros(size), np.ones(size), np.full(1, 1e-4), np.zeros(lanes), moments
    )


def normalized_rows(normalizer: Normalizer, rows: np.ndarray) -> np.ndarray:
    """Rows of the encoder as the network was trained to see them."""
    if not normalizer.observations:
        return rows
    z = (rows.astype(np.float64) - normalizer.mean) / np.sqrt(normalizer.variance + EPSILON)
    return np.clip(z, -normalizer.clip, normalizer.clip).astype(np.float32)


def set_moments(normalizer: Normalizer, rows: np.ndarray) -> None:
    """Make the moments of the observations those of some rows, `(samples, size)`, from which they hardly move again.

    A policy that was pretrained on rows so normalised is another one under other moments; where it strays from what it
    was shown, moments that followed it would carry it farther away.
    """
    normalizer.mean[:], normalizer.variance[:], normalizer.count[:] = rows.mean(axis=0), rows.var(axis=0), FIRM


def merge(mean, variance, count, batch_mean, batch_variance, batch_count):
    """Mean and variance of two samples together."""
    total = count + batch_count
    delta = batch_mean - mean
    squares = variance * count + batch_variance * batch_count + delta * delta * count * batch_count / total
    return mean + delta * batch_count / total, squares / total


def update_observations(normalizer, rows):
    """Take a batch of rows `(lanes, size)` into the moments of the observations."""
    lanes = rows.shape[0]
    for j in range(rows.shape[1]):
        mean = 0.0
        for n in range(lanes):
            mean += np.float64(rows[n, j])
        mean /= lanes
        variance = 0.0
        for n in range(lanes):
            variance += (np.float64(rows[n, j]) - mean) ** 2
        normalizer.mean[j], normalizer.variance[j] = merge(
            normalizer.mean[j], normalizer.variance[j], normalizer.count[0], mean, variance / lanes, lanes
        )
    normalizer.count[0] += lanes


def normalize_row(normalizer, row, out):
    """Normalise one row of observations into float32."""
    for j in range(row.shape[0]):
        z = (np.float64(row[j]) - normalizer.mean[j]) / np.sqrt(normalizer.variance[j] + EPSILON)
        out[j] = min(max(z, -normalizer.clip), normalizer.clip)


def update_rewards(normalizer, rewards):
    """Take a batch of rewards `(lanes,)` into the moments of the discounted return."""
    lanes = rewards.shape[0]
    mean = 0.0
    for n in range(lanes):
        normalizer.returns[n] = normalizer.returns[n] * normalizer.gamma + rewards[n]
        mean += normalizer.returns[n]
    mean /= lanes
    variance = 0.0
    for n in range(lanes):
        variance += (normalizer.returns[n] - mean) ** 2
    moments = normalizer.return_moments
    moments[0], moments[1] = merge(moments[0], moments[1], moments[2], mean, variance / lanes, lanes)
    moments[2] += lanes


def normalize_reward(normalizer, reward):
    """One reward, scaled and clipped."""
    scaled = reward / np.sqrt(normalizer.return_moments[1] + EPSILON)
    return min(max(scaled, -normalizer.clip), normalizer.clip)
