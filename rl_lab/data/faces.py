"""Faces and what is none: scikit-image's 200 small pictures, which come with it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.errors import extra

FACES = 100  # the first half; the other shows other parts of the same kind of photograph


class Pictures(NamedTuple):
    """Pictures, and whether the thing that is looked for is in each."""

    images: NDArray[np.float32]  # (pictures, height, width), grey, from 0 to 1
    labels: NDArray[np.bool_]  # (pictures,)


def faces() -> Pictures:
    """`lfw_subset`: 100 faces and 100 patches without one, of 25x25 pixels, from Labeled Faces in the Wild.

    Raises:
        LabError: scikit-image is missing.
    """
    with extra("learn", "a lesson on faces"):
        from skimage.data import lfw_subset
    images = lfw_subset().astype(np.float32)
    return Pictures(images, np.arange(len(images)) < FACES)
