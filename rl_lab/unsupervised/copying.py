"""Whether what was generated was copied."""

from __future__ import annotations


def longest_copied(text: str, known: str) -> str:
    """The longest stretch of a text that occurs in a known one; the first of several.

    Example:
        >>> longest_copied("the cat sat", "a cat sits")
        ' cat s'
    """
    best, start, stop = "", 0, 1
    while stop <= len(text):
        if text[start:stop] in known:
            if stop - start > len(best):
                best = text[start:stop]
            stop += 1
        else:
            start += 1
            stop = max(stop, start + 1)
    return best
