"""Log-mel features, what they do not depend on, and variations of them."""

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_lab.data import corpus, log_mel
from rl_lab.errors import LabError


def word(seed=0, seconds=0.4):
    """A buzz whose formant glides, between silences."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(16000 * seconds)) / 16000
    glide = np.sin(2 * np.pi * np.cumsum(np.linspace(*rng.uniform(300, 2500, 2), len(time))) / 16000)
    buzz = glide * np.sign(np.sin(2 * np.pi * 120 * time)) * np.hanning(len(time)) ** 0.2
    return np.pad(0.3 * buzz, 3200).astype(np.float32)


def test_bands_are_librosas():
    sound = word()
    power = librosa.feature.melspectrogram(
        y=np.pad(sound, log_mel.MARGIN), sr=16000, n_fft=512, hop_length=160, win_length=400, center=False,
        n_mels=16, fmin=100, fmax=3700, norm=None,
    )  # fmt: skip
    np.testing.assert_allclose(log_mel.mel(log_mel.spectrogram(sound)), power.T, rtol=1e-4, atol=1e-6)


@given(st.floats(0.05, 1.0), st.integers(0, 4000), st.integers(0, 5))
def test_neither_loudness_nor_silence_around_a_word_counts(gain, silence, seed):
    sound = word(seed)
    moved = np.pad(gain * sound, (silence // 160 * 160, 640)).astype(np.float32)
    np.testing.assert_allclose(log_mel.features(moved), log_mel.features(sound), atol=0.05)


def test_a_warp_moves_bands_up():
    power = log_mel.spectrogram(word())
    middle = [np.average(np.arange(16), weights=log_mel.mel(power, warp).sum(axis=0)) for warp in (0.8, 1.0, 1.2)]
    assert middle[0] < middle[1] < middle[2]


def test_silence_has_no_features():
    with pytest.raises(LabError, match="the sound is silent"):
        log_mel.features(np.zeros(16000, np.float32))


def test_variations_are_near_the_word_and_nearer_than_other_words():
    power = log_mel.spectrogram(word(1))
    copies = corpus.variations(power, 20, np.random.default_rng(0))
    assert copies.shape == (20, log_mel.WIDTH)
    assert np.isfinite(copies).all()
    itself, other = log_mel.features(word(1)), log_mel.features(word(2))
    distances = np.linalg.norm(copies - itself, axis=1), np.linalg.norm(copies - other, axis=1)
    assert (distances[0] < distances[1]).mean() > 0.9
    assert distances[0].min() > 0


def test_the_same_seed_varies_in_the_same_bytes():
    power = log_mel.spectrogram(word())
    one, two, other = (corpus.variations(power, 3, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.tobytes() == two.tobytes() != other.tobytes()
