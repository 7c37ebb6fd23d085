"""Spoken words as features, ready to learn from: who said what, as it is and, for training alone, varied."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.data.log_mel import BINS, WIDTH, Power, View, described, mel, spectrogram
from rl_lab.data.sound import RATE
from rl_lab.data.speech import VOCABULARY, VOICES, Saying, Voice, spoken_by

MANNERS = ((1.0, 1.0), (0.85, 1.2), (1.15, 0.85))  # speeds and pitches in which each word is said

HERTZ = np.arange(BINS) * RATE / 512
SPEECH = slice(4, 120)  # bins of the band that is looked at
# How much each copy of a word is varied, at most.
WARP = 0.2  # share by which frequencies are stretched, as by another vocal tract (Jaitly and Hinton, 2013)
NOISE = (12.0, 45.0)  # decibels of the word's loudest moment over noise, least and most
TILT = 10.0  # decibels of treble raised or lowered
EQUALISER = 3.0  # deviation of the decibels by which a line colours a sound, at 8 frequencies up to 4 kHz
EDGE = 4  # hundredths of a second by which the word's ends are moved
BOW = 0.12  # share of the word by which its middle is moved
SWAY = 0.05  # share by which its halves are moved against one another

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
    """Every voice's words: the vocabulary in three manners, strangers in one; `tell` gets a line before each voice.

    Variations are drawn by `seed`; each voice has a stream of its own.
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


def variations(power: Power, copies: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Features of varied copies of a word, float32 `(copies, 341)`; same generator, same copies.

    `power` is the word's, from `spectrogram`.
    """
    rows = np.empty((copies, WIDTH), np.float32)
    for row in rows:
        heard = _heard(power, rng)
        start, stop = rng.integers(-EDGE, EDGE, 2, endpoint=True).tolist()
        view = View(start, stop, BOW * rng.uniform(-1, 1), SWAY * rng.uniform(-1, 1))
        row[:] = described(mel(heard, 1 + WARP * rng.uniform(-1, 1)), view)
    return rows


def _heard(power: Power, rng: np.random.Generator) -> Power:
    """The word over coloured noise, through a line that colours both."""
    colour = np.maximum(HERTZ, 60) ** -rng.uniform(0, 2)
    colour /= colour[SPEECH].sum()
    level = power[:, SPEECH].sum(axis=1).max() * 10 ** (-rng.uniform(*NOISE) / 10)
    noisy = power + level * colour * rng.exponential(1, power.shape)  # a periodogram of noise is exponential
    octaves = np.clip(np.log2(np.maximum(HERTZ, 60) / 1000) / 2, -1, 1)
    line = np.interp(HERTZ, np.linspace(0, 4000, 8), rng.normal(0, EQUALISER, 8))
    decibels = TILT * rng.uniform(-1, 1) * octaves + line
    return (noisy * 10 ** (decibels / 10)).astype(np.float32)
