"""Judging a policy: episodes on seeds of their own, all at once where the model can answer for a batch."""

from __future__ import annotations

import copy
import functools
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rl_lab.agents.common.actions import of_shape
from rl_lab.agents.common.boundary import begun, finite, one_number, stepped
from rl_lab.agents.common.masks import ActionMasks
from rl_lab.agents.common.predictor import Predictor, answers_batches
from rl_lab.compare.environments import Maker
from rl_lab.compare.plan import Evaluation
from rl_lab.errors import LabError
from rl_lab.fingerprint import digest


@dataclass(frozen=True)
class JudgedEpisode:
    """One evaluation episode, as far as it takes to play it again."""

    seed: int
    value: float
    actions: list[Any]


@dataclass(frozen=True)
class Judgement:
    """What an evaluation found."""

    returns: NDArray[np.float64]
    """Shape (episodes,)."""
    lengths: NDArray[np.int64]
    """Steps of each episode, shape (episodes,)."""
    truncated: NDArray[np.bool_]
    """Whether each was truncated instead of ending, shape (episodes,)."""
    best: JudgedEpisode
    worst: JudgedEpisode


class Judge:
    """Evaluates models on one environment, in an episode for each of its seeds, always the same."""

    def __init__(self, maker: Maker, evaluation: Evaluation, seeds: list[int]) -> None:
        self.maker, self.evaluation, self.seeds = maker, evaluation, seeds
        self._batch: gym.vector.VectorEnv | None = None
        self._bases: list[Recorded] = []

    def __call__(self, model: Any, outer: Any = None) -> Judgement:
        """Play the evaluation episodes with something that has `predict`, which gets whatever a `Predictor` gives.

        `outer` is the environment as the model knows it, where the contender wrapped it.

        Raises:
            LabError: no `predict`, a wrapper that cannot be copied, a mask that allows nothing, or a return that is not
                finite.
        """
        if not callable(getattr(model, "predict", None)):
            what = "nothing" if model is None else f"an object of type {type(model).__name__}"
            raise LabError(f"the contender returned {what}; it must return something with a .predict method")
        with random_states_kept():
            found = (self._together if answers_batches(model) else self._one_by_one)(model, outer)
        if not np.isfinite(found.returns).all():
            raise LabError(
                f"environment {self.maker.environment.name!r}: an evaluation episode has a return of "
                f"{found.returns[~np.isfinite(found.returns)][0]}; rewards must be finite numbers: fix the environment"
            )
        return found

    def repeats(self) -> bool:
        """Whether two resets with the same seed give the same observation; a LabError where it is one of a batch."""
        env = self.maker.named()
        with random_states_kept():
            observation, _ = env.reset(seed=self.seeds[0])
            one, other = digest(observation), digest(env.reset(seed=self.seeds[0])[0])
        space = env.observation_space
        if isinstance(space, gym.spaces.Box) and space.shape and np.shape(observation)[1:] == space.shape:
            raise LabError(
                f"environment {self.maker.environment.name!r} returns observations of shape {np.shape(observation)}, a "
                f"batch of those of its space, {space.shape}; give a function that makes a single environment, and "
                "num_envs to contenders that step several"
            )
        env.close()
        return one == other

    @property
    def observation_space(self) -> gym.Space:
        """Of the environment, a single one."""
        return self._lanes(None).single_observation_space

    def _together(self, model: Any, outer: Any) -> Judgement:
        """All episodes side by side, one in each lane."""
        bases = self._begun(self.seeds) if outer is not None else []
        batch, predict = self._lanes(outer), Predictor(model, self.evaluation.deterministic, len(self.seeds))
        seeds: Any = self.seeds  # Gymnasium's base class is not annotated for what its batches take
        observations, info = batch.reset(seed=seeds)
        returns, actions = np.zeros(len(self.seeds)), list[Any]()
        lengths, going = np.zeros(len(self.seeds), np.int64), np.ones(len(self.seeds), bool)
        ended, fresh = ~going, ~going
        masks = ActionMasks(batch, self.maker.environment.name) if predict.masked else None
        allowed = masks.begin(info) if masks else None
        while going.any() and len(actions) < self.evaluation.max_episode_steps:
            finite(observations, f"environment {self.maker.environment.name!r}, in evaluation: observations")
            chosen = of_shape(batch.single_action_space, predict(observations, allowed, ~going | fresh), going & ~fresh)
            actions.append(chosen.copy())  # an environment may write to what it is given
            observations, rewards, terminated, truncated, info = batch.step(chosen)
            returns += np.where(going, rewards, 0.0)
            lengths += going
            ended |= going & terminated
            fresh = terminated | truncated
            going = going & ~fresh if outer is None else np.array([not base.record.over for base in bases])
            allowed = masks.after(info, ~fresh, f"step {len(actions)}") if masks else None
        if outer is not None:  # what wrappers make of rewards, actions and ends is training's affair
            return _judgement(self.seeds, [base.record for base in bases])
        taken = {lane: [step[lane] for step in actions[: lengths[lane]]] for lane in _ends(returns)}
        records = [
            Record(float(value), int(length), taken.get(lane, []), ended=bool(by_itself))
            for lane, (value, length, by_itself) in enumerate(zip(returns, lengths, ended, strict=True))
        ]
        return _judgement(self.seeds, records)

    def _one_by_one(self, model: Any, outer: Any) -> Judgement:
        """For models of unknown make, which may only know single observations."""
        base, predict = self._some(1)[0], Predictor(model, self.evaluation.deterministic)
        records = []
        for seed in self.seeds:
            env = base if outer is None else copy_of(outer, base)
            masks = ActionMasks(env, self.maker.environment.name) if predict.masked else None
            self._begun([seed])
            fresh, start = True, dict[str, Any](seed=seed)
            while not base.record.over and base.record.length < self.evaluation.max_episode_steps:
                if fresh:
                    observation, info = env.reset(**start)
                    predict.reset()
                    allowed, start = masks.begin(info) if masks else None, {}
                chosen = of_shape(env.action_space, predict(observation, allowed))
                action = chosen.item() if isinstance(env.action_space, gym.spaces.Discrete) else chosen
                observation, _, terminated, truncated, info = env.step(action)
                fresh = terminated or truncated
                if masks and not fresh:
                    allowed = masks.after(info, where=f"step {base.record.length}")
            records.append(base.record)
        return _judgement(self.seeds, records)

    def _lanes(self, outer: Any) -> gym.vector.VectorEnv:
        """A batch of the environment, or of copies of the contender's wrappers around it as they are now."""
        if outer is not None:
            bases = self._some(len(self.seeds))
            return gym.vector.SyncVectorEnv([functools.partial(copy_of, outer, base) for base in bases])
        if self._batch is None:
            self._batch = self.maker.evaluation(len(self.seeds))
        return self._batch

    def _begun(self, seeds: list[int]) -> list[Recorded]:
        """The innermost environments, each about to begin the episode of its seed."""
        bases = self._some(len(seeds))
        for base, seed in zip(bases, seeds, strict=True):
            base.begin(seed)
        return bases

    def _some(self, count: int) -> list[Recorded]:
        """The innermost environments, kept for later."""
        self._bases += [Recorded(self.maker.single()) for _ in range(count - len(self._bases))]
        return self._bases[:count]


