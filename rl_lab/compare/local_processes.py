"""The parent's side of the worker processes."""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

from rl_lab.compare.executor import Message
from rl_lab.compare.worker import THREAD_VARIABLES, Job, descendants, ended, frame, kill_all, sentence

START = "import sys; sys.path[:] = sys.argv[1:]; del sys.argv[1:]; from rl_lab.compare.worker import main; main()"
LOG_LIMIT, LOG_KEPT = 8 * 2**20, 2**20  # bytes: of a log that grows beyond the first, the last ones stay
STARTING = 600.0  # seconds that a process may take to import all that it needs
AGAIN = "; running the comparison again repeats only what failed"


class LocalProcesses:
    """An `Executor`: worker processes here, each with one job at a time and one thread for its arithmetic.

    What contenders print goes to `log`. With `torch`, the processes import it before the first job; a job that takes
    longer than `timeout` seconds is ended. As a context manager it closes on leaving.
    """

    def __init__(
        self, size: int, log: BinaryIO | None = None, torch: bool = True, timeout: float | None = None
    ) -> None:
        self.size, self.log, self.torch, self.timeout = size, log, torch, timeout
        self._workers: list[_Worker] = []
        self._messages: queue.Queue[tuple[_Worker, Message | None]] = queue.Queue()

    def __enter__(self) -> LocalProcesses:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End all jobs, whatever they are doing."""
        for worker in self._workers:
            worker.end()

    @property
    def slots(self) -> int:
        """How many more jobs could begin now."""
        return self.size - sum(worker.job is not None for worker in self._workers)

    def submit(self, job: Job) -> None:
        """Begin a job in a free process; that it could not be sent is a message like any other."""
        for dead in [worker for worker in self._workers if worker.job is None and worker.process.poll() is not None]:
            self._remove(dead)
        worker = next((worker for worker in self._workers if worker.job is None), None)
        if worker is None:
            worker = _Worker(self._messages, self.log, self.torch)
            self._workers.append(worker)
        try:
            worker.give(job)
        except Exception as error:
            reason = f"the contender cannot be sent to its process: {sentence(error)}"
            self._messages.put((worker, {"job": job.number, "outcome": {"error": reason}}))
            self._messages.put((worker, {"job": job.number, "ended": ""}))

    def events(self) -> Iterator[Message]:
        """What the workers said, waiting a moment for the first: progress and outcomes, each with its job.

        A job ends with one outcome, whatever became of its process.
        """
        wait = 0.2
        while True:
            try:
                worker, message = self._messages.get(timeout=wait) if wait else self._messages.get_nowait()
            except queue.Empty:
                break
            wait = 0.0
            if worker not in self._workers:
                continue  # it was ended, and what it said before was answered for
            if message is None:
                how = self._remove(worker)
                yield from worker.close(f"the process of the run {how}{AGAIN}")
            elif "ended" in message:
                yield from worker.close(message["ended"] + AGAIN)
            elif "begun" in message:
                worker.began = time.monotonic()
            elif message.get("job") == worker.job and not worker.answered:
                worker.answered = "outcome" in message
                yield message
        limit = math.inf if self.timeout is None else self.timeout
        for worker in [each for each in self._workers if each.job is not None]:
            if time.monotonic() - worker.began > limit:
                self._remove(worker)
                reason = f"the run was ended after {limit:g} s, its timeout; see where it hangs, or allow more"
                yield from worker.close(reason)
        shorten(self.log)

    def _remove(self, worker: _Worker) -> str:
        self._workers.remove(worker)
        return worker.end()


class _Worker:
    """One process and the thread that listens to it."""

    def __init__(self, messages: queue.Queue[Any], log: BinaryIO | None, torch: bool) -> None:
        environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1")}
        self.job: int | None = None
        self.answered = False
        self.began = 0.0
        self.process = subprocess.Popen(
            # -P: what lies in the working folder is not imported before, or instead of, what this process would import
            [sys.executable, "-P", "-c", START, *map(str, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log or subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches the parent alone, which then ends its workers
        )
        self._send(frame(-1, torch))
        threading.Thread(target=self._listen, args=(messages,), daemon=True).start()

    def give(self, job: Job) -> None:
        """Send a job; raises whatever pickling it raises."""
        self.job, self.answered, self.began = job.number, False, time.monotonic() + STARTING
        data = frame(job.number, job)
        # A process that does not read, because it was stopped, must not stop this one.
        threading.Thread(target=self._send, args=(data,), daemon=True).start()

    def close(self, reason: str) -> Iterator[Message]:
        """The job is over: its outcome, if none has come."""
        if self.job is not None and not self.answered:
            yield {"job": self.job, "outcome": {"error": reason}}
        self.job = None

    def end(self) -> str:
        """Kill the process, its session and all that its run has started; says how it had ended."""
        status = self.process.poll()
        kill_all(descendants(self.process.pid))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9) if hasattr(os, "killpg") else self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # what was not sent cannot be flushed any more
            self.process.stdin.close()
        return ended(status) if status is not None else "closed its connection"

    def _send(self, data: bytes) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it has ended, which the listener notices
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def _listen(self, messages: queue.Queue[Any]) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:  # closed here: another thread would wait for a read to end
            for line in lines:
                with contextlib.suppress(ValueError, RecursionError):  # what a process sent before it was killed
                    if isinstance(message := json.loads(line), dict):  # not what a contender wrote to the pipe
                        messages.put((self, message))
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=5)  # for the way in which it ended
        messages.put((self, None))


def shorten(log: BinaryIO | None) -> None:
    """Keep the end of a log that has become too long; its writers append, and go on behind it."""
    if log is not None and log.seek(0, os.SEEK_END) > LOG_LIMIT:
        log.seek(-LOG_KEPT, os.SEEK_END)
        last = log.read()
        with contextlib.suppress(OSError):  # a full disk is no reason to stop here
            log.truncate(0)
            log.write(b"[earlier lines were deleted]\n" + last)
            log.flush()
