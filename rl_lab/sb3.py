"""Stable-Baselines3 and the lab, both ways: its algorithms on our environments, and weights that both can use.

from stable_baselines3 import PPO
from rl_lab.sb3 import vec_env

model = PPO("MlpPolicy", vec_env(gym.make_vec("rl_lab/CartPole-v1", num_envs=8))).learn(100_000)
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv

from rl_lab.envs.batch import BatchVectorEnv
from rl_lab.envs.boundary import checked_actions, pick, present
from rl_lab.envs.loops import SAME_STEP
from rl_lab.errors import LabError
from rl_lab.sb3_pretrain import pretrain as pretrain
from rl_lab.sb3_weights import from_sb3 as from_sb3
from rl_lab.sb3_weights import to_sb3 as to_sb3

logger = logging.getLogger("rl_lab")


def vec_env(env: gym.vector.VectorEnv) -> BatchVecEnv:
    """One of our batched environments as Stable-Baselines3 wants it.

    Args:
        env: what `gym.make_vec` gives for one of our environments, in any autoreset mode; it should not be used
            beside the result.

    Returns:
        A `VecEnv` that does what a `DummyVecEnv` of as many single environments in a `Monitor` does, at the speed
        of the batch.

    Raises:
        LabError: it is no batch of ours, or is wrapped.
    """
    if isinstance(env, BatchVectorEnv):
        return BatchVecEnv(env)
    if isinstance(getattr(env, "unwrapped", None), BatchVectorEnv):
        raise LabError(f"{type(env).__name__} would be skipped; give the bare environment and wrap the VecEnv instead")
    raise LabError(
        f"{type(env).__name__} is no batched environment of the lab; give what gym.make_vec makes for one, "
        "or use make_vec_env of stable_baselines3"
    )


class BatchVecEnv(VecEnv):
    """A `BatchVectorEnv` as a `VecEnv`; see `vec_env`.

    After `seed(s)`, lane i starts as the single environment does with seed `s + i`, which is SB3's convention.

    Attributes:
        batch: the environment itself, for `save_state` and `load_state`.
    """

    def __init__(self, batch: BatchVectorEnv) -> None:
        if batch.definition.turned:
            logger.warning(
                "%s is played for both sides, and Stable-Baselines3 takes the value of the other side's position with "
                "the wrong sign; give another opponent, such as opponent='greedy', or train with rl_lab.agents",
                batch.definition.name,
            )
        self.batch, self.lanes = batch, batch.lanes
        self.masked = batch.definition.mask_width > 0
        self.actions: Any = None
        self._began = time.time()
        self._started = False
        super().__init__(batch.num_envs, batch.single_observation_space, batch.single_action_space)
        self.metadata = dict(batch.metadata)

    def reset(self) -> Any:
        """Start all lanes anew, with the seeds of `seed` and the options of `set_options`; returns observations."""
        seeded = any(seed is not None for seed in self._seeds)
        same = all(options == self._options[0] for options in self._options)
        self.batch.reset(seed=self._seeds if seeded else None, options=self._options[0] if same else None)
        for lane, options in enumerate([] if same else self._options):
            only = np.arange(self.num_envs) == lane
            seeds = [seed if take else None for seed, take in zip(self._seeds, only, strict=True)]
            self.batch.reset(seed=seeds if seeded else None, options=options | {"reset_mask": only})
        self._reset_seeds()
        self._reset_options()
        self._started = True
        self.reset_infos = self._begun(np.ones(self.num_envs, np.bool_), self._infos(self.lanes.info()))
        return self._observations()

    def step_async(self, actions: np.ndarray) -> None:
        """Take the actions for the next `step_wait`."""
        self.actions = actions

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Step all lanes and start those anew that ended.

        Returns:
            Observations, rewards (float32), whether episodes ended (bool), each `(num_envs, ...)`, and an info per
            lane, as the single environment has it, in which an ended episode has its "terminal_observation" and the
            "episode" of a `Monitor`.

        Raises:
            LabError: the actions are not allowed, or `reset` was not called.
        """
        lanes = self.lanes
        if not self._started:
            raise LabError(f"{self.batch.definition.name} was stepped before its first reset; call reset()")
        lanes.actions[...] = checked_actions(self.action_space, self.actions, (self.num_envs,))
        infos = self._infos(self.batch.advance(SAME_STEP))
        dones = lanes.terminated | lanes.truncated
        endings = {name: lanes.terminated & lanes.states[name] for name in self.batch.definition.endings}
        for lane, info in enumerate(infos):
            info |= {"TimeLimit.truncated": False, **{name: bool(ended[lane]) for name, ended in endings.items()}}
        if dones.any():
            self._end(infos, dones)
        return self._observations(), lanes.rewards.astype(np.float32), dones, infos

    def close(self) -> None:
        """Close the batch."""
        self.batch.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """An attribute of each lane; the lanes share all but their states, which `batch.save_state` shows."""
        chosen = list(self._get_indices(indices))
        if attr_name == "action_masks":
            if not self.masked:
                raise AttributeError(f"{self.batch.definition.name} masks no actions")
            return [functools.partial(self._mask, lane) for lane in chosen]
        if attr_name in ("observation_space", "action_space"):
            return [getattr(self, attr_name)] * len(chosen)
        return [getattr(self.batch, attr_name)] * len(chosen)

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refused: lanes share their attributes."""
        raise LabError(f"{attr_name!r} cannot be set: lanes of a batch are made alike; make them with other arguments")

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Call a method of each lane: "action_masks", which MaskablePPO asks for, or "render"."""
        chosen = list(self._get_indices(indices))
        if method_name == "action_masks":
            return [mask() for mask in self.get_attr("action_masks", indices)]
        if method_name == "render":
            mode = self.render_mode
            return [None if mode is None else self.lanes.render(lane, mode) for lane in chosen]
        raise AttributeError(f"lanes of a batch have the methods action_masks and render, not {method_name!r}")

    def env_is_wrapped(self, wrapper_class: type[gym.Wrapper], indices: Any = None) -> list[bool]:
        """Whether each lane does what a wrapper does: `Monitor`'s work is done here."""
        return [issubclass(Monitor, wrapper_class)] * len(list(self._get_indices(indices)))

    def get_images(self) -> Sequence[np.ndarray | None]:
        """A frame of each lane, in render mode "rgb_array"."""
        return self.env_method("render")

    def _observations(self) -> Any:
        return present(self.observation_space, self.lanes.observations, copy=True)

    def _mask(self, lane: int) -> np.ndarray:
        return self.lanes.masks[lane].copy()

    def _infos(self, reported: dict[str, np.ndarray]) -> list[dict[str, Any]]:
        """Infos of all lanes: fields of the state and masks."""
        infos: list[dict[str, Any]] = [
            {name: values[lane] if values.ndim > 1 else values[lane].item() for name, values in reported.items()}
            for lane in range(self.num_envs)
        ]
        if self.masked:
            for info, mask in zip(infos, self.lanes.masks.copy(), strict=True):
                info["action_mask"] = mask
        return infos

    def _begun(self, begun: np.ndarray, infos: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Add what is said of episodes that begin; `begun` is bool `(num_envs,)`."""
        for name, values in self.lanes.starting_info(begun).items():
            for lane, value in zip(np.flatnonzero(begun).tolist(), values, strict=True):
                infos[lane][name] = value.item()
        return infos

    def _end(self, infos: list[dict[str, Any]], dones: np.ndarray) -> None:
        """Put into infos what is said of ended episodes, and into `reset_infos` what is said of those that follow."""
        lanes, seconds, ended = self.lanes, round(time.time() - self._began, 6), np.flatnonzero(dones).tolist()
        finals = present(self.observation_space, lanes.final_observations[ended], copy=True)
        begun = self._begun(dones, self._infos(lanes.info()))
        for index, lane in enumerate(ended):
            info = infos[lane]
            info["TimeLimit.truncated"] = bool(lanes.truncated[lane] and not lanes.terminated[lane])
            info["terminal_observation"] = pick(finals, index)
            info["episode"] = {"r": round(float(lanes.returns[lane]), 6), "l": int(lanes.lengths[lane]), "t": seconds}
            self.reset_infos[lane] = begun[lane]
            if self.masked:
                info["action_mask"] = lanes.final_masks[lane].copy()
