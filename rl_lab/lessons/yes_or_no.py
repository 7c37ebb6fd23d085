"""Is the thing in the picture? What the lessons on faces and cats share: folds, peers, intervals, pictures."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.errors import LabError, extra
from rl_lab.lessons import style
from rl_lab.lessons.findings import PageTable
from rl_lab.lessons.style import new_figure
from rl_lab.supervised.classifier import Classifier

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HIDDEN = (128,)
OURS, LOGISTIC, THEIRS = "ours", "logistic regression", "scikit-learn's MLP"
COLOURS = {OURS: style.BLUE, LOGISTIC: style.ORANGE, THEIRS: style.GREEN}
MISTAKES = 12  # that are drawn

Vary = Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]


class YesNoQuestion(NamedTuple):
    """Pictures with an answer each; a picture stands for itself alone, and is trained on or tested, never both."""

    thing: str  # "a face"
    images: NDArray[np.float32]  # (pictures, height, width), grey, from 0 to 1
    labels: NDArray[np.bool_]  # (pictures,)
    vary: Vary  # pictures to variations of them, for training
    copies: int  # variations of each of the commoner kind


class Answers(NamedTuple):
    """What one learner said of every picture, when it had not seen it."""

    probabilities: NDArray[np.float64]  # (pictures,), that the thing is there
    seconds: float  # a fit


def fitted(name: str, question: YesNoQuestion, chosen: NDArray[np.intp], seed: int) -> Any:
    """A learner, fitted to the chosen pictures and to variations of them.

    The rarer kind is varied more often, until there are about as many of both. Every learner gets the same pictures.
    """
    rng = np.random.default_rng(seed)
    labels = question.labels[chosen]
    common = max(labels.sum(), (~labels).sum()) * (1 + question.copies)
    images, answers = [question.images[chosen]], [labels]
    for kind in (False, True):
        members = chosen[labels == kind]
        for _ in range(round(common / len(members)) - 1):
            images.append(question.vary(question.images[members], rng))
            answers.append(np.full(len(members), kind))
    return learner(name, seed, HIDDEN, 1e-2, 60, C=0.01, max_iter=1000).fit(
        as_rows(np.concatenate(images)), np.concatenate(answers)
    )


def as_rows(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pictures as rows `(pictures, pixels)`, each of mean 0 and deviation 1: light and contrast do not count."""
    rows = images.reshape(len(images), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    return (rows / (rows.std(axis=1, keepdims=True) + 1e-3)).astype(np.float32)


def ask(
    question: YesNoQuestion, folds: int, seed: int, tell: Callable[[str], None] = lambda text: None
) -> dict[str, Answers]:
    """Answers of each learner on pictures that it did not see, in folds that are stratified by answer."""
    least = int(min(question.labels.sum(), (~question.labels).sum()))
    if not 2 <= folds <= least:
        raise LabError(f"splits={folds} is not allowed; it must be from 2 to {least}, the pictures of the rarer kind")
    from threadpoolctl import threadpool_limits

    with extra("learn", "a comparison with scikit-learn"):
        from sklearn.model_selection import StratifiedKFold

    parts = list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(question.labels, question.labels))
    answers = {}
    for name in COLOURS:
        probabilities, seconds = np.zeros(len(question.labels)), []
        for number, (learned, tested) in enumerate(parts):
            tell(f"{name}, fold {number + 1} of {folds}")
            start = time.perf_counter()
            with threadpool_limits(1), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # scikit-learn's, that it could go on for longer
                model = fitted(name, question, learned, seed + number)
            seconds.append(time.perf_counter() - start)
            probabilities[tested] = model.predict_proba(as_rows(question.images[tested]))[:, 1]
        answers[name] = Answers(probabilities, float(np.median(seconds)))
    return answers


def summary(question: YesNoQuestion, answers: dict[str, Answers], seed: int) -> dict[str, Any]:
    """Balanced accuracy of each learner with a 95 % interval, and ours minus each other's; the unit is the picture."""
    labels = question.labels
    right = {name: (one.probabilities > 0.5) == labels for name, one in answers.items()}
    found: dict[str, Any] = {"pictures": len(labels), "with it": int(labels.sum()), "chance": 0.5}
    for name, one in answers.items():
        mean, interval = balanced_accuracy(right[name], labels)
        recalls = {"found": float(right[name][labels].mean()), "left alone": float(right[name][~labels].mean())}
        found[name] = {"balanced accuracy": mean, "interval": interval, **recalls, "seconds": one.seconds}
        if name != OURS:
            found[name]["ours minus it"] = difference(right[OURS], right[name], labels, seed)
    return found


def balanced_accuracy(right: NDArray[np.bool_], labels: NDArray[np.bool_]) -> tuple[float, list[float]]:
    """The mean of both kinds' accuracies, and its 95 % interval.

    Wilson's interval of each, put together by Zou and Donner's "method of variance estimates recovery" (2008);
    unlike a bootstrap it stays open where all of a few are right.
    """
    from scipy.stats import binomtest

    accuracies, below, above = [], 0.0, 0.0
    for kind in (True, False):
        of_kind = right[labels == kind]
        wilson = binomtest(int(of_kind.sum()), len(of_kind)).proportion_ci(0.95, "wilson")
        accuracies.append(float(of_kind.mean()))
        below += (accuracies[-1] - wilson.low) ** 2
        above += (wilson.high - accuracies[-1]) ** 2
    mean = sum(accuracies) / 2
    return mean, [float(mean - below**0.5 / 2), float(mean + above**0.5 / 2)]


