"""`rl-lab learn` and `rl-lab listen`: what the core learns from labels."""

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
    """Learn with labels, beside scikit-learn: what it reached, and its mistakes as a picture.

    Digits, faces and cats take less than a minute, words some minutes: 44 voices have to speak first, once.

    Examples: rl-lab learn digits; rl-lab learn words --out results/words

    Args:
        task: "digits", scikit-learn's 1797 handwritten digits of 8x8 pixels; "faces", is there a face in it;
            "cats", is there a cat in it, on drawings; "words", which word was spoken, and was it the wake phrase.
        out: folder of the results; by default results/TASK. "words" keeps its recogniser there, for `rl-lab listen`.
        splits: digits: random thirds that are held out in turn, 10; faces, cats: parts of the pictures that are held
            out in turn, 10; words: parts of the voices, 4.
        seed: of everything random.
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
    """Print the words that are spoken in a sound file, with their probabilities, pause by pause.

    Example: rl-lab listen /usr/share/asterisk/sounds/en_US_f_Allison/hello-world.wav

    Args:
        file: a WAV of any rate, mono or stereo, or what else libsndfile reads.
        model: a recogniser, as `rl-lab learn words` keeps it.
        top: how many words are printed for each stretch of speech.
        as_json: print JSON, with all words.
    """
    from rl_lab.lessons.words import heard_in

    print(heard_in(file, model, top, as_json))
