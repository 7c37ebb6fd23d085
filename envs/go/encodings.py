"""Files of games as text, whatever they are encoded in and whatever they say about it.

Decoding comes before all else, since in Chinese and Japanese encodings a bracket or a backslash can be half of a
character: read in a wrong one, a name swallows the moves after it.
"""

import codecs
import re
from collections.abc import Callable

from rl_lab.errors import extra

CHARSET = re.compile(rb"\bCA\s*\[([A-Za-z0-9_.:\- ]{1,40})\]")
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
ASCII = bytes(range(32, 127))
SUPERSETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}  # what programs mean by them
ALONE = re.compile(r"(?<![\x80-\xff])[\xc0-\xff](?![\x80-\xff])")  # a letter with an accent in a European name


def _in(encoding: str, first: int, last: int) -> Callable[[str], float]:
    """The share of characters beyond ASCII that have a first byte in the range where usual ones are."""

    def share(text: str) -> float:
        codes = [code for c in text if c > "\x7f" for code in [c.encode(encoding, "ignore")]]
        return sum(len(code) == 2 and first <= code[0] <= last for code in codes) / max(1, len(codes))

    return share


def _alone(text: str) -> float:
    """The share of bytes beyond ASCII that are letters with ASCII around them."""
    return len(ALONE.findall(text)) / max(1, sum(c > "\x7f" for c in text))


# Encodings that files have without naming them, by how usual their text then looks; of equals the first counts.
UNNAMED = {
    "gb18030": _in("gb2312", 0xB0, 0xF7),
    "cp932": _in("cp932", 0x81, 0x97),
    "big5": _in("big5", 0xA4, 0xC6),
    "latin-1": _alone,
}


def decoded(content: bytes) -> str:
    """The text of a file.

    An encoding that fails, or in which less of the file can be read than in another, is not the file's. Of the others
    it is the one that the file names, UTF-8, or the one in which the text looks most usual. Latin-1, which SGF assumes,
    can be anything, so that names in an unknown encoding are garbled, and no more than that.
    """
    if content[:2] in UTF_16:
        return content.decode("utf-16", "replace")
    if b"\0" in content[:2]:
        return content.decode("utf-16-be" if content[0] == 0 else "utf-16-le", "replace")
    content = content.removeprefix(codecs.BOM_UTF8)
    if content.isascii():
        return content.decode()
    declared = CHARSET.search(content)
    named = _known(declared[1].decode().strip()) if declared else ""
    texts = {name: text for name in (named, "utf-8", *UNNAMED) if (text := _text(content, name)) is not None}
    if named in ("", "utf-8") and "utf-8" in texts:
        return texts["utf-8"]
    read = {name: _properties(text) for name, text in texts.items()}
    best = [name for name in texts if read[name] == max(read.values())]
    for name in (named, "utf-8"):
        if name in best:
            return texts[name]
    return texts[max(best, key=lambda name: UNNAMED[name](texts[name]))]


def _known(name: str) -> str:
    """The name of an encoding as Python has it; "" for one that keeps no ASCII, or is none."""
    try:
        known = codecs.lookup(name).name
        return SUPERSETS.get(known, known) if ASCII.decode(known) == ASCII.decode() else ""
    except (LookupError, UnicodeError):
        return ""


def _text(content: bytes, name: str) -> str | None:
    try:
        return content.decode(name) if name else None
    except UnicodeError:
        return None


def _properties(text: str) -> int:
    """How many values of properties are there before what is no SGF."""
    with extra("go", "SGF"):
        from sgfmill import sgf_grammar
    return sum(kind == "V" for kind, _ in sgf_grammar.tokenise(text.encode("utf-8", "replace"))[0])
