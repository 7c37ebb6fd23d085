"""A training run in a folder: metrics, checkpoints, and resuming bit-exactly after any kill.

The folder holds `config.json`, `metrics.csv` (a row for every `log_interval`th iteration of the algorithm, and for the
last), TensorBoard events where tensorboard is installed, `checkpoint.safetensors` with the one before it, and at the
end `policy.safetensors`, the weights alone. A run that is killed and resumed ends in the same weights, byte for byte,
as one that is not, where the state of its environment can be saved, as that of all the lab's environments can; others
begin their episodes again, and a message says so.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from rl_lab.agents import registry
from rl_lab.agents.algorithm import Algorithm, Callback
from rl_lab.agents.common import checkpoint, stored
from rl_lab.agents.common.checkpoint import CHECKPOINT, POLICY, PREVIOUS
from rl_lab.agents.common.run_log import RunLog
from rl_lab.core import weights
from rl_lab.errors import LabError
from rl_lab.files import locked, write_text, writing
from rl_lab.validation import whole_number

SHARE = 10  # as long as checkpoints take, a run goes on at least this many times before the next
CONFIG, DAMAGED = "config.json", "checkpoint.damaged.safetensors"


def train(
    env: str,
    steps: int,
    out: str | Path,
    *,
    algorithm: str = "ppo",
    seed: int = 0,
    checkpoint_seconds: float = 10.0,
    progress_bar: bool = False,
    callback: Callback | None = None,
    **arguments: Any,
) -> Algorithm:
    """Train an agent in a folder.

    Args:
        env: a Gymnasium id.
        steps: steps over all environments.
        out: the folder; it must be new or empty.
        algorithm: name of the algorithm.
        seed: of everything random.
        checkpoint_seconds: how often the run is saved.
        progress_bar: show a line of progress.
        callback: called after every iteration; False stops.
        arguments: of the algorithm, such as `PPO`.

    Raises:
        LabError: the folder holds a run already, or is in use.
    """
    whole_number("steps", steps, 1)
    _check_seconds(checkpoint_seconds)
    folder = Path(out)
    check_new(folder)
    agent = registry.algorithm_named(algorithm)(env, seed=seed, **arguments)
    agent.config.check_budget(int(steps))
    agent.total_timesteps = int(steps)
    with locked(folder):
        check_new(folder)  # again: another process may have trained there meanwhile
        try:
            checkpoint.save(agent, folder / CHECKPOINT)
            _write_config(agent, env, folder)
            return _run(agent, folder, checkpoint_seconds, progress_bar, callback)
        except LabError:
            if agent.iterations == 0:  # nothing was learned: the folder is free for the next try
                for name in (CONFIG, CHECKPOINT, PREVIOUS):
                    (folder / name).unlink(missing_ok=True)
            raise


def keep(agent: Algorithm, env: str, folder: Path) -> None:
    """Write an agent that was trained in another way as a run that has ended.

    Raises:
        LabError: the folder holds a run already, or cannot be written.
    """
    with locked(folder):
        check_new(folder)
        agent.total_timesteps = agent.num_timesteps
        checkpoint.save(agent, folder / CHECKPOINT)
        weights.save(folder / POLICY, agent.engine.tensors())
        _write_config(agent, env, folder)


def check_new(folder: Path) -> None:
    """Refuse a folder that holds a run.

    Raises:
        LabError: it does.
    """
    if _holds_run(folder):
        raise LabError(
            f"{folder} holds a run already; resume it with `rl-lab train --resume {folder}`, or name another folder"
        )


def _write_config(agent: Algorithm, env: str, folder: Path) -> None:
    config: dict[str, Any] = {
        "algorithm": agent.config.algorithm,
        "env": env,
        "env_kwargs": agent.env_kwargs,
        "steps": agent.total_timesteps,
        "seed": agent.seed,
    }
    config |= {"num_envs": agent.source.lanes, "engine": agent.engine.name, "settings": agent.config.as_json()}
    write_text(folder / CONFIG, json.dumps(config, indent=2, default=stored.plain) + "\n")


def resume(
    out: str | Path,
    env: str | None = None,
    *,
    algorithm: str | None = None,
    device: str | None = None,
    checkpoint_seconds: float = 10.0,
    progress_bar: bool = False,
    callback: Callback | None = None,
    **overrides: Any,
) -> Algorithm:
    """Resume a run that stopped, from its last good checkpoint; see `train`.

    Args:
        out: its folder.
        env: its environment again, where the module that registers it is not imported: "module:id".
        algorithm: its algorithm again, by name; it cannot be another.
        device: another than it was trained on; the weights will then differ from those of an uninterrupted run.
        checkpoint_seconds: how often the run is saved.
        progress_bar: show a line of progress.
        callback: called after every iteration; False stops.
        overrides: arguments of the algorithm that a checkpoint cannot hold, such as `loss`.

    Raises:
        LabError: the folder holds no run, no good checkpoint, or is in use.
    """
    _check_seconds(checkpoint_seconds)
    folder = Path(out)
    if not _holds_run(folder):
        raise LabError(f"{folder} holds no run; `rl-lab train` starts one")
    with locked(folder):
        found = checkpoint.find(folder)
        kind, known = algorithm_of(found), found.body["environment"]
        if algorithm is not None and registry.algorithm_named(algorithm) is not kind:
            raise LabError(
                f"{folder} was trained by {kind.config_class.algorithm}, and {algorithm} is another algorithm; leave "
                "it out"
            )
        if env is not None and env.rpartition(":")[2] != known.rpartition(":")[2]:
            raise LabError(f"{folder} was trained on {known}, and {env} is another environment; leave it out")
        agent = checkpoint.agent_of(kind, found, env, overrides | ({"device": device} if device else {}))
        _put_aside_damaged(folder)
        return _run(agent, folder, checkpoint_seconds, progress_bar, callback)


def load(path: Path, env: str | None = None) -> Algorithm:
    """An agent to look at or to play with: that of a run's last good checkpoint, or of a file that `save` wrote.

    Where it was trained on a GPU and there is none, it plays on the CPU.

    Args:
        path: as for `Algorithm.load`.
        env: its environment, where the module that registers it is not imported: "module:id".

    Raises:
        LabError: there is none, or it is damaged.
    """
    found = checkpoint.find(path)
    overrides = {}
    if found.body["engine"] == "torch":
        from rl_lab.agents.engines.torch import device_of

        try:
            device_of(found.body["device"])
        except LabError:
            overrides["device"] = "cpu"
    return checkpoint.agent_of(algorithm_of(found), found, env, overrides)


def algorithm_of(found: checkpoint.Stored) -> type[Algorithm]:
    """The class of the algorithm that a checkpoint is of.

    Raises:
        LabError: there is none here.
    """
    try:
        return registry.algorithm_named(found.body["algorithm"])
    except LabError as error:
        raise LabError(f"{found.file} cannot be used: {error}") from None


def _holds_run(folder: Path) -> bool:
    """Whether there is a run, and not only what a kill or a full disk left of its start."""
    kept = (CHECKPOINT, PREVIOUS, POLICY, DAMAGED)
    return (folder / CONFIG).exists() and any((folder / name).exists() for name in kept)


def _check_seconds(value: Any) -> None:
    """Refuse what never becomes due, such as NaN, or is no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise LabError(f"checkpoint_seconds={value!r} is not allowed; it must be a number of at least 0")


