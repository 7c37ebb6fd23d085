"""Who shows how it is done: a planner, an explorer, a function of one's own, an agent that was trained."""

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

OTHER_FORMS = "give a function of (observation, info), module:function, or the folder of a run"


class KnownExpert(NamedTuple):
    """An expert, and what it took to make it."""

    act: Callable[[Any, dict[str, Any]], Any]
    teacher_steps: int


def find(expert: Any, env: gym.Env) -> KnownExpert:
    """An expert for an environment from its name, its path, or from whatever has a `predict` or can be called.

    Raises:
        LabError: there is no such expert, or it is one of another environment.
    """
    of_family = getattr(getattr(env.unwrapped, "definition", None), "expert", None)
    if isinstance(expert, str) and of_family is not None and (act := of_family(expert)) is not None:
        return KnownExpert(act, 0)
    if isinstance(expert, Path) or (isinstance(expert, str) and Path(expert).exists()):
        return _loaded(Path(expert), env)
    if isinstance(expert, str):
        return KnownExpert(_imported(expert, env), 0)
    if hasattr(expert, "predict"):
        _check_statistics(expert, env)
        return KnownExpert(_Playing(expert, env), _cost(expert))
    if not callable(expert):
        raise LabError(f"expert {expert!r} cannot act; {_forms(env)}")
    return KnownExpert(expert, 0)


def described(expert: Any) -> Any:
    """What counts about an expert, for the names of what it shows: its code or its weights, not what it is called."""
    if isinstance(expert, Path) or (isinstance(expert, str) and Path(expert).exists()):
        files = sorted(Path(expert).glob("*.safetensors")) if Path(expert).is_dir() else [Path(expert)]
        if weights := [hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()]:
            return weights  # otherwise a folder happens to be called like an expert of the environment's family
    if isinstance(expert, str):
        module, colon, label = expert.partition(":")
        try:
            return describe(getattr(import_module(module), label)) if colon else expert
        except (ImportError, AttributeError, ValueError):
            return expert  # a name of the environment's family, whose code is the lab's
    if hasattr(expert, "predict"):
        acting = getattr(expert, "agent", expert) if isinstance(expert, Artifact) else expert
        return [describe(type(expert)), describe([_acts_by(acting), _cost(expert)])]
    return describe(expert)


def _cost(model: Any) -> int:
    """Environment steps that it took to train an agent, those of its pretraining included."""
    return sum(int(getattr(model, name, 0)) for name in ("num_timesteps", "pretraining_steps"))


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


def _forms(env: gym.Env) -> str:
    names = getattr(getattr(env.unwrapped, "definition", None), "expert_names", ())
    return f"{OTHER_FORMS}, or a name that this environment knows: {', '.join(names)}" if names else OTHER_FORMS


def _imported(name: str, env: gym.Env) -> Callable[..., Any]:
    module, _, label = name.partition(":")
    if not label:
        raise LabError(f"expert {name!r} is unknown to {env.unwrapped}; {_forms(env)}")
    try:
        found = getattr(import_module(module), label)
    except (ImportError, AttributeError) as error:
        raise LabError(f"expert {name!r} cannot be imported: {error}; {_forms(env)}") from None
    made = found() if isinstance(found, type) else found
    if not callable(made):
        raise LabError(f"expert {name!r} is {made!r}, which cannot be called; {_forms(env)}")
    return made


def _loaded(path: Path, env: gym.Env) -> KnownExpert:
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
    return KnownExpert(_Playing(model, env), _cost(model))


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
