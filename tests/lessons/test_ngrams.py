"""N-grams against plain counting, and against a source whose entropy is known."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_lab.lessons.ngrams import bits_by_order
from rl_lab.unsupervised.alphabet import Alphabet

words = st.text("abc d", max_size=12)


@settings(max_examples=50)
@given(st.lists(words, min_size=1, max_size=6).filter(any), st.integers(1, 4))
def test_ngrams_are_counted_and_smoothed_as_witten_and_bell_say(texts, order):
    alphabet = Alphabet.of(texts)
    padded = ["\0" * (order - 1) + text + "\0" for text in texts]
    size = alphabet.size

    def probability(context, symbol):
        if context is None:
            return 1 / size
        length = len(context)
        after = Counter(
            text[i] for text in padded for i in range(order - 1, len(text)) if text[i - length : i] == context
        )
        below = probability(context[1:] if length else None, symbol)
        total, kinds = sum(after.values()), len(after)
        return (after[symbol] + kinds * below) / (total + kinds) if total else below

    tested = ["ab", "c d", texts[-1]]
    ends = ["\0" * (order - 1) + text + "\0" for text in tested]
    bits = [
        -np.log2(probability(text[i - order + 1 : i], text[i])) for text in ends for i in range(order - 1, len(text))
    ]
    known = set(alphabet.characters)
    if set("".join(tested)) <= known:
        assert bits_by_order(alphabet, texts, tested, order)[-1] == pytest.approx(np.mean(bits))
    everything = [*known, "\0", "a symbol never seen"]
    assert sum(probability("", symbol) for symbol in everything) == pytest.approx(1)


def test_a_source_whose_entropy_is_known_costs_its_entropy():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(["ab", "cd"], 50)) for _ in range(120)]  # one bit in two characters
    entropy = 50 / 101 + -(np.log2(50 / 51) * 50 + np.log2(1 / 51)) / 101  # and where the end is, unseen by n-grams
    found = bits_by_order(Alphabet.of(texts), texts[:100], texts[100:], 3)
    assert found[-1] == pytest.approx(entropy, abs=0.03)


def test_orders_stay_where_ngrams_fit_into_a_number():
    texts = ["".join(map(chr, range(1000, 1600)))]
    assert len(bits_by_order(Alphabet.of(texts), texts, texts)) == 6
    assert np.isfinite(bits_by_order(Alphabet.of(texts), texts, texts)).all()
