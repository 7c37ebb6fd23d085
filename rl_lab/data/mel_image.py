"""A spoken word as a small picture, and a picture as sound again: the features of generated speech.

Unlike the features that a recogniser looks at (`log_mel`), nothing is taken away that a sound is made of again.
"""

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.data.sound import HOP, RATE, Sound, spoken
from rl_lab.errors import LabError, extra

WINDOW = 512  # samples, of the Fourier transform
BANDS = 48  # mel, up to 8 kHz
MOMENTS = 40  # to which a word of any length is stretched
DEPTH = 60.0  # decibels below the loudest band that are black
TYPICAL = 50  # frames of a word
LEAST = 4  # frames that a sound is made of
WIDTH = MOMENTS * BANDS + 1
ROUNDS = 60  # of Griffin and Lim's algorithm


class MelImage(NamedTuple):
    """A word."""

    image: NDArray[np.float32]  # (moments, bands), 0 is silence and 1 the loudest
    length: float  # in frames of 10 ms


def picture(sound: Sound) -> NDArray[np.float32]:
    """A word at 16 kHz as numbers from 0 to 1, float32 `(1921,)`: its picture row by row, and its length.

    The word is cut out of the silence around it and stretched to 40 moments. A length of a quarter, and of four times,
    that of a usual word are 0 and 1.
    """
    place = spoken(sound)
    if place is None:
        raise LabError("the sound is silent; there is no word in it")
    part = sound[place.start : place.stop]
    spectrum = _librosa().stft(np.pad(part, (0, max(0, WINDOW - len(part)))), n_fft=WINDOW, hop_length=HOP)
    decibels = 10 * np.log10(np.maximum(_filters() @ np.square(np.abs(spectrum)), 1e-10)).T
    image = np.clip((decibels - decibels.max()) / DEPTH + 1, 0, 1)
    length = np.clip(np.log2(len(image) / TYPICAL) / 4 + 0.5, 0, 1)
    return np.append(stretched(image, MOMENTS), length).astype(np.float32)


def unpacked(numbers: NDArray[np.floating]) -> MelImage:
    """The picture and the length of a word, from the numbers that `picture` makes, or a network."""
    numbers = np.clip(np.asarray(numbers, np.float32), 0, 1)
    return MelImage(numbers[:-1].reshape(MOMENTS, BANDS), float(TYPICAL * 2 ** (4 * (numbers[-1] - 0.5))))


def sound_of(numbers: NDArray[np.floating], seed: int = 0) -> Sound:
    """The sound of a picture `(1921,)`, its loudest sample at 0.9 of full scale, by Griffin and Lim's algorithm (1984).

    The mel bands are spread over those of the Fourier transform by the filters' pseudoinverse, cut at zero; the
    phases, which a picture does not have, are found from random ones, drawn by `seed`.

    Returns:
        float32 `(samples,)` at 16 kHz, with a tenth of a second of silence before and after.
    """
    image, length = unpacked(numbers)
    image = stretched(image, max(LEAST, round(length)))
    bands = np.where(image > 0, 10 ** (DEPTH / 10 * (image - 1)), 0)
    power = np.maximum(_spread() @ bands.T, 0)
    rng = np.random.RandomState(seed)  # which librosa asks for
    found = _librosa().griffinlim(np.sqrt(power), n_iter=ROUNDS, hop_length=HOP, n_fft=WINDOW, random_state=rng)
    silence = np.zeros(RATE // 10, np.float32)
    loudest = max(float(np.abs(found).max()), 1e-9)
    return np.concatenate([silence, (0.9 / loudest * found).astype(np.float32), silence])


def stretched(image: NDArray[np.floating], moments: int) -> NDArray[np.floating]:
    """A picture `(moments, bands)` of another number of moments, by straight lines between them."""
    places = np.linspace(0, len(image) - 1, moments)
    before = np.minimum(places.astype(int), max(len(image) - 2, 0))
    share = (places - before)[:, None]
    return image[before] * (1 - share) + image[np.minimum(before + 1, len(image) - 1)] * share


@functools.cache
def _filters() -> NDArray[np.float32]:
    """Mel triangles over the bins of the Fourier transform, `(48, 257)`."""
    return _librosa().filters.mel(sr=RATE, n_fft=WINDOW, n_mels=BANDS, fmin=60, fmax=RATE / 2)


@functools.cache
def _spread() -> NDArray[np.float32]:
    return np.linalg.pinv(_filters())


def _librosa() -> Any:
    with extra("learn", "a picture of speech"):
        import librosa
    return librosa
