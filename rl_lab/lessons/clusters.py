"""Finding groups without labels: k-means and mixtures beside scikit-learn's, judged by labels that were hidden."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_lab.errors import LabError, extra
from rl_lab.lessons import cluster_pictures, cluster_tasks
from rl_lab.lessons.cluster_tasks import Task
from rl_lab.lessons.findings import Findings, Picture
from rl_lab.numbers import whole
from rl_lab.unsupervised import Choice, GaussianMixture, KMeans, choose

LEAST = 5  # seeds for an interval, as in comparisons
STARTS = {"kmeans": 20, "mixture": 10}  # of each fit
FLOOR = 1e-4  # added to the variances of a mixture, as part of the mean variance of the features
TOLERANCE = 1e-4  # of mixtures: with 1e-3, EM stops on plateaus between long clusters
STEPS = 500  # of EM, at most
METHODS = ("kmeans", "mixture")
Draw = Callable[[int], tuple[NDArray[np.float64], NDArray[np.int64]]]


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

    Raises:
        LabError: an argument is not allowed, the data are missing, or cannot be clustered so.
    """
    if clusters != "auto" and not whole(clusters, 1):
        raise LabError(f"clusters={clusters!r} is not allowed; it must be auto or a whole number of at least 1")
    if method not in METHODS:
        raise LabError(f"method={method!r} is not allowed; it must be one of {', '.join(METHODS)}")
    if repeats < LEAST:
        raise LabError(
            f"repeats={repeats} is not allowed; it must be at least {LEAST}: intervals from fewer miss too often"
        )
    if seed < 0:
        raise LabError(f"seed={seed} is not allowed; it must be at least 0")
    command = f"rl-lab cluster {data} --clusters {clusters} --method {method} --seed {seed} --repeats {repeats}"
    with extra("learn", "a comparison with scikit-learn"):
        import sklearn  # noqa: F401  # before anything is computed
    if data == "processes":
        from rl_lab.lessons import cluster_processes

        return cluster_processes.study(clusters, seed, repeats, command)
    return of_task(cluster_tasks.load(data), clusters, method, seed, repeats, command)


def of_task(task: Task, clusters: int | str, method: str, seed: int, repeats: int, command: str) -> Findings:
    """The findings on one task."""
    choice = None
    if clusters == "auto":
        choice = choose(model(method, 2, task.rows, seed), task.rows, _numbers(task, method))
    number = choice.number if choice else int(clusters)
    fitted = choice.fitted if choice else model(method, number, task.rows, seed).fit(task.rows)
    found = fitted.predict(task.rows)
    figures: dict[str, Any] = {"described": task.described, "method": method, "clusters": number, "seed": seed}
    figures["sizes"] = np.bincount(found, minlength=number).tolist()
    lines = [task.described]
    truth = len(task.classes) if task.labels is not None else None
    if choice:
        figures["choice"] = {"criterion": choice.criterion, "scores": choice.scores}
        lines.append(told_choice(choice, truth))
    if task.labels is None:
        lines.append(f"{number} clusters of {', '.join(map(str, figures['sizes']))} rows; labels.csv has each row's")
    else:
        figures["agreement"] = _agreements(task, number, method, seed, repeats)
        for name, scores in figures["agreement"].items():
            lines += ["", f"adjusted Rand index with the hidden labels, {name}", *told_scores(scores)]
        lines += ["", f"0 is chance, 1 is all; means and 95 % intervals over {repeats} seeds of the starts"]
    tables, pictures = task.portrait(found)
    pictures = [Picture("plane", "In the plane of the first two principal components", _plane(task, found)), *pictures]
    if choice:
        drawn = cluster_pictures.criterion(choice, truth)
        pictures.append(Picture("number", "How many clusters?", drawn))
    files = {} if task.labels is not None else {"labels.csv": _labels(fitted, task.rows, found)}
    return Findings(task.name, task.question, lines, figures, command, tables, pictures, files)


def model(method: str, number: int, rows: NDArray[np.float64], seed: int) -> KMeans | GaussianMixture:
    """An estimator with this lesson's settings."""
    if method == "kmeans":
        return KMeans(number, n_init=STARTS[method], random_state=seed)
    return GaussianMixture(
        number, n_init=STARTS[method], tol=TOLERANCE, max_iter=STEPS, reg_covar=_floor(rows), random_state=seed
    )


def peers(method: str, number: int, rows: NDArray[np.float64], seed: int) -> dict[str, Any]:
    """scikit-learn's estimators with the same settings; mixtures from their usual starts, and from drawn samples."""
    with extra("learn", "a comparison with scikit-learn"):
        from sklearn import cluster, mixture

    if method == "kmeans":
        return {"scikit-learn's KMeans": cluster.KMeans(number, n_init=STARTS[method], random_state=seed)}
    settings = {"n_init": STARTS[method], "tol": TOLERANCE, "max_iter": STEPS, "reg_covar": _floor(rows)}
    settings["random_state"] = seed
    drawn = mixture.GaussianMixture(number, init_params="random_from_data", **settings)
    return {
        "scikit-learn's GaussianMixture": mixture.GaussianMixture(number, **settings),
        "the same, from drawn samples": drawn,
    }


