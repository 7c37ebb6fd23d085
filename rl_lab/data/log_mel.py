"""What a recogniser sees of a word: how loud each mel band was, over the word's length, as decibels.

Davis and Mermelstein (1980), "Comparison of parametric representations for monosyllabic word recognition";
the filters and the Fourier transform are librosa's.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from rl_lab.data.sound import HOP, RATE, Sound, spoken
from rl_lab.errors import LabError

WINDOW = 400  # samples, 25 ms
BINS = 512
BANDS = 24
LOWEST, HIGHEST = 100.0, 3_700.0  # Hz: what a telephone carries, so that a call and a studio look alike
MOMENTS = 32  # to which a word of any length is stretched
FLOOR = 50.0  # dB below the word's loudest band, under which all is silence
WIDTH = BANDS * MOMENTS + 1


def log_mel(sound: Sound, warp: float = 1.0) -> NDArray[np.float32]:
    """Decibels of each mel band, float32 `(frames, 24)`, a frame each hundredth of a second.

    Args:
        sound: `(samples,)` at 16 kHz.
        warp: how far frequencies are stretched, as by a shorter vocal tract (Jaitly and Hinton, 2013).

    Raises:
        LabError: librosa is missing.
    """
    try:
        import librosa
    except ImportError:
        raise LabError("log-mel features need librosa, which is not installed; pip install 'rl-lab[learn]'") from None
    padded = sound if len(sound) >= BINS else np.pad(sound, (0, BINS - len(sound)))
    spectrum = librosa.stft(padded, n_fft=BINS, hop_length=HOP, win_length=WINDOW, pad_mode="constant")
    power = np.square(np.abs(spectrum)).T @ _filters(round(warp, 3)).T
    return (10 * np.log10(np.maximum(power, 1e-10))).astype(np.float32)


def features(sound: Sound, warp: float = 1.0) -> NDArray[np.float32]:
    """A word as numbers, however long and loud it was spoken, float32 `(769,)`.

    The word is cut out of the silence around it and stretched to 32 moments. Each band's mean over the word is
    taken away, and with it the microphone and the line; the last number is the word's length.

    Args:
        sound: `(samples,)` at 16 kHz.
        warp: see `log_mel`.

    Raises:
        LabError: the sound is silent.
    """
    place = spoken(sound)
    if place is None:
        raise LabError("the sound is silent; there is no word in it")
    decibels = log_mel(sound[place.start : place.stop], warp)
    decibels = np.maximum(decibels, decibels.max() - FLOOR)
    decibels -= decibels.mean(axis=0)
    moments = np.linspace(0, len(decibels) - 1, MOMENTS)
    before = np.minimum(moments.astype(int), len(decibels) - 2 if len(decibels) > 1 else 0)
    share = (moments - before)[:, None]
    stretched = decibels[before] * (1 - share) + decibels[np.minimum(before + 1, len(decibels) - 1)] * share
    length = np.log2(len(decibels) / 60)  # about 0 for a word
    return np.append(stretched / 15, length).astype(np.float32)


@functools.cache
def _filters(warp: float) -> NDArray[np.float32]:
    """Triangles over the bins of the Fourier transform, `(24, 257)`; a warp moves them down by its factor."""
    import librosa

    return librosa.filters.mel(sr=RATE * warp, n_fft=BINS, n_mels=BANDS, fmin=LOWEST, fmax=HIGHEST)
