"""An agent as one safetensors file: weights, optimiser, random streams, normaliser, environment states, counters.

What is loaded goes on exactly as what was saved would have. The header holds one JSON text, with a hash of it and of
all tensors: it finds a file that was damaged or cut off, and is no signature, since a forger computes it again. So
nothing that a file says is run, imported or believed unchecked (see `stored`).
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import gymnasium as gym
import numpy as np

from rl_lab.agents.common import spaces, stored
from rl_lab.core import weights
from rl_lab.errors import LabError, short
from rl_lab.files import writing

if TYPE_CHECKING:
    from rl_lab.agents.algorithm import Algorithm
    from rl_lab.agents.common.environments import Environment

Agent = TypeVar("Agent", bound="Algorithm")
CHECKPOINT, PREVIOUS, POLICY = "checkpoint.safetensors", "checkpoint.previous.safetensors", "policy.safetensors"
NOT_NEGATIVE = ("lane_lengths", "recent_lengths", "episodes", "variance", "count", "second", "square", "step")
OF_LANES = ("current", "lane_returns", "lane_lengths", "returns")  # kept only where there are as many environments
KINDS = "give the folder of a run, or a file that an agent's save wrote"


class Stored(NamedTuple):
    """A checkpoint that was read and checked."""

    file: Path
    body: dict[str, Any]
    tensors: dict[str, np.ndarray]


def file_of(path: Path) -> Path:
    """The file that `path` names: itself, with the ending added where it lacks."""
    if path.suffix == ".safetensors" or not path.name:  # "." and "/" have none
        return path
    return path.with_name(path.name + ".safetensors")


def save(agent: Algorithm, path: Path) -> Path:
    """Write an agent, atomically; returns the file.

    Raises:
        LabError: the path is a folder, or the file cannot be written.
    """
    if path.is_dir():
        raise LabError(f"{path} is a folder; name a file, such as {path / 'agent.safetensors'}")
    lanes = agent.source.save()
    tensors = {f"policy.{name}": array for name, array in agent.policy.tensors().items()}
    tensors |= {f"engine.{name}": array for name, array in agent.engine.state().items()}
    tensors |= {f"progress.{name}": array for name, array in _runner_arrays(agent).items()}
    tensors |= {f"normalizer.{name}": array for name, array in _normalizer_arrays(agent).items()}
    tensors |= {f"experience.{name}": array for name, array in agent.experience().items()}
    if lanes is not None:
        tensors["lanes"] = np.frombuffer(lanes.tobytes(), np.uint8)
    body = {
        "format": stored.FORMAT,
        "algorithm": agent.config.algorithm,
        "environment": agent.source.name,
        "env_kwargs": agent.env_kwargs,
        "spaces": _spaces(agent),
        "num_envs": agent.source.lanes,
        "seed": agent.seed,
        "engine": agent.engine.name,
        "device": str(getattr(agent.engine, "device", "cpu")),
        "settings": agent.config.as_json(),
        "lanes": None if lanes is None else str(lanes.dtype.descr),
        "started": not agent._fresh,
        **{name: getattr(agent, name) for name in stored.COUNTERS},
    }
    text = json.dumps(body, sort_keys=True, default=stored.plain)
    path = file_of(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    header = json.dumps({"sha256": _digest(text, tensors), "body": text})
    weights.save(path, tensors, {"rl_lab": header})
    return path


def agent_of(cls: type[Agent], found: Stored, env: Environment | None, overrides: dict[str, Any]) -> Agent:
    """The agent of a checkpoint; see `Algorithm.load`."""
    file, body = found.file, found.body
    if inspect.isabstract(cls):
        raise LabError(
            f"{cls.__name__} is abstract, and {file} holds an agent of {short(body['algorithm'])}; load it with the "
            "class of its algorithm, or with rl_lab.agents.run_folder.load, which finds the class"
        )
    config = cls.config_class
    if body["algorithm"] != config.algorithm:
        raise LabError(
            f"{file} holds an agent of {short(body['algorithm'])}, and not of {config.algorithm}; load it with the "
            "class of its algorithm"
        )
    if more := body["settings"].keys() - {field.name for field in dataclasses.fields(config)}:
        raise LabError(
            f"{file} cannot be used: {config.algorithm} has no hyperparameter {sorted(more)[0]!r}; use another "
            "checkpoint"
        )
    arguments = body["settings"] | {"seed": body["seed"], "num_envs": body["num_envs"]}
    if body["engine"] == "torch":
        arguments |= {"engine": "torch", "device": body["device"]}
        if "device" not in overrides:
            _check_device(file, body["device"])
    alone = env is None and not overrides
    if env is None:
        env = stored.registered(body["environment"], file)
    if isinstance(env, (gym.Env, gym.vector.VectorEnv)):
        del arguments["num_envs"]  # they have their own number
    if isinstance(env, str):
        arguments["env_kwargs"] = overrides.get("env_kwargs") or stored.checked_arguments(body, env, file)
    try:
        agent = cls(env, **(arguments | overrides))
    except LabError as error:
        if alone:  # with what the file says, and nothing else
            raise LabError(f"{file} cannot be used: {error}") from None
        raise
    if agent.engine.name != body["engine"]:
        raise LabError(
            f"{file} was trained with engine={body['engine']!r} and cannot go on with {agent.engine.name!r}; leave out "
            "engine, policy, loss and device"
        )
    if (problem := spaces.difference(body["spaces"], agent.source.vector)) is not None:
        raise LabError(
            f"{file} was trained on {body['environment']}, and {agent.source.name} differs in its {problem}; give the "
            "environment that it was trained on"
        )
    restore(agent, found)
    return agent


def find(path: Path) -> Stored:
    """The checkpoint that a path means.

    Args:
        path: a file that `save` wrote, with or without its ending; the folder of a run, whose last good checkpoint is
            taken; or the `policy.safetensors` of such a folder.

    Raises:
        LabError: there is none, or it is damaged.
    """
    if path.is_dir():
        if file_of(path) != path and file_of(path).exists():
            raise LabError(f"{path} is a folder, and {file_of(path)} is a file; give one of them with its full name")
        return _last_good(path)
    if path.name == POLICY and any((path.parent / name).exists() for name in (CHECKPOINT, PREVIOUS)):
        file, body, tensors = _last_good(path.parent)
        given = weights.load(path)
        own = bool(given) and all(f"engine.module.{name}" in tensors for name in given)  # a network of the user's own
        prefix = "engine.module." if own else "policy."
        others = {name: array for name, array in tensors.items() if own or not name.startswith("policy.")}
        return Stored(file, body, others | {f"{prefix}{name}": array for name, array in given.items()})
    if path.exists() and path.suffix != ".safetensors" and not file_of(path).exists():
        raise LabError(f"{path} is no checkpoint; {KINDS}")
    if not file_of(path).exists():
        raise LabError(f"{path} is not there; {KINDS}")
    file = file_of(path)
    return Stored(file, *read(file))


def read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The JSON body and the tensors of a file, checked.

    Raises:
        LabError: there is no such file, or it is damaged or no checkpoint.
    """
    path = file_of(path)
    tensors, metadata = weights.load_with_metadata(path)
    try:
        header = json.loads(metadata["rl_lab"])
        text, digest = header["body"], header["sha256"]
        body = json.loads(text)
    except (KeyError, TypeError, ValueError, RecursionError):
        alone = " holds weights alone and" if path.name == POLICY else ""
        raise LabError(f"{path}{alone} is no checkpoint of an agent; {KINDS}") from None
    if digest != _digest(text, tensors):
        raise LabError(f"{path} was altered since it was written: its hash does not match; use another checkpoint")
    body, lengths = stored.checked(body, path), tensors.get("progress.lane_lengths")
    if lengths is not None and lengths.shape != (body["num_envs"],):
        raise LabError(
            f"{path} cannot be used: num_envs is {body['num_envs']}, and its tensor 'progress.lane_lengths' has shape "
            f"{lengths.shape}; use another checkpoint"
        )
    return body, tensors


