"""What is clustered: digits, fortunes, or the rows of a person's own CSV file."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.data import tables, texts
from rl_lab.errors import LabError, extra
from rl_lab.lessons import cluster_pictures
from rl_lab.lessons.findings import PageTable, Picture

CATEGORIES = ("food", "law", "perl", "startrek", "tao")  # of fortunes: subjects that a reader would tell apart
OF_DIGITS = 0.9  # of the variance that is kept
OF_FORTUNES = 10  # principal components that are kept
SIGNATURE = re.compile(r"\n\s*-- .*\Z", re.DOTALL)  # "-- Larry Wall", who said it
WORD = r"[^\W\d_]{2,}(?:'[^\W\d_]+)?"  # letters alone: the numbers in them are those of messages
MOST_COLUMNS = 10  # that the table of means shows
TOP = 8  # words that describe a cluster

Portrait = Callable[[NDArray[np.int64]], tuple[list[PageTable], list[Picture]]]


@dataclass(frozen=True)
class Task:
    """Samples without labels, and what is needed to judge and to show what was found in them."""

    name: str
    question: str
    described: str
    """What the samples are, as a line of text."""
    rows: NDArray[np.float64]
    """`(samples, features)`, as they are clustered."""
    portrait: Portrait
    """Tables and pictures of clusters, from the cluster of each sample."""
    labels: NDArray[np.int64] | None = None
    """What was hidden, `(samples,)`."""
    classes: Sequence[str] = ()
    """Names of the labels."""
    variants: Sequence[tuple[str, NDArray[np.float64]]] = ()
    """The same samples, seen otherwise: why, and the rows."""
    most: int = 15
    """The greatest number of clusters that is tried."""


def load(data: str) -> Task:
    """A task by its name: "digits", "fortunes", or a CSV file."""
    if data == "digits":
        return digits()
    if data == "fortunes":
        return fortunes()
    if not data.lower().endswith(".csv"):
        raise LabError(f"{data!r} is not known; give processes, digits, fortunes, or a file whose name ends in .csv")
    return table(Path(data))


def digits() -> Task:
    """scikit-learn's digits, in the principal components that hold nine tenths of their variance."""
    with extra("learn", "clustering"):
        from sklearn.datasets import load_digits
        from sklearn.decomposition import PCA

    images, labels = load_digits(return_X_y=True)
    pca = PCA(OF_DIGITS, svd_solver="full")
    rows = pca.fit_transform(images)

    def portrait(found: NDArray[np.int64]) -> tuple[list[PageTable], list[Picture]]:
        figure = cluster_pictures.centroids(images.reshape(-1, 8, 8), labels, found)
        return [], [Picture("centroids", "The mean of each cluster, and the digit that is most frequent in it", figure)]

    described = (
        f"{len(images)} digits of 8x8 pixels, in the {pca.n_components_} principal components that hold "
        f"{OF_DIGITS:.0%} of their variance"
    )
    classes = [str(digit) for digit in range(10)]
    question = "Which digits are there, if nobody says?"
    return Task("cluster-digits", question, described, rows, portrait, labels, classes, most=20)


def fortunes() -> Task:
    """Fortunes of five subjects, as weighted counts of their words in a few principal components."""
    with extra("learn", "clustering"):
        from sklearn.decomposition import PCA

    entries = texts.fortunes()
    read = [entry for category in CATEGORIES for entry in entries[category]]
    labels = np.repeat(np.arange(len(CATEGORIES)), [len(entries[category]) for category in CATEGORIES])
    counted, words = _counted(read)
    unsigned, _ = _counted([SIGNATURE.sub("", entry) for entry in read])
    pca = PCA(OF_FORTUNES, svd_solver="full")  # exact: the default draws random projections here
    rows = pca.fit_transform(counted)

    def portrait(found: NDArray[np.int64]) -> tuple[list[PageTable], list[Picture]]:
        described = [_described(counted, words, labels, found, k) for k in np.unique(found)]
        rows = [[one.name, str(one.size), ", ".join(word for word, _ in one.top)] for one in described]
        figure = cluster_pictures.words([(f"{one.name}\n{one.size} fortunes", one.main, one.top) for one in described])
        caption = "The words of greatest weight in each cluster"
        return [PageTable(["cluster", "fortunes", "words"], rows)], [Picture("words", caption, figure)]

    described = (
        f"{len(read)} fortunes of {', '.join(CATEGORIES)}: tf-idf of {len(words)} words, in {OF_FORTUNES} principal "
        f"components with {pca.explained_variance_ratio_.sum():.0%} of the variance"
    )
    question = "What are these texts about, if nobody says?"
    variants = [("without the last lines, which say who said it", pca.fit_transform(unsigned))]
    return Task("cluster-fortunes", question, described, rows, portrait, labels, CATEGORIES, variants, 12)


def _counted(entries: list[str]) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Weighted counts `(entries, words)`, and the words; those in fewer than three entries are left out."""
    with extra("learn", "counting words"):
        from sklearn.feature_extraction.text import TfidfVectorizer

    counter = TfidfVectorizer(stop_words="english", min_df=3, sublinear_tf=True, token_pattern=WORD)
    return counter.fit_transform(entries).toarray(), counter.get_feature_names_out()


class Described(NamedTuple):
    """A cluster of fortunes."""

    name: str
    size: int
    main: int  # place of the category that is most frequent in it
    top: list[tuple[str, float]]  # words of most weight, with it


def _described(
    counted: NDArray[np.float64], words: NDArray[Any], labels: NDArray[np.int64], found: NDArray[np.int64], k: int
) -> Described:
    members = found == k
    counts, weights = np.bincount(labels[members]), counted[members].mean(axis=0)
    main = int(counts.argmax())
    name = f"{k}: {counts[main] / counts.sum():.0%} {CATEGORIES[main]}"
    top = np.argsort(-weights, kind="stable")[:TOP]
    return Described(name, int(members.sum()), main, [(str(words[place]), float(weights[place])) for place in top])


def table(path: Path) -> Task:
    """The rows of a CSV file, each column brought to mean 0 and deviation 1."""
    names, rows = tables.read(path)
    largest = np.abs(rows).max(axis=0)
    scaled = rows / np.where(largest > 0, largest, 1)  # so that no square overflows or vanishes
    deviations = scaled.std(axis=0)
    if not deviations.any():
        raise LabError(f"all {len(rows)} rows of {path} are the same; there is nothing to cluster")
    scaled = (scaled - scaled.mean(axis=0)) / np.where(deviations > 0, deviations, 1)

    def portrait(found: NDArray[np.int64]) -> tuple[list[PageTable], list[Picture]]:
        shown = names[:MOST_COLUMNS]
        means = [
            [str(k), str((found == k).sum()), *(f"{mean:.4g}" for mean in rows[found == k, : len(shown)].mean(axis=0))]
            for k in np.unique(found)
        ]
        return [PageTable(["cluster", "rows", *(f"mean of {name}" for name in shown)], means)], []

    described = f"{len(rows)} rows of {rows.shape[1]} columns, each brought to mean 0 and deviation 1"
    return Task(f"cluster-{path.stem}", f"Which groups are there in {path.name}?", described, scaled, portrait)
