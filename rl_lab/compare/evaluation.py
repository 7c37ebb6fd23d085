"""Judging a policy: episodes on seeds of their own, all at once where the model can answer for a batch."""

from __future__ import annotations

import copy
import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rl_lab.compare.environments import Maker
from rl_lab.compare.plan import Evaluation
from rl_lab.errors import LabError

Predict = Callable[[Any, dict[str, Any]], Any]


@dataclass(frozen=True)
class Episode:
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
    """Whether each was broken off instead of ending, shape (episodes,)."""
    best: Episode
    worst: Episode


class Judge:
    """Evaluates models on one environment, always on the same seeds.

    Args:
        maker: the environment.
        evaluation: how many episodes, and how the policy acts.
        seeds: one for each episode.
    """

    def __init__(self, maker: Maker, evaluation: Evaluation, seeds: list[int]) -> None:
        self.maker, self.evaluation, self.seeds = maker, evaluation, seeds
        self._batch: gym.vector.VectorEnv | None = None
        self._bases: list[Recorded] = []
        self._outer: Any = None

    def __call__(self, model: Any, outer: Any = None) -> Judgement:
        """Play the evaluation episodes.

        Args:
            model: something with `predict(observation)`, which may also take `deterministic` and a mask, and
                returns an action, or a tuple that begins with it.
            outer: the environment as the model knows it, where somebody wrapped ours.

        Raises:
            LabError: no `predict`, a wrapper that cannot be copied, or a return that is not finite.
        """
        predict = getattr(model, "predict", None)
        if not callable(predict):
            raise LabError(
                f"the contender returned {_described(model)}; it must return something with a .predict method"
            )
        arguments = _arguments(predict, self.evaluation.deterministic)
        with random_states_kept():
            if _answers_batches(model):
                normalise = _normaliser(model)
                found = self._together(lambda seen, info: predict(normalise(seen), **arguments(info)), outer)
            else:
                found = self._one_by_one(lambda seen, info: predict(seen, **arguments(info)), outer)
        if not np.isfinite(found.returns).all():
            raise LabError(f"an evaluation episode has a return of {found.returns[~np.isfinite(found.returns)][0]}")
        return found

    @property
    def observation_space(self) -> gym.Space:
        """Of the environment, a single one."""
        return self._lanes(None)[0].single_observation_space

    def _together(self, predict: Predict, outer: Any) -> Judgement:
        """All episodes side by side, one in each lane."""
        batch, bases = self._lanes(outer)
        seeds: Any = self.seeds  # Gymnasium's base class is not annotated for what its batches take
        observations, info = batch.reset(seed=seeds)
        returns, actions = np.zeros(len(self.seeds)), list[Any]()
        lengths, going = np.zeros(len(self.seeds), np.int64), np.ones(len(self.seeds), bool)
        ended = ~going
        while going.any() and len(actions) < self.evaluation.max_episode_steps:
            chosen = _action(predict(observations, info))
            observations, rewards, terminated, truncated, info = batch.step(chosen)
            actions.append(np.array(chosen))
            returns += np.where(going, rewards, 0.0)
            lengths += going
            ended |= going & terminated
            going &= ~(terminated | truncated)
        if bases:  # what wrappers make of rewards and actions is training's affair
            return _judgement(self.seeds, [base.record for base in bases])
        taken = {lane: [step[lane] for step in actions[: lengths[lane]]] for lane in _ends(returns)}
        records = [
            Record(float(value), int(length), taken.get(lane, []), ended=bool(by_itself))
            for lane, (value, length, by_itself) in enumerate(zip(returns, lengths, ended, strict=True))
        ]
        return _judgement(self.seeds, records)

    def _one_by_one(self, predict: Predict, outer: Any) -> Judgement:
        """For models of unknown make, which may only know single observations."""
        env = Recorded(self.maker.single()) if outer is None else copy_of(outer)
        base, records = base_of(env), []
        for seed in self.seeds:
            observation, info = env.reset(seed=seed)
            over = False
            while not over and base.record.length < self.evaluation.max_episode_steps:
                chosen = _action(predict(observation, info))
                action = chosen.item() if isinstance(env.action_space, gym.spaces.Discrete) else chosen
                observation, _, terminated, truncated, info = env.step(action)
                over = terminated or truncated
            records.append(base.record)
        env.close()
        return _judgement(self.seeds, records)

    def _lanes(self, outer: Any) -> tuple[gym.vector.VectorEnv, list[Recorded]]:
        """A batch, and the innermost environments where they lie in copies of somebody's wrappers; kept for later."""
        if self._batch is None or self._outer is not outer:
            self._outer, self._bases = outer, []
            if outer is None:
                self._batch = self.maker.evaluation(len(self.seeds))
            else:
                copies = [copy_of(outer) for _ in self.seeds]
                self._bases = [base_of(env) for env in copies]
                self._batch = gym.vector.SyncVectorEnv([functools.partial(_itself, env) for env in copies])
        return self._batch, self._bases


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
    """A fresh environment for evaluation that records the episode begun by the last reset with a seed."""

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        self.record = Record()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; without a seed it is one after the episode that counts."""
        if seed is not None:
            self.record = Record()
        self.record.over = seed is None
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a step and note it."""
        outcome = self.env.step(action)
        if not self.record.over:
            self.record.value += float(outcome[1])
            self.record.length += 1
            self.record.actions.append(action)
            self.record.over, self.record.ended = bool(outcome[2] or outcome[3]), bool(outcome[2])
        return outcome


