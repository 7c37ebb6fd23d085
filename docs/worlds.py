"""Draws a level of every family of the robot's worlds on one sheet, which the README of `envs/robot` shows.

python docs/worlds.py [--out docs/worlds.png]
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import tyro

import rl_lab  # noqa: F401  # which registers them
from rl_lab.envs.robot.cells import EMPTY
from rl_lab.envs.robot.registration import PREFIX
from rl_lab.envs.robot.world import cells_of


class Shown(NamedTuple):
    """A level."""

    name: str
    """Its id without what they have in common."""
    seed: int = 0


ROWS = (  # alike in height, and 28 to 46 cells side by side, so that a cell has at least 23 pixels of the page
    (
        *(Shown("Empty-8x8-v0"), Shown("DoorKey-8x8-v0", 2), Shown("LavaGapS7-v0", 1)),
        *(Shown("LavaCrossingS9N2-v0", 3), Shown("SimpleCrossingS9N2-v0", 1)),
    ),
    (
        *(Shown("Fetch-8x8-N3-v0", 4), Shown("GoToObject-8x8-N2-v0", 1), Shown("PutNear-8x8-N3-v0", 3)),
        *(Shown("GoToDoor-8x8-v0", 1), Shown("Dynamic-Obstacles-8x8-v0", 2)),
    ),
    (
        *(Shown("Unlock-v0", 2), Shown("UnlockPickup-v0", 1), Shown("BlockedUnlockPickup-v0", 4)),
        Shown("ObstructedMaze-1Dlh-v0", 1),
    ),
    (Shown("RedBlueDoors-8x8-v0", 1), Shown("Custom-v0"), Shown("DistShift2-v0")),
    (Shown("MemoryS9-v0", 2), Shown("Scout-9x9-v0", 1), Shown("KeyCorridorS4R3-v0", 1)),
    (Shown("ObstructedMaze-Full-v1", 1), Shown("Maze-15x15-v0", 1), Shown("Maze-Braided-15x15-v0", 1)),
    (Shown("MultiRoom-N6-v0", 14), Shown("FourRooms-v0", 5)),
    (Shown("LockedRoom-v0", 1), Shown("Playground-v0", 1)),
)
WIDTH, MARGIN, GAP, SCALE = 1120, 8, 22, 2  # of the page, around it, between pictures; pixels of the sheet to each
TITLE, WORDS, LEADING, SPACE = 14, 12, 16, 24  # of letters, from line to line, between rows
TILE = 64  # pixels of a cell's side before pictures are made to fit
INK, FAINT, PAPER = (26, 26, 26), (96, 96, 96), (255, 255, 255)


def main(out: Path = Path("docs/worlds.png")) -> None:
    """Draw the sheet.

    Args:
        out: where it is kept.
    """
    from PIL import Image

    rows = [draw_row(row) for row in ROWS]
    margin, space = MARGIN * SCALE, SPACE * SCALE
    height = 2 * margin + sum(row.height for row in rows) + space * (len(rows) - 1)
    sheet = Image.new("RGB", ((WIDTH + 2 * MARGIN) * SCALE, height), PAPER)
    top = margin
    for row in rows:
        sheet.paste(row, (margin, top))
        top += row.height + space
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out, optimize=True)  # a palette would change purple, or tint the greys
    levels = sum(map(len, ROWS))
    print(f"{out}: {levels} levels, {sheet.width}x{sheet.height} pixels, {out.stat().st_size / 1e3:.0f} kB")


def draw_row(row: tuple[Shown, ...]) -> Any:
    """An image of levels side by side, all cells alike, standing on one line, with names and missions below."""
    from PIL import Image, ImageDraw

    bold, plain = _font("bold", TITLE), _font("regular", WORDS)
    levels = [level(shown) for shown in row]
    share = (WIDTH - GAP * (len(row) - 1)) * SCALE / sum(picture.width for picture, _ in levels)
    pictures = [resized(picture, share) for picture, _ in levels]
    missions = [wrapped(words, plain, picture.width) for (_, words), picture in zip(levels, pictures, strict=True)]
    line = max(picture.height for picture in pictures)
    first = line + (TITLE + 14) * SCALE
    image = Image.new("RGB", (WIDTH * SCALE, first + LEADING * SCALE * max(map(len, missions))), PAPER)
    draw, left = ImageDraw.Draw(image), 0
    for shown, picture, lines in zip(row, pictures, missions, strict=True):
        image.paste(picture, (left, line - picture.height))
        draw.text((left, line + 7 * SCALE), shown.name.rpartition("-v")[0], INK, bold)
        for number, words in enumerate(lines):
            draw.text((left, first + LEADING * SCALE * number), words, FAINT, plain)
        left += picture.width + GAP * SCALE
    return image


def level(shown: Shown) -> tuple[Any, str]:
    """A level as an image, without the emptiness around it that some have, and its mission."""
    from PIL import Image

    env = gym.make(PREFIX + shown.name, observation="dict", render_mode="rgb_array", tile_size=TILE, debug=True)
    observation, _ = env.reset(seed=shown.seed)
    columns, rows = np.nonzero(cells_of(*env.unwrapped.lanes.record(0)) != EMPTY)
    box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    picture = Image.fromarray(np.asarray(env.render())).crop([int(side) * TILE for side in box])
    return picture, observation["mission"] or "no mission"


def resized(picture: Any, share: float) -> Any:
    """A picture smaller by so much, or larger."""
    from PIL import Image

    return picture.resize((int(picture.width * share), int(picture.height * share)), Image.Resampling.LANCZOS)


def wrapped(text: str, font: Any, width: int) -> list[str]:
    """Lines of a text that are no wider than so many pixels."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _font(weight: str, size: int) -> Any:
    """A font that comes with matplotlib."""
    from matplotlib import font_manager
    from PIL import ImageFont

    return ImageFont.truetype(font_manager.findfont(f"DejaVu Sans:{weight}"), SCALE * size)


if __name__ == "__main__":
    tyro.cli(main)
