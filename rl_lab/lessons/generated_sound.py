"""Digits that nobody spoke: a variational autoencoder for each, made audible, and heard by the recogniser of words."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.data import mel_image, sound, speech
from rl_lab.data.corpus import STRANGERS as WORDS
from rl_lab.data.corpus import Scope, corpus
from rl_lab.data.speech import DIGITS, Saying, Voice
from rl_lab.errors import LabError
from rl_lab.lessons.findings import Findings, PageTable, Picture, telling
from rl_lab.supervised.classifier import Classifier
from rl_lab.supervised.recogniser import NONE, Recogniser
from rl_lab.unsupervised.vae import VariationalAutoencoder
from rl_lab.validation import choice

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SPEAKERS = speech.VOICES[::2]  # from whom speaking is learnt
OTHERS = speech.VOICES[1::2]  # from whom the recogniser learns: it has heard none of what it judges
MANNERS = ((1.0, 1.0), (0.85, 1.2), (1.2, 0.85), (0.9, 0.8), (1.1, 1.3))  # speed and pitch
STRANGERS = WORDS[::5]  # words that are no digits
COPIES = 3  # variations of each word that the recogniser learns from
Tell = Callable[[str], None]


class Spoken(NamedTuple):
    """Words of voices."""

    sounds: list[sound.Sound]
    words: NDArray[np.str_]
    voices: list[Voice]


class Made(NamedTuple):
    """What was made of a word."""

    pictures: NDArray[np.float32]  # (samples, numbers)
    sounds: list[sound.Sound]
    heard: NDArray[np.float64]  # (samples, words), the recogniser's probabilities
    nearest: NDArray[np.int64]  # (samples,), places in what was learnt from
    distances: NDArray[np.float64]  # (samples,)


def study(
    word: str | None = None,
    samples: int = 20,
    epochs: int = 500,
    seed: int = 0,
    model: Path | None = None,
) -> Findings:
    """Learn how digits sound, speak new ones, and have the recogniser listen.

    Args:
        word: a digit, such as "seven"; all ten by default.
        samples: sounds of each word.
        epochs: of each autoencoder.
        seed: of the networks, of the draws and of the phases.
        model: file of the recogniser that listens; by default one is trained on voices that nothing else here heard.
    """
    if word is not None:
        choice("word", word, DIGITS)
    if samples < 1 or epochs < 1:
        raise LabError(f"{samples} samples and {epochs} epochs are not allowed; at least 1 of each is needed")
    words = DIGITS if word is None else (word,)
    made: dict[str, Made] = {}
    with telling("sound") as tell:
        recogniser = Recogniser.load(model) if model else judge(seed, tell)
        learned = said(SPEAKERS, words, MANNERS, tell)
        pictures = np.stack([mel_image.picture(one) for one in learned.sounds])
        others = said(OTHERS, words, MANNERS[:1], tell)
        for each in words:
            tell(f"learning to say {each!r}")
            made[each] = _made(each, learned, pictures, recogniser, samples, epochs, seed)
    found: dict[str, Any] = {
        "recogniser": str(model) if model else "trained on other voices",
        "words": {each: _summary(each, made[each], learned, pictures, others, recogniser) for each in words},
    }
    found["recognised"] = float(np.mean([one["recognised"] for one in found["words"].values()]))
    found["recognised, real"] = float(np.mean([one["recognised, real"] for one in found["words"].values()]))
    drawn = Picture("sounds", "One generated word each, above its nearest training example", picture(made, pictures))
    chosen = (f" --word {word}" if word else "") + (f" --model {shlex.quote(str(model))}" if model else "")
    return Findings(
        "generated-sound",
        "Digits that nobody spoke: are they understood, and are they new?",
        summary_lines(found),
        found,
        f"rl-lab generate sound{chosen} --samples {samples} --epochs {epochs} --seed {seed}",
        [table(found["words"])],
        [drawn],
        _files(made, learned),
    )


def said(voices: Sequence[Voice], words: Sequence[str], manners: Sequence[tuple[float, float]], tell: Tell) -> Spoken:
    """Words in every voice and manner."""
    sayings = [Saying(word, *manner) for word in words for manner in manners]
    sounds: list[sound.Sound] = []
    for place, voice in enumerate(voices, 1):
        tell(f"{voice} speaks, {place} of {len(voices)}")
        sounds += speech.spoken_by(voice, sayings)
    texts = np.array([saying.text for saying in sayings] * len(voices))
    return Spoken(sounds, texts, [voice for voice in voices for _ in sayings])


def judge(seed: int, tell: Tell) -> Recogniser:
    """A recogniser of the digits that knows only voices from which speaking is not learnt."""
    heard = corpus(Scope(OTHERS, DIGITS, STRANGERS, COPIES), seed, tell)
    rows = np.concatenate([heard.rows, *np.moveaxis(heard.varied, 1, 0)])
    labels = np.tile(np.where(np.isin(heard.texts, DIGITS), heard.texts, NONE), 1 + COPIES)
    return Recogniser(Classifier((256, 128), alpha=0.1, max_iter=20, random_state=seed).fit(rows, labels))


def _made(
    word: str,
    learned: Spoken,
    pictures: NDArray[np.float32],
    recogniser: Recogniser,
    samples: int,
    epochs: int,
    seed: int,
) -> Made:
    places = np.flatnonzero(learned.words == word)
    model = VariationalAutoencoder(
        (128,), n_components=8, max_iter=epochs, batch_size=32, tol=0, n_iter_no_change=epochs, random_state=seed
    ).fit(pictures[places])
    drawn = model.sample(samples, seed)
    sounds = [mel_image.sound_of(one, seed + number) for number, one in enumerate(drawn)]
    distances, nearest = _nearest(drawn, pictures[places])
    return Made(drawn, sounds, recogniser.predict_proba(sounds), places[nearest], distances)


def _nearest(rows: NDArray[Any], known: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Euclidean distance of each picture to the nearest known one, and that one's place."""
    from scipy.spatial.distance import cdist

    apart = cdist(rows, known)
    return apart.min(axis=1), apart.argmin(axis=1)


