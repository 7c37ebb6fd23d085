"""Other people's Go programs, as processes that speak GTP 2 (lysator.liu.se/~gunnar/gtp/gtp2-spec-draft2)."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Sequence
from typing import IO, Any

from rl_lab.errors import LabError

GAMES = "/usr/games"  # where Debian puts gnugo, which is not on every PATH


class EngineDied(LabError):
    """A program that is asked over GTP has ended."""


class Engine:
    """A program that is asked over GTP; use it in a `with` statement, or close it.

    Args:
        command: the program and its arguments.
        seconds: how long an answer may take.

    Raises:
        LabError: the program is not there; later: it does not answer in time, or refuses a command.
        EngineDied: later: it has ended.
    """

    def __init__(self, command: Sequence[str], seconds: float = 60.0) -> None:
        self.command, self.seconds = list(command), seconds
        try:
            self.process: subprocess.Popen[str] = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        except OSError as error:
            raise LabError(f"cannot start {self.command[0]!r}: {error.strerror}; install it, or name another") from None
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()

    def ask(self, *commands: str) -> list[str]:
        """The answers to commands, without their `=`; several at once save waiting."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write("".join(f"{command}\n" for command in commands))
            self.process.stdin.flush()
        except OSError:
            raise self._died(commands[0]) from None
        return [self._answer(command) for command in commands]

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was not yet written goes nowhere
                    pipe.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _answer(self, command: str) -> str:
        lines: list[str] = []
        while True:
            try:
                line = self._lines.get(timeout=self.seconds)
            except queue.Empty:
                raise LabError(
                    f"{self.command[0]} has not answered {command!r} within {self.seconds:g} seconds"
                ) from None
            if line is None:
                raise self._died(command)
            if line.strip():
                lines.append(line.rstrip())
            elif lines:
                break
        text = "\n".join(lines)
        if text[:1] == "?":
            raise LabError(f"{self.command[0]} refuses {command!r}: {text[1:].strip()}")
        if text[:1] != "=":
            raise LabError(f"{self.command[0]} answers {command!r} with {text[:80]!r}, which is not GTP")
        return text[1:].strip()

    def _died(self, command: str) -> EngineDied:
        return EngineDied(f"{self.command[0]} has died (code {self.process.poll()}) before it answered {command!r}")

    def _read(self, output: IO[str]) -> None:
        try:
            for line in output:
                self._lines.put(line)
        except ValueError:  # closed meanwhile
            pass
        self._lines.put(None)


def find_gnugo() -> str:
    """Where GNU Go is.

    Raises:
        LabError: it is not installed.
    """
    path = shutil.which("gnugo") or shutil.which("gnugo", path=os.environ.get("PATH", "") + os.pathsep + GAMES)
    if path is None:
        raise LabError("GNU Go is neither on PATH nor in /usr/games; install it, on Debian with: apt-get install gnugo")
    return path
