"""Beeps and the like are what they say they are."""

import numpy as np
import pytest

from rl_lab.data.noises import LONGEST, SHORTEST, noises
from rl_lab.data.sound import RATE, spoken


@pytest.mark.parametrize("seed", [0, 1])
def test_noises_are_sounds(seed):
    made = noises(40, np.random.default_rng(seed))
    again = noises(40, np.random.default_rng(seed))
    assert np.mean([spoken(sound) is not None for sound in made]) > 0.8  # the others are too short to be heard
    for sound, same in zip(made, again, strict=True):
        assert sound.dtype == np.float32
        assert int(SHORTEST * RATE) <= len(sound) <= int(LONGEST * RATE)
        assert 0.09 < np.abs(sound).max() <= 0.9
        np.testing.assert_array_equal(sound, same)


def test_a_tone_has_partials_of_one_pitch():
    tone = noises(1, np.random.default_rng(3))[0]
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone))))
    hertz = np.fft.rfftfreq(len(tone), 1 / RATE)
    strong = hertz[spectrum > 0.2 * spectrum.max()]
    pitch = strong[0]
    off = np.abs(strong / pitch - np.round(strong / pitch)) * pitch
    assert (off < 30).all()
