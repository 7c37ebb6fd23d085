"""Machine code written by hand against the plain Python that says what it computes, and against NumPy."""

from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_lab import jit
from rl_lab.core import gemm
from rl_lab.jit import gemm_block


def block(rows):
    """A function of one size of block, compiled here and now."""

    @numba.njit
    def run(matrix, row_step, column_step, source, target):
        gemm_block.add_block(rows, matrix, row_step, column_step, source, target)

    return run


@pytest.mark.parametrize("shape", [(16, 4), (8, 2), (4, 4)], ids=["AVX-512", "AVX2", "NEON"])
@pytest.mark.parametrize("rows", [1, 4])
def test_blocks_compute_what_plain_python_says(monkeypatch, shape, rows):
    monkeypatch.setattr(gemm_block, "_shape", lambda: shape)
    run, rng = block(rows), np.random.default_rng(rows)
    for columns in (0, 1, 3, 64):
        matrix = rng.standard_normal((rows, columns)).astype(np.float32)
        source = rng.standard_normal(columns * gemm.LANES).astype(np.float32)
        target = rng.standard_normal(rows * gemm.LANES + 3).astype(np.float32)  # what lies behind is left alone
        for flat, steps in ((matrix.ravel(), (columns, 1)), (matrix.T.ravel(), (1, rows))):
            ours, plain = target.copy(), target.copy()
            run(flat, *steps, source, ours)
            gemm.add_block(rows, flat, *steps, source, plain)
            np.testing.assert_allclose(ours, plain, rtol=1e-5, atol=1e-5)
            np.testing.assert_array_equal(ours[-3:], target[-3:])


product = jit.specialize(gemm.add_product)


@given(st.integers(1, 13), st.integers(1, 20), st.booleans(), st.integers(0, 2**32 - 1))
def test_products_are_those_of_numpy(rows, columns, transposed, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((rows, columns)).astype(np.float32)
    source = rng.standard_normal((columns, gemm.LANES)).astype(np.float32)
    target = rng.standard_normal((rows, gemm.LANES)).astype(np.float32)
    expected = target + matrix @ source
    flat, steps = (matrix.T.ravel(), (1, rows)) if transposed else (matrix.ravel(), (columns, 1))
    product(flat, *steps, source.ravel(), target.reshape(-1))
    np.testing.assert_allclose(target, expected, rtol=1e-5, atol=1e-5)


def test_the_hand_written_file_is_part_of_the_key(monkeypatch, tmp_path):
    first = jit.specialize(gemm.add_product).module.digest
    assert jit.specialize(gemm.add_product).module.digest == first
    edited = tmp_path / "gemm_block.py"
    edited.write_bytes(Path(gemm_block.__file__).read_bytes() + b"# edited\n")
    monkeypatch.setattr(gemm_block, "__file__", str(edited))
    assert jit.specialize(gemm.add_product).module.digest != first


def test_both_agree_on_the_lanes_of_a_panel():
    assert gemm_block.LANES == gemm.LANES
