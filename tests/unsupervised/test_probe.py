"""Linear probes, against scikit-learn's logistic regression."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import StandardScaler

from rl_lab.errors import LabError
from rl_lab.unsupervised.probe import probe


def test_what_is_linear_is_read_off_as_scikit_learn_does():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((4000, 6)) * [1, 10, 0.1, 1, 1, 1]
    labels = (features[:, 1] + 3 * rng.standard_normal(4000) > 4).astype(int)
    groups = np.arange(4000) // 50
    found = probe(features, labels, groups)
    held = np.isin(groups, np.random.default_rng(0).permutation(80)[:40])
    scaled = StandardScaler().fit(features[~held])
    theirs = LogisticRegression(class_weight="balanced").fit(scaled.transform(features[~held]), labels[~held])
    expected = balanced_accuracy_score(labels[held], theirs.predict(scaled.transform(features[held])))
    assert abs(found - expected) < 0.02
    assert abs(probe(rng.standard_normal((4000, 6)), labels, groups) - 0.5) < 0.05


def test_groups_are_never_split():
    """Features that name the group alone say nothing about a group that was not seen."""
    groups = np.repeat(np.arange(40), 50)
    labels = np.random.default_rng(1).integers(2, size=40)[groups]
    assert probe(np.eye(40)[groups], labels, groups) < 0.7


def test_classes_that_were_hardly_met_do_not_count():
    labels = np.zeros(200, int)
    labels[:5] = 1
    with pytest.raises(LabError, match="1 of the classes were met 20 times"):
        probe(np.zeros((200, 2)), labels, np.arange(200))
