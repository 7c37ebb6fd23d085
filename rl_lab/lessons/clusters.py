"""Finding groups without labels: scikit-learn's k-means and mixtures, judged by labels that were hidden."""

import csv
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_lab.errors import LabError
from rl_lab.lessons import cluster_models, cluster_pictures, cluster_processes, cluster_tasks
from rl_lab.lessons.cluster_models import METHODS, Choice
from rl_lab.lessons.cluster_tasks import Task
from rl_lab.lessons.findings import Findings, Picture
from rl_lab.validation import choice, whole, whole_number

LEAST = 5  # seeds for an interval, as in comparisons


def study(
    data: str, clusters: int | str = "auto", method: str = "mixture", seed: int = 0, repeats: int = 10
) -> Findings:
    """Cluster samples, and where labels were hidden, see how well the clusters agree with them.

    Args:
        data: "processes", "digits", "fortunes", or a CSV file of numbers.
        clusters: how many, or "auto".
        method: "kmeans" or "mixture".
        seed: of everything random.
        repeats: seeds over which the agreement is averaged.
    """
    if clusters != "auto" and not whole(clusters, 1):
        raise LabError(f"clusters={clusters!r} is not allowed; it must be auto or a whole number of at least 1")
    choice("method", method, METHODS)
    if repeats < LEAST:
        raise LabError(
            f"repeats={repeats} is not allowed; it must be at least {LEAST}: intervals from fewer miss too often"
        )
    whole_number("seed", seed, 0)
    command = f"rl-lab cluster {data} --clusters {clusters} --method {method} --seed {seed} --repeats {repeats}"
    if data == "processes":
        return cluster_processes.study(clusters, seed, repeats, command)
    return of_task(cluster_tasks.load(data), clusters, method, seed, repeats, command)


def of_task(task: Task, clusters: int | str, method: str, seed: int, repeats: int, command: str) -> Findings:
    """The findings on one task."""
    if clusters == "auto":
        choice = cluster_models.choose(method, _numbers(task, method), task.rows, seed)
    else:
        number = int(clusters)
        choice = Choice(number, {number: cluster_models.fit(method, number, task.rows, seed)})
    number, found = choice.number, choice.fitted.predict(task.rows)
    figures: dict[str, Any] = {"described": task.described, "method": method, "clusters": number, "seed": seed}
    figures["sizes"] = np.bincount(found, minlength=number).tolist()
    lines = [task.described]
    truth = len(task.classes) if task.labels is not None else None
    if choice.scores:
        figures["choice"] = {"criterion": choice.criterion, "scores": choice.scores}
        tried, best = list(choice.scores), "least" if choice.criterion == "BIC" else "greatest"
        line = f"the {choice.criterion} is {best} for {number} clusters, of {tried[0]} to {tried[-1]}"
        lines.append(line if truth is None else f"{line}; the true number is {truth}")
    if task.labels is None:
        lines.append(f"{number} clusters of {', '.join(map(str, figures['sizes']))} rows; labels.csv has each row's")
    else:
        figures["agreement"] = agreement = _agreement(task, number, method, range(seed, seed + repeats))
        width = max(map(len, agreement))
        lines += ["", "adjusted Rand index with the hidden labels:"]
        lines += [f"  {name:{width}}  {cluster_models.shown(scores)}" for name, scores in agreement.items()]
        lines += [
            "",
            f"0 is chance, 1 is perfect agreement; means and 95 % intervals over {repeats} seeds of the starts",
        ]
    tables, pictures = task.portrait(found)
    pictures = [Picture("plane", "In the plane of the first two principal components", _plane(task, found)), *pictures]
    if choice.scores:
        pictures.append(Picture("number", "How many clusters?", cluster_pictures.criterion(choice, truth)))
    files = {} if task.labels is not None else {"labels.csv": _labels(choice.fitted, task.rows, found)}
    return Findings(task.name, task.question, lines, figures, command, tables, pictures, files)


def _numbers(task: Task, method: str) -> range:
    """Numbers of clusters to try: so many that several samples are left for each, and for each feature of it."""
    distinct, features = len(np.unique(task.rows, axis=0)), task.rows.shape[1]
    least, needed = (1, 2 * (features + 1)) if method == "mixture" else (2, 2)
    most = min(task.most, distinct // needed)
    if most < least + (method == "mixture"):
        raise LabError(
            f"{distinct} distinct rows of {features} columns are too few to choose a number of clusters "
            f"by {method}; say how many with --clusters"
        )
    return range(least, most + 1)


def _agreement(task: Task, number: int, method: str, seeds: range) -> dict[str, Any]:
    """Agreement with the number found, with the true one, and on the variants."""
    assert task.labels is not None
    labels, truth = task.labels, len(task.classes)

    def on(rows: NDArray[np.float64], count: int) -> dict[str, Any]:
        found = (cluster_models.fit(method, count, rows, seed).predict(rows) for seed in seeds)
        return cluster_models.agreement((labels, clusters) for clusters in found)

    found = {f"{number} clusters": on(task.rows, number)}
    if number != truth:
        found[f"{truth} clusters, the true number"] = on(task.rows, truth)
    return found | {f"{truth} clusters, {name}": on(rows, truth) for name, rows in task.variants}


def _plane(task: Task, found: NDArray[np.int64]) -> Any:
    if task.labels is None:
        return cluster_pictures.plane(task.rows, [("Clusters", found, [str(k) for k in range(found.max() + 1)])])
    number = cluster_pictures.matched(found, task.labels)
    names = [(list(task.classes) + [""] * 10)[k % len(cluster_pictures.COLOURS)] for k in range(int(number.max()) + 1)]
    shown = [("Clusters found, in the colour of what they match best", number, names)]
    return cluster_pictures.plane(task.rows, [*shown, ("What was hidden", task.labels, list(task.classes))])


def _labels(fitted: Any, rows: NDArray[np.float64], found: NDArray[np.int64]) -> bytes:
    """A CSV file: number of each row, from 1, its cluster, and how sure a mixture is of it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if hasattr(fitted, "predict_proba"):
        writer.writerow(["row", "cluster", "probability"])
        sure = fitted.predict_proba(rows).max(axis=1)
        writer.writerows((i + 1, int(k), f"{p:.4f}") for i, (k, p) in enumerate(zip(found, sure, strict=True)))
    else:
        writer.writerow(["row", "cluster"])
        writer.writerows((i + 1, int(k)) for i, k in enumerate(found))
    return text.getvalue().encode()
