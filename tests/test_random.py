"""Streams give the same numbers compiled and plain, and these are as random as they say."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rl_lab import jit, random

SEEDS = st.integers(0, 2**63)


def new_stream(*key):
    stream = np.zeros(1, np.uint64)
    random.seed_stream(stream, np.random.SeedSequence(*key))
    return stream


def draw(stream, low, high, numbers):
    for i in range(numbers.shape[0] // 4):
        numbers[4 * i] = random.integers(stream, low, high)
        numbers[4 * i + 1] = random.random(stream)
        numbers[4 * i + 2] = random.uniform(stream, -2.0, 3.5)
        numbers[4 * i + 3] = random.normal(stream)


draw_compiled = jit.specialize(draw)


def many(draw_one, count=20_000):
    def fill(stream, numbers):
        for i in range(numbers.shape[0]):
            numbers[i] = draw_one(stream)

    numbers = np.zeros(count)
    jit.specialize(fill)(new_stream(7), numbers)
    return numbers


@given(seed=SEEDS, low=st.integers(-1000, 1000), width=st.integers(1, 2**32))
def test_compiled_equals_plain(seed, low, width):
    plain, compiled, one, two = np.zeros(40), np.zeros(40), new_stream(seed), new_stream(seed)
    with np.errstate(all="raise"):
        draw(one, low, low + width, plain)
    draw_compiled(two, low, low + width, compiled)
    assert plain.tobytes() == compiled.tobytes()
    assert one == two
    assert ((plain[::4] >= low) & (plain[::4] < low + width)).all()
    assert ((plain[1::4] >= 0) & (plain[1::4] < 1)).all()
    assert ((plain[2::4] >= -2) & (plain[2::4] < 3.5)).all()


@given(seed=SEEDS)
def test_the_recurrence_is_that_of_mwc64x(seed):
    # Thomas (2011): (x, c) -> the low and high half of 4294883355 x + c; the output is x xor c.
    stream = new_stream(seed)
    low, carry = int(stream[0]) % 2**32, int(stream[0]) // 2**32
    assert 0 < carry < 4294883355
    for _ in range(20):
        assert int(random.bits32(stream)) == low ^ carry
        carry, low = divmod(4294883355 * low + carry, 2**32)


def test_distributions():
    low, high = 3, 10

    def die(stream):
        return random.integers(stream, low, high)

    counts = np.bincount(many(die).astype(int), minlength=high)
    assert counts[:low].sum() == 0
    assert stats.chisquare(counts[low:]).pvalue > 1e-4
    assert stats.kstest(many(random.random), "uniform").pvalue > 1e-4
    assert stats.kstest(many(random.normal), "norm").pvalue > 1e-4


def test_successive_draws_and_neighbouring_lanes_are_unrelated():
    draws = many(random.random)
    assert stats.pearsonr(draws[:-1], draws[1:]).pvalue > 1e-4
    lanes = [np.random.SeedSequence(0, spawn_key=(lane,)) for lane in range(2000)]
    streams = np.zeros((2000, 1), np.uint64)
    for stream, sequence in zip(streams, lanes, strict=True):
        random.seed_stream(stream, sequence)
    first = np.array([random.random(stream) for stream in streams])
    assert len(np.unique(streams)) == 2000
    assert stats.kstest(first, "uniform").pvalue > 1e-4
    assert stats.pearsonr(first[:-1], first[1:]).pvalue > 1e-4


def test_equal_sequences_give_equal_streams():
    assert new_stream(5) == new_stream(5)
    assert len({int(new_stream(seed)[0]) for seed in range(100)}) == 100
