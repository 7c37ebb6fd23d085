"""Files of games as text, whatever they are encoded in and whatever they say about it."""

from __future__ import annotations

import codecs
import re

CHARSET = re.compile(rb"\bCA\s*\[([A-Za-z0-9_.:\- ]{1,40})\]")
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
CHINESE = re.compile(rb"(?:[\x00-\x7f]|[\xa1-\xf7][\xa1-\xfe])*")  # GB 2312, whose characters are two high bytes
ASCII = bytes(range(32, 127))


def decoded(content: bytes) -> str:
    """The text of a file: by its own word, else UTF-8, else Chinese if it can be, else Latin-1, which SGF assumes.

    Latin-1 can be anything, so that names and comments in an unknown encoding are garbled, and no more than that.
    Decoding comes before all else, since in Chinese and Japanese encodings a bracket can be half of a character.
    """
    if content[:2] in UTF_16:
        return content.decode("utf-16", "replace")
    content = content.removeprefix(codecs.BOM_UTF8)
    declared = CHARSET.search(content)
    tried = [declared[1].decode().strip()] if declared else []
    tried += ["utf-8", *(["gb18030"] if CHINESE.fullmatch(content) else [])]
    for name in tried:
        try:
            if ASCII.decode(name) == ASCII.decode("ascii"):  # what it is not in UTF-7 or UTF-16
                return content.decode(name)
        except (LookupError, UnicodeError):
            continue
    return content.decode("latin-1")
