"""Pictures of words and back."""

import numpy as np
import pytest

from rl_lab.data import mel_image, speech
from rl_lab.data.sound import RATE
from rl_lab.errors import LabError


def tones(*hertz, seconds=0.5):
    """Tones, with silence around them."""
    times = np.arange(int(RATE * seconds)) / RATE
    return np.pad(sum(0.2 * np.sin(2 * np.pi * f * times) for f in hertz), 3000).astype(np.float32)


def test_a_tone_is_a_line_and_comes_back_as_the_tone():
    for hertz in (300, 1000, 2500):
        drawn = mel_image.picture(tones(hertz))
        assert drawn.shape == (mel_image.WIDTH,)
        assert drawn.min() >= 0
        assert drawn.max() <= 1
        image, length = mel_image.unpacked(drawn)
        assert length == pytest.approx(50, abs=6)
        assert len(set(image[5:-5].argmax(axis=1))) == 1
        back = mel_image.sound_of(drawn, seed=1)
        strongest = np.abs(np.fft.rfft(back)).argmax() * RATE / len(back)
        assert strongest == pytest.approx(hertz, rel=0.08)
        assert np.abs(back).max() == pytest.approx(0.9, abs=1e-3)


@pytest.mark.skipif(not speech.available(), reason="`make data` installs the voices")
def test_a_word_made_picture_and_sound_again_is_much_the_same_word():
    sounds = speech.spoken_by(speech.VOICES[0], [speech.Saying("seven"), speech.Saying("two")])
    first = [mel_image.picture(sound) for sound in sounds]
    again = [mel_image.picture(mel_image.sound_of(picture)) for picture in first]
    alike = np.corrcoef(first, again)[:2, 2:]
    assert np.diag(alike).min() > 0.95 > 0.9 > alike[0, 1]


def test_length_and_seed():
    short, long = (mel_image.picture(tones(500, seconds=seconds)) for seconds in (0.3, 1.2))
    assert len(mel_image.sound_of(long)) > 2.5 * (len(mel_image.sound_of(short)) - RATE // 5)
    np.testing.assert_array_equal(mel_image.sound_of(short, 3), mel_image.sound_of(short, 3))
    stretched = mel_image.stretched(np.arange(12.0).reshape(4, 3), 7)
    np.testing.assert_allclose(stretched[::2], np.arange(12.0).reshape(4, 3))


def test_silence_is_refused():
    with pytest.raises(LabError, match="the sound is silent; there is no word in it"):
        mel_image.picture(np.zeros(RATE, np.float32))
