"""Other people's Go programs, as processes that speak GTP 2 (lysator.liu.se/~gunnar/gtp/gtp2-spec-draft2)."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from rl_lab.envs.go.gtp.framing import Inbox
from rl_lab.errors import LabError

GAMES = "/usr/games"  # where Debian puts gnugo, which is not on every PATH
LONGEST_ANSWER = 1 << 20  # bytes
LOOK_SECONDS = 0.5  # between two looks at whether a silent program is still there


class EngineError(LabError):
    """A program does not do its part."""


class EngineSilent(EngineError):
    """It has not answered in time."""


class EngineDied(EngineError):
    """It has ended."""


class EngineRefuses(EngineError):
    """It answers that it cannot or will not."""


class EngineNonsense(EngineError):
    """What it answers is not GTP."""


class EngineProcess:
    """A program that is asked over GTP; use it in a `with` statement, or close it. An answer may take so many seconds.

    Raises:
        LabError: the program is not there; later one of the above: it does not answer in time, dies, refuses a
            command, or says what is not GTP. After any of these but a refusal it is of no more use.
    """

    def __init__(self, command: Sequence[str], seconds: float = 60.0) -> None:
        self.command, self.seconds = list(command), seconds
        try:  # in a session of its own, so that Ctrl-C is ours alone
            self.process: subprocess.Popen[bytes] = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise LabError(f"cannot start {self.command[0]!r}: {reason}; install it, or name another") from None
        assert self.process.stdout is not None
        self._inbox, self._outbox = Inbox(), queue.SimpleQueue[bytes | None]()
        read = partial(os.read, self.process.stdout.fileno())
        self._threads = [
            threading.Thread(target=self._inbox.fill, args=(read,), daemon=True),
            threading.Thread(target=self._send, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def ask(self, *commands: str) -> list[str]:
        """The answers to commands, without their `=`; several at once save waiting."""
        self._outbox.put("".join(f"{command}\n" for command in commands).encode())
        return [self._answer(command) for command in commands]

    def close(self) -> None:
        """End the process, and those that it has started."""
        with contextlib.suppress(OSError):
            if os.name == "posix":
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        self._inbox.close()
        self._outbox.put(None)
        for thread, pipe in zip(self._threads, (self.process.stdout, self.process.stdin), strict=True):
            thread.join(1.0)  # a child of the process may still hold its output
            if pipe is not None and not thread.is_alive():
                pipe.close()

    def __enter__(self) -> EngineProcess:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _answer(self, command: str) -> str:
        name, end = self.command[0], time.monotonic() + self.seconds
        lines: list[str] = []
        size = 0
        while True:
            line = self._line(command, end)
            text = line.decode(errors="replace").rstrip()
            if text:
                if not lines and text[0] not in "=?":  # who knows whether an empty line will ever come
                    said = text.strip()[:80]
                    raise EngineNonsense(
                        f"{name} answers {command!r} with {said!r}, which is not GTP, where answers begin with = or ?"
                    )
                lines.append(text)
            elif lines:
                break
            size += len(line)
            if size > LONGEST_ANSWER:
                raise EngineNonsense(f"{name} answers {command!r} with more than {LONGEST_ANSWER} bytes")
        answer = "\n".join(lines)
        if answer[:1] == "?":
            raise EngineRefuses(f"{name} refuses {command!r}: {answer[1:].strip()}")
        return answer[1:].strip()

    def _line(self, command: str, end: float) -> bytes:
        """The next line of the answer to a command, before some time."""
        while (left := end - time.monotonic()) > 0:
            try:
                line = self._inbox.get(min(left, LOOK_SECONDS))
            except TimeoutError:
                if self.process.poll() is None:
                    continue
                line = None  # a child of the process still holds its output
            if line is None:
                raise self._died(command)
            return line
        raise EngineSilent(f"{self.command[0]} has not answered {command!r} within {self.seconds:g} seconds")

    def _died(self, command: str) -> EngineDied:
        try:
            code = str(self.process.wait(1.0))
        except subprocess.TimeoutExpired:
            code = "none: it has only closed its output"
        return EngineDied(f"{self.command[0]} has died (code {code}) before it answered {command!r}")

    def _send(self) -> None:
        """Write what is asked, in a thread: a program that does not read would hold up the one that waits for it."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it is dead, which the other thread notices
            while (text := self._outbox.get()) is not None:
                while text:
                    text = text[self.process.stdin.write(text) :]


def find_gnugo() -> str:
    """Where GNU Go is; a `LabError` if it is not installed."""
    path = shutil.which("gnugo") or shutil.which("gnugo", path=os.environ.get("PATH", "") + os.pathsep + GAMES)
    if path is None:
        raise LabError("GNU Go is neither on PATH nor in /usr/games; install it, on Debian with: apt-get install gnugo")
    return path
