"""What all algorithms are: made for an environment, trained, asked for actions, saved and resumed.

Everything that decides what comes next lies in arrays, so that a run can be saved between two iterations and resumes
exactly.
"""

from __future__ import annotations

import copy
import dataclasses
import difflib
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import gymnasium as gym
import numpy as np

from rl_lab import random, seed_offsets
from rl_lab.agents.common import checks
from rl_lab.agents.common.config import Config, hyperparameter
from rl_lab.agents.common.environments import Environment, make_adapter
from rl_lab.agents.common.networks import Policy
from rl_lab.agents.common.normalizer import Normalizer, make_normalizer
from rl_lab.agents.common.runner import RECENT, RunnerState, make_runner
from rl_lab.agents.common.vec_adapter import VecAdapter
from rl_lab.agents.engines.collect import loops
from rl_lab.agents.engines.engine import Engine
from rl_lab.core.optim import ADAM, Optimizer
from rl_lab.errors import LabError, short
from rl_lab.files import path_of
from rl_lab.validation import whole_number

logger = logging.getLogger("rl_lab")
Callback = Callable[[Any], bool | None]


def remaining(steps: int, total: int) -> float:
    """Progress remaining after so many of a total of steps, from 1 to 0; the last rollout may go beyond the total."""
    return max(1.0 - steps / total, 0.0) if total else 1.0


