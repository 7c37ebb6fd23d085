"""Whatever a user calls an environment, as lanes that an agent steps.

Two sources have one face: our compiled batches, whose loops run inside the agent's own, and any other
Gymnasium environment or VectorEnv in any autoreset mode, stepped from Python.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeAlias

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode

from rl_lab.agents.observations import Encoder
from rl_lab.agents.rollout import SAME_STEP, View
from rl_lab.errors import LabError

Environment: TypeAlias = "str | gym.Env | gym.vector.VectorEnv | Callable[[], gym.Env] | Source"


def make_source(env: Environment, num_envs: int, arguments: dict[str, Any] | None = None) -> Source:
    """Lanes of an environment.

    Args:
        env: a Gymnasium id (also "module:id"), a function that makes one environment, an environment, or a
            VectorEnv, which has its own number of lanes; or lanes that were made already.
        num_envs: lanes to make.
        arguments: keyword arguments of the environment, with an id.

    Raises:
        LabError: there is no such environment, or its spaces cannot be served.
    """
    if isinstance(num_envs, bool) or not isinstance(num_envs, (int, np.integer)) or num_envs < 1:
        raise LabError(f"num_envs={num_envs!r} is not allowed; it must be a whole number of at least 1")
    if arguments and not isinstance(env, str):
        raise LabError(f"env_kwargs={arguments!r} goes with an id; give {env!r} its arguments yourself")
    if isinstance(env, Source):
        return env
    if isinstance(env, str):
        vector, name = _from_id(env, int(num_envs), arguments or {}), env
    elif isinstance(env, gym.vector.VectorEnv):
        vector, name = env, _name(env)
    elif isinstance(env, gym.Env):
        vector, name = gym.vector.SyncVectorEnv([lambda: env], autoreset_mode=AutoresetMode.SAME_STEP), _name(env)
    elif callable(env):
        maker: Callable[[], gym.Env] = env
        vector = gym.vector.SyncVectorEnv([maker] * int(num_envs), autoreset_mode=AutoresetMode.SAME_STEP)
        name = _name(vector.envs[0])
    else:
        raise LabError(f"{env!r} is no environment; give a Gymnasium id, an environment, a VectorEnv or a function")
    source = CompiledSource if _is_compiled(vector) else VectorSource
    return source(vector, name)


class Source:
    """Lanes of an environment.

    Attributes:
        name: id of the environment, or the name of its class.
        view: what a step shows; `step` overwrites its arrays.
        masked: whether actions are masked.
        compiled: whether an agent may run the environment's kernels in a loop of its own.
    """

    compiled = False

    def __init__(self, vector: gym.vector.VectorEnv, name: str) -> None:
        self.vector, self.name, self.lanes = vector, name, vector.num_envs
        self.encoder = Encoder(vector.single_observation_space)
        self.view: View
        self.masked = False

    @property
    def taken(self) -> int:
        """Environment steps taken in all lanes since they were made."""
        raise NotImplementedError

    def reset(self, seed: int) -> None:
        """Start all lanes anew, with seeds that derive from `seed`."""
        raise NotImplementedError

    def step(self) -> None:
        """Step all lanes with `view.actions`."""
        raise NotImplementedError

    def save(self) -> np.ndarray | None:
        """All that the lanes are, or None where that cannot be had."""
        return None

    def load(self, states: np.ndarray) -> None:
        """Go on from what `save` gave."""
        raise NotImplementedError


class CompiledSource(Source):
    """Our own batched environments."""

    def __init__(self, vector: Any, name: str) -> None:
        super().__init__(vector, name)
        lanes = self.batch = vector.unwrapped.lanes
        self.masked = lanes.masks.shape[1] > 0
        self.compiled = self.encoder.plain and not lanes.debug and self.encoder.dtype == lanes.observations.dtype
        shape = (self.lanes, self.encoder.size)
        observations, finals = np.zeros(shape, self.encoder.dtype), np.zeros(shape, self.encoder.dtype)
        if self.compiled:
            observations, finals = lanes.observations.reshape(shape), lanes.final_observations.reshape(shape)
        self.view = View(
            observations,
            lanes.masks,
            lanes.actions,
            lanes.rewards,
            lanes.terminated,
            lanes.truncated,
            finals,
            np.ones(self.lanes, np.bool_),
            _first_action(vector.single_action_space),
            lanes.states[turned] if (turned := lanes.definition.turned) else np.zeros(0, np.bool_),
        )

    def reset(self, seed: int) -> None:
        """Start all lanes anew."""
        self.vector.reset(seed=seed)
        self._encode()

    def step(self) -> None:
        """Step all lanes."""
        self.batch.step(SAME_STEP)  # whatever the mode of the VectorEnv that was given
        self._encode()

    def save(self) -> np.ndarray:
        """All that the lanes are."""
        return self.batch.save()

    def load(self, states: np.ndarray) -> None:
        """Go on from what `save` gave."""
        self.vector.unwrapped.load_state(states)  # type: ignore[attr-defined]
        self._encode()

    @property
    def taken(self) -> int:
        """Environment steps, counted by the loop around the kernels."""
        return int(self.batch.taken)

    @property
    def step_loop(self) -> Callable[..., None]:
        """The function over the lanes that `rollout.collect` is compiled around."""
        assert self.batch.step_loop is not None  # or it would be no source in machine code
        return self.batch.step_loop

    def loop_arguments(self) -> tuple[np.ndarray, ...]:
        """What `rollout.collect` needs beside the view."""
        lanes = self.batch
        return (
            lanes.states,
            lanes.config,
            lanes.observations,
            lanes.final_observations,
            lanes.final_masks,
            lanes.returns,
            lanes.lengths,
        )

    def _encode(self) -> None:
        if not self.compiled:
            self.view.observations[...] = self.encoder(self.batch.observations, self.lanes)
            self.view.final_observations[...] = self.encoder(self.batch.final_observations, self.lanes)


class VectorSource(Source):
    """Any other VectorEnv, in any autoreset mode."""

    def __init__(self, vector: gym.vector.VectorEnv, name: str) -> None:
        super().__init__(vector, name)
        mode = vector.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        self.mode = mode if isinstance(mode, AutoresetMode) else AutoresetMode(mode)
        space, lanes = vector.single_action_space, self.lanes
        discrete = isinstance(space, spaces.Discrete)
        shape = (lanes, self.encoder.size)
        actions = np.zeros(lanes, np.int64) if discrete else np.zeros((lanes, *(space.shape or ())), np.float32)
        self.view = View(
            np.zeros(shape, self.encoder.dtype),
            np.ones((lanes, 0), np.bool_),
            actions,
            np.zeros(lanes),
            np.zeros(lanes, np.bool_),
            np.zeros(lanes, np.bool_),
            np.zeros(shape, self.encoder.dtype),
            np.ones(lanes, np.bool_),
            _first_action(space),
            np.zeros(0, np.bool_),
        )
        self._resetting = np.zeros(lanes, np.bool_)
        self._taken = 0

    @property
    def taken(self) -> int:
        """Environment steps, those that only reset a lane apart."""
        return self._taken

    def reset(self, seed: int) -> None:
        """Start all lanes anew."""
        # One seed a lane from a hash: counting up from the seed would give neighbouring seeds the same lanes.
        seeds = [int(np.random.SeedSequence(seed, spawn_key=(i,)).generate_state(1)[0] >> 1) for i in range(self.lanes)]
        takes_list = isinstance(self.vector.unwrapped, (gym.vector.SyncVectorEnv, gym.vector.AsyncVectorEnv))
        observations, info = self.vector.reset(seed=seeds if takes_list else seeds[0])  # type: ignore[arg-type]
        if "action_mask" in info and isinstance(self.vector.single_action_space, spaces.Discrete):
            self.masked = True
            self.view = self.view._replace(
                masks=np.ones((self.lanes, int(self.vector.single_action_space.n)), np.bool_)
            )
        self._resetting[:] = False
        self._show(observations, info)

    def step(self) -> None:
        """Step all lanes; whatever the mode, a lane that ended shows its last observation apart."""
        view, n = self.view, self.lanes
        observations, rewards, terminated, truncated, info = self.vector.step(view.actions)
        view.rewards[:], view.terminated[:], view.truncated[:] = rewards, terminated, truncated
        view.valid[:] = ~self._resetting
        self._taken += int(view.valid.sum())
        self._show(observations, info)
        ended = view.terminated | view.truncated
        if self.mode == AutoresetMode.SAME_STEP:
            for lane in np.flatnonzero(ended):
                view.final_observations[lane] = self.encoder(_batch_of_one(info["final_obs"][lane]), 1)[0]
        else:
            view.final_observations[ended] = view.observations[ended]
        if self.mode == AutoresetMode.NEXT_STEP:
            self._resetting[:] = ended
        elif self.mode == AutoresetMode.DISABLED and ended.any():
            observations, info = self.vector.reset(options={"reset_mask": ended})
            rows = self.encoder(observations, n)
            view.observations[ended] = rows[ended]

    def _show(self, observations: Any, info: dict[str, Any]) -> None:
        self.view.observations[...] = self.encoder(observations, self.lanes)
        if self.masked:
            self.view.masks[...] = np.stack(list(info["action_mask"]))


def _from_id(id: str, num_envs: int, arguments: dict[str, Any]) -> gym.vector.VectorEnv:
    try:
        module, _, name = id.rpartition(":")
        if module:
            importlib.import_module(module)
        spec = gym.spec(name)
    except ModuleNotFoundError as error:
        hint = f"; start in the folder that holds {error.name}, or install it"
        raise LabError(f"environment {id!r} cannot be found: {error}{hint if error.name else ''}") from None
    except gym.error.Error as error:
        if "MlpPolicy" in id or id.endswith("Policy"):
            raise LabError(f"{id!r} is no environment; here the environment comes first: PPO(env, ...)") from None
        raise LabError(f"environment {id!r} cannot be found: {error}") from None
    try:
        return _made(id, spec, num_envs, arguments)
    except TypeError as error:
        raise LabError(f"environment {id!r} cannot be made with {arguments}: {error}") from None


def _made(id: str, spec: EnvSpec, num_envs: int, arguments: dict[str, Any]) -> gym.vector.VectorEnv:
    if str(spec.vector_entry_point).startswith("rl_lab."):
        ours: dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP, "copy": False}
        return gym.make_vec(id, num_envs=num_envs, **(ours | arguments))
    same = {"autoreset_mode": AutoresetMode.SAME_STEP}
    return gym.make_vec(id, num_envs=num_envs, vectorization_mode="sync", vector_kwargs=same, **arguments)


def _is_compiled(vector: gym.vector.VectorEnv) -> bool:
    return vector.unwrapped is vector and getattr(getattr(vector, "lanes", None), "step_loop", None) is not None


def _batch_of_one(observation: Any) -> Any:
    if isinstance(observation, dict):
        return {name: _batch_of_one(part) for name, part in observation.items()}
    return np.asarray(observation)[None]


def _first_action(space: gym.Space) -> int:
    return int(space.start) if isinstance(space, spaces.Discrete) else 0


def _name(env: Any) -> str:
    return env.spec.id if env.spec is not None else type(env.unwrapped).__name__