def base_of(env: Any) -> Recorded:
    """The recorded environment inside wrappers."""
    while not isinstance(env, Recorded):
        env = env.env
    return env


def copy_of(outer: gym.Env) -> gym.Env:
    """A wrapped environment with the same wrappers around a fresh one, see `Metered.__deepcopy__`."""
    try:
        return copy.deepcopy(outer)
    except Exception as error:
        raise LabError(
            f"the wrappers around the environment cannot be copied for evaluation ({type(error).__name__}: {error}); "
            "return something whose predict takes the environment's own observations"
        ) from error


@contextmanager
def random_states_kept() -> Iterator[None]:
    """Evaluate without moving the random streams that training draws from."""
    torch = sys.modules.get("torch")
    legacy, tensors = np.random.get_state(), torch.get_rng_state() if torch else None  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(legacy)  # noqa: NPY002
        if torch is not None and tensors is not None:
            torch.set_rng_state(tensors)


def _arguments(predict: Callable[..., Any], deterministic: bool) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The keyword arguments that a `predict` knows, from the info of the observation."""
    try:
        known = set(inspect.signature(predict).parameters)
    except (TypeError, ValueError):
        known = set()
    fixed = {"deterministic": deterministic} if "deterministic" in known else {}
    mask = next((name for name in ("action_mask", "action_masks") if name in known), None)
    if mask is None:
        return lambda info: fixed
    return lambda info: {**fixed, mask: info["action_mask"]} if "action_mask" in info else fixed


def _itself(env: gym.Env) -> gym.Env:
    return env


def _answers_batches(model: Any) -> bool:
    """Whether `predict` is known to take a batch of observations: ours does, and that of Stable-Baselines3."""
    kinds = [f"{kind.__module__}." for kind in type(model).__mro__]
    return any(kind.startswith(("stable_baselines3.", "sb3_contrib.", "rl_lab.")) for kind in kinds)


def _normaliser(model: Any) -> Callable[[Any], Any]:
    """What Stable-Baselines3's `VecNormalize` does to observations before the model sees them."""
    wrapper = getattr(model, "get_vec_normalize_env", lambda: None)()
    return wrapper.normalize_obs if wrapper is not None else lambda observations: observations


def _action(predicted: Any) -> NDArray[Any]:
    return np.asarray(predicted[0] if isinstance(predicted, tuple) else predicted)


def _ends(returns: NDArray[np.float64]) -> tuple[int, int]:
    """The best and the worst episode."""
    return int(np.argmax(returns)), int(np.argmin(returns))


def _judgement(seeds: list[int], records: list[Record]) -> Judgement:
    returns = np.array([record.value for record in records], float)
    lengths = np.array([record.length for record in records], np.int64)
    best, worst = (
        Episode(seeds[end], float(returns[end]), [_plain(action) for action in records[end].actions])
        for end in _ends(returns)
    )
    truncated = np.array([not record.ended for record in records])
    return Judgement(returns, lengths, truncated, best, worst)


def _plain(action: Any) -> Any:
    return np.asarray(action).tolist()


def _described(model: Any) -> str:
    return "nothing" if model is None else f"an object of type {type(model).__name__}"
