"""Algorithms of Stable-Baselines3 and of SB3-Contrib, by name."""

import inspect
import math
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete

from rl_lab.agents.common import checks as sizes
from rl_lab.agents.common.environments import LEAST_BYTES
from rl_lab.agents.common.schedules import schedule
from rl_lab.agents.registry import ALGORITHMS
from rl_lab.compare import checks
from rl_lab.compare.checks import unknown
from rl_lab.compare.contenders.base import Trainer
from rl_lab.compare.environments import Maker
from rl_lab.compare.measure import Meter, metered_vec_env
from rl_lab.errors import LabError
from rl_lab.memory import check_memory

ANY = (Box, Discrete, MultiDiscrete, MultiBinary)
NETWORK = ("net_arch", "activation")  # what Stable-Baselines3 wants in policy_kwargs, and plans may write flat
SCHEDULES = ("learning_rate", "clip_range", "clip_range_vf")


class SB3Algorithm(NamedTuple):
    """An algorithm of another library."""

    name: str
    package: str = "stable_baselines3"
    actions: tuple[type, ...] = ANY
    policy: str = "MlpPolicy"


CONTRIB = "sb3_contrib"
SB3 = {
    "a2c": SB3Algorithm("A2C"),
    "ddpg": SB3Algorithm("DDPG", actions=(Box,)),
    "dqn": SB3Algorithm("DQN", actions=(Discrete,)),
    "ppo": SB3Algorithm("PPO"),
    "sac": SB3Algorithm("SAC", actions=(Box,)),
    "td3": SB3Algorithm("TD3", actions=(Box,)),
    "crossq": SB3Algorithm("CrossQ", CONTRIB, (Box,)),
    "maskable_ppo": SB3Algorithm("MaskablePPO", CONTRIB, (Discrete, MultiDiscrete, MultiBinary)),
    "qrdqn": SB3Algorithm("QRDQN", CONTRIB, (Discrete,)),
    "recurrent_ppo": SB3Algorithm("RecurrentPPO", CONTRIB, policy="MlpLstmPolicy"),
    "tqc": SB3Algorithm("TQC", CONTRIB, (Box,)),
    "trpo": SB3Algorithm("TRPO", CONTRIB),
}


