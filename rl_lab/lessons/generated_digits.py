"""Digits that nobody wrote: an autoencoder's and a variational autoencoder's, judged by the digit classifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rl_lab.errors import LabError, extra
from rl_lab.lessons.findings import Findings, PageTable, Picture, telling
from rl_lab.lessons.style import COLOURS, new_figure
from rl_lab.supervised.classifier import Classifier
from rl_lab.unsupervised.autoencoder import Autoencoder
from rl_lab.unsupervised.vae import VariationalAutoencoder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CODE_SIZES = (2, 4, 8, 16, 32)
SURE = 0.9  # from which probability on a digit counts as recognised
ACROSS, DOWN = 12, 4  # pairs that are shown
STEPS = 15  # of the walk between two digits
TRAINING: dict[str, Any] = {"tol": 0, "alpha": 0, "batch_size": 64, "n_iter_no_change": 10**6}


class Digits(NamedTuple):
    """Scikit-learn's digits in two parts; nothing is learnt from the second."""

    images: np.ndarray  # float64 (samples, 64), from 0 to 1
    labels: np.ndarray
    held: np.ndarray
    held_labels: np.ndarray


def study(samples: int = 1000, epochs: int = 2000, seed: int = 0) -> Findings:
    """Learn what digits look like, draw new ones, and have them judged.

    Args:
        samples: digits that are drawn.
        epochs: of the variational autoencoder; the others, which learn faster, have a fifth of them.
        seed: of the split, of the networks and of the draws.
    """
    if samples < 20 or epochs < 1:
        raise LabError(
            f"{samples} samples and {epochs} epochs are not allowed; at least 20 samples and 1 epoch are needed"
        )
    digits = load(seed)
    judge = Classifier((256,), random_state=seed).fit(digits.images, digits.labels)
    with telling("digits") as tell:
        errors = reconstruction_errors(digits, max(1, epochs // 5), seed, tell)
        model = VariationalAutoencoder((256, 128), n_components=8, max_iter=epochs, random_state=seed, **TRAINING)
        model.fit(
            digits.images, report=lambda history: tell(f"learning to draw, epoch {len(history.losses)} of {epochs}")
        )
    images = model.sample(samples, seed)
    known = digits.images
    noise = np.random.default_rng(seed).permuted(digits.held, axis=1)  # the same pixels, each digit's shuffled
    pairs = {"generated": images, "real, held out": digits.held, "noise": noise}
    found: dict[str, Any] = {
        "reconstruction errors": errors,
        "accuracy of the judge": judge.score(digits.held, digits.held_labels),
        "bound": {"training": model.score(digits.images), "held out": model.score(digits.held)},
        "judged": {name: judged(judge, rows, digits.images) for name, rows in pairs.items()},
    }
    pictures = [
        Picture("drawn", "New digits, each above its nearest training digit", drawn_nearest(images, known, judge)),
        Picture("distances", "How far from the nearest training digit", drawn_distances(pairs, known)),
        Picture("walk", "A walk through the code, from one digit to the next", drawn_walk(model, digits)),
        Picture("codes", "What comes back through a narrow code", drawn_errors(errors)),
    ]
    command = f"rl-lab generate digits --samples {samples} --epochs {epochs} --seed {seed}"
    question = "Digits that nobody wrote: are they read as digits, and are they new?"
    return Findings("generated-digits", question, summary_lines(found), found, command, [table(errors)], pictures)


def load(seed: int) -> Digits:
    """The digits, two thirds and one, stratified."""
    with extra("learn", "a lesson on digits"):
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images / 16, labels, test_size=1 / 3, random_state=seed, stratify=labels)
    return Digits(parts[0], parts[2], parts[1], parts[3])


def reconstruction_errors(
    digits: Digits, epochs: int, seed: int, tell: Callable[[str], None]
) -> dict[str, dict[str, float]]:
    """Mean squared errors of pixels on digits never seen, by the number of numbers in a code."""
    with extra("learn", "principal components"):
        from sklearn.decomposition import PCA

    errors: dict[str, dict[str, float]] = {}
    for done, size in enumerate(CODE_SIZES):
        tell(f"learning to repeat, code {done + 1} of {len(CODE_SIZES)}")
        coder = Autoencoder((128, 64), n_components=size, max_iter=epochs, random_state=seed, **TRAINING)
        coder.fit(digits.images)
        axes = PCA(size, svd_solver="full").fit(digits.images)
        back = axes.inverse_transform(axes.transform(digits.held))
        made = {"autoencoder": coder.reconstruct(digits.held), "principal components": back}
        errors[str(size)] = {name: float(np.mean((each - digits.held) ** 2)) for name, each in made.items()}
    return errors


def judged(judge: Classifier, images: np.ndarray, known: np.ndarray) -> dict[str, Any]:
    """How sure the classifier is of images, which digits it sees, and how near they are to what was learnt from.

    The evenness is the entropy of the digits recognised over that of ten equally frequent ones: 1 is even.
    """
    probabilities = judge.predict_proba(images)
    sure = probabilities.max(axis=1) > SURE
    shares = np.bincount(probabilities.argmax(axis=1)[sure], minlength=10) / max(1, sure.sum())
    present = shares[shares > 0]
    distances, _ = neighbours(images, known)
    return {
        "recognised": float(sure.mean()),
        "evenness": float(-(present * np.log(present)).sum() / np.log(10)),
        "shares": [float(share) for share in shares],
        "median distance": float(np.median(distances)),
        "least distance": float(distances.min()),
        "copies": float((distances < 1e-2).mean()),
    }


def neighbours(images: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Euclidean distance of each image to the nearest known one, and that one's place."""
    from scipy.spatial import KDTree

    return KDTree(known).query(images)


def summary_lines(found: dict[str, Any]) -> list[str]:
    """The findings as lines of text."""
    lines = [f"read as some digit with a probability over {SURE}:"]
    lines += [
        f"  {name:15} {one['recognised']:6.1%}, evenness of the ten {one['evenness']:.3f}"
        for name, one in found["judged"].items()
    ]
    lines.append("distance to the nearest training digit:")
    lines += [
        f"  {name:15} median {one['median distance']:.2f}, least {one['least distance']:.2f}, "
        f"copies {one['copies']:.1%}"
        for name, one in found["judged"].items()
    ]
    made, bound = found["judged"]["generated"], found["bound"]
    errors = found["reconstruction errors"]["8"]
    lines += [
        f"of the generated that are recognised, the commonest digit has {max(made['shares']):.1%}, "
        f"the rarest {min(made['shares']):.1%}",
        f"the judge reads {found['accuracy of the judge']:.1%} of the held-out digits rightly",
        f"the bound is {bound['training']:.2f} nats a digit in training, {bound['held out']:.2f} held out",
        "mean squared error of held-out pixels through a code of 8 numbers: "
        f"autoencoder {errors['autoencoder']:.4f}, principal components {errors['principal components']:.4f}",
    ]
    return lines


def table(errors: dict[str, dict[str, float]]) -> PageTable:
    """Errors of reconstruction by code size."""
    rows = [[size, f"{of['autoencoder']:.4f}", f"{of['principal components']:.4f}"] for size, of in errors.items()]
    return PageTable(["numbers in the code", "autoencoder: mean squared error, held out", "principal components"], rows)


def drawn_nearest(images: np.ndarray, known: np.ndarray, judge: Classifier) -> Figure:
    """The first generated digits, each above its nearest training digit."""
    images = images[: ACROSS * DOWN]
    distances, places = neighbours(images, known)
    read = judge.predict(images)
    figure = new_figure(11, 9.2)
    grid = figure.subplots(2 * DOWN, ACROSS, squeeze=False)
    for number, axes in enumerate(grid.ravel()):
        axes.set(xticks=[], yticks=[])
        row, column = divmod(number, ACROSS)
        place = row // 2 * ACROSS + column
        if place >= len(images):
            axes.set_axis_off()
            continue
        shown = images[place] if row % 2 == 0 else known[places[place]]
        axes.imshow(shown.reshape(8, 8), cmap="Blues" if row % 2 == 0 else "Greys", vmin=0, vmax=1)
        axes.spines[:].set_visible(False)
        if row % 2 == 0:
            axes.set_title(f"{read[place]}", fontsize=10, color=COLOURS[0], pad=2)
        else:
            axes.set_xlabel(f"{distances[place]:.2f}", fontsize=9, color="#5a626c", labelpad=2)
    title = "Blue: generated, and what it is read as. Grey: the nearest training digit, and its distance."
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def drawn_distances(sets: Mapping[str, np.ndarray], known: np.ndarray) -> Figure:
    """Distances to the nearest training digit, of generated, real and shuffled digits."""
    figure = new_figure(9, 3.6)
    axes = figure.subplots()
    edges = np.linspace(0, 4.5, 91)
    for (name, images), colour in zip(sets.items(), COLOURS, strict=False):
        found = neighbours(images, known)[0]
        counts, _ = np.histogram(found, edges)
        axes.stairs(counts / len(found), edges, color=colour, fill=True, alpha=0.25)
        axes.stairs(counts / len(found), edges, color=colour, linewidth=1.6, label=name)
    axes.set(xlabel="Euclidean distance to the nearest training digit", ylabel="share", xlim=(0, 4.5))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def drawn_walk(model: VariationalAutoencoder, digits: Digits) -> Figure:
    """Straight lines through the code, from a held-out digit to one of the next class."""
    firsts = [digits.held[np.flatnonzero(digits.held_labels == label)[0]] for label in range(10)]
    codes = model.encode(firsts)
    figure = new_figure(11, 4.2)
    grid = figure.subplots(5, STEPS, squeeze=False)
    for row, start in enumerate(range(0, 10, 2)):
        shares = np.linspace(0, 1, STEPS)[:, None]
        path = model.decode((1 - shares) * codes[start] + shares * codes[start + 1])
        for axes, image in zip(grid[row], path, strict=True):
            axes.imshow(image.reshape(8, 8), cmap="Blues", vmin=0, vmax=1)
            axes.set_axis_off()
    return figure


def drawn_errors(found: Mapping[str, Mapping[str, float]]) -> Figure:
    """Errors of reconstruction by code size, autoencoder and principal components."""
    figure = new_figure(7, 3.8)
    axes: Any = figure.subplots()
    sizes = [int(size) for size in found]
    for name, colour in zip(("principal components", "autoencoder"), (COLOURS[1], COLOURS[0]), strict=True):
        values = [of[name] for of in found.values()]
        axes.plot(sizes, values, marker="o", color=colour, label=name)
    labels = {"xlabel": "numbers in the code", "ylabel": "mean squared error of a pixel, held out"}
    axes.set(xscale="log", ylim=(0, None), **labels)
    axes.set_xticks(sizes, labels=[str(size) for size in sizes])
    axes.minorticks_off()
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
