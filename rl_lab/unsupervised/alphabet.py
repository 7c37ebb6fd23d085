"""Texts as numbers: which characters there are, and where each entry of a text begins and ends."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rl_lab.errors import LabError

EDGE, OTHER, FIRST = range(3)  # the symbol around entries, that of all other characters, the first character
SHOWN = "\N{REPLACEMENT CHARACTER}"  # how a character that is none of the alphabet's is shown


class Encoded(NamedTuple):
    """Entries one behind the other, each between edges."""

    codes: NDArray[np.int64]  # (symbols,): edges as padding, then the entry, then one edge, entry by entry
    places: NDArray[np.int64]  # (predicted,): of all that has to be predicted, the last edges with it


@dataclass(frozen=True)
class Alphabet:
    """The characters that a model knows, sorted; every other one is the same to it.

    Example:
        >>> alphabet = Alphabet.of(["banana", "bandana"])
        >>> alphabet.characters, alphabet.size
        ('abdn', 6)
        >>> alphabet.encode(["ban"], padding=2).codes
        array([0, 0, 3, 2, 5, 0])
    """

    characters: str

    @classmethod
    def of(cls, entries: Iterable[str], least: int = 1) -> Self:
        """The characters that occur at least so often."""
        counts: Counter[str] = Counter()
        for entry in entries:
            counts.update(entry)
        characters = "".join(sorted(character for character, count in counts.items() if count >= least))
        if not characters:
            raise LabError("the text is empty; give one with characters in it")
        return cls(characters)

    @property
    def size(self) -> int:
        """How many symbols there are: characters, the edge, and all other characters as one."""
        return len(self.characters) + FIRST

    def codes(self, text: str) -> NDArray[np.int64]:
        """The symbols of a text, int64 `(characters,)`."""
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        known = np.frombuffer(self.characters.encode("utf-32-le", "surrogatepass"), np.uint32)
        places = np.minimum(np.searchsorted(known, points), len(known) - 1)
        return np.where(known[places] == points, places + FIRST, OTHER).astype(np.int64)

    def encode(self, entries: Sequence[str], padding: int) -> Encoded:
        """Entries as symbols, each behind so many edges."""
        before, after = np.full(padding, EDGE), np.full(1, EDGE)
        parts, places, start = [], [], 0
        for entry in entries:
            codes = self.codes(entry)
            parts += [before, codes, after]
            places.append(np.arange(start + padding, start + padding + len(codes) + 1))
            start += padding + len(codes) + 1
        if not parts or not (np.concatenate(parts) >= FIRST).any():
            raise LabError(f"no character of the text is known; known are {shown(self.characters)}")
        return Encoded(np.concatenate(parts), np.concatenate(places))

    def text(self, codes: Iterable[int]) -> str:
        """The characters of symbols."""
        return "".join(self.characters[code - FIRST] if code >= FIRST else SHOWN for code in codes)

    def folded(self, text: str) -> str:
        """A text in which every character that is not known is the same."""
        return self.text(self.codes(text).tolist())


def checked_texts(texts: Iterable[str]) -> list[str]:
    """A list of texts, not all of them empty."""
    found = list(texts) if isinstance(texts, Iterable) and not isinstance(texts, (str, bytes)) else None
    if found is None or not all(isinstance(text, str) for text in found):
        raise LabError("texts must be a list of texts, such as ['one', 'two']")
    if not any(found):
        raise LabError("the text is empty; give one with characters in it")
    return found


def shown(characters: str, most: int = 60) -> str:
    """Characters for people, cut where there are many."""
    visible = "".join(character for character in characters if character.isprintable() and character != " ")
    return repr(visible if len(visible) <= most else visible[:most] + "…")
