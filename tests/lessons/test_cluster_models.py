"""How many clusters are chosen where the number is known, and what mixtures start from."""

import numpy as np
import pytest
from sklearn import metrics
from sklearn.datasets import make_blobs

from rl_lab.data.processes import APART, SIDE_BY_SIDE, draw
from rl_lab.errors import LabError
from rl_lab.lessons import cluster_models

BLOBS = make_blobs(300, 3, centers=5, cluster_std=0.5, random_state=3)[0]


@pytest.mark.parametrize("method", cluster_models.METHODS)
def test_five_blobs_are_five(method):
    choice = cluster_models.choose(method, range(2, 8), BLOBS, 0)
    assert choice.number == 5
    assert list(choice.scores) == [2, 3, 4, 5, 6, 7]
    assert len(np.unique(choice.fitted.predict(BLOBS))) == 5


@pytest.mark.parametrize("processes", [APART, SIDE_BY_SIDE], ids=["apart", "side by side"])
def test_two_processes_are_two_and_told_apart(processes):
    points, made_by = draw(processes, 800, np.random.default_rng(1))
    choice = cluster_models.choose("mixture", range(1, 5), points, 0)
    assert (choice.number, choice.criterion) == (2, "BIC")
    assert metrics.adjusted_rand_score(made_by, choice.fitted.predict(points)) > 0.9


def test_one_cloud_is_one():
    cloud = np.random.default_rng(0).normal(size=(300, 2))
    assert cluster_models.choose("mixture", range(1, 5), cloud, 0).number == 1


def test_silhouette_of_many_samples_is_that_of_a_part_with_every_cluster():
    rows, _ = make_blobs(6000, 2, centers=2, random_state=0)
    labels = (rows[:, 0] > np.median(rows[:, 0])).astype(np.int64)
    assert abs(cluster_models.silhouette(rows, labels) - metrics.silhouette_score(rows, labels)) < 0.02
    alone = np.zeros(6000, np.int64)
    alone[5999] = 1  # which no draw of a third is sure to meet
    assert np.isfinite(cluster_models.silhouette(rows, alone))


def test_covariances_that_do_not_fit_into_memory_are_refused(monkeypatch):
    monkeypatch.setattr("rl_lab.memory.available", lambda: 2.0**20)
    rows = np.random.default_rng(0).normal(size=(20, 300))
    with pytest.raises(LabError, match=r"2 clusters with the covariances of 300 features needs .* or use k-means"):
        cluster_models.fit("mixture", 2, rows, 0)
    assert cluster_models.fit("kmeans", 2, rows, 0).cluster_centers_.shape == (2, 300)
