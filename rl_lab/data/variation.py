"""Variations of a spoken word, as speakers, rooms and lines make them: for training, never for a test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rl_lab.data.log_mel import BINS, WIDTH, Power, View, described, mel
from rl_lab.data.sound import RATE

HERTZ = np.arange(BINS) * RATE / 512
SPEECH = slice(4, 120)  # bins of the band that is looked at


@dataclass(frozen=True)
class VariationRange:
    """How much a word is varied; each number is drawn anew for each copy."""

    warp: float = 0.2
    """Frequencies stretched by this share at most, as by another vocal tract (Jaitly and Hinton, 2013)."""
    noise: tuple[float, float] = (12.0, 45.0)
    """Decibels of the word's loudest moment over noise, least and most."""
    tilt: float = 10.0
    """Decibels of treble raised or lowered, at most."""
    equaliser: float = 3.0
    """Deviation of the decibels by which a line colours a sound, at 8 frequencies up to 4 kHz."""
    edge: int = 4
    """Hundredths of a second by which the word's ends are moved, at most."""
    bow: float = 0.12
    """Share of the word by which its middle is moved, at most."""
    sway: float = 0.05
    """Share by which its halves are moved against one another, at most."""


def variations(
    power: Power, copies: int, rng: np.random.Generator, ranges: VariationRange = VariationRange()
) -> NDArray[np.float32]:
    """Features of varied copies of a word, float32 `(copies, 341)`; same generator, same copies.

    Args:
        power: the word's, from `spectrogram`.
        copies: how many.
        rng: draws what is varied.
        ranges: by how much.
    """
    rows = np.empty((copies, WIDTH), np.float32)
    for row in rows:
        heard = _heard(power, rng, ranges)
        start, stop = rng.integers(-ranges.edge, ranges.edge, 2, endpoint=True).tolist()
        view = View(start, stop, ranges.bow * rng.uniform(-1, 1), ranges.sway * rng.uniform(-1, 1))
        row[:] = described(mel(heard, 1 + ranges.warp * rng.uniform(-1, 1)), view)
    return rows


def _heard(power: Power, rng: np.random.Generator, ranges: VariationRange) -> Power:
    """The word over coloured noise, through a line that colours both."""
    colour = np.maximum(HERTZ, 60) ** -rng.uniform(0, 2)
    colour /= colour[SPEECH].sum()
    level = power[:, SPEECH].sum(axis=1).max() * 10 ** (-rng.uniform(*ranges.noise) / 10)
    noisy = power + level * colour * rng.exponential(1, power.shape)  # a periodogram of noise is exponential
    octaves = np.clip(np.log2(np.maximum(HERTZ, 60) / 1000) / 2, -1, 1)
    line = np.interp(HERTZ, np.linspace(0, 4000, 8), rng.normal(0, ranges.equaliser, 8))
    decibels = ranges.tilt * rng.uniform(-1, 1) * octaves + line
    return (noisy * 10 ** (decibels / 10)).astype(np.float32)
