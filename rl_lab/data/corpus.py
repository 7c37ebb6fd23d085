"""Spoken words as features, ready to learn from: who said what, as it is and varied."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.data.log_mel import described, mel, spectrogram
from rl_lab.data.speech import VOCABULARY, VOICES, Saying, Voice, spoken_by
from rl_lab.data.variation import variations

MANNERS = ((1.0, 1.0), (0.85, 1.2), (1.15, 0.85))  # speeds and pitches in which each word is said

_STRANGERS = """
robot|world|word|machine|window|water|table|paper|music|garden|orange|purple|camera|yellow|green|silver|people|mother
doctor|station|airport|banana|tomato|extension|number|monday|friday|january|august|hundred|thousand|million|alpha|bravo
charlie|delta|foxtrot|golf|hotel|india|juliet|kilo|mike|november|oscar|papa|quebec|romeo|sierra|tango|uniform|victor
whiskey|zulu|eleven|twelve|twenty|thirty|eighty|hello there|hello robot|hello word|hollow world|the world|good morning
goodnight|thank you|see you|fellow|low|night|fine|heaven|force|tree|sick|stock|gone|loft|ride|less|nose
"""
STRANGERS = tuple(_STRANGERS.strip().replace("\n", "|").split("|"))
"""Words that are none of the vocabulary, some of them much like it, but none that sounds the same (know, write)."""


class Scope(NamedTuple):
    """What is said, by whom, and how often it is varied."""

    voices: tuple[Voice, ...] = VOICES
    words: tuple[str, ...] = VOCABULARY
    strangers: tuple[str, ...] = STRANGERS
    copies: int = 5  # variations of each word, for training


class Corpus(NamedTuple):
    """Spoken words, a row each."""

    texts: NDArray[np.str_]  # (rows,), what was said
    voices: NDArray[np.int64]  # (rows,), places in the scope's voices
    plain: NDArray[np.bool_]  # (rows,), whether it was said at the usual speed and pitch
    rows: NDArray[np.float32]  # (rows, features), as they are
    varied: NDArray[np.float32]  # (rows, copies, features), for training only


def corpus(scope: Scope, seed: int, tell: Callable[[str], None] = lambda text: None) -> Corpus:
    """Every voice's words: the vocabulary in three manners, strangers in one.

    Args:
        scope: what is said, and by whom.
        seed: of the variations; each voice has a stream of its own.
        tell: called with a line before each voice.

    Raises:
        LabError: an engine is missing.
    """
    sayings = [Saying(word, *manner) for word in scope.words for manner in MANNERS]
    sayings += [Saying(word) for word in scope.strangers]
    rows, varied = [], []
    for place, voice in enumerate(scope.voices):
        tell(f"{voice} speaks, {place + 1} of {len(scope.voices)}")
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(place,)))
        for sound in spoken_by(voice, sayings):
            power = spectrogram(sound)
            rows.append(described(mel(power)))
            varied.append(variations(power, scope.copies, rng))
    texts = np.array([saying.text for saying in sayings])
    plain = np.array([(saying.speed, saying.pitch) == MANNERS[0] for saying in sayings])
    count = len(scope.voices)
    speakers = np.repeat(np.arange(count), len(sayings))
    return Corpus(np.tile(texts, count), speakers, np.tile(plain, count), np.stack(rows), np.stack(varied))
