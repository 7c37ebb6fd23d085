"""Animals as emoji drawings, from Debian's fonts-noto-color-emoji; `make data` installs it."""

import unicodedata
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.errors import LabError

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
SIZE = 109  # the only one that the font's bitmaps have
SIDE = 32  # of the small grey pictures

CATS = ("😸", "😹", "😺", "😻", "😼", "😽", "😾", "😿", "🙀", "🐱", "🐈", "🐈‍⬛")
BIG_CATS = ("🐅", "🐆", "🐯", "🦁")  # neither learned nor counted: people differ over whether that is a cat
OTHERS = tuple(
    "🐀🐁🐂🐃🐄🐇🐉🐊🐋🐌🐍🐎🐏🐐🐑🐒🐓🐔🐕🐖🐗🐘🐙🐛🐜🐝🐞🐟🐠🐡🐢🐣🐤🐥🐦🐧🐨🐩🐪🐫🐬🐭🐮🐰🐲🐳🐴🐵🐶🐷🐸🐹🐺🐻🐼"
    "🦀🦂🦃🦄🦅🦆🦇🦈🦉🦊🦋🦌🦍🦎🦏🦐🦑🦒🦓🦔🦕🦖🦗🦘🦙🦚🦛🦜🦝🦞🦟🦡🦢🦣🦤🦥🦦🦧🦨🦩🦫🦬🦭🦮"
)


class Drawing(NamedTuple):
    """A glyph as a picture."""

    glyph: str
    name: str
    colours: NDArray[np.uint8]  # (128, 128, 3), on white


def drawings(glyphs: tuple[str, ...]) -> list[Drawing]:
    """Glyphs as pictures, in their order."""
    from PIL import ImageFont

    if not FONT.is_file():
        raise LabError(f"{FONT} is not there; run `make data`, or install Debian's fonts-noto-color-emoji")
    try:
        font = ImageFont.truetype(str(FONT), SIZE)
    except OSError as error:
        raise LabError(f"{FONT} is no font of bitmaps ({error}); install Debian's fonts-noto-color-emoji") from None
    return [Drawing(glyph, unicodedata.name(glyph[0], glyph).lower(), _drawn(glyph, font)) for glyph in glyphs]


def grey(colours: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A picture in colours, small and grey, `(32, 32)`, from 0 to 1: so that colour carries no information."""
    from PIL import Image

    small = Image.fromarray(colours).convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return (np.asarray(small) / 255).astype(np.float32)


def varied(images: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Each picture shifted, scaled, turned, mirrored, and lighter or darker; same generator, same pictures."""
    from scipy.ndimage import affine_transform

    new = np.empty_like(images)
    middle = (np.array(images.shape[1:]) - 1) / 2
    for place, image in enumerate(images):
        angle, scale = rng.uniform(-0.3, 0.3), rng.uniform(0.8, 1.2)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
        turn[:, 1] *= rng.choice([-1, 1])  # mirrored
        shift = middle - turn @ (middle + rng.uniform(-0.08, 0.08, 2) * len(image))
        moved = affine_transform(image, turn, shift, order=1, mode="nearest")
        new[place] = np.clip(0.5 + (moved - 0.5) * rng.uniform(0.6, 1) + rng.uniform(-0.1, 0.1), 0, 1)
    return new


def _drawn(glyph: str, font: object) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (136, 128), "white")
    ImageDraw.Draw(picture).text((0, 0), glyph, font=font, embedded_color=True)  # type: ignore[arg-type]
    colours = np.asarray(picture)[:, 4:132]
    if colours.min() > 250:
        raise LabError(f"{FONT} has no drawing of {glyph!r}; install Debian's fonts-noto-color-emoji")
    return colours
