"""Draws a level of every family of the robot's worlds on one sheet, which the README of `envs/robot` shows.

python docs/worlds.py [--out docs/worlds.png]
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import tyro

import rl_lab  # noqa: F401  # which registers them
from rl_lab.envs.robot.registration import PREFIX


class Shown(NamedTuple):
    """A level."""

    name: str
    """Its id without what they have in common."""
    seed: int = 0


SHEET = [
    *(Shown("Empty-8x8-v0"), Shown("FourRooms-v0", 5), Shown("DoorKey-8x8-v0", 2), Shown("SimpleCrossingS11N5-v0", 1)),
    *(Shown("LavaCrossingS9N2-v0", 3), Shown("LavaGapS7-v0", 1), Shown("DistShift2-v0")),
    *(Shown("Dynamic-Obstacles-8x8-v0", 2), Shown("Fetch-8x8-N3-v0", 4), Shown("GoToDoor-8x8-v0", 1)),
    *(Shown("GoToObject-8x8-N2-v0", 1), Shown("PutNear-8x8-N3-v0", 3), Shown("Unlock-v0", 2)),
    *(Shown("UnlockPickup-v0", 1), Shown("BlockedUnlockPickup-v0", 4), Shown("KeyCorridorS4R3-v0", 1)),
    *(Shown("LockedRoom-v0", 1), Shown("MultiRoom-N6-v0", 6), Shown("MemoryS13-v0", 2)),
    *(Shown("ObstructedMaze-Full-v1", 1), Shown("RedBlueDoors-8x8-v0", 1), Shown("Playground-v0", 1)),
    *(Shown("Maze-25x25-v0", 1), Shown("Maze-Braided-25x25-v0", 1), Shown("Custom-v0")),
]
COLUMNS, SCALE = 5, 2  # pixels of the sheet to one of the page
SIDE, GAP, TITLE, WORDS = 230, 26, 17, 13  # of a picture, between them, of letters
INK, FAINT, PAPER = (26, 26, 26), (105, 105, 105), (255, 255, 255)


def main(out: Path = Path("docs/worlds.png")) -> None:
    """Draw the sheet.

    Args:
        out: where it is kept.
    """
    from PIL import Image, ImageDraw, ImageFont

    bold, plain = (ImageFont.truetype(_font(name), SCALE * size) for name, size in (("-Bold", TITLE), ("", WORDS)))
    rows = -(-len(SHEET) // COLUMNS)
    across, down = (SIDE + GAP) * SCALE, (SIDE + GAP + TITLE + 3 * WORDS + 32) * SCALE
    sheet = Image.new("RGB", (COLUMNS * across + GAP * SCALE, rows * down + GAP * SCALE), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, shown in enumerate(SHEET):
        left, top = GAP * SCALE + number % COLUMNS * across, GAP * SCALE + number // COLUMNS * down
        image, mission = level(shown)
        height, width = image.shape[:2]
        side = SIDE * SCALE
        sheet.paste(Image.fromarray(image), (left + (side - width) // 2, top + side - height))
        below = top + side + 8 * SCALE
        draw.text((left, below), shown.name.rpartition("-v")[0], INK, bold)
        for line, words in enumerate(textwrap.wrap(mission, 34)[:3]):
            draw.text((left, below + (TITLE + 6 + line * (WORDS + 3)) * SCALE), words, FAINT, plain)
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(128).save(out, optimize=True)
    print(f"{out}: {len(SHEET)} levels, {sheet.width}x{sheet.height} pixels, {out.stat().st_size / 1e3:.0f} kB")


def level(shown: Shown) -> tuple[np.ndarray, str]:
    """A level as an image of about `SIDE` pixels, and its mission."""
    arguments = {"observation": "dict", "render_mode": "rgb_array", "debug": True}
    config = gym.make(PREFIX + shown.name, **arguments).unwrapped.lanes.config[0]
    side = SIDE * SCALE // max(int(config["width"]), int(config["height"]))
    env = gym.make(PREFIX + shown.name, tile_size=side, **arguments)
    observation, _ = env.reset(seed=shown.seed)
    return env.render(), observation["mission"]


def _font(style: str) -> str:
    """A font that comes with matplotlib."""
    from matplotlib import font_manager

    return font_manager.findfont(f"DejaVu Sans:{'bold' if style else 'regular'}")


if __name__ == "__main__":
    tyro.cli(main)
