"""Two processes made the data: which two, and where k-means cannot tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rl_lab.data.processes import APART, SIDE_BY_SIDE, Process, draw
from rl_lab.lessons import cluster_models, cluster_pictures
from rl_lab.lessons.cluster_models import METHODS, Choice
from rl_lab.lessons.cluster_pictures import COLOURS
from rl_lab.lessons.findings import Findings, PageTable, Picture
from rl_lab.lessons.style import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POINTS = 1000
MOST = 5  # clusters that are tried
CASES = {"apart": APART, "side by side": SIDE_BY_SIDE}


def study(number: int | str, seed: int, repeats: int, command: str) -> Findings:
    """Draw points from known processes, find them by both methods, and compare what was found with what is known.

    `number` of clusters may be "auto": it is then chosen again for each of the `repeats` draws, of which `seed` is the
    first's.
    """
    lines, tables, pictures = [f"{POINTS} points, drawn anew from two normal distributions for each seed"], [], []
    figures: dict[str, Any] = {"points": POINTS, "seed": seed}
    for name, processes in CASES.items():
        found = _case(processes, number, seed, repeats)
        lines += ["", f"two processes {name}:", *_summary_lines(found, repeats)]
        mixture, kmeans = found.pop("mixture"), found.pop("kmeans")
        figures[name] = found
        tables.append(PageTable(["process", "", "share", "mean", "covariance"], _rows(name, processes, mixture.fitted)))
        points, made_by = _drawn(processes, seed)
        figure = picture(points, made_by, processes, kmeans.fitted, mixture)
        slug = name.replace(" ", "-")
        pictures.append(Picture(slug, f"Two processes {name}: one draw, with ellipses that hold 90 %", figure))
    lines += ["", f"0 is chance, 1 is perfect agreement; means and 95 % intervals over {repeats} draws"]
    return Findings(
        "cluster-processes", "Which processes made these points?", lines, figures, command, tables, pictures
    )


def _case(processes: Sequence[Process], number: int | str, seed: int, repeats: int) -> dict[str, Any]:
    """What both methods find in draws of one kind."""
    draws = [_drawn(processes, each) for each in range(seed, seed + repeats)]
    found: dict[str, Any] = {"chosen": {}, "agreement": {}}
    for method in METHODS:
        choices = [_chosen(method, number, points, seed + i) for i, (points, _) in enumerate(draws)]
        found[method] = choices[0]
        if number == "auto":
            found["chosen"][choices[0].criterion] = [choice.number for choice in choices]
        count = len(processes) if number == "auto" else int(number)
        found["agreement"][method] = cluster_models.agreement(
            (made_by, choice.fits[count].predict(points))
            for (points, made_by), choice in zip(draws, choices, strict=True)
        )
    return found


def _drawn(processes: Sequence[Process], seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    return draw(processes, POINTS, np.random.default_rng(seed))


def _chosen(method: str, number: int | str, points: NDArray[np.float64], seed: int) -> Choice:
    """The number chosen for one draw; where it is given, that one, without a criterion."""
    if number == "auto":
        return cluster_models.choose(method, range(1 if method == "mixture" else 2, MOST + 1), points, seed)
    return Choice(int(number), {int(number): cluster_models.fit(method, int(number), points, seed)})


def _summary_lines(found: dict[str, Any], repeats: int) -> list[str]:
    lines = []
    for criterion, numbers in found["chosen"].items():
        lines.append(f"  the {criterion} finds two in {numbers.count(2)} of {repeats} draws")
    for method, scores in found["agreement"].items():
        lines.append(f"  adjusted Rand index of {method:7} {cluster_models.shown(scores)}")
    return lines


def _rows(name: str, processes: Sequence[Process], fitted: Any) -> list[list[str]]:
    """Each process, and the component of the mixture whose mean lies nearest, one to one."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    truth, found = linear_sum_assignment(cdist([process.mean for process in processes], fitted.means_))
    rows = []
    for k, component in zip(truth, found, strict=True):
        process = processes[k]
        rows.append([f"{name} {k + 1}", "made by", *_words(process.share, process.mean, process.covariance)])
        estimate = fitted.weights_[component], fitted.means_[component], fitted.covariances_[component]
        rows.append(["", "found", *_words(*estimate)])
    return rows


def _words(share: float, mean: Any, covariance: Any) -> list[str]:
    (a, b), (_, d) = covariance
    return [f"{share:.2f}", f"({mean[0]:.2f}, {mean[1]:.2f})", f"({a:.2f}, {b:.2f}; {b:.2f}, {d:.2f})"]


def picture(
    points: NDArray[np.float64],
    made_by: NDArray[np.int64],
    processes: Sequence[Process],
    kmeans: Any,
    mixture: Choice,
) -> Figure:
    """The truth, both methods' clusters, and the BIC over the number of clusters."""
    figure = new_figure(11, 8.2)
    panels = figure.subplots(2, 2).ravel()
    truth = {k: (process.mean, np.array(process.covariance)) for k, process in enumerate(processes)}
    _panel(panels[0], "The two processes", points, made_by, truth)
    by_kmeans = cluster_pictures.matched(kmeans.predict(points), made_by)
    _panel(panels[1], "What k-means finds", points, by_kmeans, {})
    fitted = mixture.fitted
    raw = fitted.predict(points)
    by_mixture = cluster_pictures.matched(raw, made_by)
    ellipses = {int(by_mixture[raw == k][0]): (fitted.means_[k], fitted.covariances_[k]) for k in np.unique(raw)}
    _panel(panels[2], "What the mixture finds", points, by_mixture, ellipses)
    if mixture.scores:
        cluster_pictures.draw_criterion(panels[3], mixture, len(processes))
        panels[3].set_title("How many are there?", loc="left", fontsize=12)
    else:
        panels[3].set_axis_off()
    return figure


def _panel(
    axes: Any,
    title: str,
    points: NDArray[np.float64],
    part: NDArray[np.int64],
    ellipses: Mapping[int, tuple[Any, NDArray[np.float64]]],
) -> None:
    from matplotlib.patches import Ellipse
    from scipy.stats import chi2

    cluster_pictures.scatter(axes, points, part, [str(k % len(COLOURS) + 1) for k in range(int(part.max()) + 1)])
    for k, (mean, covariance) in ellipses.items():
        values, vectors = np.linalg.eigh(covariance)
        width, height = 2 * np.sqrt(values * chi2.ppf(0.9, 2))
        angle = np.degrees(np.arctan2(vectors[1, 0], vectors[0, 0]))
        colour = COLOURS[k % len(COLOURS)]
        axes.add_patch(Ellipse(mean, width, height, angle=angle, fill=False, edgecolor=colour, linewidth=2))
    axes.set_title(title, loc="left", fontsize=12)
    axes.set_aspect("equal", adjustable="datalim")
