"""`rl-lab learn digits` as people run it."""

import json

import pytest
from PIL import Image

from rl_lab.errors import LabError
from rl_lab.lessons import digits
from rl_lab.lessons.findings import Findings


def test_digits_are_read_and_drawn(tmp_path):
    findings = digits.study(splits=2)
    page = findings.write(tmp_path / "out")
    found = json.loads((tmp_path / "out" / "digits.json").read_text())
    assert found == findings.figures
    assert found["ours"]["mean"] > 0.96
    assert found["difference"] > -0.01
    assert 0.9 < found["ours"]["last third"] < found["ours"]["mean"]  # which is harder
    assert f"{found['ours']['mean']:.4f}" in findings.text
    assert "over 2 random thirds" in page.read_text()
    with Image.open(tmp_path / "out" / "digits.png") as picture:
        assert picture.size == (1320, 912)


def test_one_split_is_refused():
    with pytest.raises(LabError, match="splits=1 is not allowed; it must be at least 2"):
        digits.study(splits=1)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match=r"cannot be made or written to .*name another folder"):
        Findings("x", "?", [], {}).write(tmp_path / "file" / "out")
