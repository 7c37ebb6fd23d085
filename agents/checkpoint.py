"""An agent as one safetensors file: weights, optimiser, random streams, normaliser, lanes, counters.

What is loaded goes on exactly as what was saved would have. The header holds one JSON text, with a hash of
it and of all tensors, so that a truncated or altered file is refused. Nothing in the file is code.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

from rl_lab.core import weights
from rl_lab.errors import LabError

if TYPE_CHECKING:
    from rl_lab.agents.environments import Environment
    from rl_lab.agents.ppo import PPO

FORMAT = 1
COUNTERS = ("num_timesteps", "total_timesteps", "iterations", "seconds")


def file_of(path: Path) -> Path:
    """The file that `path` names: itself, with the ending added where it lacks."""
    return path if path.suffix == ".safetensors" else path.with_name(path.name + ".safetensors")


def save(agent: PPO, path: Path) -> Path:
    """Write an agent, atomically; returns the file."""
    lanes = agent.source.save()
    tensors = {f"policy.{name}": array for name, array in agent.policy.tensors().items()}
    tensors |= {f"engine.{name}": array for name, array in agent.engine.state().items()}
    tensors |= {f"progress.{name}": array for name, array in agent.progress._asdict().items()}
    tensors |= {f"normalizer.{name}": array for name, array in _normalizer_arrays(agent).items()}
    if lanes is not None:
        tensors["lanes"] = np.frombuffer(lanes.tobytes(), np.uint8)
    body = {
        "format": FORMAT,
        "algorithm": "PPO",
        "environment": agent.source.name,
        "env_kwargs": agent.env_kwargs,
        "spaces": _spaces(agent),
        "num_envs": agent.source.lanes,
        "seed": agent.seed,
        "engine": agent.engine.name,
        "settings": agent.settings.as_json(),
        "lanes": None if lanes is None else str(lanes.dtype.descr),
        "started": not agent._fresh,
        **{name: getattr(agent, name) for name in COUNTERS},
    }
    text = json.dumps(body, sort_keys=True)
    path = file_of(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    header = json.dumps({"sha256": _digest(text, tensors), "body": text})
    weights.save(path, tensors, {"rl_lab": header})
    return path


def load(cls: type[PPO], path: Path, env: Environment | None, overrides: dict[str, Any]) -> PPO:
    """Read an agent; see `PPO.load`."""
    body, tensors = read(path)
    arguments = body["settings"] | {
        "seed": body["seed"],
        "num_envs": body["num_envs"],
        "env_kwargs": body["env_kwargs"],
    }
    if body["engine"] == "torch":
        arguments["engine"] = "torch"
    if env is None and body["environment"] not in gym.registry and ":" not in body["environment"]:
        raise LabError(f"{path} was trained on {body['environment']}, which is not registered; give env= as well")
    agent = cls(body["environment"] if env is None else env, **(arguments | overrides))
    if _spaces(agent) != body["spaces"]:
        raise LabError(
            f"{path} was trained on {body['environment']} with {body['spaces']}, but {agent.source.name} has "
            f"{_spaces(agent)}; give the environment that it was trained on"
        )
    restore(agent, body, tensors)
    return agent


def read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The JSON body and the tensors of a file, checked.

    Raises:
        LabError: there is no such file, or it is damaged, altered or no checkpoint.
    """
    path = file_of(path)
    tensors, metadata = weights.load_with_metadata(path)
    try:
        header = json.loads(metadata["rl_lab"])
        text, digest = header["body"], header["sha256"]
        body = json.loads(text)
    except (KeyError, TypeError, json.JSONDecodeError):
        raise LabError(
            f"{path} is no checkpoint of an agent; give the folder of a run, or a file that PPO.save wrote"
        ) from None
    if digest != _digest(text, tensors):
        raise LabError(f"{path} was altered since it was written: its hash does not match; use another checkpoint")
    if body["format"] != FORMAT:
        raise LabError(f"{path} has format {body['format']}; this version reads format {FORMAT}")
    return body, tensors


def restore(agent: PPO, body: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    """Put an agent into the state of a checkpoint."""
    for name, array in agent.policy.tensors().items():
        array[...] = tensors[f"policy.{name}"]
    agent.engine.restore({name[7:]: array for name, array in tensors.items() if name.startswith("engine.")})
    if agent.source.lanes == body["num_envs"]:
        for name, array in agent.progress._asdict().items():
            array[...] = tensors[f"progress.{name}"]
        for name, array in _normalizer_arrays(agent).items():
            array[...] = tensors[f"normalizer.{name}"]
        agent._fresh = not body["started"]
        _restore_lanes(agent, body, tensors)
    for name in COUNTERS:
        setattr(agent, name, body[name])


def _restore_lanes(agent: PPO, body: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    import logging

    present = agent.source.save()
    if present is not None and str(present.dtype.descr) == body["lanes"]:
        agent.source.load(np.frombuffer(tensors["lanes"].tobytes(), present.dtype).reshape(present.shape))
    elif body["started"]:
        agent.source.reset(agent.seed + body["iterations"])
        agent.progress.lane_returns[:], agent.progress.lane_lengths[:] = 0, 0
        agent._fresh = True
        logging.getLogger("rl_lab").info("%s cannot be saved: its episodes start anew", agent.source.name)


def _normalizer_arrays(agent: PPO) -> dict[str, np.ndarray]:
    return {name: value for name, value in agent.normalizer._asdict().items() if isinstance(value, np.ndarray)}


def _spaces(agent: PPO) -> str:
    vector = agent.source.vector
    return f"{vector.single_observation_space} -> {vector.single_action_space}"


def _digest(text: str, tensors: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256(text.encode())
    for name, array in sorted(tensors.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
