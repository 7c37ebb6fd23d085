"""Texts to learn from: the fortunes of Debian, sorted by subject, and first and last names of a census."""

import re
from importlib import resources
from pathlib import Path
from typing import Literal

from rl_lab.errors import LabError, extra
from rl_lab.files import read_bytes
from rl_lab.validation import choice

FORTUNES = Path("/usr/share/games/fortunes")
# fmt: off
CATEGORIES = (
    "art", "ascii-art", "computers", "cookie", "debian", "definitions", "disclaimer", "drugs", "education",
    "ethnic", "food", "fortunes", "goedel", "humorists", "kids", "knghtbrd", "law", "linux", "linuxcookie",
    "literature", "love", "magic", "medicine", "men-women", "miscellaneous", "news", "paradoxum", "people", "perl",
    "pets", "platitudes", "politics", "pratchett", "riddles", "science", "songs-poems", "sports", "startrek",
    "tao", "translate-me", "wisdom", "work", "zippy",
)
# fmt: on
LISTS: dict[str, tuple[str, ...]] = {"female": ("female.first",), "male": ("male.first",), "last": ("all.last",)}
LISTS["first"] = LISTS["female"] + LISTS["male"]


def fortunes(folder: Path = FORTUNES) -> dict[str, list[str]]:
    """The entries of each category of Debian's packages `fortunes` and `fortunes-min`, in the files' order.

    A file is a category. Its entries are UTF-8 and stand between lines of a single `%` (strfile(1)). Letters
    that were struck over (`_`, backspace, `n`) are read as a terminal shows them; bells are left out. Only these
    43 files are read, so that the data are the same wherever they are: offensive fortunes are another package
    (`fortunes-off`, in a folder of its own), and so are those in other languages.
    """
    return {category: _entries(folder / category) for category in CATEGORIES}


def names(of: Literal["first", "female", "male", "last"] = "first") -> list[str]:
    """Names of the United States census of 1990, most frequent first and each once, from the package `names`.

    "first" is the women's and then those of the men's that are no woman's too.
    """
    choice("of", of, LISTS)
    with extra("learn", "the corpus of names"):
        folder = resources.files("names")
    lines = [line for name in LISTS[of] for line in (folder / f"dist.{name}").read_text("ascii").splitlines()]
    return list(dict.fromkeys(line.split()[0].capitalize() for line in lines if line.strip()))


def _entries(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8")
    except OSError:
        raise LabError(f"{path} is not there; `make data` installs Debian's fortunes, which it is one of") from None
    except UnicodeDecodeError:
        raise LabError(f"{path} is no UTF-8 text; `make data` installs Debian's fortunes, which are") from None
    text, changed = text.replace("\a", ""), 1
    while changed:  # as a terminal shows it: a backspace takes back the character before it
        text, changed = re.subn("[^\n\b]\b", "", text)
    entries = re.split(r"^%(?:\n|\Z)", text.replace("\b", ""), flags=re.MULTILINE)
    return [entry.strip("\n") for entry in entries if entry.strip()]


def read(path: str | Path) -> list[str]:
    """The entries of a text file: between lines of a single `%`, or else between empty lines, or else its lines.

    Raises:
        LabError: the file cannot be read, is empty, or is no UTF-8 text.
    """
    content = read_bytes(Path(path), "a text file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise LabError(f"{path} is no UTF-8 text; give a text file")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for between in (r"^%(?:\n|\Z)", r"\n\s*\n", r"\n"):
        entries = [entry.strip("\n") for entry in re.split(between, text, flags=re.MULTILINE) if entry.strip()]
        if len(entries) != 1:
            break
    if not entries:
        raise LabError(f"{path} is empty; give a text file with text in it")
    return entries
