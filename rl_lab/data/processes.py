"""Points made by known processes, so that what is found in them can be checked."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Process(NamedTuple):
    """A normal distribution in the plane, and how often a point comes from it."""

    share: float
    mean: tuple[float, float]
    covariance: tuple[tuple[float, float], tuple[float, float]]


APART = (
    Process(0.6, (0.0, 0.0), ((1.0, 0.6), (0.6, 1.5))),
    Process(0.4, (4.0, 3.0), ((1.5, -0.7), (-0.7, 0.8))),
)
"""Two clouds of different shape that hardly overlap."""

SIDE_BY_SIDE = (
    Process(0.5, (-0.5, 1.0), ((8.0, 3.9), (3.9, 2.1))),
    Process(0.5, (0.5, -1.0), ((8.0, 3.9), (3.9, 2.1))),
)
"""Two long clouds side by side: what is nearest to the middle of the one is not what belongs to it."""


def draw(
    processes: Sequence[Process], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points `(count, 2)`, and which process made each, `(count,)`."""
    made_by = rng.choice(len(processes), count, p=[process.share for process in processes])
    factors = np.linalg.cholesky([process.covariance for process in processes])
    means = np.array([process.mean for process in processes])
    noise = rng.standard_normal((count, 2))
    return means[made_by] + np.einsum("nij,nj->ni", factors[made_by], noise), made_by
