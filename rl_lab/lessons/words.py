"""Which word was spoken, and was it the wake phrase? Learned from synthetic voices, tested on others and on a human."""

import functools
import json
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.data import speech
from rl_lab.data.corpus import Corpus, Scope, corpus
from rl_lab.data.noises import noises
from rl_lab.data.sound import RATE, read, spoken
from rl_lab.errors import LabError, printable
from rl_lab.lessons import words_report
from rl_lab.lessons.findings import Findings, Picture, telling
from rl_lab.lessons.yes_or_no import COLOURS, LOGISTIC, OURS, learner
from rl_lab.supervised.recogniser import NONE, Recogniser
from rl_lab.validation import whole_number

HIDDEN = (256, 128)
EPOCHS = 25
# Half of what is learned from are strangers, as many as it pleased us to have. This factor on the odds of "none of
# these" makes up for it: of flite's held-out voices, about as many words are accepted as strangers refused.
LEAN = 0.4
NOISES = 400  # beeps and the like that are learned from; others are tested
ALL = Scope()
KEPT = "recogniser.safetensors"


class Test(NamedTuple):
    """What a learner said of words in voices that it never heard."""

    texts: NDArray[np.str_]  # (rows,), what was said
    truth: NDArray[np.str_]  # (rows,), the same, but NONE for strangers
    voices: NDArray[np.int64]  # (rows,)
    probabilities: dict[str, NDArray[np.float64]]  # by learner, (rows, classes)
    classes: list[str]


def study(folds: int = 4, seed: int = 0, scope: Scope = ALL) -> Findings:
    """Learn words from synthetic voices, beside scikit-learn's learners, and keep the recogniser.

    Voices are held out in `folds`, and strangers too: a word that is none of the vocabulary is tested only by
    recognisers that heard neither the voice nor the word. The recogniser that is kept heard every voice; the human
    was heard by none.
    """
    if not 2 <= folds <= len(scope.voices):
        raise LabError(f"splits={folds} is not allowed; it must be from 2 to {len(scope.voices)}, the voices")
    recordings = speech.recorded(scope.words)
    with telling("words") as tell:
        spoken = corpus(scope, seed, tell)
        test = _held_out(spoken, scope, folds, seed, tell)
        models = {}
        for name in COLOURS:
            tell(f"{name}, all voices")
            models[name] = _fit(name, spoken, scope, np.ones(len(spoken.texts), bool), seed)
        recogniser = Recogniser(models[OURS])
        tell("the human")
        human = _human(models, recogniser, recordings)
        found = words_report.summary(test, scope, human, seed)
        found["prompts"] = _prompts(recogniser, found["wake phrase"]["threshold"])
        heard = recogniser.predict(noises(NOISES, np.random.default_rng([NOISES, seed])))
        found["noises refused"] = float(np.mean([word == NONE for word in heard]))
    return Findings(
        "words",
        "Which word was spoken?",
        [
            *words_report.summary_lines(found),
            f"beeps, noises and knocks refused: {found['noises refused']:.1%} of {NOISES}, made as those learned from "
            "were",
            f'the odds of "none of these" are those learned times {LEAN}, which was set with flite\'s voices in view',
        ],
        found,
        f"rl-lab learn words --splits {folds} --seed {seed}",
        tables=words_report.tables(found),
        pictures=[Picture("words", "What was heard as what", words_report.picture(test, human, found))],
        files={KEPT: _content(recogniser)},
    )


def heard_in(file: Path, model: Path, top: int, as_json: bool) -> str:
    """What a recogniser hears in a sound file, as text or JSON."""
    whole_number("top", top, 1)
    if not model.is_file():
        raise LabError(
            f"there is no recogniser in {model}; make one with `rl-lab learn words`, or name it with --model"
        )
    recogniser = Recogniser.load(model)
    heard = recogniser.listen(read(file))
    if not heard:
        raise LabError(f"{file} is silent: nothing in it is loud enough and long enough for a word")
    if as_json:
        return json.dumps([one._asdict() for one in heard], indent=1)
    lines = []
    for one in heard:
        likely = "   ".join(f"{word} {share:.2f}" for word, share in list(one.probabilities.items())[:top])
        lines.append(f"{one.start:6.2f}–{one.stop:.2f} s   {likely}")
    return printable("\n".join(lines))


