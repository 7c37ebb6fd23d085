"""`rl-lab represent` as people run it."""

import json

import pytest

from rl_lab.errors import LabError
from rl_lab.lessons import representations


def test_what_layers_know(tmp_path, monkeypatch):
    monkeypatch.setattr(representations, "LOOKS", 40)
    findings = representations.study("rl_lab/Robot-DoorKey-5x5-v0", steps=5000, epochs=1)
    findings.write(tmp_path)
    found = json.loads((tmp_path / "representations.json").read_text())["accuracy"]
    assert list(found)[:2] == ["raw observation", "random network"]
    assert found["raw observation"]["direction"] > 0.95  # which is part of it
    assert all(known["carrying"] > 0.6 for known in found.values())
    assert "balanced accuracy" in findings.text


def test_other_worlds_are_refused():
    with pytest.raises(LabError, match="CartPole-v1 is none of the robot's worlds"):
        representations.study("rl_lab/CartPole-v1", steps=1000)
