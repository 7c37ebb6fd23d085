"""`rl-lab learn words` and `rl-lab listen` on a few words and voices; skipped where there are none."""

import json

import numpy as np
import pytest

from rl_lab import cli
from rl_lab.data import sound, speech
from rl_lab.data.corpus import Scope
from rl_lab.errors import LabError
from rl_lab.lessons import words, words_report
from rl_lab.supervised.recogniser import NONE, Recogniser

pytestmark = pytest.mark.skipif(not speech.available(), reason="needs espeak-ng, flite and recordings: make data")

SMALL = Scope(
    (*speech.VOICES[:3], *speech.VOICES[4:9]), ("one", "seven", "goodbye", speech.WAKE), ("hello", "water", "nine"), 2
)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speech, "_STRANGERS", ("digits/day-2", "digits/30"))
        prompts = speech.recorded_prompts
        patch.setattr(speech, "recorded_prompts", lambda: prompts()[:5])
        findings = words.study(folds=2, scope=SMALL)
    findings.write(folder)
    return findings, folder


def test_words_in_voices_never_heard(learned):
    findings, folder = learned
    found = json.loads((folder / "words.json").read_text())
    assert found == findings.figures
    assert set(found["classes"]) == {*SMALL.words, NONE}
    for name in words_report.COLOURS:
        mean, low, high = found["held-out voices"][name]["words right"]
        assert mean > 0.5
        assert low <= mean <= high
    assert len(found["the human"]["heard"]) == 5  # goodbye is there twice
    assert found["prompts"]["minutes"] > 0
    assert found["noises refused"] > 0.9
    assert f"{found['the human']['ours']['words right'][0]:.1%}" in findings.text
    assert (folder / "words.png").stat().st_size > 10_000


def test_the_kept_recogniser_hears_a_file_of_another_rate_in_stereo(learned, tmp_path, capsys, monkeypatch):
    _, folder = learned
    said = speech.spoken_by(speech.VOICES[4], [speech.Saying("goodbye")])[0]
    import soundfile

    both = np.repeat(np.stack([said, 0.5 * said], axis=1), 3, axis=0)
    soundfile.write(tmp_path / "said.wav", both, 48_000)
    monkeypatch.setattr(
        "sys.argv", ["rl-lab", "listen", str(tmp_path / "said.wav"), "--model", str(folder / words.KEPT), "--json"]
    )
    cli.main()
    heard = json.loads(capsys.readouterr().out)
    assert len(heard) == 1
    assert next(iter(heard[0]["probabilities"])) == "goodbye"
    assert sum(heard[0]["probabilities"].values()) == pytest.approx(1)
    text = words.heard_in(tmp_path / "said.wav", folder / words.KEPT, 2, False)
    assert text.count("goodbye") == 1
    assert text.count("0.") >= 2


def test_the_same_seed_keeps_the_same_bytes(learned):
    spoken = words.corpus(SMALL, 0)
    model = words._fit(words.OURS, spoken, SMALL, np.ones(len(spoken.texts), bool), 0)
    assert words._content(Recogniser(model)) == learned[0].files[words.KEPT]


def test_voices_are_held_out_whole_and_strangers_too(monkeypatch):
    """What is tested was never learned: neither its voice nor, if it is a stranger, its word."""
    spoken = words.corpus(SMALL, 0)
    fitted = []

    class Spy:
        def predict_proba(self, rows):
            tested.append(rows)
            return np.zeros((len(rows), 5))

    tested: list[np.ndarray] = []
    monkeypatch.setattr(words, "_fit", lambda name, spoken, scope, chosen, seed: fitted.append(chosen) or Spy())
    words._held_out(spoken, SMALL, 2, 0, lambda text: None)
    for chosen, rows in zip(fitted, tested, strict=True):
        places = [int(np.flatnonzero((spoken.rows == row).all(axis=1))[0]) for row in rows]
        assert not set(spoken.voices[places]) & set(spoken.voices[chosen])
        strange = np.isin(spoken.texts[places], SMALL.strangers)
        assert not set(spoken.texts[places][strange]) & set(spoken.texts[chosen])


def silent(path):
    path.write_bytes(sound.wav(np.zeros(8000)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (silent, "is silent: nothing in it is loud enough"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_text("no sound"), "is no audio"),
        (lambda path: None, "cannot be read"),
    ],
)
def test_files_with_no_words(make, message, learned, tmp_path, monkeypatch, capsys):
    make(tmp_path / "it.wav")
    model = str(learned[1] / words.KEPT)
    monkeypatch.setattr("sys.argv", ["rl-lab", "listen", str(tmp_path / "it.wav"), "--model", model])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_a_model_that_is_not_there(tmp_path):
    with pytest.raises(LabError, match=r"there is no recogniser in .*; make one with `rl-lab learn words`"):
        words.heard_in(tmp_path / "it.wav", tmp_path / "none.safetensors", 3, False)


@pytest.mark.parametrize("folds", [1, 9])
def test_folds_that_cannot_be(folds):
    with pytest.raises(LabError, match=f"splits={folds} is not allowed; it must be from 2 to 8, the voices"):
        words.study(folds, scope=SMALL)
