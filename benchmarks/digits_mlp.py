"""Fitting a classifier of digits, 64-64-10, for 100 epochs of minibatches of 64, beside eager torch and scikit-learn.

    python -m benchmarks digits_mlp

All sides have one thread, shuffle every epoch, and take Adam's steps with a rate of 0.001 and a penalty of 0.0001.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from benchmarks.common import Figure, compared, interleave, speed
from rl_lab.supervised import Classifier

EPOCHS, BATCH, HIDDEN = 100, 64, 64


def run(full: bool) -> list[Figure]:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        return []
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    sides = {"ours": _ours, "torch": _torch, "scikit": _scikit_learn}
    samples = interleave(7 if full else 3, **{name: side(images, labels) for name, side in sides.items()})
    what = "digits, 64-64-10, 100 epochs"
    return [
        compared(what, "epochs/s", samples["ours"], samples["torch"], "eager torch", bar=5),
        compared(what, "epochs/s", samples["ours"], samples["scikit"], "scikit-learn", bar=3),
    ]


def _ours(images: np.ndarray, labels: np.ndarray) -> Callable[[], float]:
    def fit() -> None:
        Classifier((HIDDEN,), batch_size=BATCH, max_iter=EPOCHS, tol=0, n_iter_no_change=EPOCHS).fit(images, labels)

    fit()  # compiles, or loads
    return lambda: speed(EPOCHS, fit)


def _scikit_learn(images: np.ndarray, labels: np.ndarray) -> Callable[[], float]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    def fit() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            MLPClassifier((HIDDEN,), batch_size=BATCH, max_iter=EPOCHS, tol=0, n_iter_no_change=EPOCHS).fit(
                images, labels
            )

    return lambda: speed(EPOCHS, fit)


def _torch(images: np.ndarray, labels: np.ndarray) -> Callable[[], float]:
    import torch
    from torch import nn

    torch.set_num_threads(1)
    rows, classes = torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))

    def fit(epochs: int = EPOCHS // 4) -> None:
        network = nn.Sequential(nn.Linear(64, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10))
        adam = torch.optim.Adam(network.parameters(), 1e-3, weight_decay=1e-4, fused=True)
        for _ in range(epochs):
            order = torch.randperm(len(rows))
            for chosen in order.split(BATCH):
                adam.zero_grad()
                nn.functional.cross_entropy(network(rows[chosen]), classes[chosen]).backward()
                adam.step()

    fit(1)
    return lambda: speed(EPOCHS // 4, fit)
