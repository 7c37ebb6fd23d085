"""`rl-lab learn` and `rl-lab listen`: supervised learning on the core."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from rl_lab.cli.app import app, show, within


@app.command
def learn(
    task: Positional[Literal["digits", "faces", "cats", "words"]],
    out: Path | None = None,
    splits: int | None = None,
    seed: int = 0,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> None:
    """Supervised learning beside scikit-learn: scores, and the mistakes as a figure.

    Digits, faces and cats take less than a minute, words some minutes: 44 synthetic voices are recorded first, once.

    Examples: rl-lab learn digits; rl-lab learn words --out results/words

    Args:
        task: "digits", scikit-learn's 1797 handwritten digits of 8x8 pixels; "faces", whether a picture shows a face;
            "cats", whether a drawing shows a cat; "words", which word was spoken, and whether it was the wake phrase.
        out: folder of the results; by default results/TASK. "words" saves its recogniser there, for `rl-lab listen`.
        splits: number of test splits. By default 10 random thirds (digits), 10 folds of the pictures (faces, cats) or
            4 folds of the voices (words).
        seed: of all random numbers.
        as_json: print JSON.
    """
    from rl_lab.lessons import cats, digits, faces, words

    within(seed, splits=(splits, 2, 10_000))
    study = {"digits": digits.study, "faces": faces.study, "cats": cats.study, "words": words.study}[task]
    show(lambda: study(seed=seed) if splits is None else study(splits, seed), out, as_json)


@app.command
def listen(
    file: Positional[Path],
    model: Path = Path("results/words/recogniser.safetensors"),
    top: int = 3,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> None:
    """Print the words that are spoken in a sound file, with their probabilities, one line between two pauses.

    Example: rl-lab listen /usr/share/asterisk/sounds/en_US_f_Allison/hello-world.wav

    Args:
        file: a WAV of any rate, mono or stereo, or another format that libsndfile reads; at most an hour.
        model: a recogniser, saved by `rl-lab learn words`.
        top: number of words that are printed for each stretch of speech.
        as_json: print JSON, with all words.
    """
    from rl_lab.lessons.words import heard_in

    print(heard_in(file, model, top, as_json))