def difference(ours: NDArray[np.bool_], theirs: NDArray[np.bool_], labels: NDArray[np.bool_], seed: int) -> list[float]:
    """Ours minus theirs in balanced accuracy, and its 95 % interval by SciPy's bootstrap over pictures of each kind."""
    from scipy.stats import bootstrap

    values = ours.astype(float) - theirs
    kinds = values[labels], values[~labels]

    def statistic(yes: np.ndarray, no: np.ndarray, axis: int = -1) -> np.ndarray:
        return (yes.mean(axis=axis) + no.mean(axis=axis)) / 2

    mean = float(statistic(*kinds))
    if not values.any():
        return [mean, mean, mean]  # right and wrong on the same pictures: nothing to draw from
    drawn = bootstrap(kinds, statistic, method="percentile", rng=np.random.default_rng(seed)).confidence_interval
    return [mean, float(drawn.low), float(drawn.high)]


def summary_lines(found: dict[str, Any], thing: str) -> list[str]:
    """The findings as lines of text."""
    lines = [f"balanced accuracy over {found['pictures']} pictures, {found['with it']} with {thing}; chance 0.500"]
    for name in COLOURS:
        one = found[name]
        low, high = one["interval"]
        lines.append(
            f"{name:22} {one['balanced accuracy']:.3f} [{low:.3f}, {high:.3f}], "
            f"finds {one['found']:.0%}, leaves {one['left alone']:.0%} of the others alone, "
            f"{one['seconds']:.2f} s a fit"
        )
    for name in (LOGISTIC, THEIRS):
        lines.append("ours minus {}: {:+.3f} [{:+.3f}, {:+.3f}]".format(name, *found[name]["ours minus it"]))
    return lines


def table(found: dict[str, Any]) -> PageTable:
    """The figures as a table."""
    rows = [["chance", "0.500", "", "", ""]]
    for name in COLOURS:
        one = found[name]
        interval = "{:.3f} to {:.3f}".format(*one["interval"])
        rows.append(
            [name, f"{one['balanced accuracy']:.3f}", interval, f"{one['found']:.1%}", f"{one['left alone']:.1%}"]
        )
    return PageTable(["learner", "balanced accuracy", "95 % interval", "found", "others left alone"], rows)


def picture(question: YesNoQuestion, answers: dict[str, Answers], found: dict[str, Any], shown: NDArray[Any]) -> Figure:
    """Balanced accuracies beside chance, and the pictures, as people see them, of which ours was most wrongly sure."""
    figure = new_figure(11, 4.4)
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.25), wspace=0.04, squeeze=False)[0]
    _draw_bars(left.subplots(), found)
    _draw_mistakes(right, question, answers[OURS].probabilities, shown)
    return figure


def _draw_bars(axes: Any, found: dict[str, Any]) -> None:
    for row, (name, colour) in enumerate(COLOURS.items()):
        one = found[name]
        low, high = one["interval"]
        axes.plot([low, high], [row, row], color=colour, lw=3, solid_capstyle="round", alpha=0.45)
        axes.plot(one["balanced accuracy"], row, "o", color=colour, ms=9)
        text = f"{name}  {one['balanced accuracy']:.3f}"
        axes.text(1.0, row - 0.2, text, ha="right", color=colour, fontsize=11)
    axes.axvline(0.5, color="#777", lw=1, ls="--")
    axes.text(0.507, len(COLOURS) - 0.55, "chance", color="#777", fontsize=10)
    axes.set(xlim=(0.45, 1.01), ylim=(len(COLOURS) - 0.5, -0.6), yticks=[])
    axes.set_xlabel("balanced accuracy, 95 % interval")
    axes.set_title("On pictures that were not learned from", loc="left", fontsize=12)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _draw_mistakes(figure: Any, question: YesNoQuestion, probabilities: np.ndarray, shown: np.ndarray) -> None:
    wrong = np.flatnonzero((probabilities > 0.5) != question.labels)
    surest = wrong[np.argsort(-np.abs(probabilities[wrong] - 0.5), kind="stable")][:MISTAKES]
    figure.suptitle(f"Worst mistakes of ours: how probable {question.thing} seemed", x=0.02, ha="left", fontsize=12)
    truth = ("has none", "has one")
    images = [(shown[i], f"{probabilities[i]:.0%}, {truth[int(question.labels[i])]}") for i in surest]
    style.draw_images(figure, max(-(-len(surest) // 4), 2), 4, images, cmap="gray", interpolation="nearest")


def learner(name: str, seed: int, hidden: tuple[int, ...], alpha: float, epochs: int, **logistic: float) -> Any:
    """Our classifier, or a peer of scikit-learn's with the same settings; `logistic` are those of the regression."""
    if name == OURS:
        return Classifier(hidden, alpha=alpha, max_iter=epochs, random_state=seed)
    with extra("learn", "a comparison with scikit-learn"):
        from sklearn.linear_model import LogisticRegression
        from sklearn.neural_network import MLPClassifier
    if name == LOGISTIC:
        return LogisticRegression(**logistic)
    return MLPClassifier(hidden, alpha=alpha, max_iter=epochs, random_state=seed)
