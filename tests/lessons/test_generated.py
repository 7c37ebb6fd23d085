"""`rl-lab generate` as people run it: digits, text and sound."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from rl_lab.data import speech, texts
from rl_lab.errors import LabError
from rl_lab.lessons import generated_digits, generated_sound, generated_text
from rl_lab.lessons.generated_text import END, Parts, Wish

needs_speech = pytest.mark.skipif(not speech.available(), reason="`make data` installs the voices")


def test_digits_are_drawn_and_judged(tmp_path):
    findings = generated_digits.study(samples=100, epochs=400)
    page = findings.write(tmp_path)
    found = json.loads((tmp_path / "generated-digits.json").read_text())
    assert found == findings.figures
    judged = found["judged"]
    assert judged["generated"]["recognised"] > 0.5
    assert judged["generated"]["evenness"] > 0.9 > judged["noise"]["evenness"]
    assert judged["real, held out"]["recognised"] > judged["generated"]["recognised"]
    assert 0 < judged["generated"]["least distance"] < judged["noise"]["least distance"]
    assert judged["generated"]["copies"] == 0
    for size in "48":
        errors = found["reconstruction errors"][size]
        assert errors["autoencoder"] < errors["principal components"]
    assert sum(judged["generated"]["shares"]) == pytest.approx(1)
    for name in ("drawn", "distances", "walk", "codes"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert min(picture.size) > 300
    assert "Digits that nobody wrote" in page.read_text()


def test_a_copy_is_seen():
    digits = generated_digits.load(0)
    judge = generated_digits.Classifier((32,), max_iter=20).fit(digits.images, digits.labels)
    copies = generated_digits.judged(judge, digits.images[:50], digits.images)
    assert copies["copies"] == 1
    assert copies["median distance"] == 0


@pytest.fixture
def rhymes(tmp_path):
    rng = np.random.default_rng(0)
    words = ["cat", "hat", "mat", "dog", "log", "fog", "sun", "bun", "run"]
    lines = [" ".join(rng.choice(words, 6)) for _ in range(200)]
    path = tmp_path / "rhymes.txt"
    path.write_text("\n".join(lines))
    return path


def test_text_is_written_and_its_copies_are_seen(tmp_path, rhymes):
    findings = generated_text.study(str(rhymes), Wish("cat", 30, 1.0), epochs=6, seed=1)
    page = findings.write(tmp_path / "out")
    found = json.loads((tmp_path / "out" / "generated-text.json").read_text())
    assert found == findings.figures
    assert found["entries"] == {"learned": 160, "chosen_by": 20, "tested": 20}
    assert all(text.startswith("cat") for text in found["written"])
    assert len(found["written"]) == 20
    learned = END.join(generated_text.split(texts.read(rhymes), 1).learned)
    for sample in found["copied"]["samples"]:
        assert sample["copied"] in learned
        assert sample["copied"] in sample["text"]
    bits = found["bits a character"]
    assert next(iter(bits)) == "character model"
    assert bits["character model"] < bits["gzip"]
    assert found["written"][0] in page.read_text()
    again = generated_text.study(str(rhymes), Wish("cat", 30, 1.0), epochs=6, seed=1)
    assert again.json == findings.json
    assert findings.command.endswith("--temperature 1 --seed 1 --length 30 --prompt cat --epochs 6")


def test_compressors_see_what_was_learned():
    rng = np.random.default_rng(0)
    entries = ["".join(rng.choice(list("abcdefgh"), 50)) for _ in range(100)]
    alphabet = generated_text.Alphabet.of(entries)
    new = generated_text.compressed(Parts(entries[:50], [], entries[50:]), alphabet)
    old = generated_text.compressed(Parts(entries[:50], [], entries[:50]), alphabet)
    for name in ("gzip", "bzip2", "lzma"):
        assert new[name] > 2.9  # three bits a character are in it
        assert old[name] < (0.7 if name != "bzip2" else new[name])


def test_names_are_made_and_counted():
    findings = generated_text.study("names", Wish(length=12, temperature=1.0), epochs=2)
    new = findings.figures["new words"]
    assert 0 <= new["learned"] <= new["different"] <= 1
    assert new["unseen but real"] < 0.2
    assert findings.figures["bits a character"]["character model"] < 3.5
    assert "exist and were never seen" in findings.text


def test_entries_are_parted_by_percents_or_empty_lines_or_lines(tmp_path):
    file = tmp_path / "text.txt"
    for content, entries in (
        ("one\ntwo\n%\nthree\n%\n", ["one\ntwo", "three"]),
        ("one\ntwo\n\n \nthree\n", ["one\ntwo", "three"]),
        ("one\r\ntwo\r\n\r\nthree", ["one\ntwo", "three"]),
        ("\ufeffone\ntwo\n", ["one", "two"]),
        ("one", ["one"]),
    ):
        file.write_bytes(content.encode())
        assert texts.read(file) == entries


@needs_speech
def test_a_word_is_spoken_and_heard(tmp_path, monkeypatch):
    monkeypatch.setattr(generated_sound, "SPEAKERS", speech.VOICES[:8:2])
    monkeypatch.setattr(generated_sound, "OTHERS", speech.VOICES[1:12:2])
    monkeypatch.setattr(generated_sound, "STRANGERS", ("water", "garden"))
    findings = generated_sound.study("seven", samples=6, epochs=60)
    found = findings.figures["words"]["seven"]
    assert found["recognised"] >= 0.5
    assert len(found["heard"]) == len(found["nearest"]) == 6
    assert set(found["nearest"]) <= {str(voice) for voice in speech.VOICES[:8:2]}
    assert found["least distance"] > 0
    findings.write(tmp_path)
    for name in ("seven-1.wav", "seven-5.wav", "seven-1-nearest.wav"):
        assert 0.2 < len(generated_sound.sound.read(tmp_path / name)) / 16_000 < 2
    assert "<audio" in (tmp_path / "generated-sound.html").read_text()


def test_without_voices_it_is_said_how_to_get_them(monkeypatch, tmp_path):
    speech.version.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match=r"(flite|espeak-ng) is not installed; run `make data`"):
        generated_sound.study("seven")
    speech.version.cache_clear()


def test_without_fortunes_it_is_said_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setattr(texts.fortunes, "__defaults__", (tmp_path,))
    with pytest.raises(LabError, match=r"art is not there; `make data` installs"):
        generated_text.study("fortunes")


def rl_lab(*words):
    command = [sys.executable, "-m", "rl_lab.cli", "generate", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_bad_files_and_wishes_get_a_sentence_and_exit_code_2(tmp_path, rhymes):
    empty, binary, short = tmp_path / "empty.txt", tmp_path / "binary.txt", tmp_path / "short.txt"
    empty.write_text(" \n\n")
    binary.write_bytes(bytes(range(256)))
    short.write_text("one\ntwo\nthree")
    for corpus, wish, words in (
        (empty, Wish(), "empty.txt is empty; give a text file"),
        (binary, Wish(), "binary.txt is no UTF-8 text"),
        (tmp_path / "none.txt", Wish(), "none.txt cannot be read (No such file or directory)"),
        (short, Wish(), "the text has 3 different entries"),
        (rhymes, Wish(prompt="日本"), "no character of the prompt '日本' is known"),
        (rhymes, Wish(length=0), "length=0 is not allowed"),
        (rhymes, Wish(temperature=0), "temperature=0 is not allowed"),
        (rhymes, Wish(temperature=-2), "temperature=-2 is not allowed"),
    ):
        with pytest.raises(LabError) as error:
            generated_text.study(str(corpus), wish)
        assert words in str(error.value)
    refused = rl_lab("text", "--corpus", binary)
    assert refused.returncode == 2
    assert refused.stderr == f"rl-lab: {binary} is no UTF-8 text; give a text file\n"


def test_bad_numbers_get_a_sentence():
    for ask, words in (
        (lambda: generated_digits.study(samples=1), "1 samples and 2000 epochs are not allowed"),
        (lambda: generated_digits.study(epochs=0), "1000 samples and 0 epochs are not allowed"),
        (
            lambda: generated_text.study("names", epochs=0),
            "epochs=0 is not allowed; it must be a whole number of at least 1",
        ),
        (lambda: generated_sound.study("eleven"), "word='eleven' is not allowed; it must be one of zero, one"),
        (lambda: generated_sound.study("one", samples=0), "0 samples and 500 epochs are not allowed"),
    ):
        with pytest.raises(LabError) as error:
            ask()
        assert words in str(error.value)


def test_the_command_writes_json_and_a_page(tmp_path, rhymes):
    out = tmp_path / "out"
    told = rl_lab("text", "--corpus", rhymes, "--epochs", 1, "--json", "--out", out)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["entries"]["learned"] == 160
    assert (out / "generated-text.html").is_file()
    shutil.rmtree(out)
