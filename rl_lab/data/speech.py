"""Spoken words: synthesised by espeak-ng and flite in many voices, and recorded from a human for the test.

Debian's packages espeak-ng, flite and asterisk-core-sounds-en-wav; `make data` installs them.
"""

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rl_lab.data import cache
from rl_lab.data.sound import RATE, Sound, decoded, read
from rl_lab.errors import LabError

RECORDINGS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")  # one speaker, Allison Smith, at 8 kHz
PACKAGES = {"espeak-ng": "espeak-ng", "flite": "flite"}

WAKE = "hello world"
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COMMANDS = ("yes", "no", "stop", "go", "left", "right", "hello", "goodbye", "plus", "minus", "dot", "star")
DAYS = ("today", "tomorrow", "yesterday")
VOCABULARY = (*DIGITS, *COMMANDS, *DAYS, WAKE)

_ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-us-nyc", "en-gb-x-rp", "en-029", "en-gb-x-gbclan", "en-gb-x-gbcwmd")
_VARIANTS = """
f1 m1 Alicia adam f2 m2 Andrea Alex f3 m3 Annie Andy f4 m4 belinda quincy f5 m5 linda david steph m6 aunty Gene
steph2 m7 grandma john anika m8 steph3 Lee klatt max klatt2 Mike klatt3 rob victor travis
"""  # of espeak-ng's voices; each is a speaker, and speaks with one accent


class Voice(NamedTuple):
    """A synthetic speaker."""

    engine: str
    """"espeak-ng" or "flite"."""
    name: str
    """As the engine calls it; espeak-ng's are an accent and a variant, which is the speaker."""

    def __str__(self) -> str:
        return f"{self.engine}/{self.name}"


class Saying(NamedTuple):
    """What is said, and how."""

    text: str
    speed: float = 1.0
    """Twice as fast at 2."""
    pitch: float = 1.0
    """Twice as high at 2; three of flite's voices keep their own."""


class Recording(NamedTuple):
    """A word that a human spoke."""

    word: str
    path: Path


VOICES = (
    *(Voice("flite", name) for name in ("slt", "rms", "awb", "kal16")),
    *(Voice("espeak-ng", f"{_ACCENTS[i % len(_ACCENTS)]}+{name}") for i, name in enumerate(_VARIANTS.split())),
)

# Files whose names do not say what is spoken in them.
_HUMAN = {
    **{word: (f"digits/{number}",) for number, word in enumerate(DIGITS)},
    **{word: (f"digits/{word}",) for word in DAYS},
    "no": ("vm-no",),
    "hello": ("hello",),
    "goodbye": ("goodbye", "vm-goodbye"),
    "plus": ("letters/plus",),
    "minus": ("digits/minus",),
    "dot": ("letters/dot",),
    "star": ("digits/star",),
    WAKE: ("hello-world",),
}
"""The recordings of words in the vocabulary; the rest of it was never recorded."""

_STRANGERS = (
    *(f"digits/day-{day}" for day in range(7)),
    *(f"digits/mon-{month}" for month in range(12)),
    *(f"digits/{number}" for number in (11, 12, 13, 15, 20, 30, 50)),
    *(f"digits/{name}" for name in ("billion", "dollars", "hundred", "million", "oclock", "pound", "thousand")),
    *(f"phonetic/{letter}_p" for letter in "abcdefghijklmnopqrstuvwxyz"),
    *(f"letters/{name}" for name in ("dash", "dollar", "equals", "slash", "space")),
    *("activated", "extension", "invalid", "location", "minute", "number", "removed", "second", "transfer"),
)
"""Recordings of single words that are not in the vocabulary."""


def available() -> bool:
    """Whether both engines and the recordings are there."""
    return all(shutil.which(engine) for engine in PACKAGES) and RECORDINGS.is_dir()