def _held_out(spoken: Corpus, scope: Scope, folds: int, seed: int, tell: Callable[[str], None]) -> Test:
    """Every voice's words at their usual speed, as learners hear them that never heard the voice."""
    strangers = {word: place % folds for place, word in enumerate(scope.strangers)}
    fold_of_word = np.array([strangers.get(str(text), -1) for text in spoken.texts])
    fold_of_voice = spoken.voices % folds
    tested = spoken.plain & ((fold_of_word < 0) | (fold_of_word == fold_of_voice))
    classes = sorted({*scope.words, NONE})
    probabilities = {name: np.zeros((int(tested.sum()), len(classes))) for name in COLOURS}
    for name, shares in probabilities.items():
        for fold in range(folds):
            tell(f"{name}, fold {fold + 1} of {folds}")
            learned = (fold_of_voice != fold) & (fold_of_word != fold)
            model = _fit(name, spoken, scope, learned, seed + 1 + fold)
            here = fold_of_voice[tested] == fold
            shares[here] = model.predict_proba(spoken.rows[tested][here])
    texts = spoken.texts[tested]
    return Test(texts, _labels(texts, scope), spoken.voices[tested], probabilities, classes)


def _labels(texts: NDArray[np.str_], scope: Scope) -> NDArray[np.str_]:
    return np.where(np.isin(texts, scope.words), texts, NONE)


def _fit(name: str, spoken: Corpus, scope: Scope, chosen: NDArray[np.bool_], seed: int) -> Any:
    """A learner, fitted to the chosen words and to their variations; the same for every learner."""
    from threadpoolctl import threadpool_limits

    copies, strange = np.moveaxis(spoken.varied[chosen], 1, 0), _noise_rows()
    rows = np.concatenate([spoken.rows[chosen], *copies, strange])
    labels = np.tile(_labels(spoken.texts[chosen], scope), 1 + len(copies))
    labels = np.concatenate([labels, np.full(len(strange), NONE, labels.dtype)])
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's, that it could go on for longer
        model = learner(name, seed, HIDDEN, 0.1, EPOCHS, C=0.1, max_iter=60).fit(rows, labels)
    _output_biases(name, model)[model.classes_.tolist().index(NONE)] += np.log(LEAN)
    return model


@functools.cache
def _noise_rows() -> NDArray[np.float32]:
    """Features of beeps, noises and knocks, which are no words either."""
    from rl_lab.data.log_mel import features

    made = noises(NOISES, np.random.default_rng(NOISES))
    return np.stack([features(sound) for sound in made if spoken(sound) is not None])


def _output_biases(name: str, model: Any) -> NDArray[np.floating]:
    """What a fitted learner adds to the evidence for each class; writing to it changes the learner."""
    if name == OURS:
        return model.network_.layers()[-1][1]
    return model.intercept_ if name == LOGISTIC else model.intercepts_[-1]


def _human(models: dict[str, Any], recogniser: Recogniser, recordings: list[speech.Recording]) -> words_report.Human:
    from rl_lab.data.log_mel import features

    sounds = [read(recording.path) for recording in recordings]
    rows = np.stack([features(sound) for sound in sounds])
    shares = {name: model.predict_proba(rows) for name, model in models.items()}
    strangers = recogniser.predict_proba(speech.recorded_strangers())
    return words_report.Human([recording.word for recording in recordings], shares, strangers)


def _prompts(recogniser: Recogniser, threshold: float) -> dict[str, Any]:
    """False alarms of the wake phrase in all that the human ever says, pause by pause."""
    seconds, heard = 0.0, []
    for _, sound in speech.recorded_prompts():
        seconds += len(sound) / RATE
        heard += recogniser.listen(sound)
    most = sum(one.word == speech.WAKE for one in heard)
    sure = sum(one.probabilities[speech.WAKE] > threshold for one in heard)
    return {"minutes": seconds / 60, "stretches": len(heard), "false alarms": most, "false alarms at threshold": sure}


def _content(recogniser: Recogniser) -> bytes:
    with tempfile.TemporaryDirectory(prefix="rl_lab-words-") as folder:
        recogniser.save(Path(folder) / KEPT)
        return (Path(folder) / KEPT).read_bytes()
