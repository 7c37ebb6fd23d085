"""A training run in a folder: metrics, checkpoints, and the exact way back after any kill.

The folder holds `config.json`, `metrics.csv` (a row an iteration), TensorBoard events where tensorboard is
installed, `checkpoint.safetensors` with the one before it, and at the end `policy.safetensors`, the weights
alone. A run that is killed and resumed ends in the same weights, byte for byte, as one that is not.
"""

from __future__ import annotations

import csv
import json
import os
import time
from pathlib import Path
from typing import Any

from rl_lab.agents import checkpoint, checks
from rl_lab.agents.ppo import PPO, Callback
from rl_lab.core import weights
from rl_lab.errors import LabError
from rl_lab.files import locked, write_text

CHECKPOINT, PREVIOUS, POLICY = "checkpoint.safetensors", "checkpoint.previous.safetensors", "policy.safetensors"
DAMAGED = "checkpoint.damaged.safetensors"


def train(
    env: str,
    steps: int,
    out: str | Path,
    *,
    seed: int = 0,
    checkpoint_seconds: float = 10.0,
    progress_bar: bool = False,
    callback: Callback | None = None,
    **arguments: Any,
) -> PPO:
    """Train PPO in a folder.

    Args:
        env: a Gymnasium id.
        steps: steps over all lanes.
        out: the folder; it must be new or empty.
        seed: of everything random.
        checkpoint_seconds: how often the run is saved.
        progress_bar: show a line of progress.
        callback: called after every iteration; False stops.
        arguments: of `PPO`.

    Raises:
        LabError: the folder holds a run already, or is in use.
    """
    checks.whole_number("steps", steps, 1)
    folder = Path(out)
    if (folder / "config.json").exists():
        raise LabError(
            f"{folder} holds a run already; resume it with `rl-lab train --resume {folder}`, or name another folder"
        )
    agent = PPO(env, seed=seed, **arguments)
    agent.total_timesteps = int(steps)
    settings = agent.settings.as_json()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(f"{folder} cannot be made: {error.strerror}; name another folder") from None
    with locked(folder):
        config = {"env": env, "env_kwargs": agent.env_kwargs, "steps": int(steps), "seed": seed}
        config |= {"num_envs": agent.source.lanes, "engine": agent.engine.name, "settings": settings}
        write_text(folder / "config.json", json.dumps(config, indent=2) + "\n")
        checkpoint.save(agent, folder / CHECKPOINT)
        try:
            return _run(agent, folder, checkpoint_seconds, progress_bar, callback)
        except LabError:
            if agent.iterations == 0:  # nothing was learned: the folder is free for the next try
                for name in ("config.json", CHECKPOINT, PREVIOUS):
                    (folder / name).unlink(missing_ok=True)
            raise


def resume(
    out: str | Path,
    *,
    checkpoint_seconds: float = 10.0,
    progress_bar: bool = False,
    callback: Callback | None = None,
    **overrides: Any,
) -> PPO:
    """Go on with a run that stopped, from its last good checkpoint; see `train`.

    Raises:
        LabError: the folder holds no run, no good checkpoint, or is in use.
    """
    folder = Path(out)
    if not (folder / "config.json").exists():
        raise LabError(f"{folder} holds no run; `rl-lab train` starts one")
    with locked(folder):
        agent = load(folder, **overrides)
        _put_aside_damaged(folder)
        return _run(agent, folder, checkpoint_seconds, progress_bar, callback)


def load(path: Path, **overrides: Any) -> PPO:
    """The agent of a run's last good checkpoint, or of a file that `PPO.save` wrote.

    Raises:
        LabError: neither the last checkpoint nor the one before it can be read.
    """
    import logging

    if not path.is_dir():
        if path.exists() and path.suffix != ".safetensors":
            raise LabError(f"{path} is no checkpoint; give the folder of a run, or a file that PPO.save wrote")
        if not checkpoint.file_of(path).exists():
            raise LabError(f"{path} is not there; give the folder of a run, or a file that PPO.save wrote")
        return PPO.load(path, **overrides)
    problems = []
    for file in (path / CHECKPOINT, path / PREVIOUS):
        try:
            checkpoint.read(file)
        except LabError as error:
            problems += [str(error)] if file.exists() else []
            continue
        for problem in problems:
            logging.getLogger("rl_lab").warning("%s: so the checkpoint before it is used", problem.split("; ")[0])
        return PPO.load(file, **overrides)
    raise LabError("; ".join(problems) or f"{path} holds no checkpoint; `rl-lab train` writes them")


def _put_aside_damaged(folder: Path) -> None:
    """Rename a last checkpoint that cannot be read, so that the good one before it is not the next to go."""
    try:
        checkpoint.read(folder / CHECKPOINT)
    except LabError:
        if (folder / CHECKPOINT).exists():
            (folder / CHECKPOINT).replace(folder / DAMAGED)


def _run(agent: PPO, folder: Path, seconds: float, progress_bar: bool, callback: Callback | None) -> PPO:
    log = _Log(folder, agent.iterations)
    saved = time.monotonic()

    def after_iteration(agent: PPO) -> bool | None:
        nonlocal saved
        log.write(agent)
        if time.monotonic() - saved >= seconds:
            _save(agent, folder)
            saved = time.monotonic()
        return None if callback is None else callback(agent)

    try:
        agent.train(after_iteration, progress_bar)
    finally:
        log.close()
    _save(agent, folder)
    weights.save(folder / POLICY, agent.policy.tensors())
    return agent


def _save(agent: PPO, folder: Path) -> None:
    """Write a checkpoint; the one before it stays until the next."""
    if (folder / CHECKPOINT).exists():
        os.replace(folder / CHECKPOINT, folder / PREVIOUS)
    checkpoint.save(agent, folder / CHECKPOINT)


class _Log:
    """`metrics.csv` and TensorBoard events; rows after the checkpoint that a run resumes from are dropped."""

    def __init__(self, folder: Path, iterations: int) -> None:
        self.path = folder / "metrics.csv"
        self.names: list[str] = []
        if iterations and self.path.exists():
            with self.path.open(newline="") as file:
                rows = list(csv.reader(file))
            kept = [row for row in rows[1 : iterations + 1] if len(row) == len(rows[0])]
            self.names = rows[0]
            write_text(self.path, "".join(",".join(row) + "\n" for row in [rows[0], *kept]))
        elif self.path.exists():
            self.path.unlink()
        try:
            from tensorboard.summary import Writer

            self.writer: Any = Writer(str(folder / "tensorboard"))
        except ImportError:
            self.writer = None

    def write(self, agent: PPO) -> None:
        """Add the metrics of an iteration."""
        metrics = {"rollout/ep_rew_mean": float("nan"), "rollout/ep_len_mean": float("nan")} | agent.metrics
        first = not self.names
        self.names = self.names or sorted(metrics)
        with self.path.open("a", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if first:
                writer.writerow(self.names)
            writer.writerow([f"{metrics.get(name, float('nan')):.9g}" for name in self.names])
        if self.writer is not None:
            for name, value in agent.metrics.items():
                self.writer.add_scalar(name, value, agent.num_timesteps)

    def close(self) -> None:
        """Flush the events."""
        if self.writer is not None:
            self.writer.close()
