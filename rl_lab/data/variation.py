"""Variations of a spoken word, as rooms, lines and speakers make them: for training, never for a test."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.data.log_mel import features
from rl_lab.data.sound import RATE, Sound, spoken


class Range(NamedTuple):
    """How much a word is varied; each number is drawn anew for each copy."""

    speed: float = 0.12
    """Played faster or slower by this share at most, pitch and all (Ko et al., 2015)."""
    warp: float = 0.12
    """Frequencies stretched by this share at most, as by another vocal tract (Jaitly and Hinton, 2013)."""
    noise: tuple[float, float] = (12.0, 45.0)
    """Decibels of the word over noise, least and most."""
    tilt: float = 6.0
    """Decibels of treble raised or lowered, at most."""
    edge: float = 0.04
    """Seconds cut off or left at either end, at most."""


def varied(sound: Sound, rng: np.random.Generator, ranges: Range = Range()) -> Sound:
    """One variation of a word: speed, ends, treble, coloured noise and gain; same generator, same sound.

    Args:
        sound: `(samples,)` at 16 kHz, not silent.
        rng: draws what is varied.
        ranges: by how much.
    """
    import soxr

    speed = 1 + ranges.speed * rng.uniform(-1, 1)
    word = soxr.resample(_cut(sound, rng, ranges.edge), RATE * speed, RATE)
    bend = ranges.tilt * rng.uniform(-1, 1)
    word = _tilted(word, bend)
    noise = _tilted(rng.standard_normal(len(word)), rng.uniform(-15, 0))
    level = 10 ** (-rng.uniform(*ranges.noise) / 20)
    noise *= level * np.sqrt(np.mean(word**2) / max(np.mean(noise**2), 1e-12))
    mixed = word + noise
    return (mixed * (rng.uniform(0.1, 0.9) / max(np.abs(mixed).max(), 1e-6))).astype(np.float32)


def variations(sound: Sound, copies: int, rng: np.random.Generator, ranges: Range = Range()) -> NDArray[np.float32]:
    """Features of a word as it is, and of varied copies of it, float32 `(1 + copies, 769)`."""
    rows = [features(sound)]
    for _ in range(copies):
        one = varied(sound, rng, ranges)
        rows.append(features(one, 1 + ranges.warp * rng.uniform(-1, 1)))
    return np.stack(rows)


def _cut(sound: Sound, rng: np.random.Generator, edge: float) -> Sound:
    """The word, with a little more or less at its ends."""
    place = spoken(sound)
    if place is None:
        return sound
    start, stop = rng.integers(-int(edge * RATE), int(edge * RATE), 2, endpoint=True)
    return sound[max(place.start + min(start, 0), 0) : place.stop + max(stop, 0)]


def _tilted(samples: NDArray[np.floating], decibels: float) -> NDArray[np.float64]:
    """Louder by so many decibels at 4 kHz, quieter by as many at 250 Hz, in a straight line over octaves."""
    spectrum = np.fft.rfft(samples)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(samples), 1 / RATE), 60) / 1000) / 2
    return np.fft.irfft(spectrum * 10 ** (decibels * np.clip(octaves, -1, 1) / 20), len(samples))