def _put_aside_damaged(folder: Path) -> None:
    """Rename a last checkpoint that cannot be read, so that the good one before it is not the next to go."""
    try:
        checkpoint.read(folder / CHECKPOINT)
    except LabError:
        if (folder / CHECKPOINT).exists():
            (folder / CHECKPOINT).replace(folder / DAMAGED)


def _run(agent: Algorithm, folder: Path, seconds: float, progress_bar: bool, callback: Callback | None) -> Algorithm:
    log = RunLog(folder, agent.iterations, agent.num_timesteps)
    saved, cost = time.monotonic(), 0.0

    def after_iteration(agent: Algorithm) -> bool | None:
        nonlocal saved, cost
        log.write(agent)
        if (begun := time.monotonic()) - saved >= max(seconds, SHARE * cost):
            _save(agent, folder, log)
            saved = time.monotonic()
            cost = saved - begun
        return None if callback is None else callback(agent)

    try:
        agent.train(after_iteration, progress_bar)
        _save(agent, folder, log)
        weights.save(folder / POLICY, agent.engine.tensors())
    finally:
        log.close()
    return agent


def _save(agent: Algorithm, folder: Path, log: RunLog) -> None:
    """Write a checkpoint; the one before it stays until the next."""
    log.flush()
    if (folder / CHECKPOINT).exists():
        with writing(folder / PREVIOUS):
            os.replace(folder / CHECKPOINT, folder / PREVIOUS)
    checkpoint.save(agent, folder / CHECKPOINT)
