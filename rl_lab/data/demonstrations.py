"""Episodes of an expert, as a data set holds them; `minari_datasets` writes and reads them."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rl_lab import seed_offsets
from rl_lab.errors import LabError

logger = logging.getLogger("rl_lab")


@dataclass(frozen=True)
class Episode:
    """One episode, step by step."""

    seed: int | None
    """Seed of its reset."""
    observations: list[Any]
    """What was observed before each step, and, where the data set has it, after the last."""
    actions: NDArray[Any]
    """`(steps, ...)`"""
    rewards: NDArray[np.float64]
    """`(steps,)`"""
    terminated: bool
    """Whether its last step ended it, rather than a limit of time."""


@dataclass(frozen=True)
class Demonstrations:
    """Episodes of one expert in one environment.

    Attributes:
        environment: id of the environment.
        arguments: keyword arguments that it was made with.
        episodes: what the expert did.
    """

    environment: str
    arguments: dict[str, Any]
    observation_space: gym.Space
    action_space: gym.Space
    episodes: list[Episode] = field(repr=False)

    @property
    def transitions(self) -> int:
        """Steps, over all episodes."""
        return sum(len(episode.actions) for episode in self.episodes)

    @property
    def returns(self) -> NDArray[np.float64]:
        """Sum of the rewards of each episode."""
        return np.array([episode.rewards.sum() for episode in self.episodes])

    def actions(self) -> NDArray[Any]:
        """What was done, `(transitions, ...)`."""
        return np.concatenate([episode.actions for episode in self.episodes])

    def drawn(self, episodes: int, seed: int) -> Demonstrations:
        """Up to so many of the episodes, drawn by a seed."""
        if episodes > len(self.episodes):
            logger.warning("the data set has %d episodes, fewer than %d; all are used", len(self.episodes), episodes)
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=seed_offsets.SPLITS))
        chosen = sorted(rng.permutation(len(self.episodes))[:episodes].tolist())
        return replace(self, episodes=[self.episodes[place] for place in chosen])

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        """What was observed, and what was done then."""
        for episode in self.episodes:
            yield from zip(episode.observations, episode.actions, strict=False)

    def write(self, name: str, expert: str = "") -> None:
        """Write them as a new Minari data set, whole or not at all.

        Args:
            name: of the data set, such as "doorkey/planner-v0".
            expert: what played, for the data set's description.

        Raises:
            LabError: Minari is missing, the name is taken or malformed, a space is unsupported, or the disk is full.
        """
        from rl_lab.data import minari_datasets

        minari_datasets.write(self, name, expert)

    @classmethod
    def read(cls, name: str) -> Demonstrations:
        """Read a Minari data set; nothing that it names is imported.

        Raises:
            LabError: Minari is missing; there is no such data set; or it is empty, damaged, larger than memory, or
                holds values that are not finite or not in its spaces.
        """
        from rl_lab.data import minari_datasets

        return minari_datasets.read(name)

    def digest(self) -> str:
        """Hash of what was observed, done and earned: equal for equal demonstrations."""
        total = hashlib.sha256(_as_json((self.environment, self.arguments)).encode())
        for episode in self.episodes:
            total.update(f"{episode.seed} {episode.terminated}".encode())
            for array in (episode.actions, episode.rewards):
                total.update(np.ascontiguousarray(array).tobytes())
            for observation in episode.observations:
                for part in _leaves(observation):
                    total.update(part)
        return total.hexdigest()[:20]

    def check_fits(self, name: str, observation_space: gym.Space, action_space: gym.Space, spec: Any = None) -> None:
        """Refuse another environment: one with other spaces, or, where both have an id, another id or arguments."""
        known = named(spec, name) if spec is not None else None
        mine = self.environment, self.arguments
        if known is not None and self.environment in gym.registry and _as_json(known) != _as_json(mine):
            raise LabError(
                f"these are demonstrations of {self.environment} with {self.arguments}, but the environment is "
                f"{known[0]} with {known[1]}; give demonstrations of the same one"
            )
        if not _same(self.observation_space, observation_space) or self.action_space != action_space:
            raise LabError(
                f"demonstrations of {self.environment} have {self.observation_space} -> {self.action_space}, but "
                f"{name} has {observation_space} -> {action_space}; give demonstrations of the same environment"
            )


def named(spec: Any, otherwise: str) -> tuple[str, dict[str, Any]]:
    """The id and the arguments of an environment, as `gymnasium.make` takes them."""
    if spec is None:
        return otherwise, {}
    return spec.id, {name: value for name, value in spec.kwargs.items() if name != "definition"}


def _as_json(value: Any) -> str:
    """As a data set's file holds it: a tuple is a list."""
    return json.dumps(value, sort_keys=True, default=str)


def is_text(space: gym.Space) -> bool:
    """Gymnasium's Text, and text spaces that packages have of their own, such as MiniGrid's missions."""
    return isinstance(space, gym.spaces.Text) or (space.dtype is not None and np.dtype(space.dtype).kind == "U")


def _same(one: gym.Space, other: gym.Space) -> bool:
    """Whether two spaces are equal, texts left out, which agents do not read."""
    if isinstance(one, gym.spaces.Dict) and isinstance(other, gym.spaces.Dict):
        return one.spaces.keys() == other.spaces.keys() and all(_same(one[name], other[name]) for name in one.spaces)
    if isinstance(one, gym.spaces.Tuple) and isinstance(other, gym.spaces.Tuple):
        return len(one) == len(other) and all(map(_same, one.spaces, other.spaces))
    return (is_text(one) and is_text(other)) or one == other


def _leaves(observation: Any) -> Iterator[bytes]:
    """The bytes of an observation, part by part."""
    if isinstance(observation, (dict, tuple)):
        parts = [observation[name] for name in sorted(observation)] if isinstance(observation, dict) else observation
        for part in parts:
            yield from _leaves(part)
    else:
        yield observation.encode() if isinstance(observation, str) else np.ascontiguousarray(observation).tobytes()
