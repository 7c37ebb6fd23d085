"""Linear probes: what can be read off features with one layer, and no more (Alain and Bengio 2016)."""

import numpy as np
from numpy.typing import NDArray

from rl_lab.errors import LabError
from rl_lab.supervised import Classifier

LEAST = 20  # samples on either side that a class needs to count


def probe(
    features: NDArray[np.generic], labels: NDArray[np.generic], groups: NDArray[np.generic], seed: int = 0
) -> float:
    """Balanced accuracy of a softmax on features, on groups of samples that it has not seen; 1 / classes is chance.

    `features` are `(samples, features)`, the class and the group of each `(samples,)`, of which half are held out: a
    group is what belongs together, such as the samples of one lane.

    Raises:
        LabError: fewer than two classes are frequent enough on both sides.
    """
    features, labels, groups = np.asarray(features), np.asarray(labels), np.asarray(groups)
    if features.ndim != 2 or not (len(features),) == labels.shape == groups.shape:
        raise LabError(
            f"features, labels and groups have shapes {features.shape}, {labels.shape} and {groups.shape}; they must "
            "be (samples, features), (samples,) and (samples,)"
        )
    known = np.unique(groups)
    held = np.isin(groups, np.random.default_rng(seed).permutation(known)[: len(known) // 2])
    classes = [c for c in np.unique(labels) if min((labels[held] == c).sum(), (labels[~held] == c).sum()) >= LEAST]
    if len(classes) < 2:
        raise LabError(f"{len(classes)} of the classes were met {LEAST} times on both sides; give more samples")
    usable = np.isin(labels, classes)
    learned, tested = ~held & usable, held & usable
    rows = features.astype(np.float32)
    deviation = rows[learned].std(axis=0)
    rows = (rows - rows[learned].mean(axis=0)) / np.where(deviation > 1e-6, deviation, 1)
    fitted = Classifier((), class_weight="balanced", early_stopping=True, random_state=seed, max_iter=100)
    right = fitted.fit(rows[learned], labels[learned]).predict(rows[tested]) == labels[tested]
    return float(np.mean([right[labels[tested] == c].mean() for c in classes]))