def _summary(
    word: str,
    made: Made,
    learned: Spoken,
    pictures: NDArray[np.float32],
    others: Spoken,
    recogniser: Recogniser,
) -> dict[str, Any]:
    here = learned.words == word
    real = [one for one, chosen in zip(learned.sounds, here, strict=True) if chosen]
    again = [mel_image.sound_of(one) for one in pictures[here][:: len(MANNERS)]]
    strangers = [one for one, text in zip(others.sounds, others.words, strict=True) if text == word]
    apart, _ = _nearest(np.stack([mel_image.picture(one) for one in strangers]), pictures[here])
    return {
        "recognised": _share(recogniser.words, made.heard, word),
        "recognised, real": float(np.mean([heard == word for heard in recogniser.predict(real)])),
        "recognised, real through pictures": float(np.mean([heard == word for heard in recogniser.predict(again)])),
        "median distance": float(np.median(made.distances)),
        "least distance": float(made.distances.min()),
        "median distance, real voices": float(np.median(apart)),
        "heard": [recogniser.words[place] for place in made.heard.argmax(axis=1)],
        "nearest": [str(learned.voices[place]) for place in made.nearest],
    }


def _share(words: Sequence[str], heard: NDArray[np.float64], word: str) -> float:
    return float(np.mean([words[place] == word for place in heard.argmax(axis=1)]))


def summary_lines(found: dict[str, Any]) -> list[str]:
    """The findings as lines of text."""
    lines = [
        f"{word:6} recognised {one['recognised']:4.0%} generated, {one['recognised, real']:4.0%} real; "
        f"nearest training example {one['median distance']:.1f} away, "
        f"a real voice's {one['median distance, real voices']:.1f}"
        for word, one in found["words"].items()
    ]
    lines += [
        f"recognised in all: {found['recognised']:.1%} of the generated words,",
        f"  {found['recognised, real']:.1%} of the real ones in the voices that were learnt from",
        f"the recogniser that listened: {found['recogniser']}",
    ]
    return lines


def table(words: dict[str, dict[str, Any]]) -> PageTable:
    """What was recognised and how near it is to what was learnt from."""
    columns = [
        "word",
        "recognised: generated",
        "real words made pictures and sounds again",
        "real words",
        "distance to the nearest training example: generated (median)",
        "least",
        "real words of other voices (median)",
        "voice of the first's nearest example",
    ]
    rows = [
        [
            word,
            *(f"{one[name]:.0%}" for name in ("recognised", "recognised, real through pictures", "recognised, real")),
            *(f"{one[name]:.1f}" for name in ("median distance", "least distance", "median distance, real voices")),
            one["nearest"][0],
        ]
        for word, one in words.items()
    ]
    return PageTable(columns, rows)


def _files(made: dict[str, Made], learned: Spoken) -> dict[str, bytes]:
    """The first generated sound of each word and its nearest training example; of a single word, five of each."""
    count = 1 if len(made) > 1 else 5
    files = {}
    for word, one in made.items():
        for number, (here, place) in enumerate(zip(one.sounds[:count], one.nearest, strict=False), 1):
            name = word if count == 1 else f"{word}-{number}"
            files[f"{name}.wav"] = sound.wav(here)
            files[f"{name}-nearest.wav"] = sound.wav(learned.sounds[place])
    return files


def picture(made: dict[str, Made], known: NDArray[np.float32]) -> Figure:
    """Mel pictures of generated words, each above its nearest training example."""
    from matplotlib.figure import Figure

    pairs = [(word, one, 0) for word, one in made.items()]
    if len(pairs) == 1:
        pairs = [(word, one, number) for word, one, _ in pairs for number in range(min(10, len(one.pictures)))]
    figure = Figure(figsize=(max(4.0, 1.25 * len(pairs)), 4.2), layout="constrained")
    upper, lower = figure.subplots(2, len(pairs), squeeze=False)
    for place, (word, one, number) in enumerate(pairs):
        shown = (one.pictures[number], "Blues"), (known[one.nearest[number]], "Greys")
        for axes, (numbers, colours) in zip((upper[place], lower[place]), shown, strict=True):
            image = mel_image.unpacked(numbers).image
            axes.imshow(image.T, origin="lower", aspect="auto", cmap=colours, vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        upper[place].set_title(word, fontsize=11, color="#2a66ad", pad=3)
        lower[place].set_xlabel(f"{one.distances[number]:.1f} away", fontsize=9, color="#5a626c")
    upper[0].set_ylabel("generated", fontsize=10)
    lower[0].set_ylabel("nearest learnt", fontsize=10)
    figure.supxlabel("time →, 48 mel bands from 60 Hz to 8 kHz upwards", fontsize=9, color="#5a626c")
    return figure
