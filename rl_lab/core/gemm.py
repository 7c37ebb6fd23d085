"""Matrix products on panels: 64 samples side by side, one row of a panel for each unit.

A panel is a flat float32 array; unit `u` of sample `s` lies at `64 u + s`. A row is four AVX-512 registers,
and because its length is a constant, loops over it need no remainder. `add_block` keeps four such rows of sums in
registers, and its machine code is written by hand (`rl_lab.jit.gemm_block`). Nothing calls BLAS: a product runs in the
calling thread, with the same rounding on every call (`python -m benchmarks core_minibatch` times a minibatch).
"""

import numpy as np

from rl_lab import jit

LANES = 64
ZERO = np.float32(0)


@jit.fast
def aligned(workspace):
    """A float32 workspace from its first multiple of 64 bytes on, at most 15 numbers later: loads go a third faster."""
    address = np.int64(workspace.ctypes.data)
    return workspace[(64 - address % 64) % 64 // 4 :]


@jit.fast
def gather(rows, start, panel):
    """Fill a panel with up to LANES rows of a matrix `(batch, units)`, from `start` on; lanes beyond are zero."""
    lanes = min(LANES, rows.shape[0] - start)
    units = rows.shape[1]
    if lanes < LANES:
        panel[: units * LANES] = ZERO
    for lane in range(lanes):
        for unit in range(units):
            panel[unit * LANES + lane] = rows[start + lane, unit]


@jit.fast
def scatter(panel, start, rows):
    """The reverse of `gather`: copy a panel into up to LANES rows of a matrix `(batch, units)`."""
    for lane in range(min(LANES, rows.shape[0] - start)):
        for unit in range(rows.shape[1]):
            rows[start + lane, unit] = panel[unit * LANES + lane]


@jit.fast
def spread(values, panel):
    """Fill row `u` of a panel with `values[u]`."""
    lanes = panel.shape[0] // values.shape[0]  # 64: as a constant, it would be unrolled and not vectorised
    for unit in range(values.shape[0]):
        for lane in range(lanes):
            panel[unit * LANES + lane] = values[unit]


@jit.fast
def flip(panel, flipped):
    """Turn a panel of LANES rows round: row `u`, lane `s` goes to row `s`, lane `u`."""
    for row in range(0, LANES, 8):
        for lane in range(LANES):
            for i in range(8):
                flipped[lane * LANES + row + i] = panel[(row + i) * LANES + lane]


@jit.by_hand("rl_lab.jit.gemm_block")
def add_block(rows, matrix, row_step, column_step, source, target):
    """Add a few rows of a product, as `add_product` does; `rows` is a constant of up to 4."""
    for row in range(rows):
        for column in range(source.shape[0] // LANES):
            weight = matrix[row * row_step + column * column_step]
            for lane in range(LANES):
                target[row * LANES + lane] += weight * source[column * LANES + lane]


@jit.fast
def add_product(matrix, row_step, column_step, source, target):
    """Add a product: `target += matrix @ source`.

    Args:
        matrix: flat float32; its entry `(r, c)` lies at `r * row_step + c * column_step`, so that a matrix and its
            transpose are the same memory.
        row_step: see `matrix`.
        column_step: see `matrix`.
        source: panel with a row for each column of the matrix.
        target: panel with a row for each row of the matrix.
    """
    rows = target.shape[0] // LANES
    for row in range(0, rows - 3, 4):
        add_block(4, matrix[row * row_step :], row_step, column_step, source, target[row * LANES :])
    for row in range(rows - rows % 4, rows):
        add_block(1, matrix[row * row_step :], row_step, column_step, source, target[row * LANES :])


@jit.fast
def add_outer(left, right, matrix):
    """Add a sum of outer products over the lanes: `matrix += left @ right.T`.

    Args:
        left: panel with a row for each row of the matrix.
        right: panel with a row for each column of the matrix.
        matrix: flat float32, row by row.
    """
    rows, columns = left.shape[0] // LANES, right.shape[0] // LANES
    for row in range(0, rows - 3, 4):
        a = left[row * LANES : (row + 4) * LANES]
        for column in range(0, columns - 3, 4):
            b = right[column * LANES : (column + 4) * LANES]
            m00 = m01 = m02 = m03 = m10 = m11 = m12 = m13 = ZERO
            m20 = m21 = m22 = m23 = m30 = m31 = m32 = m33 = ZERO
            for lane in range(LANES):
                a0, a1, a2, a3 = a[lane], a[LANES + lane], a[2 * LANES + lane], a[3 * LANES + lane]
                b0, b1, b2, b3 = b[lane], b[LANES + lane], b[2 * LANES + lane], b[3 * LANES + lane]
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
            _add_four(matrix, row * columns + column, m00, m01, m02, m03)
            _add_four(matrix, (row + 1) * columns + column, m10, m11, m12, m13)
            _add_four(matrix, (row + 2) * columns + column, m20, m21, m22, m23)
            _add_four(matrix, (row + 3) * columns + column, m30, m31, m32, m33)
    for row in range(rows):  # what the blocks left out
        a = left[row * LANES : (row + 1) * LANES]
        done = columns - columns % 4 if row < rows - rows % 4 else 0
        for column in range(done, columns):
            b = right[column * LANES : (column + 1) * LANES]
            total = ZERO
            for lane in range(LANES):
                total += a[lane] * b[lane]
            matrix[row * columns + column] += total


@jit.fast
def _add_four(values, place, a, b, c, d):
    values[place] += a
    values[place + 1] += b
    values[place + 2] += c
    values[place + 3] += d


@jit.fast
def add_sums(panel, totals):
    """Add the sum of each row of a panel to `totals`."""
    lanes = panel.shape[0] // totals.shape[0]
    for unit in range(totals.shape[0]):
        total = ZERO
        for lane in range(lanes):
            total += panel[unit * LANES + lane]
        totals[unit] += total