def restore(agent: Algorithm, found: Stored) -> None:
    """Put an agent into the state of a checkpoint.

    Raises:
        LabError: a tensor is missing, does not fit, or holds what no training writes.
    """
    file, body, tensors = found
    _restore_policy(agent, tensors, file)
    engine = {name[7:]: array for name, array in tensors.items() if name.startswith("engine.")}
    _check_signs(engine, file)
    if not any(name.startswith(f"{agent.optimizer.torch.lower()}.") for name in engine):
        raise LabError(
            f"{file} was not trained with {agent.optimizer.torch}; leave out the argument that changes the optimiser"
        )
    agent.engine.restore(engine, str(file))
    same = agent.source.lanes == body["num_envs"]
    for prefix, arrays in (("progress", _runner_arrays(agent)), ("normalizer", _normalizer_arrays(agent))):
        kept = {f"{prefix}.{name}": array for name, array in arrays.items() if same or name not in OF_LANES}
        _check_signs({name: tensors[name] for name in kept if name in tensors}, file)
        weights.copy_into(kept, tensors, str(file))
    if not agent.runner.stream.all():  # the generator would stay at 0
        raise LabError(f"{file} has a random stream of 0, which no training writes; use another checkpoint")
    for name in stored.COUNTERS:
        setattr(agent, name, body[name])
    agent._fresh = not (same and body["started"])
    if same:
        kept = {name[11:]: array for name, array in tensors.items() if name.startswith("experience.")}
        agent.restore_experience(kept, str(file))
    elif agent.experience():
        logging.getLogger("rl_lab").info(
            "%s holds the experience of %s environments: with %s, it is left out, and experience is collected again",
            file,
            body["num_envs"],
            agent.source.lanes,
        )
    _restore_lanes(agent, found)


