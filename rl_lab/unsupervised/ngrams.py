"""Counts of characters after characters, smoothed: what a model of text has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rl_lab.errors import LabError, short
from rl_lab.numbers import whole
from rl_lab.unsupervised.alphabet import Alphabet, Encoded, checked_texts

LARGEST = 2**62  # of a number that stands for a stretch of symbols


class Counts(NamedTuple):
    """How often symbols followed contexts of one length; sorted by key."""

    stretches: NDArray[np.int64]  # context and symbol as one number
    times: NDArray[np.int64]  # that each was met
    contexts: NDArray[np.int64]
    totals: NDArray[np.int64]  # times that each context was met
    kinds: NDArray[np.int64]  # different symbols after it


@dataclass
class NgramModel:
    """Interpolated n-grams of characters (Witten and Bell 1991, "The zero-frequency problem", method C).

    After a context `h` that was met `N` times with `T` different symbols behind it, a symbol that followed it `n`
    times has the probability `(n + T p) / (N + T)`, where `p` is the one after the context without its first symbol;
    below the empty context all symbols are equally probable.

    Args:
        order: the longest stretch that is counted, the predicted symbol with it.
    """

    order: int = 5

    def fit(self, entries: Sequence[str], alphabet: Alphabet | None = None) -> Self:
        """Count.

        Args:
            entries: texts.
            alphabet: of the model; by default all characters of the entries.

        Raises:
            LabError: there is no text, or stretches of that order do not fit into a number.
        """
        entries = checked_texts(entries)
        if not isinstance(alphabet, (Alphabet, type(None))):
            raise LabError(f"alphabet={short(alphabet)} is not allowed; give an Alphabet, or None for all characters")
        self.alphabet_ = alphabet or Alphabet.of(entries)
        if not whole(self.order, 1) or self.order > 62 or self.alphabet_.size**self.order > LARGEST:
            raise LabError(
                f"order={self.order} is not allowed; with {self.alphabet_.size} symbols it must be from 1 to "
                f"{longest(self.alphabet_.size)}"
            )
        encoded = self.alphabet_.encode(entries, self.order - 1)
        self.counts_ = [self._counts(encoded, length) for length in range(self.order)]
        return self

    def bits_by_order(self, entries: Sequence[str]) -> NDArray[np.float64]:
        """Bits a character, `(order,)`, with stretches of 1, 2 and so on up to `order` symbols.

        The end of an entry is counted as a character.

        Raises:
            LabError: it is not fitted, the entries are no list of texts, or no character is known.
        """
        if not hasattr(self, "counts_"):
            raise LabError("this NgramModel is not fitted yet; call fit(entries) first")
        encoded = self.alphabet_.encode(checked_texts(entries), self.order - 1)
        probabilities = np.full(len(encoded.places), 1 / self.alphabet_.size)
        bits = []
        for length, counts in enumerate(self.counts_):
            contexts, stretches = self._keys(encoded, length)
            times = _found(counts.stretches, counts.times, stretches)
            totals, kinds = (_found(counts.contexts, many, contexts) for many in (counts.totals, counts.kinds))
            known = totals > 0
            smoothed = (times + kinds * probabilities) / np.where(known, totals + kinds, 1)
            probabilities = np.where(known, smoothed, probabilities)
            bits.append(float(-np.log2(probabilities).mean()))
        return np.array(bits)

    def bits_per_character(self, text: str | Sequence[str]) -> float:
        """Bits a character of a text or of several."""
        return float(self.bits_by_order([text] if isinstance(text, str) else text)[-1])

    def _counts(self, encoded: Encoded, length: int) -> Counts:
        contexts, stretches = self._keys(encoded, length)
        known, times = np.unique(stretches, return_counts=True)
        met, totals = np.unique(contexts, return_counts=True)
        return Counts(known, times, met, totals, np.unique(known // self.alphabet_.size, return_counts=True)[1])

    def _keys(self, encoded: Encoded, length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Each predicted symbol's context of so many symbols, and both together, as numbers."""
        contexts = np.zeros(len(encoded.places), np.int64)
        for back in range(length, 0, -1):
            contexts = contexts * self.alphabet_.size + encoded.codes[encoded.places - back]
        return contexts, contexts * self.alphabet_.size + encoded.codes[encoded.places]


def longest(symbols: int) -> int:
    """The highest order whose stretches fit into a number."""
    return int(np.log(LARGEST) / np.log(symbols))


def _found(keys: NDArray[np.int64], values: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """The value of each wanted key, 0 where there is none."""
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0)
