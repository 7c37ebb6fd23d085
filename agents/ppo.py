"""Proximal policy optimisation (Schulman et al., 2017), as Stable-Baselines3's users know it.

The algorithm alternates a rollout and an update (`iterate`); the engine runs both. Everything that decides
what comes next lies in arrays, so that a run can be saved between two iterations and goes on exactly.
"""

from __future__ import annotations

import copy
import dataclasses
import difflib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rl_lab import random
from rl_lab.agents.common import checks
from rl_lab.agents.common.environments import Environment, make_source
from rl_lab.agents.common.kickstarting import Anchor
from rl_lab.agents.common.networks import ActorCritic
from rl_lab.agents.common.normalizer import Normalizer, make_normalizer
from rl_lab.agents.common.rollout_buffer import Progress, Rollout, make_rollout
from rl_lab.agents.common.vec_adapter import Source
from rl_lab.agents.engines.compiled import CompiledEngine
from rl_lab.agents.engines.engine import Engine
from rl_lab.agents.ppo_update import Settings, flatten, loops
from rl_lab.agents.settings import PPOSettings, schedule
from rl_lab.errors import LabError, short
from rl_lab.files import path_of
from rl_lab.numbers import whole_number

logger = logging.getLogger("rl_lab")
Callback = Callable[["PPO"], bool | None]
RECENT = 100  # episodes in the running means, as SB3's
HYPERPARAMETERS = [field.name for field in dataclasses.fields(PPOSettings)]
# Hyperparameters that the memory of an agent was made for.
FIXED = (
    "n_steps",
    "batch_size",
    "net_arch",
    "activation",
    "gamma",
    "normalize_observation",
    "normalize_reward",
    "normalize_clip",
)


