"""Make a `VecAdapter` from an id, a function, an environment or a VectorEnv."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any, TypeAlias

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rl_lab.agents.common.boundary import Checked, accepted, describe, failures, made, name_of, text_of
from rl_lab.agents.common.vec_adapter import CompiledAdapter, SteppedAdapter, VecAdapter
from rl_lab.errors import LabError, short
from rl_lab.memory import check_memory
from rl_lab.validation import whole_number

Environment: TypeAlias = "str | gym.Env | gym.vector.VectorEnv | Callable[[], gym.Env] | VecAdapter"
LEAST_BYTES = 1024  # of one environment, its agent's rows included
# Packages that register their environments when they are imported: beginning of an id, module, package.
PACKAGES = (
    ("MiniGrid-", "minigrid", "minigrid"),
    ("BabyAI-", "minigrid", "minigrid"),
    ("ALE/", "ale_py", "ale-py"),
    ("highway-", "highway_env", "highway-env"),
    ("mo-", "mo_gymnasium", "mo-gymnasium"),
    ("Fetch", "gymnasium_robotics", "gymnasium-robotics"),
    ("PointMaze", "gymnasium_robotics", "gymnasium-robotics"),
    ("AntMaze", "gymnasium_robotics", "gymnasium-robotics"),
)


def make_adapter(env: Environment, num_envs: int, arguments: dict[str, Any] | None = None) -> VecAdapter:
    """Lanes of an environment.

    Args:
        env: a Gymnasium id (also "module:id"), a function that makes one environment, an environment, or a
            VectorEnv, which has its own number of lanes; or lanes that were made already.
        num_envs: lanes to make; with an environment or a VectorEnv their own number, or 1, the default.
        arguments: keyword arguments of the environment, with an id.

    Raises:
        LabError: there is no such environment, it cannot be made, it is not `num_envs` environments, or one of its
            spaces is unsupported.
    """
    if isinstance(env, str) and env.endswith("Policy"):
        first = num_envs if isinstance(num_envs, str) else "CartPole-v1"
        raise LabError(f"{env!r} is no environment; here the environment comes first: PPO({first!r}, num_envs=8)")
    whole_number("num_envs", num_envs, 1)
    check_memory(float(num_envs) * LEAST_BYTES, f"num_envs={num_envs}", "choose fewer")
    if arguments and not isinstance(env, str):
        raise LabError(f"env_kwargs={arguments!r} goes with an id; give {env!r} its arguments yourself")
    if isinstance(env, VecAdapter):
        return env
    if isinstance(env, (gym.Env, gym.vector.VectorEnv)):
        _check_count(env, int(num_envs))
    if isinstance(env, str):
        vector, name = _from_id(env, int(num_envs), arguments or {}), env
    elif isinstance(env, gym.vector.VectorEnv):
        vector, name = env, name_of(env)
    elif isinstance(env, gym.Env):
        vector, name = _together([accepted(env, name_of(env), 0)]), name_of(env)
    elif callable(env):
        maker: Callable[[], gym.Env] = env
        vector = _together([made(maker, number) for number in range(int(num_envs))])
        name = name_of(vector.envs[0])
    else:
        raise LabError(
            f"{short(env)} is no environment; give a Gymnasium id, an environment, a VectorEnv or a function"
        )
    source = CompiledAdapter if _is_compiled(vector) else SteppedAdapter
    return source(vector, name)


def _check_count(env: gym.Env | gym.vector.VectorEnv, num_envs: int) -> None:
    """Refuse to make several environments of one, or another number than a VectorEnv has."""
    if num_envs == 1 or num_envs == getattr(env, "num_envs", 1):
        return
    if isinstance(env, gym.Env):
        raise LabError(
            f"num_envs={num_envs} is not possible with {name_of(env)}, which is one environment; give its id, or a "
            "function that makes a new one each time it is called"
        )
    raise LabError(
        f"num_envs={num_envs} is not possible with {name_of(env)}, a VectorEnv of {env.num_envs} environments; leave "
        "num_envs out"
    )


def _together(envs: list[Checked]) -> SyncVectorEnv:
    for env in envs[1:]:
        ours, first = (each.observation_space for each in (env, envs[0]))
        if (ours, env.action_space) != (first, envs[0].action_space):
            raise LabError(
                f"{env.name}: environment {env.number} has the spaces {short(ours)} and {short(env.action_space)}, "
                f"environment 0 {short(first)} and {short(envs[0].action_space)}; give all the same"
            )
    with failures(f"{envs[0].name} cannot be stepped"):
        makers = [lambda env=env: env for env in envs]
        return SyncVectorEnv(makers, copy=False, autoreset_mode=AutoresetMode.SAME_STEP)  # the source copies


def _from_id(id: str, num_envs: int, arguments: dict[str, Any]) -> gym.vector.VectorEnv:
    module, _, name = id.rpartition(":")
    try:
        if module:
            importlib.import_module(module)
        spec = gym.spec(name)
    except ModuleNotFoundError as error:
        hint = f"; start in the folder that holds {error.name}, or install it"
        raise LabError(f"environment {id!r} cannot be found: {error}{hint if error.name else ''}") from None
    except gym.error.Error as error:
        raise LabError(f"environment {id!r} cannot be found: {str(error).rstrip('.')}{where_it_is(id)}") from None
    except Exception as error:
        raise LabError(f"environment {id!r} cannot be found: {describe(error)}") from error
    try:
        return _made(id, spec, num_envs, arguments)
    except LabError:
        raise
    except TypeError as error:
        raise LabError(f"environment {id!r} cannot be made with {arguments}: {describe(error)}") from error
    except (ImportError, gym.error.DependencyNotInstalled) as error:
        raise LabError(f"environment {id!r} needs a package that is not installed: {installing(error, spec)}") from None
    except Exception as error:
        raise LabError(f"environment {id!r} cannot be made: {describe(error)}") from error


def _made(id: str, spec: EnvSpec, num_envs: int, arguments: dict[str, Any]) -> gym.vector.VectorEnv:
    if str(spec.vector_entry_point).startswith("rl_lab."):
        ours: dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP, "copy": False}
        return gym.make_vec(id, num_envs=num_envs, **(ours | arguments))
    return _together([accepted(gym.make(id, **arguments), id, number) for number in range(num_envs)])


def where_it_is(id: str) -> str:
    """Advice for an id that another package registers."""
    for beginning, module, package in PACKAGES:
        if id.startswith(beginning):
            installed = importlib.util.find_spec(module) is not None
            return f"; {'' if installed else f'pip install {package}, and '}write {f'{module}:{id}'!r}"
    return ""


def installing(error: Exception, spec: EnvSpec | None) -> str:
    """The error, with the command that helps."""
    text = text_of(error)
    if "pip install" in text:
        return text
    entry = str(spec.entry_point) if spec else ""
    family = entry.removeprefix("gymnasium.envs.").partition(".")[0].partition(":")[0]
    if entry.startswith("gymnasium.envs."):
        return f"{text}; pip install 'gymnasium[{family.replace('_', '-')}]'"
    return f"{text}; pip install {getattr(error, 'name', None) or 'what it names'}"


def _is_compiled(vector: gym.vector.VectorEnv) -> bool:
    return vector.unwrapped is vector and getattr(getattr(vector, "lanes", None), "step_loop", None) is not None
