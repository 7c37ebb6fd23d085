"""Episodes of an expert: collected, kept as a Minari data set, read again."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rl_lab.errors import LabError, extra

logger = logging.getLogger("rl_lab")


@dataclass(frozen=True)
class Episode:
    """One episode, step by step."""

    seed: int | None
    """Seed of its reset."""
    observations: list[Any]
    """What was seen before each step, and after the last."""
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
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(8,)))
        chosen = sorted(rng.permutation(len(self.episodes))[:episodes].tolist())
        return replace(self, episodes=[self.episodes[place] for place in chosen])

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        """What was observed, and what was done then."""
        for episode in self.episodes:
            yield from zip(episode.observations, episode.actions, strict=False)

    def write(self, name: str, expert: str = "") -> None:
        """Keep them as a Minari data set.

        Args:
            name: of the data set, such as "doorkey/planner-v0".
            expert: who showed them, for the data set's description.

        Raises:
            LabError: Minari is missing, the name is taken, or is no name of a data set.
        """
        check_name(name)
        minari = _minari()
        with extra("demos", "a data set of demonstrations"):
            from minari.data_collector.episode_buffer import EpisodeBuffer

        buffers = [
            EpisodeBuffer(
                id=number,
                seed=episode.seed,
                observations=_columns(episode.observations),
                actions=episode.actions,
                rewards=episode.rewards.tolist(),
                terminations=[False] * (len(episode.actions) - 1) + [episode.terminated],
                truncations=[False] * (len(episode.actions) - 1) + [not episode.terminated],
                infos={},
            )
            for number, episode in enumerate(self.episodes)
        ]
        env = gym.make(self.environment, **self.arguments)
        with warnings.catch_warnings():  # that no author and no repository are named
            warnings.simplefilter("ignore", UserWarning)
            minari.create_dataset_from_buffers(
                name,
                buffers,
                env=env,
                eval_env=env,
                algorithm_name=expert or "expert",
                description=f"{len(buffers)} episodes of {expert or 'an expert'} in {self.environment}",
                data_format="hdf5",
            )

    @classmethod
    def read(cls, name: str) -> Demonstrations:
        """Read a Minari data set.

        Raises:
            LabError: Minari is missing, there is no such data set, or it is empty.
        """
        minari = _minari()
        try:
            dataset = minari.load_dataset(name)
        except (FileNotFoundError, ValueError, KeyError) as error:
            known = ", ".join(sorted(minari.list_local_datasets())) or "none"
            why = str(error).split(" Use download")[0].rstrip(". ")
            raise LabError(f"data set {name!r} cannot be read ({why}); local data sets: {known}") from None
        spec = dataset.spec.env_spec
        episodes = [
            Episode(
                None if episode_seed is None else int(episode_seed),
                _rows(episode.observations, len(episode.actions) + 1),
                np.asarray(episode.actions),
                np.asarray(episode.rewards, np.float64),
                bool(episode.terminations[-1]),
            )
            for episode, episode_seed in _with_seeds(dataset)
        ]
        if not episodes:
            raise LabError(f"data set {name!r} is empty; there is nothing to learn from")
        spaces = dataset.spec.observation_space, dataset.spec.action_space
        return cls(*named(spec, name), *spaces, episodes)

    def digest(self) -> str:
        """Hash of what was done and earned: equal for equal demonstrations."""
        total = hashlib.sha256(f"{self.environment} {self.arguments}".encode())
        for episode in self.episodes:
            total.update(f"{episode.seed} {episode.terminated}".encode())
            for array in (episode.actions, episode.rewards):
                total.update(np.ascontiguousarray(array).tobytes())
        return total.hexdigest()[:20]

    def check_fits(self, name: str, observation_space: gym.Space, action_space: gym.Space, spec: Any = None) -> None:
        """Refuse another environment: one with other spaces, or, where both have an id, another id or arguments.

        Raises:
            LabError: names both.
        """
        known = named(spec, name) if spec is not None else None
        if known is not None and self.environment in gym.registry and known != (self.environment, self.arguments):
            raise LabError(
                f"these are demonstrations of {self.environment} with {self.arguments}, but the environment is "
                f"{known[0]} with {known[1]}; give demonstrations of the same one"
            )
        if (self.observation_space, self.action_space) != (observation_space, action_space):
            raise LabError(
                f"demonstrations of {self.environment} have {self.observation_space} -> {self.action_space}, but "
                f"{name} has {observation_space} -> {action_space}; give demonstrations of the same environment"
            )


def named(spec: Any, otherwise: str) -> tuple[str, dict[str, Any]]:
    """The id and the arguments of an environment, as `gymnasium.make` takes them."""
    if spec is None:
        return otherwise, {}
    return spec.id, {name: value for name, value in spec.kwargs.items() if name != "definition"}


def _columns(observations: list[Any]) -> Any:
    """A list of observations as Minari wants it: arrays, or a dictionary of them."""
    if isinstance(observations[0], dict):
        return {name: _columns([each[name] for each in observations]) for name in observations[0]}
    return observations if isinstance(observations[0], str) else np.stack(observations)


def _rows(columns: Any, count: int) -> list[Any]:
    """The reverse of `_columns`."""
    if isinstance(columns, dict):
        parts = {name: _rows(column, count) for name, column in columns.items()}
        return [{name: part[i] for name, part in parts.items()} for i in range(count)]
    return [columns[i] for i in range(count)]


def _with_seeds(dataset: Any) -> Iterator[tuple[Any, Any]]:
    indices = [int(index) for index in dataset.episode_indices]
    for episode, metadata in zip(
        dataset.iterate_episodes(indices), dataset.storage.get_episode_metadata(indices), strict=True
    ):
        yield episode, metadata.get("seed")


def check_name(name: str) -> None:
    """Refuse a name that no new Minari data set can have.

    Raises:
        LabError: Minari is missing, the name is taken, or is no name of a data set.
    """
    minari = _minari()
    try:
        minari.dataset.minari_dataset.parse_dataset_id(name)
    except ValueError:
        raise LabError(f"{name!r} is no name of a data set; write, for example, doorkey/planner-v0") from None
    if name in minari.list_local_datasets():
        raise LabError(f"data set {name!r} exists already; choose another name, or delete it with `minari delete`")


def _minari() -> Any:
    with extra("demos", "a data set of demonstrations"):
        import minari
        import minari.dataset.minari_dataset
    return minari
