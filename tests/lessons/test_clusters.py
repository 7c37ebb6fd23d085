"""`rl-lab cluster` as people run it."""

import json
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import adjusted_rand_score

from rl_lab.data import texts
from rl_lab.data.processes import APART, draw
from rl_lab.errors import LabError
from rl_lab.lessons import cluster_pictures, clusters


def test_clusters_of_digits_agree_with_the_hidden_labels(tmp_path):
    findings = clusters.study("digits", 10, "kmeans", repeats=5)
    page = findings.write(tmp_path)
    found = json.loads((tmp_path / "cluster-digits.json").read_text())["agreement"]["10 clusters"]
    assert found["mean"] > 0.6
    assert found["low"] <= found["mean"] <= found["high"]
    assert f"{found['mean']:.3f}" in page.read_text()
    for name in ("plane", "centroids"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert min(picture.size) > 400


def test_two_processes_are_found_and_k_means_fails_where_it_must(tmp_path):
    findings = clusters.study("processes", repeats=5)
    findings.write(tmp_path)
    found = json.loads((tmp_path / "cluster-processes.json").read_text())
    for case in ("apart", "side by side"):
        assert found[case]["chosen"]["BIC"] == [2] * 5
        assert found[case]["agreement"]["mixture"]["mean"] > 0.9
    assert found["apart"]["agreement"]["kmeans"]["mean"] > 0.8
    assert abs(found["side by side"]["agreement"]["kmeans"]["mean"]) < 0.1
    (_, _, share, mean, _), (_, _, *estimate) = findings.tables[0].rows[:2]
    assert (share, mean) == ("0.60", "(0.00, 0.00)")
    assert abs(float(estimate[0]) - 0.6) < 0.06
    assert np.abs(np.array(estimate[1].strip("()").split(","), float)).max() < 0.25
    assert (tmp_path / "side-by-side.png").exists()


@pytest.mark.skipif(not (texts.FORTUNES / "zippy").exists(), reason="Debian's fortunes: make data")
def test_fortunes_say_what_they_are_about(tmp_path):
    findings = clusters.study("fortunes", method="kmeans", repeats=5)
    findings.write(tmp_path)
    agreement = json.loads((tmp_path / "cluster-fortunes.json").read_text())["agreement"]
    hidden, unsigned = list(agreement)[-2:]
    assert agreement[hidden]["mean"] > 0.4
    assert agreement[unsigned]["mean"] < agreement[hidden]["mean"] - 0.2  # the names gave it away
    assert {"stardate", "tao", "law"} <= {word for row in findings.tables[0].rows for word in row[2].split(", ")}
    assert (tmp_path / "words.png").exists()


@pytest.mark.parametrize("method", ["kmeans", "mixture"])
def test_ones_own_rows_get_their_clusters(tmp_path, method):
    points, made_by = draw(APART, 80, np.random.default_rng(0))
    lines = [f"{x * 1000},{y},7" for x, y in points]
    (tmp_path / "own.csv").write_text("\n".join(["wide,narrow,same", *lines]))
    findings = clusters.study(str(tmp_path / "own.csv"), method=method)
    findings.write(tmp_path / "out")
    header, *rows = (tmp_path / "out" / "labels.csv").read_text().splitlines()
    assert header == ("row,cluster" if method == "kmeans" else "row,cluster,probability")
    assert [int(row.split(",")[0]) for row in rows] == list(range(1, 81))
    assert adjusted_rand_score(made_by, [int(row.split(",")[1]) for row in rows]) > 0.8
    assert findings.figures["clusters"] == 2
    assert findings.tables[0].columns == ["cluster", "rows", "mean of wide", "mean of narrow", "mean of same"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unit", [1e-200, 1, 1e200])
def test_the_unit_of_a_column_does_not_count(tmp_path, unit):
    points, made_by = draw(APART, 60, np.random.default_rng(0))
    (tmp_path / "own.csv").write_text("\n".join(f"{x * unit!r},{y!r}" for x, y in points.tolist()))
    findings = clusters.study(str(tmp_path / "own.csv"))
    assert findings.figures["clusters"] == 2
    findings.write(tmp_path)
    rows = (tmp_path / "labels.csv").read_text().splitlines()[1:]
    assert adjusted_rand_score(made_by, [int(row.split(",")[1]) for row in rows]) > 0.8


def test_a_single_column_and_few_rows(tmp_path):
    (tmp_path / "one.csv").write_text("1\n2\n30\n31\n")
    findings = clusters.study(str(tmp_path / "one.csv"), 2, "kmeans")
    findings.write(tmp_path)
    assert sorted(findings.figures["sizes"]) == [2, 2]
    again = clusters.study(str(tmp_path / "one.csv"), 2, "kmeans")
    assert again.files == findings.files  # same seed, same bytes
    with pytest.raises(
        LabError, match=r"4 distinct rows of 1 columns are too few to choose .* say how many with --clu"
    ):
        clusters.study(str(tmp_path / "one.csv"))


def test_clusters_are_drawn_in_the_colour_of_what_they_match():
    labels = np.repeat([0, 1, 2], 10)
    assert (cluster_pictures.matched((labels + 1) % 3, labels) == labels).all()
    split = np.concatenate([np.repeat([5, 4], [7, 3]), labels[10:]])
    number = cluster_pictures.matched(split, labels)
    assert (number[:7] == 0).all()
    assert (number[7:10] == len(cluster_pictures.COLOURS)).all()
    assert (number[10:] == labels[10:]).all()
    joined = cluster_pictures.matched(np.zeros(30, np.int64), labels)
    assert len(set(joined.tolist())) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("digits", 0), "clusters=0 is not allowed; it must be auto or a whole number of at least 1"),
        (("digits", "many"), "clusters='many' is not allowed"),
        (("digits", 3, "magic"), "method='magic' is not allowed; it must be one of kmeans, mixture"),
        (("digits", 3, "kmeans", -1), "seed=-1 is not allowed"),
        (("digits", 3, "kmeans", 0, 1), "repeats=1 is not allowed"),
        (("digits", 1798, "kmeans"), "clusters=1798 is more than the 1797 distinct samples"),
        (("cats",), "'cats' is not known; give processes, digits, fortunes, or a file whose name ends in .csv"),
        (("nothing.csv",), r"nothing\.csv cannot be read"),
        (("processes", 1001), "clusters=1001 is more than the 1000 distinct samples"),
    ],
)
def test_bad_arguments(arguments, sentence):
    with pytest.raises(LabError, match=sentence):
        clusters.study(*arguments)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a,b\n1,1\n1,1\n1,1\n", "all 3 rows of .* are the same; there is nothing to cluster"),
        ("a,b\n1,1\n1,2\n1,1\n", "clusters=3 is more than the 2 distinct samples; ask for at most 2"),
        ("a,b\n1,1\n1,2\n", "clusters=3 is more than the 2 distinct samples"),
        ("a,b\n1,red\n", "column b holds 'red' in line 2"),
        ("a,b\n1,nan\n", "column b holds nan in line 2"),
        ("", "is empty"),
    ],
)
def test_bad_files(tmp_path, content, sentence):
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(LabError, match=sentence):
        clusters.study(str(tmp_path / "x.csv"), 3, "kmeans")


def test_without_scikit_learn_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(
        LabError, match=r"clustering needs sklearn, which is not installed; run pip install -e '\.\[lear"
    ):
        clusters.study("digits")
