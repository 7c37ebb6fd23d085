"""k-means in kernels: where to start (k-means++), and Lloyd's steps from there.

Sources: S. Lloyd, "Least squares quantization in PCM", 1982; D. Arthur and S. Vassilvitskii, "k-means++: the
advantages of careful seeding", 2007, whose last section proposes to draw several candidates for each centre and to
keep the best, as scikit-learn does. What ends a run and what happens to an empty cluster is as in scikit-learn too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab import jit
from rl_lab.unsupervised import blocks
from rl_lab.unsupervised.blocks import LANES, ZERO

NOWHERE = -1
HUGE = 1e300  # instead of infinity, which fast arithmetic takes to be impossible


class Points(NamedTuple):
    """Samples, both ways round: sums of them are taken row by row, products block by block."""

    rows: np.ndarray  # float64 (samples, features)
    blocks: np.ndarray  # float64 (blocks, features, LANES)


def points(rows: NDArray[np.float64]) -> Points:
    """Samples as the kernels take them."""
    return Points(rows, blocks.in_blocks(rows))


@jit.fast
def assign(samples, centers, labels):
    """Give each sample to its nearest centre.

    Args:
        samples: `Points`.
        centers: float64 `(clusters, features)`.
        labels: int64 `(samples,)`, filled.

    Returns:
        How many labels changed.
    """
    clusters, features = centers.shape
    half = np.zeros(clusters)
    for k in range(clusters):
        for feature in range(features):
            half[k] += 0.5 * centers[k, feature] * centers[k, feature]
    products, best, nearest = np.empty((clusters, LANES)), np.empty(LANES), np.empty(LANES, np.int64)
    changed = 0
    for block in range(samples.blocks.shape[0]):
        blocks.multiply(centers, False, samples.blocks[block], products)
        for lane in range(LANES):
            best[lane], nearest[lane] = half[0] - products[0, lane], 0
        for k in range(1, clusters):
            for lane in range(LANES):
                closer = half[k] - products[k, lane] < best[lane]
                best[lane] = half[k] - products[k, lane] if closer else best[lane]
                nearest[lane] = k if closer else nearest[lane]
        start = block * LANES
        for lane in range(min(LANES, labels.shape[0] - start)):
            changed += labels[start + lane] != nearest[lane]
            labels[start + lane] = nearest[lane]
    return changed


@jit.fast
def squared_distance(a, b):
    """Squared Euclidean distance of two vectors."""
    total = ZERO
    for i in range(a.shape[0]):
        total += (a[i] - b[i]) * (a[i] - b[i])
    return total


@jit.fast
def inertia(samples, centers, labels):
    """Sum of the squared distances of the samples to their centres."""
    total = ZERO
    for i in range(labels.shape[0]):
        total += squared_distance(samples.rows[i], centers[labels[i]])
    return total


@jit.fast
def refill(samples, centers, labels, sizes):
    """Give each empty cluster the sample that lies farthest from its centre, whose label and cluster change."""
    far = np.empty(labels.shape[0])
    for i in range(labels.shape[0]):
        far[i] = squared_distance(samples.rows[i], centers[labels[i]])
    for k in range(sizes.shape[0]):
        if sizes[k] == 0:
            i = int(np.argmax(far))
            far[i] = ZERO
            sizes[labels[i]] -= 1
            sizes[k], labels[i] = 1, k


@jit.fast
def move(samples, labels, sizes, centers):
    """Put each centre in the middle of its samples, and return the sum of the squared distances that they moved."""
    before = centers.copy()
    centers[:] = ZERO
    for i in range(labels.shape[0]):
        center, row = centers[labels[i]], samples.rows[i]
        for feature in range(row.shape[0]):
            center[feature] += row[feature]
    shift = ZERO
    for k in range(centers.shape[0]):
        scale = 1.0 / max(sizes[k], 1)
        for feature in range(centers.shape[1]):
            centers[k, feature] *= scale
        shift += squared_distance(centers[k], before[k])
    return shift


@jit.fast
def lloyd(samples, centers, labels, most, tolerance):
    """Lloyd's steps, until no label changes or the centres hardly move.

    Args:
        samples: `Points`.
        centers: float64 `(clusters, features)`, where to start, updated.
        labels: int64 `(samples,)`, filled.
        most: steps.
        tolerance: the sum of the squared distances that the centres move, from which on they hardly move.

    Returns:
        The inertia and the number of steps.
    """
    labels[:] = NOWHERE
    sizes, steps = np.empty(centers.shape[0], np.int64), 0
    for _ in range(most):
        steps += 1
        changed = assign(samples, centers, labels)
        sizes[:] = 0
        for i in range(labels.shape[0]):
            sizes[labels[i]] += 1
        if np.min(sizes) == 0:
            refill(samples, centers, labels, sizes)
        shift = move(samples, labels, sizes, centers)
        if changed == 0 or shift <= tolerance:
            break
    if changed != 0:
        assign(samples, centers, labels)
    return inertia(samples, centers, labels), steps


@jit.fast
def spread(samples, draws, centers):
    """k-means++: draw each centre among the samples, the likelier the farther it lies from those drawn before.

    Args:
        samples: `Points`.
        draws: float64 `(clusters, candidates)` in [0, 1), by which candidates are drawn.
        centers: float64 `(clusters, features)`, filled.
    """
    count = samples.rows.shape[0]
    clusters, candidates = draws.shape
    lengths, nearest, summed = np.empty(count), np.empty(count), np.empty(count)
    distances, tried = np.empty((candidates, samples.blocks.shape[0] * LANES)), np.empty((candidates, centers.shape[1]))
    products = np.empty((candidates, LANES))
    zero = np.zeros(centers.shape[1])
    for i in range(count):
        lengths[i] = squared_distance(samples.rows[i], zero)
        nearest[i] = HUGE
    for k in range(clusters):
        trials = candidates if k > 0 else 1
        for trial in range(trials):
            drawn = draws[k, trial]
            place = (
                np.searchsorted(summed, drawn * summed[count - 1], side="right") if k > 0 else np.int64(drawn * count)
            )
            tried[trial, :] = samples.rows[min(place, count - 1)]
        squared_distances(samples, lengths, tried[:trials], products, distances)
        best, least = 0, HUGE
        for trial in range(trials):
            total = ZERO
            for i in range(count):
                total += min(nearest[i], distances[trial, i])
            if total < least:
                best, least = trial, total
        centers[k, :] = tried[best]
        total = ZERO
        for i in range(count):
            nearest[i] = min(nearest[i], distances[best, i])
            total += nearest[i]
            summed[i] = total


@jit.fast
def squared_distances(samples, lengths, tried, products, distances):
    """Squared distances `(candidates, samples)` to candidates `(candidates, features)`, from the samples' lengths."""
    zero = np.zeros(tried.shape[1])
    for block in range(samples.blocks.shape[0]):
        blocks.multiply(tried, False, samples.blocks[block], products)
        start = block * LANES
        for trial in range(tried.shape[0]):
            length = squared_distance(tried[trial], zero)
            for lane in range(min(LANES, lengths.shape[0] - start)):
                distance = lengths[start + lane] + length - 2.0 * products[trial, lane]
                distances[trial, start + lane] = max(distance, ZERO)
