"""Which word was spoken: log-mel features and a classifier on the core."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rl_lab.data.log_mel import WIDTH, features
from rl_lab.data.sound import RATE, Sound, spoken, stretches
from rl_lab.errors import LabError, short
from rl_lab.supervised.classifier import Classifier

NONE = "none of these"
LONGEST = 1.6  # seconds; what lasts longer is a sentence, and no word


class Heard(NamedTuple):
    """What was heard in a stretch of a sound."""

    start: float  # seconds
    stop: float
    probabilities: dict[str, float]  # by word, the most probable first

    @property
    def word(self) -> str:
        """The most probable word."""
        return next(iter(self.probabilities))


class Recogniser:
    """Classifies spoken words; what is none of them, silence and sentences included, is "none of these".

    Args:
        classifier: fitted to the features of words; its classes are the words.

    Raises:
        LabError: it is not a classifier of words.
    """

    def __init__(self, classifier: Classifier) -> None:
        if not isinstance(classifier, Classifier):
            raise LabError(f"classifier={short(classifier)} is not allowed; give a fitted Classifier of words")
        classifier._check_fitted()
        if classifier.n_features_in_ != WIDTH or NONE not in classifier.classes_.tolist():
            raise LabError("this classifier was not made for words; train one with `rl-lab learn words`")
        self.classifier = classifier

    @property
    def words(self) -> list[str]:
        """What it tells apart, in the order of the probabilities."""
        return [str(word) for word in self.classifier.classes_]

    def predict_proba(self, sounds: Sequence[Sound]) -> NDArray[np.float64]:
        """Probabilities `(sounds, words)` of sounds at 16 kHz with a word in each, in the order of `words`."""
        shares = np.zeros((len(sounds), len(self.words)))
        places = [spoken(sound) for sound in sounds]
        audible = [i for i, place in enumerate(places) if place and place.stop - place.start <= LONGEST * RATE]
        shares[:, self.words.index(NONE)] = 1
        if audible:
            shares[audible] = self.classifier.predict_proba(np.stack([features(sounds[i]) for i in audible]))
        return shares

    def predict(self, sounds: Sequence[Sound]) -> list[str]:
        """The most probable word of each sound."""
        return [self.words[place] for place in self.predict_proba(sounds).argmax(axis=1)]

    def listen(self, sound: Sound) -> list[Heard]:
        """What is said in a longer sound, pause by pause; nothing where it is silent."""
        places = stretches(sound)
        margin = RATE // 10  # so that a weak beginning or end is not lost
        shares = self.predict_proba([sound[max(start - margin, 0) : stop + margin] for start, stop in places])
        ranked = [{self.words[i]: float(row[i]) for i in np.argsort(-row, kind="stable")} for row in shares]
        return [Heard(a / RATE, b / RATE, words) for (a, b), words in zip(places, ranked, strict=True)]

    def save(self, path: str | Path) -> None:
        """Write it to a safetensors file."""
        self.classifier.save(path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote; raises a LabError where the file is missing, damaged, or of something else."""
        return cls(Classifier.load(path))
