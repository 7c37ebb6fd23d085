"""Sound: files of any rate in, mono at 16 kHz out; where something is said in it."""

import io
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.errors import LabError, extra
from rl_lab.files import read_bytes
from rl_lab.memory import check_memory

RATE = 16_000  # samples a second, of every sound in the lab
LONGEST = 3600  # seconds of a file
LEAST_RATE = 4_000  # below it the band is gone that tells vowels apart
MOST_RATE = 1_000_000
LOUDEST = 1e6  # a file of floating-point numbers may go beyond full scale; powers of more are infinite
STREAMED = 0x7FFFFF00  # a WAV that was piped claims at least so many bytes, as its writer could not know
HOP = RATE // 100
PAUSE, SHORTEST = 25, 8  # hundredths of a second: of quiet that part two stretches, of a stretch; a click is shorter
QUIET = -65.0  # dB of full scale; a recording whose loudest moment lies below it is silent
DEPTH = 32.0  # dB below the loudest moment, down to which speech counts

Sound = NDArray[np.float32]


class Stretch(NamedTuple):
    """A part of a sound, in samples."""

    start: int
    stop: int


def read(path: str | Path) -> Sound:
    """A sound file, WAV or another format that libsndfile knows, of any rate of at least 4 kHz.

    Returns:
        Mono at 16 kHz, float32 `(samples,)`, full scale at 1.

    Raises:
        LabError: there is no such file, it is empty, cut off, no audio, or holds numbers that are not finite.
    """
    content = read_bytes(Path(path), "a WAV file")
    if not content:
        raise LabError(f"{path} is empty; give a WAV file with sound in it")
    return decoded(content, str(path))


def decoded(content: bytes, name: str = "the sound") -> Sound:
    """`read` for the content of a file; `name` is what errors call it."""
    _refuse_cut(content, name)
    with extra("learn", "reading a sound file"):
        import soundfile
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            rate = file.samplerate
            if file.frames > LONGEST * rate:  # a few kB can hold days of silence
                raise LabError(f"{name} is {file.frames / rate / 3600:.3g} hours long; give at most an hour of it")
            check_memory(12.0 * file.frames * file.channels, f"{name}, decoded,", "give a shorter part of it")
            samples = file.read(file.frames, dtype="float32", always_2d=True)  # some formats cannot be sought in
    except LabError:
        raise
    except (soundfile.LibsndfileError, TypeError, ValueError):
        raise LabError(f"{name} is no audio, or is damaged; give a WAV file, of any rate, mono or stereo") from None
    if not len(samples):
        raise LabError(f"{name} holds no samples; give a WAV file with sound in it")
    if (odd := np.flatnonzero(~(np.abs(samples) < LOUDEST).all(axis=1))).size:
        raise LabError(
            f"sample {odd[0]} of {name} is {samples[odd[0]].tolist()}; every sample must be finite, and full scale is 1"
        )
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise LabError(f"{name} has {rate:g} samples a second; speech needs {LEAST_RATE} to {MOST_RATE}")
    mono = samples.mean(axis=1)
    if rate != RATE:
        with extra("learn", "resampling"):
            import soxr
        mono = soxr.resample(mono, rate, RATE)
    return np.ascontiguousarray(mono, np.float32)


def wav(sound: NDArray[np.floating], rate: int = RATE) -> bytes:
    """A mono sound `(samples,)` as the content of a WAV file of 16 bits; what lies beyond full scale, 1, is clipped."""
    with extra("learn", "writing a sound file"):
        import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.clip(sound, -1, 1), rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def loudness(sound: Sound) -> NDArray[np.float64]:
    """Decibels of full scale in each hundredth of a second, `(hops,)`, over windows of 25 ms."""
    hops = max(len(sound) // HOP, 1)
    squares = np.concatenate([[0.0], np.cumsum(np.square(sound, dtype=np.float64))])
    middles = np.arange(hops) * HOP + HOP // 2
    starts, stops = np.maximum(middles - 200, 0), np.minimum(middles + 200, len(sound))
    power = (squares[stops] - squares[starts]) / np.maximum(stops - starts, 1)
    return 10 * np.log10(np.maximum(power, 1e-10))


def stretches(sound: Sound) -> list[Stretch]:
    """Where something is said in a sound at 16 kHz: stretches louder than silence, apart by pauses, in order.

    Speech is what lies less than 32 dB below the loudest moment, and nearer to it than to the background.
    """
    levels = loudness(sound)
    if levels.max() < QUIET:
        return []
    found: list[list[int]] = []
    for hop in np.flatnonzero(levels >= _floor(levels)).tolist():
        if found and hop - found[-1][1] < PAUSE:
            found[-1][1] = hop + 1
        else:
            found.append([hop, hop + 1])
    return [Stretch(a * HOP, min(b * HOP, len(sound))) for a, b in found if b - a >= SHORTEST]


def spoken(sound: Sound) -> Stretch | None:
    """From the first moment at which something is said to the last, or None where the sound is silent."""
    found = stretches(sound)
    return Stretch(found[0].start, found[-1].stop) if found else None


def endpoints(levels: NDArray[np.floating]) -> tuple[int, int]:
    """The first and one past the last of some levels, in decibels, at which something is said."""
    loud = np.flatnonzero(levels >= _floor(levels))
    return int(loud[0]), int(loud[-1]) + 1


def _floor(levels: NDArray[np.floating]) -> float:
    loudest, background = float(levels.max()), float(np.percentile(levels, 10))
    return max(loudest - DEPTH, background + 0.3 * (loudest - background))


def _refuse_cut(content: bytes, name: str) -> None:
    """Refuse a WAV file that ends before its header says; libsndfile would read what is there in silence."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return
    place = 12
    while place + 8 <= len(content):
        kind, size = content[place : place + 4], struct.unpack("<I", content[place + 4 : place + 8])[0]
        there = len(content) - place - 8
        if kind == b"data":
            if size > there and size < STREAMED:
                raise LabError(f"{name} is cut off: {there} of {size} bytes of sound are there; use a whole copy of it")
            return
        place += 8 + size + size % 2
    raise LabError(f"{name} is cut off before its sound begins; use a whole copy of it")
