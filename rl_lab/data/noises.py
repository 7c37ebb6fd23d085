"""Sounds that nobody says: tones, glides, noises and clicks, so that a recogniser of words knows them as strangers."""

import numpy as np
from numpy.typing import NDArray

from rl_lab.data.sound import RATE, Sound

SHORTEST, LONGEST = 0.15, 1.4  # seconds


def noises(count: int, rng: np.random.Generator) -> list[Sound]:
    """So many sounds, a quarter of them of each kind, float32 at 16 kHz, from -1 to 1."""
    kinds = (_tone, _glide, _noise, _clicks)
    return [_shaped(kinds[place % len(kinds)](_times(rng), rng), rng) for place in range(count)]


def _times(rng: np.random.Generator) -> NDArray[np.float64]:
    return np.arange(int(rng.uniform(SHORTEST, LONGEST) * RATE)) / RATE


def _tone(times: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A beep of one to four partials."""
    pitch, partials = np.exp(rng.uniform(np.log(90), np.log(3000))), rng.integers(1, 5)
    return sum(np.sin(2 * np.pi * pitch * k * times + rng.uniform(0, 6)) / k for k in range(1, partials + 1))


def _glide(times: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A tone that rises or falls."""
    low, high = np.exp(rng.uniform(np.log(90), np.log(4000), 2))
    return np.sin(2 * np.pi * np.cumsum(np.linspace(low, high, len(times))) / RATE)


def _noise(times: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise between white and brown."""
    spectrum = np.fft.rfft(rng.standard_normal(len(times)))
    falling = np.arange(1, len(spectrum) + 1) ** rng.uniform(-1, 0)
    return np.fft.irfft(spectrum * falling, len(times))


def _clicks(times: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Knocks that ring and fade."""
    found = np.zeros(len(times))
    for start in rng.integers(len(times), size=rng.integers(1, 8)):
        after = times[: len(times) - start]
        found[start:] += np.exp(-after / rng.uniform(0.002, 0.05)) * np.sin(2 * np.pi * rng.uniform(200, 4000) * after)
    return found


def _shaped(samples: NDArray[np.float64], rng: np.random.Generator) -> Sound:
    """Faded in and out, as loud as it happens."""
    edge = int(rng.uniform(0.002, 0.05) * RATE)
    ramp = np.minimum(1, np.minimum(np.arange(len(samples)), np.arange(len(samples))[::-1]) / edge)
    loud = samples * ramp
    return (loud * rng.uniform(0.1, 0.9) / max(np.abs(loud).max(), 1e-9)).astype(np.float32)
