"""Sound files as people have them: any rate, channels and numbers, and what is no sound at all."""

import io
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import wavfile

from rl_lab.data import sound
from rl_lab.errors import LabError


def tone(rate=sound.RATE, seconds=0.5, hertz=440.0, level=0.5):
    return level * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


def written(samples, rate=sound.RATE):
    file = io.BytesIO()
    wavfile.write(file, rate, samples)
    return file.getvalue()


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000])
def test_any_rate_becomes_16_khz(rate):
    read = sound.decoded(written(tone(rate).astype(np.float32), rate))
    assert read.dtype == np.float32
    assert abs(len(read) - 8000) <= 1
    spectrum = np.abs(np.fft.rfft(read))
    assert abs(np.fft.rfftfreq(len(read), 1 / sound.RATE)[spectrum.argmax()] - 440) <= 2


@pytest.mark.parametrize(
    ("dtype", "scale"), [(np.int16, 32767), (np.int32, 2**31 - 1), (np.float32, 1), (np.float64, 1)]
)
def test_whole_and_floating_numbers(dtype, scale):
    read = sound.decoded(written((tone() * scale).astype(dtype)))
    np.testing.assert_allclose(read, tone(), atol=1e-4)


def test_stereo_is_mixed():
    both = np.stack([tone(), np.zeros(8000)], axis=1).astype(np.float32)
    np.testing.assert_allclose(sound.decoded(written(both)), tone() / 2, atol=1e-6)


def test_what_is_written_is_read_by_scipy_and_by_us():
    content = sound.wav(tone())
    rate, samples = wavfile.read(io.BytesIO(content))
    assert (rate, samples.dtype) == (sound.RATE, np.int16)
    np.testing.assert_allclose(samples / 32767, tone(), atol=1e-4)
    np.testing.assert_allclose(sound.decoded(content), tone(), atol=1e-4)


def test_a_piped_wav_that_does_not_know_its_length():
    content = bytearray(written((tone() * 32767).astype(np.int16)))
    content[4:8] = content[40:44] = struct.pack("<I", 0xFFFFFFFF)
    assert len(sound.decoded(bytes(content))) == 8000


def test_a_recording_of_a_telephone():
    soundfile.write(content := io.BytesIO(), tone(8000), 8000, format="WAV", subtype="GSM610")
    read = sound.decoded(content.getvalue())
    assert np.corrcoef(read[800:7200], tone()[800:7200])[0, 1] > 0.9


def not_finite():
    samples = tone().astype(np.float32)
    samples[77] = np.nan
    return written(samples)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; give a WAV file"),
        (b"this is a letter, and no sound at all" * 9, "is no audio, or is damaged"),
        (written(tone().astype(np.float32))[:-4000], r"is cut off: \d+ of 32000 bytes"),
        (written(tone().astype(np.float32))[:30], "is cut off before its sound begins"),
        (written(np.zeros(0, np.int16)), "holds no samples"),
        (written(tone(2000).astype(np.float32), 2000), "has 2000 samples a second; speech needs 4000 to 1000000"),
        (written(tone().astype(np.float32), 10**9), "has 1e[+]09 samples a second"),
        (not_finite(), r"sample 77 of .* is \[nan\]; every sample must be finite"),
        (written(np.full(99, 1e38, np.float32)), "full scale is 1"),
    ],
)
def test_what_cannot_be_read(content, message, tmp_path):
    (tmp_path / "it.wav").write_bytes(content)
    with pytest.raises(LabError, match=message):
        sound.read(tmp_path / "it.wav")


def test_a_file_that_is_not_there_or_a_folder(tmp_path):
    for path in (tmp_path / "none.wav", tmp_path):
        with pytest.raises(LabError, match=r"cannot be read|is a folder; give a WAV file"):
            sound.read(path)
    with pytest.raises(LabError, match="/dev/zero is a device; give a WAV file"):
        sound.read("/dev/zero")


def test_a_small_file_of_many_hours_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    import soundfile

    with soundfile.SoundFile(tmp_path / "it.flac", "w", 4000, 1, format="FLAC") as file:
        file.write(np.zeros(4000 * 3601, np.int16))
    assert (tmp_path / "it.flac").stat().st_size < 200_000
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *given, **named: pytest.fail("it was decoded"))
    with pytest.raises(LabError, match=r"it.flac is 1 hours long; give at most an hour of it"):
        sound.read(tmp_path / "it.flac")


@given(
    st.lists(st.tuples(st.integers(30, 60), st.integers(15, 50)), min_size=1, max_size=4),
    st.floats(0.01, 0.9),
    st.integers(0, 2**31),
)
def test_stretches_are_where_something_is_said(plan, level, seed):
    """Pauses and tones of whole hundredths of a second, over faint noise."""
    parts, places, now = [], [], 0
    for pause, length in plan:
        parts += [np.zeros(pause * 160), tone(seconds=length / 100, level=level)]
        places.append((now + pause * 160, now + (pause + length) * 160))
        now = places[-1][1]
    whole = np.concatenate([*parts, np.zeros(4800)])
    whole += np.random.default_rng(seed).normal(0, level / 1000, len(whole))
    found = sound.stretches(whole.astype(np.float32))
    assert len(found) == len(places)
    np.testing.assert_allclose(found, places, atol=320)


def test_silence_and_a_click_are_nothing():
    assert sound.stretches(np.zeros(8000, np.float32)) == []
    assert sound.spoken(np.zeros(0, np.float32)) is None
    click = np.zeros(8000, np.float32)
    click[4000] = 0.9
    assert sound.stretches(click) == []