class SB3Trainer(Trainer):
    """An algorithm of `SB3`."""

    @property
    def known(self) -> SB3Algorithm:
        """What is known of the algorithm; a LabError where there is none of this name."""
        name = str(self.contender.algorithm).partition(":")[2]
        if name not in SB3:
            names = [*ALGORITHMS, *(f"sb3:{each}" for each in SB3), "module:function"]
            raise unknown("contender", self.contender.algorithm, names)
        return SB3[name]

    @property
    def kind(self) -> Callable[..., Any]:
        """The class; a LabError where its package is not installed."""
        try:
            return getattr(import_module(self.known.package), self.known.name)
        except ImportError:
            raise LabError(
                f"contender {self.contender.name!r} is {self.contender.algorithm!r}, which needs the package "
                "sb3-contrib; install it with: pip install -e '.[masks]'"
            ) from None

    def validate(self) -> None:
        """Refuse an algorithm that does not exist, or hyperparameters that it does not know."""
        self._check_names(self.kind, NETWORK)

    def check_environment(self, maker: Maker) -> None:
        """Refuse spaces, values and sizes that the algorithm does not take, and missing masks."""
        env, name = maker.single(), self.contender.algorithm
        seen, actions, who = env.observation_space, env.action_space, f"contender {self.contender.name!r}"
        where, kinds = f"environment {maker.environment.name!r}", self.known.actions
        if not isinstance(actions, kinds):
            raise LabError(
                f"{who} is {name!r}, which takes {' or '.join(kind.__name__ for kind in kinds)} actions, and {where} "
                f"has {actions}; choose another algorithm"
            )
        for key, part in seen.spaces.items() if isinstance(seen, Dict) else [("", seen)]:
            if not isinstance(part, ANY):
                raise LabError(
                    f"{who} is {name!r}, which takes no {type(part).__name__} as observation"
                    f"{f' {key!r}' if key else ''} of {where}; give a function that makes the environment in a wrapper "
                    "that leaves it out or encodes it, for MiniGrid minigrid.wrappers.ImgObsWrapper or FlatObsWrapper"
                )
        if self.known.name == "MaskablePPO" and not maker.batched and not env.has_wrapper_attr("action_masks"):
            raise LabError(
                f"{who} is {name!r}, and {where} has no method action_masks(), by which it gives masks; put it into "
                "sb3_contrib's ActionMasker"
            )
        try:
            self._try_values(maker, env)
        except LabError as error:
            raise LabError(f"{who}: {error}") from error
        finally:
            env.close()

    @property
    def rollout_steps(self) -> int:
        """Steps of one rollout, over all of its environments; 0 for algorithms that have none."""
        defaults = inspect.signature(self.kind).parameters
        usual = defaults["n_steps"].default if "gae_lambda" in defaults else 0  # elsewhere it is that of returns
        return self.contender.num_envs * int(self.contender.hyperparameters.get("n_steps", usual))

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """What the report shows of it."""
        return {**super().hyperparameters, "num_envs": self.contender.num_envs}

    def prepare(self, maker: Maker) -> None:
        """Compile the environment, where that is one of the lab's."""
        if maker.batched:
            env = maker.for_training(self.contender.training).sb3(self.contender.num_envs)
            env.reset()
            env.step(np.array([env.action_space.sample() for _ in range(env.num_envs)]))

    def train(self, maker: Maker, seed: int, meter: Meter) -> tuple[Any, Any]:
        """Train in a metered `VecEnv`."""
        trainer = maker.for_training(self.contender.training)
        env = metered_vec_env(trainer.sb3(self.contender.num_envs), meter, maker.environment.name)
        meter.clock.start()
        model = self._model(trainer, env, seed)
        self.check_budget(meter.budget)
        return model.learn(meter.budget), None

    def _model(self, maker: Maker, env: Any, seed: int | None = None) -> Any:
        seen = maker.single().observation_space
        policy = self.known.policy.replace("Mlp", "MultiInput") if isinstance(seen, Dict) else self.known.policy
        options = {"policy": policy, "device": "cpu", "verbose": 0, **self.options()}
        return self.kind(env=env, seed=seed, **options)

    def options(self) -> dict[str, Any]:
        """Hyperparameters as SB3 wants them, from names and values that our algorithms share with plans."""
        options, given = self._options(*NETWORK), self.contender.hyperparameters
        network = {key: given[key] for key in NETWORK if key in given}
        if "activation" in network:
            from rl_lab.sb3_weights import ACTIVATIONS

            checks.choice("activation", name := network.pop("activation"), ACTIVATIONS)
            network["activation_fn"] = ACTIVATIONS[name]
        if network:
            options["policy_kwargs"] = {**network, **options.get("policy_kwargs", {})}
        for name in SCHEDULES:
            if isinstance(options.get(name), str):
                options[name] = schedule(name, options[name])
        return options

    def _try_values(self, maker: Maker, env: gym.Env[Any, Any]) -> None:
        """Make a model once, on one environment that stands for all of them."""
        import torch
        from stable_baselines3.common.vec_env import DummyVecEnv

        count, rollout, seen = self.contender.num_envs, self.rollout_steps, env.observation_space
        check_memory(float(count) * LEAST_BYTES, f"num_envs={count}", "choose fewer")
        parts = [env.action_space, *(seen.spaces.values() if isinstance(seen, Dict) else [seen])]
        row = 4.0 * sum(math.prod(part.shape or (1,)) for part in parts) + sizes.SCALARS
        what = f"a rollout of n_steps={rollout // count} with num_envs={count}"
        check_memory(rollout * row, what, "choose smaller ones")
        try:
            venv = DummyVecEnv([lambda: env])
            venv.num_envs = count
            with torch.random.fork_rng(devices=[]):
                self._model(maker, venv)
        except LabError:
            raise
        except Exception as error:  # of Stable-Baselines3, torch and NumPy: of many kinds
            text = " ".join(str(error).split())
            raise LabError(f"{self.contender.algorithm} cannot be made with its hyperparameters: {text}") from error