def _last_good(folder: Path) -> Stored:
    """The last checkpoint of a run, or the one before it where that is damaged."""
    problems = []
    for file in (folder / CHECKPOINT, folder / PREVIOUS):
        try:
            found = Stored(file, *read(file))
        except LabError as error:
            problems += [str(error)] if file.exists() else []
            continue
        for problem in problems:
            logging.getLogger("rl_lab").warning("%s: so the checkpoint before it is used", problem.split("; ")[0])
        return found
    raise LabError("; ".join(problems) or f"{folder} holds no checkpoint; `rl-lab train` writes them")


def _restore_policy(agent: Algorithm, tensors: dict[str, np.ndarray], file: Path) -> None:
    arrays = {f"policy.{name}": array for name, array in agent.policy.tensors().items()}
    if more := [name for name in tensors if name.startswith("policy.") and name not in arrays]:
        raise LabError(f"{file} has a tensor {more[0]!r}, which an agent on {agent.source.name} does not have")
    weights.copy_into(arrays, tensors, str(file))


def _restore_lanes(agent: Algorithm, found: Stored) -> None:
    file, body, tensors = found
    if not body["started"]:
        return
    present = agent.source.save()
    if agent._fresh:  # there are more environments than there were, or fewer
        agent.source.reset(agent.seed + body["iterations"])
    elif present is not None and str(present.dtype.descr) == body["lanes"]:
        states = tensors.get("lanes", np.zeros(0, np.uint8))
        if states.dtype != np.uint8 or states.shape != (present.nbytes,):
            raise LabError(f"{file} has no states for {agent.source.lanes} environments; use another checkpoint")
        agent.source.load(np.frombuffer(states.tobytes(), present.dtype).reshape(present.shape))
    else:
        agent.source.reset(agent.seed + body["iterations"])
        for array in (agent.runner.lane_returns, agent.runner.lane_lengths, agent.normalizer.returns):
            array[:] = 0
        agent._fresh = True
        agent._episodes_lost = True


def _check_signs(arrays: dict[str, np.ndarray], file: Path) -> None:
    """Refuse negative lengths, counts and variances."""
    for name, array in arrays.items():
        values = array[1:] if name.endswith("return_moments") else array  # mean, variance and count
        counted = name.endswith((*NOT_NEGATIVE, "return_moments", "exp_avg_sq", "square_avg"))
        if counted and array.dtype.kind in "iuf" and (values < 0).any():
            raise LabError(f"{file} has a tensor {name!r} with negative numbers; use another checkpoint")


def _check_device(file: Path, device: str) -> None:
    from rl_lab.agents.engines.torch import device_of

    try:
        device_of(device)
    except LabError as error:
        raise LabError(
            f"{file} was trained on another device: {error} (device='cpu' in Python, --device cpu on the command line)"
        ) from None


def _normalizer_arrays(agent: Algorithm) -> dict[str, np.ndarray]:
    return {name: value for name, value in agent.normalizer._asdict().items() if isinstance(value, np.ndarray)}


def _runner_arrays(agent: Algorithm) -> dict[str, np.ndarray]:
    """Those of an agent without memory have no carry."""
    return {name: array for name, array in agent.runner._asdict().items() if array.size}


def _spaces(agent: Algorithm) -> dict[str, Any]:
    return spaces.described(agent.source.vector.single_observation_space, agent.source.vector.single_action_space)


def _digest(text: str, tensors: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256(text.encode())
    for name, array in sorted(tensors.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
