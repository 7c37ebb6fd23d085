"""Interpolated n-grams of characters: what a model of text has to beat."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rl_lab.unsupervised.alphabet import Alphabet


def bits_by_order(
    alphabet: Alphabet, learned: Sequence[str], judged: Sequence[str], most: int = 8
) -> NDArray[np.float64]:
    """Bits per character of `judged`, float64 `(orders,)`, by n-grams of 1, 2, … symbols that are counted in `learned`.

    After a context that was met N times with T different symbols behind it, a symbol that followed it n times has the
    probability `(n + T p) / (N + T)`, where p is the one after the context without its first symbol; below the empty
    context all symbols are equally probable (I. Witten and T. Bell, "The zero-frequency problem", 1991, method C). The
    end of each text counts. `most` is the highest order; there are fewer where an n-gram does not fit into an int64.
    """
    size = alphabet.size
    orders = min(most, int(62 / np.log2(size)))
    met, asked = (alphabet.encode(texts, orders - 1) for texts in (learned, judged))
    counted, wanted = np.zeros(len(met.places), np.int64), np.zeros(len(asked.places), np.int64)  # n-grams as numbers
    probabilities = np.full(len(wanted), 1 / size)
    bits = []
    for back in range(orders):
        counted += met.codes[met.places - back] * size**back
        wanted += asked.codes[asked.places - back] * size**back
        ngrams, times = np.unique(counted, return_counts=True)
        contexts, first, kinds = np.unique(ngrams // size, return_index=True, return_counts=True)
        # A context is what stands before the last symbol, so its number is that of the n-gram without the last digit.
        totals, kinds = (_found(contexts, of, wanted // size) for of in (np.add.reduceat(times, first), kinds))
        smoothed = _found(ngrams, times, wanted) + kinds * probabilities
        probabilities = np.where(totals > 0, smoothed / np.maximum(totals + kinds, 1), probabilities)
        bits.append(float(-np.log2(probabilities).mean()))
    return np.array(bits)


def _found(keys: NDArray[np.int64], values: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """The value of each wanted key, 0 where there is none; keys are sorted."""
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0)