@dataclass
class Record:
    """One episode as the innermost environment saw it."""

    value: float = 0.0
    """The return."""
    length: int = 0
    """Steps."""
    actions: list[Any] = field(default_factory=list)
    over: bool = False
    ended: bool = False
    """Whether it terminated, and was not truncated."""


class Recorded(gym.Wrapper):
    """A fresh environment for evaluation that records one episode, whatever wrappers around it make of it.

    Wrappers may lose the seed, and they may end episodes early, as `TimeLimit` does and those that make an episode of
    each life. All contenders are judged by the same episodes: the seed is the judge's, and after an early end the
    episode goes on where it was.
    """

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        self.record = Record(over=True)
        self._where = f"environment {str(env.unwrapped)!r} in evaluation"
        self._seed: int | None = None
        self._last: tuple[Any, dict[str, Any]] | None = None

    def begin(self, seed: int) -> None:
        """The next reset begins the episode that counts."""
        self.record, self._seed, self._last = Record(), seed, None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode, or look at the one that counts as long as it is not over."""
        if self._seed is not None:
            seed, self._seed = self._seed, None
        elif self._last is not None and not self.record.over:
            return self._last
        self._last = begun(self.env.reset(seed=seed, options=options), self._where)
        return self._last

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a step and note it."""
        taken = np.array(action)  # the environment may write to it
        outcome = stepped(self.env.step(action), self._where)
        self._last = outcome[0], outcome[4]
        if not self.record.over:
            self.record.value += one_number(outcome[1], self._where)
            self.record.length += 1
            self.record.actions.append(taken)
            self.record.over, self.record.ended = bool(outcome[2] or outcome[3]), bool(outcome[2])
        return outcome


def copy_of(outer: gym.Env, base: gym.Env) -> gym.Env:
    """A wrapped environment: the same wrappers as they are now, around `base` in place of the metered environment.

    Statistics that wrappers of Gymnasium learn are frozen in the copy, as those of `VecNormalize` are in evaluation.
    """
    inner: Any = outer
    while not hasattr(inner, "rl_lab_step_budget"):
        inner = inner.env
    try:
        copied: Any = copy.deepcopy(outer, {id(inner): base})
    except Exception as error:
        raise LabError(
            f"the wrappers around the environment cannot be copied for evaluation ({type(error).__name__}: {error}); "
            "return something whose predict takes the environment's own observations"
        ) from error
    wrapper = copied
    while wrapper is not base:
        if hasattr(wrapper, "update_running_mean"):
            wrapper.update_running_mean = False
        wrapper = wrapper.env
    return copied


@contextmanager
def random_states_kept() -> Iterator[None]:
    """Evaluate without moving the random streams that training draws from."""
    torch = sys.modules.get("torch")
    plain, legacy, tensors = random.getstate(), np.random.get_state(), torch.get_rng_state() if torch else None  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(plain)
        np.random.set_state(legacy)  # noqa: NPY002
        if torch is not None and tensors is not None:
            torch.set_rng_state(tensors)


def _ends(returns: NDArray[np.float64]) -> tuple[int, int]:
    """The best and the worst episode."""
    return int(returns.argmax()), int(returns.argmin())


def _judgement(seeds: list[int], records: list[Record]) -> Judgement:
    returns = np.array([record.value for record in records], float)
    lengths = np.array([record.length for record in records], np.int64)
    best, worst = (
        JudgedEpisode(seeds[end], float(returns[end]), [np.asarray(action).tolist() for action in records[end].actions])
        for end in _ends(returns)
    )
    truncated = np.array([not record.ended for record in records])
    return Judgement(returns, lengths, truncated, best, worst)
