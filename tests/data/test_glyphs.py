"""Drawn animals and their variations; skipped where the font is not installed."""

import numpy as np
import pytest

from rl_lab.data import glyphs
from rl_lab.errors import LabError

needs_font = pytest.mark.skipif(not glyphs.FONT.is_file(), reason="needs fonts-noto-color-emoji: make data")


@needs_font
def test_every_animal_has_a_drawing_of_its_own():
    drawn = glyphs.drawings((*glyphs.CATS, *glyphs.BIG_CATS, *glyphs.OTHERS))
    assert len({one.colours.tobytes() for one in drawn}) == len(drawn) == 115
    assert all("cat" in one.name for one in drawn[:12])
    assert not any("cat" in one.name for one in drawn[16:])
    small = glyphs.grey(drawn[0].colours)
    assert small.shape == (32, 32)
    assert 0 <= small.min() < 0.4 < 0.9 < small.max() <= 1


@needs_font
def test_a_glyph_that_the_font_does_not_draw():
    with pytest.raises(LabError, match="has no drawing of ' '"):
        glyphs.drawings((" ",))


def test_a_font_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(glyphs, "FONT", tmp_path / "none.ttf")
    with pytest.raises(LabError, match="run `make data`, or install Debian's fonts-noto-color-emoji"):
        glyphs.drawings(glyphs.CATS)


def test_variations_stay_pictures_and_repeat():
    images = np.random.default_rng(0).random((4, 32, 32), np.float32)
    one, two, other = (glyphs.varied(images, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.tobytes() == two.tobytes() != other.tobytes()
    assert one.shape == images.shape
    assert 0 <= one.min() < one.max() <= 1
