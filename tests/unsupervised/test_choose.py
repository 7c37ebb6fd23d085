"""How many clusters: what is chosen where the number is known, and by which figures."""

import numpy as np
import pytest
from sklearn import metrics, mixture
from sklearn.datasets import make_blobs

from rl_lab.data.processes import APART, SIDE_BY_SIDE, draw
from rl_lab.errors import LabError
from rl_lab.unsupervised import GaussianMixture, KMeans, choose
from rl_lab.unsupervised.choose import silhouette

BLOBS = make_blobs(300, 3, centers=5, cluster_std=0.5, random_state=3)[0]


@pytest.mark.parametrize("model", [KMeans(n_init=5), GaussianMixture(n_init=3)], ids=["kmeans", "mixture"])
def test_five_blobs_are_five(model):
    choice = choose(model, BLOBS, range(2, 8))
    assert choice.number == 5
    assert list(choice.scores) == [2, 3, 4, 5, 6, 7]
    assert len(np.unique(choice.fitted.predict(BLOBS))) == 5


@pytest.mark.parametrize("processes", [APART, SIDE_BY_SIDE], ids=["apart", "side by side"])
def test_bic_finds_that_two_processes_are_two(processes):
    points, _ = draw(processes, 800, np.random.default_rng(1))
    choice = choose(GaussianMixture(n_init=6), points, range(1, 6))
    assert (choice.number, choice.criterion) == (2, "BIC")
    for number in (1, 2):
        theirs = mixture.GaussianMixture(number, n_init=6, init_params="random_from_data", random_state=0)
        assert abs(choice.scores[number] / theirs.fit(points).bic(points) - 1) < 1e-3


def test_one_cloud_is_one():
    cloud = np.random.default_rng(0).normal(size=(300, 2))
    assert choose(GaussianMixture(n_init=2), cloud, range(1, 5)).number == 1


def test_silhouette_of_many_samples_is_that_of_a_part_with_every_cluster():
    rows, _ = make_blobs(6000, 2, centers=2, random_state=0)
    labels = (rows[:, 0] > np.median(rows[:, 0])).astype(np.int64)
    assert abs(silhouette(rows, labels) - metrics.silhouette_score(rows, labels)) < 0.02
    alone = np.zeros(6000, np.int64)
    alone[5999] = 1  # which no draw of a third is sure to meet
    assert np.isfinite(silhouette(rows, alone))


@pytest.mark.parametrize(
    ("model", "numbers", "sentence"),
    [
        (KMeans(), range(1, 4), "give numbers of clusters from 2 to 299"),
        (KMeans(), [300], "from 2 to 299"),
        (GaussianMixture(), [0, 1], "from 1 to 300"),
        (GaussianMixture(), [], r"numbers=\[\] are not allowed"),
    ],
)
def test_numbers_that_cannot_be_tried(model, numbers, sentence):
    with pytest.raises(LabError, match=sentence):
        choose(model, BLOBS, numbers)
