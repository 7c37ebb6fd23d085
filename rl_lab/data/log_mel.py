"""What a recogniser sees of a word: how loud each mel band was, moment by moment, in decibels.

The filters and the Fourier transform are librosa's.
"""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.data.sound import HOP, RATE, Sound, endpoints, spoken
from rl_lab.errors import LabError, extra

WINDOW = 400  # samples, 25 ms
TRANSFORM = 512
BINS = 150  # of the Fourier transform, up to 4.7 kHz
BANDS = 16  # so few and wide that a voice's pitch does not show as stripes
LOWEST, HIGHEST = 100.0, 3_700.0  # Hz: what a telephone carries, so that a call and a studio look alike
MARGIN = RATE // 10  # of silence around a sound, from which a word's ends can be drawn
MOMENTS = 20  # to which a word of any length is stretched
FLOOR = 45.0  # dB below the word's loudest band, under which all is silence
WIDTH = (BANDS + 1) * MOMENTS + 1

Power = NDArray[np.float32]


class View(NamedTuple):
    """How a word is looked at; as it is, by default."""

    start: int = 0  # hundredths of a second by which the word's first moment is moved
    stop: int = 0
    bow: float = 0.0  # by which its middle is moved, as a share of its length
    sway: float = 0.0  # by which its first half is moved one way and its second the other


AS_IT_IS = View()


def spectrogram(sound: Sound) -> Power:
    """The power of each frequency, a frame each hundredth of a second, of a sound `(samples,)` at 16 kHz.

    Returns:
        float32 `(frames, 150)`, with a tenth of a second of silence on either side.
    """
    with extra("learn", "log-mel spectrograms"):
        import librosa
    padded = np.pad(sound, MARGIN)
    spectrum = librosa.stft(padded, n_fft=TRANSFORM, hop_length=HOP, win_length=WINDOW, center=False)
    return np.square(np.abs(spectrum[:BINS])).T.astype(np.float32)


def mel(power: Power, warp: float = 1.0) -> Power:
    """The power in each mel band, float32 `(frames, 16)`, from `(frames, 150)`.

    Frequencies are stretched by the factor `warp`, as by a shorter vocal tract (Jaitly and Hinton, 2013).
    """
    return power @ _filters(round(warp, 2))


def described(bands: Power, view: View = AS_IT_IS) -> NDArray[np.float32]:
    """A word as numbers, float32 `(341,)`, however long and loud it was spoken, from the bands of `mel`.

    The word is cut out of the silence around it and stretched to 20 moments. Each moment is the shape of its
    spectrum, its mean taken away, and its loudness below the word's loudest. The last number is the word's length.
    """
    from scipy.ndimage import gaussian_filter1d

    first, last = endpoints(_decibels(bands.sum(axis=1)))
    first = min(max(first + view.start, 0), len(bands) - 4)
    last = max(min(last + view.stop, len(bands)), first + 4)
    levels = _decibels(bands[first:last])
    levels = gaussian_filter1d(np.maximum(levels, levels.max() - FLOOR), 0.7, axis=1)
    loudness = levels.mean(axis=1, keepdims=True)
    seen = np.concatenate([levels - loudness, loudness - loudness.max()], axis=1)
    share = np.linspace(0, 1, MOMENTS)
    share = share + view.bow * np.sin(np.pi * share) + view.sway * np.sin(2 * np.pi * share)
    places = np.clip(share, 0, 1) * (len(seen) - 1)
    before = np.minimum(places.astype(int), len(seen) - 2)
    weight = (places - before)[:, None]
    stretched = seen[before] * (1 - weight) + seen[before + 1] * weight
    length = np.log2((last - first) / 60)  # about 0 for a word
    return np.append(stretched / 15, length).astype(np.float32)


def features(sound: Sound) -> NDArray[np.float32]:
    """`described` for a sound at 16 kHz that is not silent."""
    if spoken(sound) is None:
        raise LabError("the sound is silent; there is no word in it")
    return described(mel(spectrogram(sound)))


def _decibels(power: NDArray[np.floating]) -> NDArray[np.floating]:
    return 10 * np.log10(power + 1e-8)


@functools.cache
def _filters(warp: float) -> NDArray[np.float32]:
    """Triangles over the bins, `(150, 16)`; a warp moves them down by its factor."""
    with extra("learn", "log-mel spectrograms"):
        import librosa

    triangles = librosa.filters.mel(sr=RATE * warp, n_fft=TRANSFORM, n_mels=BANDS, fmin=LOWEST, fmax=HIGHEST, norm=None)
    return np.ascontiguousarray(triangles[:, :BINS].T)
