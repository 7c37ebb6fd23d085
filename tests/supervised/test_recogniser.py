"""Words told apart, kept and heard again, in sounds that need no synthesiser."""

import copy

import numpy as np
import pytest

from rl_lab.data.corpus import variations
from rl_lab.data.log_mel import spectrogram
from rl_lab.data.sound import wav
from rl_lab.errors import LabError
from rl_lab.lessons.words import heard_in
from rl_lab.supervised.classifier import Classifier
from rl_lab.supervised.recogniser import NONE, Recogniser

GLIDES = {"up": (300, 2000), "down": (2000, 300), NONE: (900, 950)}


def glide(word, seed=0, seconds=0.4):
    rng = np.random.default_rng(seed)
    time = np.arange(int(16000 * seconds)) / 16000
    hertz = np.linspace(*GLIDES[word], len(time)) * rng.uniform(0.95, 1.05)
    tone = np.sin(2 * np.pi * np.cumsum(hertz) / 16000) * np.hanning(len(time)) ** 0.2
    return (0.3 * tone).astype(np.float32)


@pytest.fixture(scope="module")
def recogniser():
    rng = np.random.default_rng(0)
    rows = {word: variations(spectrogram(glide(word)), 40, rng) for word in GLIDES}
    labels = np.repeat(list(rows), 40)
    return Recogniser(Classifier((32,), max_iter=40).fit(np.concatenate(list(rows.values())), labels))


def test_words_are_told_apart_and_silence_is_none(recogniser):
    sounds = [glide("up", 1), glide("down", 2), glide(NONE, 3), np.zeros(8000, np.float32), np.zeros(0, np.float32)]
    sounds.append(glide("up", seconds=2))  # too long for a word
    assert recogniser.predict(sounds) == ["up", "down", NONE, NONE, NONE, NONE]
    shares = recogniser.predict_proba(sounds)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert recogniser.predict_proba([]).shape == (0, 3)


def test_a_longer_sound_is_heard_pause_by_pause(recogniser):
    pause = np.zeros(8000, np.float32)
    heard = recogniser.listen(np.concatenate([pause, glide("up"), pause, glide("down"), pause]))
    assert [one.word for one in heard] == ["up", "down"]
    np.testing.assert_allclose([(one.start, one.stop) for one in heard], [(0.5, 0.9), (1.4, 1.8)], atol=0.03)
    assert recogniser.listen(np.zeros(16000, np.float32)) == []


def test_what_is_kept_says_the_same(recogniser, tmp_path):
    recogniser.save(tmp_path / "it.safetensors")
    again = Recogniser.load(tmp_path / "it.safetensors")
    assert again.words == recogniser.words
    sounds = [glide(word, 5) for word in GLIDES]
    np.testing.assert_array_equal(again.predict_proba(sounds), recogniser.predict_proba(sounds))


def test_words_of_a_file_change_no_state_of_the_terminal(recogniser, tmp_path):
    forged = copy.deepcopy(recogniser.classifier)
    forged.classes_ = np.array([f"{word}\x1b[31m" if word == "up" else word for word in recogniser.words])
    forged.save(tmp_path / "it.safetensors")
    (tmp_path / "it.wav").write_bytes(wav(glide("up")))
    assert r"up\x1b[31m" in heard_in(tmp_path / "it.wav", tmp_path / "it.safetensors", 1, False)


def test_files_of_something_else_are_refused(tmp_path):
    Classifier((4,), max_iter=1).fit([[0.0], [1.0]], ["a", "b"]).save(tmp_path / "other.safetensors")
    with pytest.raises(LabError, match="was not made for words; train one with `rl-lab learn words`"):
        Recogniser.load(tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("no model")
    with pytest.raises(LabError, match="damaged or no safetensors file"):
        Recogniser.load(tmp_path / "text.safetensors")