def spoken_by(voice: Voice, sayings: Iterable[Saying]) -> list[Sound]:
    """Sayings in a voice at 16 kHz, synthesised once and kept in the cache folder.

    Raises:
        LabError: the engine is missing, or does not know the voice.
    """
    chosen = list(sayings)
    if not chosen:
        return []
    variant = voice.name.partition("+")[2]
    if variant and voice.engine == "espeak-ng" and version(voice.engine) and variant not in _variants():
        raise LabError(f"espeak-ng has no speaker {variant!r}; `espeak-ng --voices=variant` lists them")
    key = repr((version(voice.engine), tuple(voice), RATE, [tuple(saying) for saying in chosen]))

    def make() -> dict[str, np.ndarray]:
        sounds = [_synthesised(voice, saying) for saying in chosen]
        samples = np.round(np.clip(np.concatenate(sounds), -1, 1) * 32767).astype(np.int16)
        return {"samples": samples, "ends": np.cumsum([len(sound) for sound in sounds])}

    found = cache.kept("speech", key, make)
    samples = (found["samples"] / 32767).astype(np.float32)
    return np.split(samples, found["ends"][:-1])


def recorded(words: Sequence[str] = VOCABULARY) -> list[Recording]:
    """Recordings of these words by a human, as far as there are any."""
    folder = _recordings()
    paths = [(word, folder / f"{name}.wav") for word in words for name in _HUMAN.get(word, ())]
    return [Recording(word, path) for word, path in paths if path.is_file()]


def recorded_strangers() -> list[Sound]:
    """Single words outside the vocabulary, by the same human."""
    folder = _recordings()
    paths = [folder / f"{name}.wav" for name in _STRANGERS]
    return [read(path) for path in paths if path.is_file()]


def recorded_prompts() -> list[tuple[Path, Sound]]:
    """All that the human says in which the wake phrase does not occur: words, sentences, menus."""
    folder = _recordings()
    skipped = {folder / f"{name}.wav" for name in _HUMAN[WAKE]}
    paths = [path for path in sorted(folder.rglob("*.wav")) if path not in skipped]
    return [(path, read(path)) for path in paths if "silence" not in path.parts]


@functools.cache
def version(engine: str) -> str:
    """What an engine, which must be installed, says of itself."""
    try:
        told = subprocess.run([engine, "--version"], capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError:
        raise LabError(f"{engine} is not installed; run `make data`, or install Debian's {PACKAGES[engine]}") from None
    return told.stdout.strip() + told.stderr.strip()


@functools.cache
def _variants() -> frozenset[str]:
    """The speakers that espeak-ng has; of one that it has not it says nothing, and speaks as usual."""
    told = subprocess.run(["espeak-ng", "--voices=variant"], capture_output=True, text=True, check=False, timeout=60)
    return frozenset(line.partition("!v/")[2].split("  ")[0].strip() for line in told.stdout.splitlines())


def _synthesised(voice: Voice, saying: Saying) -> Sound:
    with tempfile.TemporaryDirectory(prefix="rl_lab-speech-") as folder:
        file = Path(folder) / "said.wav"
        told = subprocess.run([*_command(voice, saying), str(file)], capture_output=True, text=True, timeout=60)
        content = file.read_bytes() if file.is_file() else b""
    if told.returncode or len(content) <= 44:
        reason = (told.stderr.strip().splitlines() or ["no sound came out"])[0]
        raise LabError(f"{voice.engine} cannot say {saying.text!r} in the voice {voice.name!r} ({reason})")
    return decoded(content, f"what {voice} said")


def _command(voice: Voice, saying: Saying) -> list[str]:
    if voice.engine == "flite":
        stretch = ["--setf", f"duration_stretch={1 / saying.speed:.4f}"]
        pitch = ["--setf", f"int_f0_target_mean={100 * saying.pitch:.2f}"] if voice.name.startswith("kal") else []
        return ["flite", "-voice", voice.name, *stretch, *pitch, "-t", saying.text, "-o"]
    speed, pitch_of_99 = round(160 * saying.speed), min(max(round(50 * saying.pitch), 0), 99)
    return ["espeak-ng", "-v", voice.name, "-s", str(speed), "-p", str(pitch_of_99), saying.text, "-w"]


def _recordings() -> Path:
    if not RECORDINGS.is_dir():
        raise LabError(
            f"there are no recordings in {RECORDINGS}; run `make data`, or install Debian's asterisk-core-sounds-en-wav"
        )
    return RECORDINGS