class PPO:
    """An agent that learns by proximal policy optimisation.

    Args:
        env: a Gymnasium id (also "module:id"), a function that makes an environment, an environment, or a
            VectorEnv.
        num_envs: number of environments; a VectorEnv has its own.
        seed: of weights, actions, minibatches and environments; the same seed gives the same bytes on one machine.
        engine: "compiled" or "torch"; by default torch where `loss`, `policy` or a GPU asks for it.
        policy: a `torch.nn.Module` in place of the perceptrons; see `torch_engine`.
        loss: a loss of your own, in torch; see `torch_engine`.
        device: of the torch engine.
        env_kwargs: arguments of the environment, with an id.
        hyperparameters: those of `PPOSettings`, with SB3's names and defaults.

    Attributes:
        num_timesteps: steps taken, over all environments.
        policy: the `ActorCritic`.
        metrics: of the last iteration, by SB3's TensorBoard tags.
        anchor: a policy that it stays close to; see `hold`.
        learning_rate: like the other hyperparameters, by their names; those of the update may be changed, which counts
            from the next iteration on.

    Example:
        >>> agent = PPO("rl_lab/CartPole-v1", num_envs=8, n_steps=32, batch_size=256).learn(512)
        >>> action, _ = agent.predict(np.zeros(4, np.float32))

    Raises:
        LabError: an argument is not allowed; the sentence says what is.
    """

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
        self.settings = PPOSettings.of(hyperparameters)
        self.seed, self.env_kwargs, self.num_timesteps, self.iterations = int(seed), env_kwargs or {}, 0, 0
        self.total_timesteps, self.seconds = 0, 0.0
        self.metrics: dict[str, float] = {}
        self.source: Source = make_source(env, num_envs, env_kwargs)
        self.source.reset(self.seed)
        self.policy = self._make_policy()
        checks.fits(self.settings, self.policy, self.source.lanes)
        if policy is None and (image := self.policy.encoder.large_image):
            logger.warning(
                "observations hold %s, and a perceptron does not see that pixels lie side by side; give policy= a "
                "torch.nn.Module with convolutions",
                image,
            )
        self.engine = self._make_engine(engine, policy, loss, device)
        self.rollout = self._make_rollout()
        self.normalizer = self._make_normalizer()
        self.progress = self._make_progress()
        self.rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(0, 2)))  # of `predict`
        self.anchor: Anchor | None = None
        self._anchored_at = 0
        self._fresh = True
        self._episodes_lost = False  # a checkpoint goes on with new episodes, which a message says once it does
        self._copied = False

    def __deepcopy__(self, memo: dict[int, Any]) -> PPO:
        """An agent that predicts; its arrays share no memory any more, as learning needs."""
        copied = memo[id(self)] = object.__new__(type(self))
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo) | {"_copied": True})
        return copied

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse hyperparameters that are spelt wrongly, which would change nothing."""
        if not hasattr(self, name) and (close := difflib.get_close_matches(name, HYPERPARAMETERS, 1, cutoff=0.8)):
            raise LabError(f"PPO has no hyperparameter {name!r}; did you mean {close[0]!r}?")
        super().__setattr__(name, value)

    def __getstate__(self) -> Any:
        raise LabError(
            "an agent cannot be pickled; write it with agent.save(path), and read it with PPO.load(path) where it is "
            "needed"
        )

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.source.name!r}, num_envs={self.source.lanes}, {self.num_timesteps:_} steps)"
        )

    @property
    def parameters(self) -> np.ndarray:
        """All weights, float32 `(parameters,)`; writing to it changes the agent, but for a `policy=` of your own."""
        return self.engine.parameters()

    def learn(
        self,
        total_timesteps: int,
        callback: Callback | None = None,
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> PPO:
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
            self.num_timesteps, self._anchored_at, self.total_timesteps = 0, 0, int(total_timesteps)
            self._episodes_lost = False
        else:
            self.total_timesteps = self.num_timesteps + int(total_timesteps)
        return self.train(callback, progress_bar)

    def train(self, callback: Callback | None = None, progress_bar: bool = False) -> PPO:
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

    def collect(self) -> Rollout:
        """A rollout of the policy as it is, copied; nothing is learned."""
        self._collect()
        return Rollout(*(array.copy() for array in self.rollout))

    def iterate(self) -> dict[str, float]:
        """One rollout and one update; returns the metrics."""
        self._begin()
        start = time.perf_counter()
        self._collect()
        last_values = self.engine.values(self.progress.current)
        loops().estimate_advantages(self.rollout, last_values, self.normalizer.gamma, float(self.settings.gae_lambda))
        settings = self._update_settings()
        reference = self.anchor.reference(self.rollout, self.policy.encoder.scale) if self.anchor else None
        order = self._order()  # empty where all steps only reset an environment
        losses = self.engine.update(flatten(self.rollout, reference), order, settings) if order.size else {}
        checks.finite_update(losses, self.parameters)
        self.iterations += 1
        self.seconds += time.perf_counter() - start
        self.metrics = self._metrics(losses, settings)
        return self.metrics

    def hold(self, anchor: Anchor | None) -> None:
        """Stay close to a policy from now on, as the anchor says; None lets go.

        Raises:
            LabError: the agent has a `policy=` of your own, or the anchor is of another network.
        """
        if anchor is not None:
            if anchor.actor.sizes[:: len(anchor.actor.sizes) - 1] != (self.policy.encoder.size, self.policy.outputs):
                raise LabError(
                    f"an anchor's network of sizes {anchor.actor.sizes} does not fit an agent of "
                    f"{self.policy.encoder.size} inputs and {self.policy.outputs} outputs"
                )
            self.engine.make_room(anchor.width)
        self.anchor, self._anchored_at = anchor, self.num_timesteps

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
            raise LabError(f"state={short(state)} is not allowed: PPO has no memory; give a mask as action_mask=...")
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
    def load(cls, path: str | Path, env: Environment | None = None, **overrides: Any) -> PPO:
        """Read an agent, to predict or to learn on from the very same state. Nothing in a file is run or imported.

        Args:
            path: a file that `save` wrote, with or without its ending; the folder of a run, whose last good
                checkpoint is taken; or the `policy.safetensors` in such a folder.
            env: the environment, where it was not made from an id, or where its id is registered by a module that
                this program has not imported: "module:id" imports it.
            overrides: arguments of the constructor that take the place of those in the file, or that a file cannot
                hold, such as `loss`.

        Raises:
            LabError: the files are damaged, or of another environment.
        """
        from rl_lab.agents.common import checkpoint

        return checkpoint.agent_of(cls, checkpoint.find(path_of(path)), env, overrides)

    def episode_returns(self) -> np.ndarray:
        """Returns of up to the last hundred episodes of training."""
        return self.progress.recent_returns[: min(int(self.progress.episodes[0]), RECENT)].copy()

    def _collect(self) -> None:
        self.source.check_owned()
        self._begin()
        self.engine.collect(self.rollout, self.progress, self.normalizer)
        checks.finite_rollout(self.rollout, self.source.name, self.num_timesteps // self.source.lanes)
        self.num_timesteps += self.rollout.rewards.size

    def _begin(self) -> None:
        """Take in the first observations, and compile."""
        self._refuse_copy()
        if self._fresh:
            loops().see(self.normalizer, self.source.view.observations, self.progress.current)
            self.engine.prepare(self.rollout, self.progress, self.normalizer, self._update_settings())
            self._fresh = False
        if self._episodes_lost:
            logger.info(
                "the state of %s cannot be saved: episodes begin again, and the weights will differ from those of an "
                "uninterrupted run",
                self.source.name,
            )
            self._episodes_lost = False

    def _refuse_copy(self) -> None:
        if self._copied:
            raise LabError("a deep copy of an agent can only predict; to go on with one, agent.save(path) and load it")

    def _order(self) -> np.ndarray:
        """The valid samples, shuffled for each epoch: int64 `(epochs, samples)`."""
        order = np.tile(np.flatnonzero(self.rollout.valid.reshape(-1)), (self.settings.n_epochs, 1))
        loops().shuffle(self.progress.stream, order)
        return order

    def _metrics(self, losses: dict[str, float], settings: Settings) -> dict[str, float]:
        metrics = {f"train/{name}": float(value) for name, value in losses.items()}
        if self.anchor is None:
            metrics.pop("train/anchor_kl", None)
        metrics["train/explained_variance"] = _explained_variance(self.rollout)
        metrics["train/learning_rate"], metrics["train/clip_range"] = settings.learning_rate, settings.clip_range
        if settings.clip_range_vf >= 0:
            metrics["train/clip_range_vf"] = settings.clip_range_vf
        if not self.policy.discrete:
            metrics["train/std"] = float(np.exp(self.policy.log_std).mean())
        if len(returns := self.episode_returns()):
            metrics["rollout/ep_rew_mean"] = float(returns.mean())
            metrics["rollout/ep_len_mean"] = float(self.progress.recent_lengths[: len(returns)].mean())
        metrics["time/fps"] = self.num_timesteps / self.seconds
        metrics["time/iterations"] = self.iterations
        metrics["time/time_elapsed"] = self.seconds
        metrics["time/total_timesteps"] = self.num_timesteps
        return metrics

    def _update_settings(self) -> Settings:
        done = self.num_timesteps / self.total_timesteps if self.total_timesteps else 0.0
        s, remaining = self.settings, max(1.0 - done, 0.0)  # the last rollout may go beyond the total
        held_for = self.num_timesteps - self.rollout.rewards.size - self._anchored_at  # when the rollout began
        held = self.anchor.schedule.rates(max(held_for, 0)) if self.anchor else (1.0, 0.0)
        clip_vf = -1.0 if s.clip_range_vf is None else schedule("clip_range_vf", s.clip_range_vf)(remaining)
        return Settings(
            schedule("learning_rate", s.learning_rate)(remaining),
            schedule("clip_range", s.clip_range)(remaining),
            clip_vf,
            float(s.ent_coef),
            float(s.vf_coef),
            float(s.max_grad_norm),
            -1.0 if s.target_kl is None else float(s.target_kl),
            s.normalize_advantage,
            *held,
        )

    def _make_policy(self) -> ActorCritic:
        vector, s = self.source.vector, self.settings
        spaces_ = vector.single_observation_space, vector.single_action_space
        policy = ActorCritic(*spaces_, s.net_arch, s.activation, self.source.masked)
        if s.normalize_observation:
            policy.encoder.scale = np.float32(1)  # which normalised numbers have already
        policy.initialise(np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(0, 0))))
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
            raise LabError(f"loss={short(loss)} is not allowed; give a function of a minibatch; see torch_engine")
        batch = min(self.settings.batch_size, self.settings.n_steps * self.source.lanes)
        if name == "compiled":
            return CompiledEngine(self.policy, self.source, batch)
        from rl_lab.agents.engines.torch import TorchEngine

        return TorchEngine(self.policy, self.source, batch, policy, loss, device, self.seed)

    def _make_rollout(self) -> Rollout:
        policy, normalise = self.policy, self.settings.normalize_observation
        dtype = np.dtype(np.float32) if normalise else policy.encoder.dtype
        actions = np.dtype(np.int64 if policy.discrete else np.float32)
        width = 1 if policy.discrete else policy.outputs
        shape = self.settings.n_steps, self.source.lanes, policy.encoder.size
        return make_rollout(*shape, dtype, actions, width, policy.masks)

    def _make_normalizer(self) -> Normalizer:
        s, size = self.settings, self.policy.encoder.size
        flags = s.normalize_observation, s.normalize_reward
        return make_normalizer(size, self.source.lanes, *flags, float(s.normalize_clip), float(s.gamma))

    def _make_progress(self) -> Progress:
        lanes, stream = self.source.lanes, np.zeros(1, np.uint64)
        random.seed_stream(stream, np.random.SeedSequence(self.seed, spawn_key=(0, 1)))
        current = np.zeros((lanes, self.policy.encoder.size), self.rollout.observations.dtype)
        recent = np.zeros(RECENT), np.zeros(RECENT, np.int64)
        return Progress(current, stream, np.zeros(lanes), np.zeros(lanes, np.int64), *recent, np.zeros(1, np.int64))

    def _restart(self) -> None:
        """Reset all environments, as SB3's `learn` does when it counts from zero, and forget their episodes."""
        if not self._fresh:
            self.source.reset(self.seed)
        progress = self.progress
        for array in (progress.lane_returns, progress.lane_lengths, progress.episodes, self.normalizer.returns):
            array[:] = 0
        self.iterations, self.seconds, self._fresh = 0, 0.0, True


def _hyperparameter(name: str) -> property:
    """A hyperparameter as an attribute of an agent."""

    def change(agent: PPO, value: Any) -> None:
        if name in FIXED:
            raise LabError(f"{name} cannot change once an agent is made; give it to PPO(...) or to PPO.load(...)")
        agent.settings = dataclasses.replace(agent.settings, **{name: value})

    return property(lambda agent: getattr(agent.settings, name), change)


for _each in HYPERPARAMETERS:
    setattr(PPO, _each, _hyperparameter(_each))


def _explained_variance(rollout: Rollout) -> float:
    """1 - Var(returns - values) / Var(returns); 1 is a perfect critic, NaN where all returns are equal."""
    returns = rollout.returns[rollout.valid]
    variance = float(returns.var()) if len(returns) else 0.0
    return float("nan") if variance == 0 else 1 - float((returns - rollout.values[rollout.valid]).var()) / variance
