"""A conversation in GTP: one thread reads, another one answers and thinks.

So a running analysis notices at once that something was sent. Every command gets one answer, in the order of the
commands; nothing else is written.
"""

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial

from rl_lab.envs.go.gtp.commands import known
from rl_lab.envs.go.gtp.framing import LONGEST, Command, Refused, fail, parse, succeed
from rl_lab.envs.go.gtp.session import GtpSession
from rl_lab.errors import LabError

log = logging.getLogger("rl_lab")


class Server:
    """Answers what comes in.

    `read` gives at most so many bytes, and none at the end; `write` takes an answer, or a part of one, and sends it on.
    """

    def __init__(self, session: GtpSession, read: Callable[[int], bytes], write: Callable[[str], None]) -> None:
        self.session, self.read, self.write = session, read, write

    def run(self) -> None:
        """Answer until `quit`, or until there is nothing more to read or no reader."""
        inbox = self.session.inbox
        threading.Thread(target=inbox.fill, args=(self.read,), daemon=True).start()
        try:
            while (line := inbox.get()) is not None:
                request = parse(line)
                if request is not None:
                    self._answer(request, len(line) > LONGEST)
                    if request.name == "quit":
                        return
        except OSError:  # no reader
            return

    def _answer(self, request: Command, too_long: bool) -> None:
        try:
            if too_long:
                raise Refused("line too long")
            if not request.name:
                raise Refused("syntax error")
            command = known(self.session).get(request.name)
            if command is None:
                raise Refused("unknown command")
            answer = command(self.session, request.arguments)
        except (Refused, LabError) as error:
            return self.write(fail(request.number, str(error)))
        except Exception:  # a mistake of ours is no reason to leave the client alone
            log.exception("rl-lab: %s has failed", request.name[:40])
            return self.write(fail(request.number, "internal error"))
        if answer is None or isinstance(answer, str):
            return self.write(succeed(request.number, answer or ""))
        return self._stream(request.number, answer)

    def _stream(self, number: str, answer: Iterator[str]) -> None:
        """Send lines as they come; what goes wrong after the first ends the answer, and is said elsewhere."""
        self.write(f"={number}\n")
        try:
            for line in answer:
                self.write(f"{line}\n")
        except (Refused, LabError) as error:
            log.error("rl-lab: %s", error)
        self.write("\n")


def serve(session: GtpSession) -> None:
    """Speak GTP on standard input and output; whatever else is printed there meanwhile goes to standard error."""
    if sys.__stdin__ is None or sys.__stdout__ is None:  # closed from the beginning; their numbers may be others' now
        return
    with _own_output() as output:
        Server(session, partial(os.read, 0), partial(_send, output)).run()


def _send(output: int, text: str) -> None:
    left = text.encode("utf-8", "replace")
    while left:
        left = left[os.write(output, left) :]


@contextlib.contextmanager
def _own_output() -> Iterator[int]:
    """A descriptor of standard output for answers alone; printing goes to standard error, if there is one."""
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        yield kept
    finally:
        os.dup2(kept, 1)
        os.close(kept)