def contest(draw: Draw, number: int, method: str, seeds: Sequence[int]) -> dict[str, Any]:
    """Ours and scikit-learn's on the same samples: agreement with the labels, seed by seed, and seconds of a fit.

    Args:
        draw: samples and labels by seed.
        number: of clusters.
        method: "kmeans" or "mixture".
        seeds: of samples and of starts.
    """
    from threadpoolctl import threadpool_limits

    with extra("learn", "a comparison with scikit-learn"):
        from sklearn.metrics import adjusted_rand_score

    scores: dict[str, list[float]] = {}
    seconds: dict[str, list[float]] = {}
    reached: dict[str, list[float]] = {}
    rows, _ = draw(seeds[0])
    model(method, number, rows, 0).set_params(n_init=2, max_iter=2).fit_predict(rows)  # compiles, or loads
    for seed in seeds:
        rows, labels = draw(seed)
        contenders = {"ours": model(method, number, rows, seed), **peers(method, number, rows, seed)}
        for name, contender in contenders.items():
            start = time.perf_counter()
            with threadpool_limits(1):
                found = contender.fit_predict(rows)
            seconds.setdefault(name, []).append(time.perf_counter() - start)
            scores.setdefault(name, []).append(float(adjusted_rand_score(labels, found)))
            reached.setdefault(name, []).append(float(contender.score(rows)))
    summaries = {name: _summary(scores[name], scores["ours"], seconds[name]) for name in scores}
    return {name: summary | {"reached": float(np.mean(reached[name]))} for name, summary in summaries.items()}


def told_scores(scores: dict[str, Any]) -> list[str]:
    """One line for each contender."""
    lines = []
    for name, one in scores.items():
        line = f"  {name:31} {one['mean']:6.3f} [{one['low']:.3f}, {one['high']:.3f}], {one['seconds']:.3f} s a fit"
        if name != "ours":
            low, high = one["difference low"], one["difference high"]
            line += f"  ours better by {one['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"
        lines.append(line)
    return lines


def told_choice(choice: Choice, truth: int | None) -> str:
    """Which number was chosen, as a line of text."""
    numbers = list(choice.scores)
    best = "least" if choice.criterion == "BIC" else "greatest"
    line = f"the {choice.criterion} is {best} for {choice.number} clusters, of {numbers[0]} to {numbers[-1]}"
    return line if truth is None else f"{line}; hidden were {truth}"


def _floor(rows: NDArray[np.float64]) -> float:
    return FLOOR * float(rows.var(axis=0).mean())


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


def _agreements(task: Task, number: int, method: str, seed: int, repeats: int) -> dict[str, Any]:
    """Agreement with the number found, with the true one, and on the variants."""
    assert task.labels is not None
    labels, truth, seeds = task.labels, len(task.classes), range(seed, seed + repeats)

    def on(rows: NDArray[np.float64], count: int) -> dict[str, Any]:
        return contest(lambda _: (rows, labels), count, method, seeds)

    found = {f"{number} clusters": on(task.rows, number)}
    if number != truth:
        found[f"{truth} clusters, as many as hidden"] = on(task.rows, truth)
    return found | {f"{truth} clusters, {name}": on(rows, truth) for name, rows in task.variants}


def _summary(scores: list[float], ours: list[float], seconds: list[float]) -> dict[str, Any]:
    from rl_lab.compare.statistics import interval, mean

    differences = np.subtract(ours, scores)
    low, high = (float(end) for end in interval(mean, scores))
    lower, higher = (float(end) for end in interval(mean, differences))
    return {
        "mean": float(np.mean(scores)),
        "low": low,
        "high": high,
        "scores": scores,
        "difference": float(differences.mean()),
        "difference low": lower,
        "difference high": higher,
        "seconds": float(np.median(seconds)),
    }


def _plane(task: Task, found: NDArray[np.int64]) -> Any:
    if task.labels is None:
        return cluster_pictures.plane(task.rows, [("Clusters", found, [str(k) for k in range(found.max() + 1)])])
    number = cluster_pictures.matched(found, task.labels)
    names = [(list(task.classes) + [""] * 10)[k % len(cluster_pictures.COLOURS)] for k in range(int(number.max()) + 1)]
    shown = [("Clusters found, in the colour of what they match best", number, names)]
    return cluster_pictures.plane(task.rows, [*shown, ("What was hidden", task.labels, list(task.classes))])


def _labels(fitted: KMeans | GaussianMixture, rows: NDArray[np.float64], found: NDArray[np.int64]) -> bytes:
    """A CSV file: number of each row, from 1, its cluster, and how sure a mixture is of it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if isinstance(fitted, GaussianMixture):
        writer.writerow(["row", "cluster", "probability"])
        sure = fitted.predict_proba(rows).max(axis=1)
        writer.writerows((i + 1, int(k), f"{p:.4f}") for i, (k, p) in enumerate(zip(found, sure, strict=True)))
    else:
        writer.writerow(["row", "cluster"])
        writer.writerows((i + 1, int(k)) for i, k in enumerate(found))
    return text.getvalue().encode()
