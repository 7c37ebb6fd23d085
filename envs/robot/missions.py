"""Missions: MiniGrid's sentences, and the tokens that stand for them in batches.

A token is a place in `VOCABULARY`, which holds every word of MiniGrid's own families; 0 fills what is left of
the `MISSION_LENGTH` tokens. Commas belong to the word before them. Layouts fill the slots of a template: `{0}` and
`{1}` are colour and kind of a first thing, `{2}` and `{3}` of a second.
"""

import difflib
import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.robot.cells import CLOSED_DOOR, COLOURS, DOOR, LOCKED_DOOR, OBJECTS
from rl_lab.envs.robot.world import MISSION_LENGTH
from rl_lab.errors import LabError

VOCABULARY = (
    "",
    *("a", "and", "at", "ball", "blue", "box", "door", "end", "fetch", "find", "from", "get", "go", "goal"),
    *("green", "grey", "hallway", "in", "key", "lava", "matching", "must", "near", "next", "object", "of", "open"),
    *("opening", "pick", "purple", "put", "reach", "red", "room", "room,", "rooms", "square", "the", "then", "to"),
    *("traverse", "unlock", "up", "use", "yellow", "you", "avoid"),
)  # new words come last, so that the tokens of old ones stay
TOKENS = {word: token for token, word in enumerate(VOCABULARY)}
ALPHABET = "".join(sorted({letter for word in VOCABULARY for letter in word} | {" "}))
TEXT_LENGTH = MISSION_LENGTH * (1 + max(map(len, VOCABULARY)))

SLOT = 250  # and the numbers after it, in templates
SLOTS = {f"{{{number}}}": SLOT + number for number in range(4)}
COLOUR_WORDS: NDArray[np.int64] = np.array([TOKENS[colour] for colour in COLOURS])
KIND_WORDS: NDArray[np.int64] = np.array([TOKENS.get(name, 0) for name in OBJECTS] + [0] * (16 - len(OBJECTS)))
KIND_WORDS[[CLOSED_DOOR, LOCKED_DOOR]] = KIND_WORDS[DOOR]


def tokens(text: str) -> NDArray[np.uint8]:
    """The tokens of a mission, uint8 `(MISSION_LENGTH,)`.

    Raises:
        LabError: it is no text, has a word that is not in the vocabulary, or is too long.

    Example:
        >>> tokens("open the door")[:4].tolist() == [TOKENS["open"], TOKENS["the"], TOKENS["door"], 0]
        True
    """
    return _numbers(text, TOKENS)


def template(text: str) -> NDArray[np.uint8]:
    """The same for a sentence with slots.

    Example:
        >>> template("get a {0} key")[:4].tolist() == [TOKENS["get"], TOKENS["a"], SLOT, TOKENS["key"]]
        True
    """
    return _numbers(text, TOKENS | SLOTS)


class Problem(NamedTuple):
    """Why a text is no mission."""

    start: int  # of what is wrong, in characters from the text's start
    sentence: str


def problem(text: str, known: Mapping[str, int] = TOKENS) -> Problem | None:
    """Why a text is no mission: a word that is not in the vocabulary, or too many; None if it is one."""
    words = list(re.finditer(r"\S+", text))
    for word in words:
        if word[0] not in known:
            close = difflib.get_close_matches(word[0].lower(), VOCABULARY[1:], 1)
            known_words = ", ".join(sorted({w.strip(",") for w in VOCABULARY[1:]}))
            hint = f"did you mean {close[0]!r}?" if close else f"known are {known_words}"
            return Problem(word.start(), f"mission {text!r} has the word {word[0]!r}, which is not known; {hint}")
    if len(words) > MISSION_LENGTH:
        sentence = f"mission {text!r} has {len(words)} words; it may have up to {MISSION_LENGTH}"
        return Problem(words[MISSION_LENGTH].start(), sentence)
    return None


def _numbers(text: str, known: Mapping[str, int]) -> NDArray[np.uint8]:
    if not isinstance(text, str):
        raise LabError(f"mission {text!r} is not allowed; it must be a text")
    if (wrong := problem(text, known)) is not None:
        raise LabError(wrong.sentence)
    words, numbers = text.split(), np.zeros(MISSION_LENGTH, np.uint8)
    numbers[: len(words)] = [known[word] for word in words]
    return numbers


def text(numbers: NDArray[np.integer]) -> str:
    """The mission that tokens stand for."""
    return " ".join(VOCABULARY[number] for number in numbers if number)
