"""Faces and cats as people run them, and the figures behind them."""

import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from rl_lab.data import glyphs
from rl_lab.errors import LabError
from rl_lab.lessons import cats, faces, yes_or_no


def test_faces_are_found_and_drawn(tmp_path):
    findings = faces.study(folds=2)
    findings.write(tmp_path / "out")
    found = json.loads((tmp_path / "out" / "faces.json").read_text())
    assert found == findings.figures
    assert found["ours"]["balanced accuracy"] > 0.9
    assert found["ours"]["interval"][0] < found["ours"]["balanced accuracy"] < found["ours"]["interval"][1]
    assert found["ours"]["balanced accuracy"] > found["logistic regression"]["balanced accuracy"] - 0.05
    assert f"{found['ours']['balanced accuracy']:.3f}" in findings.text
    assert (tmp_path / "out" / "faces.png").stat().st_size > 10_000


@pytest.mark.skipif(not glyphs.FONT.is_file(), reason="needs fonts-noto-color-emoji: make data")
def test_cats_are_drawings_and_the_photograph_is_told_as_it_is(monkeypatch):
    monkeypatch.setattr(cats, "COPIES", 1)
    findings = cats.study(folds=2)
    found = findings.figures
    assert (found["pictures"], found["with it"], len(found["cats"])) == (111, 12, 12)
    assert found["ours"]["balanced accuracy"] > 0.6  # chance is 0.5
    share = found["spot checks"]["the photograph"]
    assert ("is not called a cat" in findings.text) == (share <= 0.5)
    assert f"({share:.0%})" in findings.text
    assert "drawings of one font" in findings.text


def test_answers_that_mean_nothing_are_not_learned():
    rng = np.random.default_rng(0)
    images, labels = rng.random((80, 6, 6), np.float32), np.arange(80) % 2 == 0
    question = yes_or_no.YesNoQuestion("a thing", images, labels, lambda some, rng: some, 1)
    found = yes_or_no.summary(question, yes_or_no.ask(question, 4, 0), 0)
    for name in yes_or_no.COLOURS:
        low, high = found[name]["interval"]
        assert low < 0.5 < high


def test_a_picture_is_never_both_learned_and_tested():
    """A picture that only itself could explain: each has one bright pixel of its own."""
    images, labels = np.eye(64, dtype=np.float32).reshape(64, 8, 8), np.arange(64) < 32
    question = yes_or_no.YesNoQuestion("a thing", images, labels, lambda some, rng: some, 3)
    answers = yes_or_no.ask(question, 4, 0)["logistic regression"]
    assert ((answers.probabilities > 0.5) == labels).mean() < 0.75


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=4, max_size=60))
def test_balanced_accuracy_is_scikit_learns(pairs):
    right, labels = (np.array(column) for column in zip(*pairs, strict=True))
    assume(labels.any() and not labels.all())
    mean, (low, high) = yes_or_no.balanced_accuracy(right, labels)
    assert mean == pytest.approx(balanced_accuracy_score(labels, np.where(right, labels, ~labels)))
    assert low <= mean <= high
    assert high - low > 0.01  # open, however few were wrong


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    labels = np.arange(120) < 20
    covered = 0
    for _ in range(300):
        right = np.where(labels, rng.random(120) < 0.85, rng.random(120) < 0.95)
        low, high = yes_or_no.balanced_accuracy(right, labels)[1]
        covered += low <= 0.9 <= high
    assert 0.91 <= covered / 300 <= 0.99


@pytest.mark.parametrize("folds", [1, 101])
def test_folds_that_cannot_be(folds):
    with pytest.raises(LabError, match=rf"splits={folds} is not allowed; it must be from 2 to 100"):
        faces.study(folds)
