"""Samples in blocks, side by side, and products with them in float64.

A block is `(features, LANES)`: one feature of LANES samples is one row, whose length is a constant, so that loops over
it become whole vectors. The products take four rows and four columns at a time: sixteen weights stay in registers
while a row passes by. Clustering needs the precision of float64, which the float32 panels of the core lack: a
covariance that is nearly singular loses its likelihood to rounding first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rl_lab import jit

LANES = 64
ZERO = 0.0


def in_blocks(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Samples `(samples, features)` as blocks `(blocks, features, LANES)`; lanes beyond the last sample are zero."""
    count, width = rows.shape
    blocks = -(-count // LANES)
    filled = np.zeros((blocks * LANES, width))
    filled[:count] = rows
    return np.ascontiguousarray(filled.reshape(blocks, LANES, width).transpose(0, 2, 1))


@jit.fast
def multiply(matrix, triangular, source, target):
    """A product: `target = matrix @ source`.

    Args:
        matrix: float64 `(rows, features)`.
        triangular: whether it is a lower triangle, of which the rest is not read.
        source: block `(features, LANES)`.
        target: `(rows, LANES)`, filled.
    """
    rows, features = matrix.shape
    target[:rows, :] = ZERO
    for row in range(0, rows - 3, 4):
        end = min(row + 4, features) if triangular else features
        whole = end - end % 4
        for column in range(0, whole, 4):
            _add_four(matrix, row, column, source, target)
        for r in range(row, row + 4):
            _add_rest(matrix, r, whole, end, source, target)
    for r in range(rows - rows % 4, rows):
        _add_rest(matrix, r, 0, min(r + 1, features) if triangular else features, source, target)


@jit.fast
def _add_four(matrix, row, column, source, target):
    a, b, c, d = matrix[row], matrix[row + 1], matrix[row + 2], matrix[row + 3]
    a0, a1, a2, a3 = a[column], a[column + 1], a[column + 2], a[column + 3]
    b0, b1, b2, b3 = b[column], b[column + 1], b[column + 2], b[column + 3]
    c0, c1, c2, c3 = c[column], c[column + 1], c[column + 2], c[column + 3]
    d0, d1, d2, d3 = d[column], d[column + 1], d[column + 2], d[column + 3]
    for lane in range(LANES):
        x0, x1 = source[column, lane], source[column + 1, lane]
        x2, x3 = source[column + 2, lane], source[column + 3, lane]
        target[row, lane] += a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3
        target[row + 1, lane] += b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3
        target[row + 2, lane] += c0 * x0 + c1 * x1 + c2 * x2 + c3 * x3
        target[row + 3, lane] += d0 * x0 + d1 * x1 + d2 * x2 + d3 * x3


@jit.fast
def _add_rest(matrix, row, start, end, source, target):
    for column in range(start, end):
        weight = matrix[row, column]
        for lane in range(LANES):
            target[row, lane] += weight * source[column, lane]


@jit.fast
def add_outer(left, right, matrix):
    """Add the lower triangle of a sum of outer products over the lanes: `matrix += left @ right.T`.

    Args:
        left: block `(features, LANES)`.
        right: block `(features, LANES)`.
        matrix: float64 `(features, features)`, added to; what is above its diagonal may be added to in part.
    """
    features = matrix.shape[0]
    whole = features - features % 4
    for row in range(0, whole, 4):
        for column in range(0, row + 1, 4):
            _add_sixteen(left, right, row, column, matrix)
    for row in range(whole, features):
        for column in range(row + 1):
            total = ZERO
            for lane in range(LANES):
                total += left[row, lane] * right[column, lane]
            matrix[row, column] += total


@jit.fast
def _add_sixteen(left, right, row, column, matrix):
    m00 = m01 = m02 = m03 = m10 = m11 = m12 = m13 = ZERO
    m20 = m21 = m22 = m23 = m30 = m31 = m32 = m33 = ZERO
    for lane in range(LANES):
        a0, a1, a2, a3 = left[row, lane], left[row + 1, lane], left[row + 2, lane], left[row + 3, lane]
        b0, b1, b2, b3 = right[column, lane], right[column + 1, lane], right[column + 2, lane], right[column + 3, lane]
        m00 += a0 * b0
        m01 += a0 * b1
        m02 += a0 * b2
        m03 += a0 * b3
        m10 += a1 * b0
        m11 += a1 * b1
        m12 += a1 * b2
        m13 += a1 * b3
        m20 += a2 * b0
        m21 += a2 * b1
        m22 += a2 * b2
        m23 += a2 * b3
        m30 += a3 * b0
        m31 += a3 * b1
        m32 += a3 * b2
        m33 += a3 * b3
    _add_row(matrix[row], column, m00, m01, m02, m03)
    _add_row(matrix[row + 1], column, m10, m11, m12, m13)
    _add_row(matrix[row + 2], column, m20, m21, m22, m23)
    _add_row(matrix[row + 3], column, m30, m31, m32, m33)


@jit.fast
def _add_row(values, place, a, b, c, d):
    values[place] += a
    values[place + 1] += b
    values[place + 2] += c
    values[place + 3] += d
