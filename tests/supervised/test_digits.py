"""`rl-lab learn digits` as people run it."""

import json

import pytest
from PIL import Image

from rl_lab.errors import LabError
from rl_lab.supervised import digits


def test_digits_are_read_and_drawn(tmp_path):
    found = digits.study(tmp_path / "out", splits=2)
    assert found == json.loads((tmp_path / "out" / "digits.json").read_text())
    assert found["ours"]["mean"] > 0.96
    assert found["difference"] > -0.01
    assert 0.9 < found["ours"]["last third"] < found["ours"]["mean"]  # which is harder
    text = digits.told(found)
    assert f"{found['ours']['mean']:.4f}" in text
    assert "over 2 random thirds" in text
    with Image.open(tmp_path / "out" / "digits.png") as picture:
        assert picture.size == (1320, 912)


def test_one_split_is_refused(tmp_path):
    with pytest.raises(LabError, match="splits=1 is not allowed; it must be at least 2"):
        digits.study(tmp_path, splits=1)
