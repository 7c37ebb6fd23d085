"""Learning to read handwritten digits: the classifier beside scikit-learn's, on scikit-learn's own data."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rl_lab.errors import LabError, extra
from rl_lab.lessons.findings import Findings, Picture
from rl_lab.lessons.style import draw_counts, draw_images, new_figure
from rl_lab.supervised.classifier import Classifier

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HIDDEN = (256,)


class Trial(NamedTuple):
    """One classifier, trained on two thirds of the digits and tested on the last one."""

    accuracy: float
    seconds: float
    fitted: Any
    tested: np.ndarray  # int64, places of the digits that it was tested on


def study(splits: int = 10, seed: int = 0) -> Findings:
    """Train on two thirds of the digits and test on the third, for `splits` random thirds and for the file's last.

    `seed` is that of the thirds and of the first classifier; the others follow.
    """
    if splits < 2:
        raise LabError(f"splits={splits} is not allowed; it must be at least 2, for a mean and its spread")
    with extra("learn", "a lesson on digits"):
        from sklearn.datasets import load_digits
        from sklearn.model_selection import StratifiedShuffleSplit
        from sklearn.neural_network import MLPClassifier

    images, labels = load_digits(return_X_y=True)
    images = images / 16
    thirds = list(StratifiedShuffleSplit(splits, test_size=1 / 3, random_state=seed).split(images, labels))
    thirds.append((np.arange(1198), np.arange(1198, 1797)))  # as the file has them: the last third, unshuffled
    _fit(Classifier(HIDDEN, max_iter=1), images, labels, *thirds[0])  # compiles, or loads
    ours = [_fit(Classifier(HIDDEN, random_state=seed + i), images, labels, *third) for i, third in enumerate(thirds)]
    peers = [MLPClassifier(random_state=seed + i, max_iter=500) for i in range(len(thirds))]
    theirs = [_fit(peer, images, labels, *third) for peer, third in zip(peers, thirds, strict=True)]
    found = {
        "ours": _summary(ours),
        "scikit-learn's MLPClassifier": _summary(theirs),
        "difference": float(np.mean([a.accuracy - b.accuracy for a, b in zip(ours[:-1], theirs[:-1], strict=True)])),
    }
    drawn = Picture("digits", "What was read as what, and the worst mistakes", picture(images, labels, ours[-1]))
    command = f"rl-lab learn digits --splits {splits} --seed {seed}"
    return Findings("digits", "Which digit was written?", summary_lines(found), found, command, pictures=[drawn])


def summary_lines(found: dict[str, Any]) -> list[str]:
    """The findings as lines of text."""
    lines = []
    for name in ("ours", "scikit-learn's MLPClassifier"):
        one = found[name]
        lines.append(
            f"{name:30} {one['mean']:.4f} ± {one['deviation']:.4f} over {len(one['accuracies'])} random thirds, "
            f"{one['last third']:.4f} on the file's last third, {one['seconds']:.2f} s a fit"
        )
    return [*lines, f"mean difference on the same thirds {found['difference']:+.4f}"]


def _fit(model: Any, images: np.ndarray, labels: np.ndarray, learned: np.ndarray, tested: np.ndarray) -> Trial:
    from threadpoolctl import threadpool_limits

    start = time.perf_counter()
    with threadpool_limits(1):
        model.fit(images[learned], labels[learned])
    seconds = time.perf_counter() - start
    return Trial(float(model.score(images[tested], labels[tested])), seconds, model, tested)


def _summary(trials: list[Trial]) -> dict[str, Any]:
    accuracies = [trial.accuracy for trial in trials[:-1]]
    return {
        "mean": float(np.mean(accuracies)),
        "deviation": float(np.std(accuracies, ddof=1)),
        "accuracies": accuracies,
        "last third": trials[-1].accuracy,
        "seconds": float(np.median([trial.seconds for trial in trials])),
    }


def picture(images: np.ndarray, labels: np.ndarray, trial: Trial) -> Figure:
    """Which digits were taken for which, the worst mistakes, and the loss, epoch by epoch."""
    probabilities = trial.fitted.predict_proba(images[trial.tested])
    truth = labels[trial.tested]
    figure = new_figure(11, 7.6)
    left, right = figure.subfigures(1, 2, width_ratios=(1.1, 1), squeeze=False)[0]
    upper, lower = left.subplots(2, 1, height_ratios=(2.4, 1))
    _draw_confusion(upper, truth, probabilities.argmax(axis=1), trial.accuracy)
    lower.plot(np.arange(1, len(trial.fitted.loss_curve_) + 1), trial.fitted.loss_curve_, color="#2563a8")
    lower.set(xlabel="epoch", ylabel="training loss", yscale="log")
    lower.spines[["top", "right"]].set_visible(False)
    _draw_mistakes(right, images[trial.tested], truth, probabilities)
    return figure


def _draw_confusion(axes: Any, truth: np.ndarray, answers: np.ndarray, accuracy: float) -> None:
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (truth, answers), 1)
    draw_counts(axes, counts, counts / counts.max(), 9)
    axes.set(xticks=range(10), yticks=range(10), xlabel="read as", ylabel="is")
    axes.set_title(f"The file's last third: {accuracy:.1%} of {len(truth)} right", loc="left", fontsize=12)


def _draw_mistakes(figure: Any, images: np.ndarray, truth: np.ndarray, probabilities: np.ndarray) -> None:
    answers, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(answers != truth)
    surest = wrong[np.argsort(probabilities[wrong, truth[wrong]], kind="stable")]
    figure.suptitle("Worst mistakes: least probability for the truth", x=0.02, ha="left", fontsize=12)
    shown = [(images[i].reshape(8, 8), f"{truth[i]} read as {answers[i]} ({sure[i]:.0%})") for i in surest]
    draw_images(figure, 4, 3, shown, cmap="gray_r")
