"""Runs of every algorithm, killed at up to twenty random moments and resumed, end in the bytes of one that was not.

    python -m benchmarks.proofs resume

Each run is a process that gets SIGKILL; the next resumes its folder. What is compared is `policy.safetensors`, the
checkpoint with optimiser, random streams, replay buffer and environments, and all metrics but those of time.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.proofs import entry
from rl_lab.agents import run_folder
from rl_lab.agents.common import checkpoint
from rl_lab.files import write_text

ENV, KILLS = "rl_lab/CartPole-v1", 20
RUNS: dict[str, dict[str, Any]] = {
    "ppo, compiled": {"algorithm": "ppo", "num_envs": 8, "n_steps": 64, "normalize_observation": True},
    "ppo, torch": {"algorithm": "ppo", "num_envs": 8, "n_steps": 64, "engine": "torch"},
    "a2c, compiled": {"algorithm": "a2c", "num_envs": 8},
    "a2c, torch": {"algorithm": "a2c", "num_envs": 8, "engine": "torch"},
    "dqn, compiled": {"algorithm": "dqn", "buffer_size": 20_000, "net_arch": [256, 256], "prioritized": True},
    "dqn, torch": {"algorithm": "dqn", "buffer_size": 20_000, "engine": "torch", "n_steps": 3},
}
SECONDS = 12.0  # that a run shall take, more or less
CODE = """
import json, sys
from rl_lab.agents import run_folder
what, folder, env, steps, settings = sys.argv[1:]
if what == "train":
    run_folder.train(env, int(steps), folder, checkpoint_seconds=0.05, **json.loads(settings))
else:
    run_folder.resume(folder, checkpoint_seconds=0.05)
"""


def main() -> None:
    """Kill and compare, and write what was found."""
    moments, found = random.Random(0), {}
    for name, settings in RUNS.items():
        with tempfile.TemporaryDirectory() as place:
            whole, killed = Path(place) / "whole", Path(place) / "killed"
            steps, seconds = _steps(settings, Path(place))
            run_folder.train(ENV, steps, whole, **settings)
            kills = _kill(killed, steps, seconds, settings, moments)
            same = _state(whole) == _state(killed)
            found[name] = {"steps": steps, "kills": kills, "same bytes": same}
            print(f"{name}: {steps:,} steps, killed {kills} times: {'the same bytes' if same else 'OTHER BYTES'}")
    write_text(Path(__file__).with_suffix(".json"), json.dumps(found, indent=1) + "\n")
    if not all(each["same bytes"] for each in found.values()):
        sys.exit(1)


def _steps(settings: dict[str, Any], place: Path) -> tuple[int, float]:
    """Steps that take about `SECONDS`, and how long they take."""
    run_folder.train(ENV, 2_048, place / "first", **settings)  # compiles
    start = time.perf_counter()
    run_folder.train(ENV, 8_192, place / "timed", **settings)
    rate = 8_192 / (time.perf_counter() - start)
    return max(16_384, int(rate * SECONDS)), SECONDS


def _kill(folder: Path, steps: int, seconds: float, settings: dict[str, Any], moments: random.Random) -> int:
    """Train in processes that are killed at random moments; returns how many were."""
    kills, done = 0, False
    while not done:
        begun = any((folder / name).exists() for name in (checkpoint.CHECKPOINT, checkpoint.PREVIOUS))
        words = ["resume" if begun else "train", str(folder), ENV, str(steps), json.dumps(settings)]
        process = subprocess.Popen([sys.executable, "-c", CODE, *words])
        before = _iterations(folder)
        while kills < KILLS and process.poll() is None and _iterations(folder) == before:
            time.sleep(0.005)  # until it does something
        try:
            process.wait(moments.uniform(0, 1.5 * seconds / KILLS) if kills < KILLS else None)
            done = process.returncode == 0
            if not done:
                raise RuntimeError(f"a run ended with {process.returncode}")
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    return kills


def _iterations(folder: Path) -> int:
    metrics = folder / "metrics.csv"
    return metrics.read_text().count("\n") if metrics.exists() else 0


def _state(folder: Path) -> tuple[Any, ...]:
    """All that must be the same: weights, the whole checkpoint, and metrics."""
    body, tensors = checkpoint.read(folder / checkpoint.CHECKPOINT)
    rows = [line.split(",") for line in (folder / "metrics.csv").read_text().splitlines()]
    keep = [i for i, name in enumerate(rows[0]) if name not in ("time/fps", "time/time_elapsed")]
    metrics = [[row[i] for i in keep] for row in rows]
    del body["seconds"]
    arrays = {name: (array.dtype, array.shape, array.tobytes()) for name, array in tensors.items()}
    return (folder / checkpoint.POLICY).read_bytes(), body, arrays, metrics


if __name__ == "__main__":
    entry.run(main)
