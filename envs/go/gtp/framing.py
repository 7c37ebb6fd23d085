"""Lines of GTP: requests as they come in, answers as they go out (GTP 2, chapter 2)."""

import contextlib
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from rl_lab.errors import LabError

LONGEST = 1 << 20  # bytes of a line; what is longer is dropped, and the line refused
WAITING = 1000  # lines that wait to be answered; the sender of more has to wait
BLOCK = 1 << 16
DROPPED = {code: None for code in (*range(32), 127)} | {9: " "}  # control characters, but a tab is a space
REQUEST = re.compile(r"([0-9]*)(.*)", re.DOTALL)


class Command(NamedTuple):
    """A command of the client."""

    number: str  # its id as it was written, or nothing
    name: str  # nothing where there is only an id
    arguments: list[str]


class Refused(Exception):
    """A command fails; its text is the message after `?`."""


@contextlib.contextmanager
def refusing(message: str) -> Iterator[None]:
    """Refuse a command with this message where what it asks for is a `LabError`."""
    try:
        yield
    except LabError:
        raise Refused(message) from None


def parse(line: bytes) -> Command | None:
    r"""What a line asks for; None for a line with nothing but spaces or a comment.

    Bytes that are no UTF-8 are kept as they are, as the names of files want it.

    Example:
        >>> parse(b"12 play\tB C3 # the centre")
        Command(number='12', name='play', arguments=['B', 'C3'])
    """
    text = line.decode("utf-8", "surrogateescape").partition("#")[0].translate(DROPPED).strip()
    match = REQUEST.match(text)
    if not text or match is None:
        return None
    name, *arguments = match[2].split() or [""]
    return Command(match[1], name, arguments)


def succeed(number: str, text: str) -> str:
    """A good answer."""
    return f"={number} {text}".rstrip() + "\n\n" if text else f"={number}\n\n"


def fail(number: str, message: str) -> str:
    """A refusal, on one line."""
    return f"?{number} {' '.join(message.split())}\n\n"


def lines(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Lines of at most LONGEST + 1 bytes, without what ends them, the last one also where nothing ends it."""
    pending = bytearray()
    while block := read(BLOCK):
        *ended, rest = block.split(b"\n")
        for part in ended:
            pending += part[: LONGEST + 1 - len(pending)]
            yield bytes(pending)
            pending.clear()
        pending += rest[: LONGEST + 1 - len(pending)]
    if pending:
        yield bytes(pending)


class Inbox:
    """Lines that came in and wait; one thread fills it while another one is busy."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._ended = False

    def fill(self, read: Callable[[int], bytes]) -> None:
        """Put in all lines that there are to read."""
        with contextlib.suppress(OSError, ValueError):  # the sender is gone, or the stream was closed here
            for line in lines(read):
                with self._changed:
                    self._changed.wait_for(lambda: self._ended or len(self._lines) < WAITING)
                    if self._ended:
                        return
                    self._lines.append(line)
                    self._changed.notify_all()
        self.close()

    def get(self, seconds: float | None = None) -> bytes | None:
        """The next line, or None when there are no more; a TimeoutError if none comes within so many seconds."""
        with self._changed:
            if not self._changed.wait_for(self._has_news, seconds):
                raise TimeoutError
            line = self._lines.popleft() if self._lines else None
            self._changed.notify_all()
            return line

    def waits(self, seconds: float = 0.0) -> bool:
        """Whether a line, or the end, is there, at the latest after so many seconds."""
        with self._changed:
            return self._changed.wait_for(self._has_news, seconds)

    def close(self) -> None:
        """Take in no more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _has_news(self) -> bool:
        return self._ended or bool(self._lines)
