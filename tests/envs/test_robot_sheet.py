"""The sheet of the robot's worlds leaves nobody out."""

import importlib.util
from pathlib import Path

import pytest
from PIL import Image

from rl_lab.envs.robot.registration import FAMILIES

SHEET = Path(__file__).parents[2] / "docs" / "worlds.py"


@pytest.fixture(scope="module")
def worlds():
    spec = importlib.util.spec_from_file_location("worlds", SHEET)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_family_is_on_the_sheet(worlds):
    shown = {level.name for row in worlds.ROWS for level in row}
    assert shown <= {"Custom-v0"}.union(*FAMILIES.values())
    missing = [place for place, names in FAMILIES.items() if not shown.intersection(names)]
    assert not missing
    assert "Custom-v0" in shown


def test_levels_stand_side_by_side_with_their_missions(worlds):
    row = worlds.draw_row((worlds.Shown("DistShift1-v0"), worlds.Shown("Empty-5x5-v0")))
    assert isinstance(row, Image.Image)
    assert row.width == worlds.WIDTH * worlds.SCALE
    left, right = row.width * 9 // 28, row.width * 23 // 28  # of nine cells, and of five
    assert row.getpixel((right, 10)) == worlds.PAPER  # the smaller world is lower, and stands on the same line
    assert row.getpixel((left, 10)) != worlds.PAPER


def test_cells_are_alike_and_emptiness_around_a_level_is_left_out(worlds):
    multiroom, _ = worlds.level(worlds.Shown("MultiRoom-N2-S4-v0"))
    empty, _ = worlds.level(worlds.Shown("Empty-5x5-v0"))
    assert empty.size == (5 * worlds.TILE, 5 * worlds.TILE)
    assert max(multiroom.size) < 10 * worlds.TILE  # of 25 cells
    assert worlds.resized(empty, 0.5).size == (5 * worlds.TILE // 2, 5 * worlds.TILE // 2)


def test_missions_are_wrapped_by_their_width(worlds):
    font = worlds._font("regular", 12)
    lines = worlds.wrapped("get the green key from the purple room", font, 200)
    assert " ".join(lines) == "get the green key from the purple room"
    assert len(lines) > 1
    assert all(font.getlength(line) <= 200 for line in lines)
