"""Is there a face in it? Scikit-image's 200 small pictures, half of them faces."""

import numpy as np
from numpy.typing import NDArray

from rl_lab.errors import extra
from rl_lab.lessons import yes_or_no
from rl_lab.lessons.findings import Findings, Picture, telling

COPIES = 4
FACES = 100  # the first half; the other shows other parts of the same kind of photograph


def study(folds: int = 10, seed: int = 0) -> Findings:
    """Learn whether a picture shows a face, beside scikit-learn's learners on the same folds.

    `folds` are parts of the pictures, of which each is held out once; `seed` decides folds, variations and weights.
    """
    with extra("learn", "a lesson on faces"):
        from skimage.data import lfw_subset  # from Labeled Faces in the Wild, of 25x25 pixels

    images = lfw_subset().astype(np.float32)
    question = yes_or_no.YesNoQuestion("a face", images, np.arange(len(images)) < FACES, varied, COPIES)
    with telling("faces") as tell:
        answers = yes_or_no.ask(question, folds, seed, tell)
    found = yes_or_no.summary(question, answers, seed)
    drawn = yes_or_no.picture(question, answers, found, images)
    return Findings(
        "faces",
        "Is there a face in it?",
        [*yes_or_no.summary_lines(found, "a face"), "the unit of the intervals is the picture"],
        found,
        f"rl-lab learn faces --splits {folds} --seed {seed}",
        tables=[yes_or_no.table(found)],
        pictures=[Picture("faces", "How well, and the worst mistakes", drawn)],
    )


def varied(images: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Each picture mirrored half of the time, and shifted by a pixel at most."""
    new = np.empty_like(images)
    for place, image in enumerate(images):
        shifted = np.pad(image, 1, mode="edge")
        down, right = rng.integers(0, 3, 2)
        height, width = image.shape
        moved = shifted[down : down + height, right : right + width]
        new[place] = moved[:, ::-1] if rng.random() < 0.5 else moved
    return new
