"""Words in synthetic voices and in a human's; skipped where Debian's packages are not installed."""

import subprocess

import numpy as np
import pytest

from rl_lab.data import cache, sound, speech
from rl_lab.data.speech import Saying, Voice
from rl_lab.errors import LabError

needs_voices = pytest.mark.skipif(not speech.available(), reason="needs espeak-ng, flite and recordings: make data")


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    monkeypatch.setenv("RL_LAB_CACHE", str(tmp_path))
    speech.version.cache_clear()
    yield tmp_path
    speech.version.cache_clear()


@needs_voices
@pytest.mark.parametrize("voice", [speech.VOICES[0], speech.VOICES[3], speech.VOICES[4]], ids=str)
def test_a_voice_speaks_once_and_is_kept(voice, fresh, monkeypatch):
    sayings = [Saying("seven"), Saying("seven", speed=0.7), Saying("goodbye")]
    sounds = speech.spoken_by(voice, sayings)
    lengths = [np.diff(sound.spoken(one))[0] / sound.RATE for one in sounds]
    assert all(0.2 < length < 1.5 for length in lengths)
    assert lengths[1] > 1.1 * lengths[0]
    speech.version(voice.engine)
    monkeypatch.setattr(subprocess, "run", None)  # nothing is synthesised again
    for one, again in zip(sounds, speech.spoken_by(voice, sayings), strict=True):
        np.testing.assert_array_equal(one, again)


@needs_voices
def test_every_voice_is_another():
    said = {speech.spoken_by(voice, [Saying("seven")])[0].tobytes() for voice in speech.VOICES[:12]}
    assert len(said) == 12


@needs_voices
@pytest.mark.parametrize(
    ("voice", "message"),
    [
        (Voice("espeak-ng", "en-us+nobody"), "has no speaker 'nobody'"),  # where espeak-ng says nothing
        (Voice("espeak-ng", "xx-nowhere"), "cannot say 'one' in the voice 'xx-nowhere'"),
    ],
)
def test_a_voice_that_is_none(voice, message, fresh):
    with pytest.raises(LabError, match=message):
        speech.spoken_by(voice, [Saying("one")])


def test_packages_that_are_missing_are_named(fresh, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(speech, "RECORDINGS", tmp_path / "none")
    assert not speech.available()
    with pytest.raises(LabError, match="flite is not installed; run `make data`"):
        speech.spoken_by(Voice("flite", "slt"), [Saying("one")])
    with pytest.raises(LabError, match=r"no recordings in .* run `make data`"):
        speech.recorded()


@needs_voices
def test_recordings_are_sounds_of_the_vocabulary():
    recordings = speech.recorded()
    assert {recording.word for recording in recordings} <= set(speech.VOCABULARY)
    assert set(speech.DIGITS) <= {recording.word for recording in recordings}
    assert all(sound.spoken(sound.read(recording.path)) for recording in recordings)


def test_what_is_kept_is_made_once_and_again_when_damaged(fresh):
    made = []

    def make():
        made.append(1)
        return {"a": np.arange(3)}

    for _ in range(2):
        np.testing.assert_array_equal(cache.kept("things", "key", make)["a"], np.arange(3))
    assert len(made) == 1
    next((fresh / "things").iterdir()).write_bytes(b"damaged")
    np.testing.assert_array_equal(cache.kept("things", "key", make)["a"], np.arange(3))
    assert len(made) == 2
