"""Is there a cat in it? Drawn animals from an emoji font, split by glyph, and one photograph to be humble about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rl_lab.data import glyphs
from rl_lab.errors import extra
from rl_lab.lessons import yes_or_no
from rl_lab.lessons.findings import Findings, Picture, telling
from rl_lab.lessons.style import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COPIES = 10
WHOLE = ("🐈", "🐈‍⬛")  # the other cats are heads, and siblings: one head with ten expressions


def study(folds: int = 10, seed: int = 0) -> Findings:
    """Learn whether a drawing shows a cat, beside scikit-learn's learners; then ask about a photograph.

    `folds` are parts of the glyphs, of which each is held out once: no glyph is in two. `seed` decides the folds, the
    variations and the weights.
    """
    drawings = glyphs.drawings((*glyphs.CATS, *glyphs.OTHERS))
    images = np.stack([glyphs.grey(one.colours) for one in drawings])
    labels = np.arange(len(drawings)) < len(glyphs.CATS)
    question = yes_or_no.YesNoQuestion("a cat", images, labels, glyphs.varied, COPIES)
    spots = _spots()
    with telling("cats") as tell:
        answers = yes_or_no.ask(question, folds, seed, tell)
        tell("all glyphs, for the photograph")
        model = yes_or_no.fitted(yes_or_no.OURS, question, np.arange(len(images)), seed)
    found = yes_or_no.summary(question, answers, seed)
    ours = answers[yes_or_no.OURS].probabilities
    found["cats"] = {
        one.glyph: float(share) for one, share in zip(drawings, ours, strict=True) if one.glyph in glyphs.CATS
    }
    rows = yes_or_no.as_rows(np.stack([glyphs.grey(colours) for colours in spots.values()]))
    found["spot checks"] = dict(zip(spots, model.predict_proba(rows)[:, 1].tolist(), strict=True))
    shown = np.stack([one.colours for one in drawings])
    return Findings(
        "cats",
        "Is there a cat in it? Drawings of animals",
        _summary_lines(found),
        found,
        f"rl-lab learn cats --splits {folds} --seed {seed}",
        tables=[yes_or_no.table(found)],
        pictures=[
            Picture("cats", "How well, and the worst mistakes", yes_or_no.picture(question, answers, found, shown)),
            Picture("spots", "What it says of a photograph and of big cats", _draw_spots(spots, found["spot checks"])),
        ],
    )


def _summary_lines(found: dict[str, Any]) -> list[str]:
    cats = found["cats"]
    whole = [cats[glyph] for glyph in WHOLE]
    photograph = found["spot checks"]["the photograph"]
    verdict = "is called a cat" if photograph > 0.5 else "is not called a cat"
    big = ", ".join(f"{name} {share:.0%}" for name, share in found["spot checks"].items() if name != "the photograph")
    return [
        *yes_or_no.summary_lines(found, "a cat"),
        "these are drawings of one font, in grey; the unit of the intervals is the glyph",
        f"{len(cats) - len(whole)} of the {len(cats)} cats are one head with other expressions, "
        "so a held-out head has siblings",
        f"each of the two whole cats has one; how probable a cat they seem: {whole[0]:.0%} and {whole[1]:.0%}",
        f"spot check: the photograph of a real cat {verdict} ({photograph:.0%}); one picture proves nothing either way",
        f"big cats, which were left out: {big}",
    ]


def _spots() -> dict[str, np.ndarray]:
    """Pictures by name that are asked about and not counted."""
    with extra("learn", "the photograph of a cat"):
        from skimage.data import chelsea
    photograph = chelsea()[:, 75:375]  # the square around the face
    return {"the photograph": photograph} | {one.name: one.colours for one in glyphs.drawings(glyphs.BIG_CATS)}


def _draw_spots(spots: dict[str, np.ndarray], probabilities: dict[str, float]) -> Figure:
    figure = new_figure(11, 5.2)
    rows = figure.subplots(2, len(spots))
    for (upper, lower), (name, colours) in zip(rows.T, spots.items(), strict=True):
        upper.imshow(colours)
        lower.imshow(glyphs.grey(colours), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        upper.set_title(f"{name}\na cat: {probabilities[name]:.0%}", fontsize=12)
        upper.set_axis_off()
        lower.set_title("as the network sees it", fontsize=9, color="#555")
        lower.set_axis_off()
    return figure