class Algorithm(ABC):
    """An agent that learns; its subclasses say how.

    Args:
        env: a Gymnasium id (also "module:id"), a function that makes an environment, an environment, or a
            VectorEnv.
        num_envs: number of environments; a VectorEnv has its own.
        seed: of weights, actions, minibatches and environments; the same seed gives the same bytes on one machine.
        engine: "compiled" or "torch"; by default torch where `loss`, `policy` or a GPU asks for it.
        policy: a `torch.nn.Module` in place of the perceptrons; see `engines.torch`.
        loss: a loss of your own, in torch; see `engines.torch`.
        device: of the torch engine.
        env_kwargs: arguments of the environment, with an id.
        hyperparameters: those of `config_class`, with SB3's names and defaults.

    Attributes:
        num_timesteps: steps taken, over all environments.
        pretraining_steps: steps that its stages before took, demonstrations and their experts included.
        policy: its networks, a `networks.Policy`.
        metrics: of the last iteration, by SB3's TensorBoard tags.
        learning_rate: like the other hyperparameters, by their names; those of the update may be changed, which counts
            from the next iteration on.

    Raises:
        LabError: an argument is not allowed; the sentence says what is.
    """

    config_class: ClassVar[type[Config]]
    sb3: ClassVar[str] = ""
    """Its counterpart in `stable_baselines3`, if there is one."""
    log_interval: ClassVar[int] = 1
    """Iterations for each row in the log of a run, as `learn` of its counterpart has it."""
    config: Config
    policy: Policy
    engine: Engine
    _known: ClassVar[list[str]]
    _owners: ClassVar[dict[str, list[str]]] = {}  # hyperparameters of all algorithms, and which classes have them

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._known = [field.name for field in dataclasses.fields(getattr(cls, "config_class", Config))]
        for name in cls._known:
            setattr(cls, name, hyperparameter(name))
            if "config_class" in vars(cls):
                cls._owners.setdefault(name, []).append(cls.__name__)

    def __init__(
        self,
        env: Environment,
        num_envs: int = 1,
        seed: int = 0,
        *,
        engine: str | None = None,
        policy: Any = None,
        loss: Callable[..., Any] | None = None,
        device: str = "cpu",
        env_kwargs: dict[str, Any] | None = None,
        **hyperparameters: Any,
    ) -> None:
        whole_number("seed", seed, 0)
        self.config = self.config_class.of(hyperparameters)
        self.seed, self.env_kwargs, self.num_timesteps, self.iterations = int(seed), env_kwargs or {}, 0, 0
        self.total_timesteps, self.pretraining_steps, self.seconds = 0, 0, 0.0
        self.metrics: dict[str, float] = {}
        self.source: VecAdapter = make_adapter(env, num_envs, env_kwargs)
        self.source.reset(self.seed)
        self.policy = self._make_policy()
        self.check_memory(self.config, self.policy, self.source.lanes)
        if policy is None and (image := self.policy.encoder.large_image):
            logger.warning(
                "observations hold %s, and a perceptron does not see that pixels lie side by side; give policy= a "
                "torch.nn.Module with convolutions",
                image,
            )
        self.engine = self._make_engine(engine, policy, loss, device)
        self._prepare_memory()
        self.normalizer = self._make_normalizer()
        self.runner = self._make_runner()
        self.rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=seed_offsets.PREDICTIONS))
        self._fresh = True
        self._episodes_lost = False  # a checkpoint goes on with new episodes, which a message says once it does
        self._copied = False

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """An agent that predicts; its arrays share no memory any more, as learning needs."""
        copied = memo[id(self)] = object.__new__(type(self))
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo) | {"_copied": True})
        return copied

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse hyperparameters that are spelt wrongly or another algorithm's, which would change nothing."""
        if not hasattr(self, name):
            if close := difflib.get_close_matches(name, self._known, 1, cutoff=0.8):
                raise LabError(f"{type(self).__name__} has no hyperparameter {name!r}; did you mean {close[0]!r}?")
            if owners := self._owners.get(name):
                who = f"{' and '.join(owners)} {'has' if len(owners) == 1 else 'have'}"
                raise LabError(f"{type(self).__name__} has no hyperparameter {name!r}; {who}")
        super().__setattr__(name, value)

    def __getstate__(self) -> Any:
        raise LabError(
            f"an agent cannot be pickled; write it with agent.save(path), and read it with {type(self).__name__}"
            ".load(path) where it is needed"
        )

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.source.name!r}, num_envs={self.source.lanes}, {self.num_timesteps:_} steps)"
        )

    @property
    def optimizer(self) -> Optimizer:
        """What minimises the loss."""
        return ADAM

    @property
    def parameters(self) -> np.ndarray:
        """All weights, float32 `(parameters,)`; writing to it changes the agent, but for a `policy=` of your own."""
        return self.engine.parameters()

    @property
    def progress_remaining(self) -> float:
        """The part of `total_timesteps` that is left, from 1 to 0; what schedules depend on."""
        return remaining(self.num_timesteps, self.total_timesteps)

    @property
    def rollout_steps(self) -> int:
        """Steps between two updates, over all environments."""
        return self.config.rollout_steps(self.source.lanes)

    @classmethod
    @abstractmethod
    def make_policy(
        cls, observation_space: gym.Space, action_space: gym.Space, config: Any, masked: bool = False
    ) -> Policy:
        """Its networks, all zeros.

        Args:
            observation_space: of one environment.
            action_space: of one environment.
            config: of `config_class`.
            masked: whether the environment masks actions.

        Raises:
            LabError: a space or the architecture is unsupported.
        """

    @classmethod
    @abstractmethod
    def check_memory(cls, config: Any, policy: Policy, num_envs: int) -> None:
        """Refuse hyperparameters whose experience does not fit into memory, before it is allocated.

        Args:
            config: of `config_class`.
            policy: what acts.
            num_envs: number of environments.

        Raises:
            LabError: names what is too large.
        """

    @abstractmethod
    def draw(self, outputs: np.ndarray) -> np.ndarray:
        """Actions as `predict(deterministic=False)` gives them, from the numbers of `Engine.outputs`.

        Args:
            outputs: float32 `(batch, outputs)`; those of masked actions are `distributions.MASKED`.

        Returns:
            Numbers of Discrete actions from 0, int64 `(batch,)`, or continuous ones `(batch, dimensions)`.
        """

    @abstractmethod
    def iterate(self) -> dict[str, float]:
        """Collect experience and learn from it once; returns the metrics."""

    def learn(
        self,
        total_timesteps: int,
        callback: Callback | None = None,
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> Self:
        """Train for a number of steps, counted over all environments.

        Args:
            total_timesteps: steps; the last rollout is finished, so that there may be a few more.
            callback: `callback(agent)` is called after every iteration; False stops. A callback of SB3 is refused.
            reset_num_timesteps: count from zero; False goes on where the last call ended.
            progress_bar: show a line of progress.

        Returns:
            The agent itself.
        """
        whole_number("total_timesteps", total_timesteps, 1)
        checks.callback(callback)
        checks.switch("reset_num_timesteps", reset_num_timesteps)
        self._refuse_copy()
        if reset_num_timesteps:
            self._restart()
            self.num_timesteps, self.total_timesteps = 0, int(total_timesteps)
            self._episodes_lost = False
        else:
            self.total_timesteps = self.num_timesteps + int(total_timesteps)
        return self.train(callback, progress_bar)

    def train(self, callback: Callback | None = None, progress_bar: bool = False) -> Self:
        """Go on until `total_timesteps`, as set by `learn` or by a checkpoint."""
        from rl_lab.agents.common.progress_bar import bar

        checks.callback(callback)
        checks.switch("progress_bar", progress_bar)
        with bar(self, progress_bar) as show:
            while self.num_timesteps < self.total_timesteps:
                self.iterate()
                show(self)
                if callback is not None and callback(self) is False:
                    break
        return self

    def predict(
        self,
        observation: Any,
        state: None = None,
        episode_start: Any = None,
        deterministic: bool = True,
        *,
        action_mask: np.ndarray | None = None,
        action_masks: np.ndarray | None = None,
    ) -> tuple[Any, None]:
        """Actions for one observation or for a batch of them, as SB3's `predict` gives them.

        Args:
            observation: as the environment gives it, or a batch.
            state: None; the agent has no memory.
            episode_start: not used, for the same reason.
            deterministic: the most probable action; otherwise one is drawn.
            action_mask: bool `(actions,)` or `(batch, actions)`, the actions that are allowed.
            action_masks: the same, under SB3-contrib's name.

        Returns:
            Actions and None; a single observation gets a single action.

        Raises:
            LabError: the observation's shape is not that of the space, or a mask has another shape.
        """
        from rl_lab.agents.common.predict import choose

        checks.switch("deterministic", deterministic)
        if state is not None:
            raise LabError(
                f"state={short(state)} is not allowed: {type(self).__name__} has no memory; give a mask as "
                "action_mask=..."
            )
        if action_mask is not None and action_masks is not None:
            raise LabError("action_mask and action_masks are the same; give one of them")
        return choose(self, observation, action_mask if action_masks is None else action_masks, deterministic), None

    def save(self, path: str | Path) -> None:
        """Write the agent to one safetensors file: weights, optimiser, random streams, environment states.

        Args:
            path: the file; `.safetensors` is added where it lacks.

        Raises:
            LabError: the path is a folder, or the file cannot be written.
        """
        from rl_lab.agents.common import checkpoint

        checkpoint.save(self, path_of(path))

    @classmethod
    def load(cls, path: str | Path, env: Environment | None = None, **overrides: Any) -> Self:
        """Read an agent, to predict or to learn on from the very same state. Nothing in a file is run or imported.

        Args:
            path: a file that `save` wrote, with or without its ending; the folder of a run, whose last good
                checkpoint is taken; or the `policy.safetensors` in such a folder.
            env: the environment, where it was not made from an id, or where its id is registered by a module that
                this program has not imported: "module:id" imports it.
            overrides: arguments of the constructor that take the place of those in the file, or that a file cannot
                hold, such as `loss`.

        Raises:
            LabError: the files are damaged, or of another algorithm or environment.
        """
        from rl_lab.agents.common import checkpoint

        return checkpoint.agent_of(cls, checkpoint.find(path_of(path)), env, overrides)

    def experience(self) -> dict[str, np.ndarray]:
        """What it keeps from one iteration to the next beside its networks and counters, for a checkpoint."""
        return {}

    def restore_experience(self, arrays: dict[str, np.ndarray], source: str) -> None:
        """Go on with what `experience` gave.

        Raises:
            LabError: an array does not fit; `source` is where it came from.
        """
        if arrays:
            raise LabError(
                f"{source} holds experience, which {type(self).__name__} does not keep; use another checkpoint"
            )

    def episode_returns(self) -> np.ndarray:
        """Returns of up to the last hundred episodes of training."""
        return self.runner.recent_returns[: min(int(self.runner.episodes[0]), RECENT)].copy()

    def _begin(self) -> None:
        """Take in the first observations, and compile."""
        self._refuse_copy()
        if self._fresh:
            self._take_first()
            self._compile()
            self._fresh = False
        if self._episodes_lost:
            logger.info(
                "the state of %s cannot be saved: episodes begin again, and the weights will differ from those of an "
                "uninterrupted run",
                self.source.name,
            )
            self._episodes_lost = False

    def _take_first(self) -> None:
        """Take in the first observations of new episodes."""
        loops().observe(self.normalizer, self.source.view.observations, self.runner.current)

    @abstractmethod
    def _compile(self) -> None:
        """Compile what an iteration runs."""

    @abstractmethod
    def _prepare_memory(self) -> None:
        """Make room for experience."""

    @abstractmethod
    def _engine(self, name: str, policy: Any, loss: Any, device: str) -> Engine:
        """The engine "compiled" or "torch"; see the arguments of the constructor."""

    def _refuse_copy(self) -> None:
        if self._copied:
            raise LabError("a deep copy of an agent can only predict; to go on with one, agent.save(path) and load it")

    def _metrics(self) -> dict[str, float]:
        """Those that all algorithms have."""
        metrics = {}
        if len(returns := self.episode_returns()):
            metrics["rollout/ep_rew_mean"] = float(returns.mean())
            metrics["rollout/ep_len_mean"] = float(self.runner.recent_lengths[: len(returns)].mean())
        metrics["time/fps"] = self.num_timesteps / self.seconds
        metrics["time/iterations"] = self.iterations
        metrics["time/time_elapsed"] = self.seconds
        metrics["time/total_timesteps"] = self.num_timesteps
        return metrics

    def _make_policy(self) -> Policy:
        vector, config = self.source.vector, self.config
        spaces_ = vector.single_observation_space, vector.single_action_space
        policy = self.make_policy(*spaces_, config, self.source.masked)
        if config.normalize_observation:
            policy.encoder.scale = np.float32(1)  # which normalised numbers have already
        policy.initialise(np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=seed_offsets.WEIGHTS)))
        return policy

    def _make_engine(self, engine: str | None, policy: Any, loss: Any, device: str) -> Engine:
        wants_torch = policy is not None or loss is not None or device != "cpu"
        name = engine or ("torch" if wants_torch else "compiled")
        if name not in ("compiled", "torch"):
            raise LabError(f"engine {name!r} is unknown; choose 'compiled' or 'torch'")
        if name == "compiled" and wants_torch:
            raise LabError(
                "a policy, a loss or a device of your own needs engine='torch', but engine='compiled' was given"
            )
        if loss is not None and not callable(loss):
            raise LabError(f"loss={short(loss)} is not allowed; give a function of a minibatch; see engines.torch")
        return self._engine(name, policy, loss, device)

    def _make_normalizer(self) -> Normalizer:
        config, size = self.config, self.policy.encoder.size
        flags = config.normalize_observation, config.normalize_reward
        return make_normalizer(size, self.source.lanes, *flags, float(config.normalize_clip), float(config.gamma))

    def _make_runner(self) -> RunnerState:
        encoder = self.policy.encoder
        dtype = np.dtype(np.float32) if self.config.normalize_observation else encoder.dtype
        runner = make_runner(self.source.lanes, encoder.size, dtype)
        random.seed_stream(runner.stream, np.random.SeedSequence(self.seed, spawn_key=seed_offsets.ACTIONS))
        return runner

    def _restart(self) -> None:
        """Reset all environments, as SB3's `learn` does when it counts from zero, and forget their episodes."""
        if not self._fresh:
            self.source.reset(self.seed)
        runner = self.runner
        arrays = runner.lane_returns, runner.lane_lengths, runner.episodes, runner.carry, self.normalizer.returns
        for array in arrays:
            array[:] = 0
        self.iterations, self.seconds, self._fresh = 0, 0.0, True
