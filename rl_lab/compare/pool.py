"""The parent's side of the worker processes."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

from rl_lab.compare.worker import THREAD_VARIABLES, Job, send_frame, sentence


class Pool:
    """Some worker processes, each with one job at a time and one thread for its arithmetic.

    Args:
        size: how many processes.
        log: where they write what contenders print; nowhere by default.
        torch: whether they import torch and Stable-Baselines3 before the first job.

    As a context manager it ends them all on leaving, whatever they are doing.
    """

    def __init__(self, size: int, log: BinaryIO | None = None, torch: bool = True) -> None:
        self.size, self.log, self.torch = size, log, torch
        self._workers: list[_Worker] = []
        self._messages: queue.Queue[tuple[_Worker, dict[str, Any] | None]] = queue.Queue()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *error: object) -> None:
        for worker in self._workers:
            worker.end()

    @property
    def free(self) -> int:
        """How many more jobs could begin."""
        return self.size - sum(worker.job is not None for worker in self._workers)

    def start(self, job: Job) -> None:
        """Begin a job in a free process; that it could not be sent is a message like any other."""
        worker = next((worker for worker in self._workers if worker.job is None), None)
        if worker is None:
            worker = _Worker(self._messages, self.log, self.torch)
            self._workers.append(worker)
        try:
            worker.give(job)
        except Exception as error:
            reason = f"the contender cannot be sent to its process: {sentence(error)}"
            self._messages.put((worker, {"job": job.number, "outcome": {"error": reason}}))

    def messages(self, timeout: float = 0.2) -> Iterator[dict[str, Any]]:
        """What the workers said, waiting a moment for the first: progress and outcomes, each with its job."""
        wait = timeout
        while True:
            try:
                worker, message = self._messages.get(timeout=wait) if wait else self._messages.get_nowait()
            except queue.Empty:
                return
            wait = 0.0
            if message is None:
                if worker in self._workers:
                    self._workers.remove(worker)
                if worker.job is not None:
                    yield {"job": worker.job, "outcome": {"error": "the process of the run ended unexpectedly"}}
                continue
            if "outcome" in message:
                worker.job = None
            yield message


class _Worker:
    """One process and the thread that listens to it."""

    def __init__(self, messages: queue.Queue[Any], log: BinaryIO | None, torch: bool) -> None:
        environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1")}
        self.job: int | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from rl_lab.compare.worker import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log or subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches the parent alone, which then ends its workers
        )
        send_frame(self._stdin, -1, (sys.path, torch))
        threading.Thread(target=self._listen, args=(messages,), daemon=True).start()

    @property
    def _stdin(self) -> BinaryIO:
        assert self.process.stdin is not None
        return self.process.stdin  # type: ignore[return-value]

    def give(self, job: Job) -> None:
        send_frame(self._stdin, job.number, job)
        self.job = job.number

    def end(self) -> None:
        """Kill the process and the run that it forked, which are a session of their own."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9) if hasattr(os, "killpg") else self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # what was not sent cannot be flushed any more
                    stream.close()

    def _listen(self, messages: queue.Queue[Any]) -> None:
        assert self.process.stdout is not None
        try:
            for line in self.process.stdout:
                messages.put((self, json.loads(line)))
        except ValueError:  # closed while reading
            pass
        messages.put((self, None))
