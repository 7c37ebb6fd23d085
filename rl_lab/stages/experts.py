"""Who shows how it is done: a planner, an explorer, a function of one's own, an agent that was trained."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym

from rl_lab.agents.common.masks import ActionMasks
from rl_lab.agents.common.predictor import Predictor
from rl_lab.errors import LabError
from rl_lab.fingerprint import describe
from rl_lab.stages.artifact import Artifact

NAMED = {
    "planner": ("rl_lab.envs.robot.planner", "Planner"),
    "explorer": ("rl_lab.envs.robot.exploration", "Explorer"),
}
GO = "rl_lab.envs.go."
FORMS = (
    "give a function of (observation, info), 'planner' or 'explorer' (of the robot's worlds), a player of Go such as "
    "'mcts:500', module:function, or the folder of a run"
)


class Known(NamedTuple):
    """An expert, and what it took to make it."""

    act: Callable[[Any, dict[str, Any]], Any]
    teacher_steps: int


def find(expert: Any, env: gym.Env) -> Known:
    """An expert from its name, or from whatever has a `predict` or can be called.

    Args:
        expert: a name, a path, a trained agent, or `expert(observation, info) -> action`.
        env: the environment that it will act in.

    Raises:
        LabError: there is no such expert, or it is one of another environment.
    """
    if isinstance(expert, Path) or (isinstance(expert, str) and expert not in NAMED and Path(expert).exists()):
        return _loaded(Path(expert), env)
    if isinstance(expert, str):
        return Known(_named(expert, env), 0)
    if hasattr(expert, "predict"):
        _check_statistics(expert, env)
        return Known(_Playing(expert, env), int(getattr(expert, "num_timesteps", 0)))
    if not callable(expert):
        raise LabError(f"expert {expert!r} cannot act; {FORMS}")
    return Known(expert, 0)


def described(expert: Any) -> Any:
    """What counts about an expert, for the names of what it shows: its code or its weights, not what it is called."""
    if isinstance(expert, Path) or (isinstance(expert, str) and expert not in NAMED and Path(expert).exists()):
        files = sorted(Path(expert).glob("*.safetensors")) if Path(expert).is_dir() else [Path(expert)]
        return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()]
    if isinstance(expert, str):
        if _is_player(expert):
            return expert
        module, label = NAMED.get(expert) or (expert.partition(":")[0], expert.partition(":")[2])
        try:
            return describe(getattr(import_module(module), label))
        except (ImportError, AttributeError, ValueError):
            return expert  # finding it will say what is wrong
    if hasattr(expert, "predict"):
        acting = getattr(expert, "agent", expert) if isinstance(expert, Artifact) else expert
        return [describe(type(expert)), describe([_acts_by(acting), getattr(expert, "num_timesteps", 0)])]
    return describe(expert)


def _acts_by(model: Any) -> Any:
    """What decides the actions of an agent: weights, the networks that they are of, and how it scales observations."""
    if hasattr(weights := getattr(model, "parameters", None), "tobytes"):  # ours
        module = getattr(getattr(model, "engine", None), "module", None)
        return [weights, _kinds(module), getattr(model, "normalizer", None)]
    policy = getattr(model, "policy", model)
    if not hasattr(policy, "state_dict"):
        return model
    scale = getattr(model, "get_vec_normalize_env", lambda: None)()
    moments = [getattr(scale, name, None) for name in ("norm_obs", "obs_rms", "clip_obs", "epsilon")]
    return [policy.state_dict(), _kinds(policy), moments]


def _kinds(module: Any) -> list[type]:
    """The classes of a network of torch and of its parts, in their order."""
    return list(dict.fromkeys(type(part) for part in module.modules())) if hasattr(module, "modules") else []


def _named(name: str, env: gym.Env) -> Callable[..., Any]:
    if _is_player(name):
        if "chains" not in _fields(env):
            raise LabError(f"expert {name!r} plays Go, and {env.unwrapped} is another game; {FORMS}")
        return import_module(GO + "expert").Expert(name)
    module, label = NAMED.get(name) or (name.partition(":")[0], name.partition(":")[2])
    if not label:
        raise LabError(f"expert {name!r} is unknown; {FORMS}")
    if name in NAMED and "cells" not in _fields(env):
        raise LabError(f"expert {name!r} knows the robot's worlds only, and {env.unwrapped} is none; {FORMS}")
    try:
        found = getattr(import_module(module), label)
    except (ImportError, AttributeError) as error:
        raise LabError(f"expert {name!r} cannot be imported: {error}") from None
    made = found() if isinstance(found, type) else found
    if not callable(made):
        raise LabError(f"expert {name!r} is {made!r}, which cannot be called; {FORMS}")
    return made


def _is_player(name: str) -> bool:
    """Whether Go has a player of this name."""
    try:
        import_module(GO + "players").parsed(name)
    except LabError:
        return False
    return True


def _fields(env: gym.Env) -> tuple[str, ...]:
    lanes = getattr(env.unwrapped, "lanes", None)
    return (lanes.states.dtype.names or ()) if lanes is not None else ()


def _loaded(path: Path, env: gym.Env) -> Known:
    if path.suffix == ".zip":
        raise LabError(
            f"{path} is a pickle of Stable-Baselines3, and loading it can run any code that is in it; load it "
            "yourself, with its class's load, and give the model, or a module:function that calls its predict"
        )
    from rl_lab.agents.run_folder import load

    model = load(path)
    space = model.source.vector.single_action_space
    if space != env.action_space:
        raise LabError(f"{path} was trained with actions {space}, but the environment has {env.action_space}")
    return Known(_Playing(model, env), int(model.num_timesteps))


def _check_statistics(model: Any, env: gym.Env) -> None:
    """Refuse a model that learned with observations that a wrapper of Gymnasium normalised, where there is none."""
    trained_in = getattr(getattr(model, "get_env", lambda: None)(), "envs", [None])[0]
    if (wrapper := _normalising(trained_in)) is not None and _normalising(env) is None:
        raise LabError(
            f"the expert was trained with observations from {type(wrapper).__name__}, but the environment has none; "
            "give a function of (observation, info) that normalises observations as that wrapper did"
        )


def _normalising(env: Any) -> Any:
    """The wrapper around an environment that learns the scale of observations, or None."""
    while isinstance(env, gym.Wrapper):
        if hasattr(env, "obs_rms"):
            return env
        env = env.env
    return None


class _Playing:
    """An agent as an expert, asked for its most probable actions with all that its `predict` takes."""

    def __init__(self, model: Any, env: gym.Env) -> None:
        self._predictor = Predictor(model)
        self.reset(env)

    def reset(self, env: gym.Env) -> None:
        """An episode starts."""
        name = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
        self._masks, self._begun = ActionMasks(env, name), False
        self._predictor.reset()

    def __call__(self, observation: Any, info: dict[str, Any]) -> Any:
        """The agent's action."""
        masks = None
        if self._predictor.masked:
            masks = self._masks.after(info, where="a step") if self._begun else self._masks.begin(info)
        self._begun = True
        return self._predictor(observation, masks)
