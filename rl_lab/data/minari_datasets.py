"""Demonstrations as Minari data sets: written whole or not at all, and checked on reading.

Nothing that a data set names is imported: Minari would make its environment where it does not state its spaces.
"""

import copy
import io
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rl_lab.data.demonstrations import Demonstrations, Episode, is_text, named
from rl_lab.errors import LabError, extra
from rl_lab.files import writing
from rl_lab.memory import check_memory

logger = logging.getLogger("rl_lab")

FORM = "Minari has NAME-v0 and NAMESPACE/NAME-v0, of letters, digits, - and _; a namespace has at least two characters"
NAME = "write, for example, doorkey/planner-v0"
ACTIONS = (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary, spaces.Box)
KEPT = "a Minari data set keeps Box, Discrete, MultiDiscrete, MultiBinary, Text, Dict and Tuple"
ROW = 100  # bytes of the object for a row, beside its numbers
WHOLE = "write the data set again"


def write(shown: Demonstrations, name: str, expert: str = "") -> None:
    """Write demonstrations as a Minari data set; see `Demonstrations.write`."""
    observed, acted = check(name, shown.observation_space, shown.action_space)
    with extra("demos", "a data set of demonstrations"):
        import minari
        from minari.data_collector.episode_buffer import EpisodeBuffer
        from minari.dataset.minari_storage import MinariStorage
        from minari.namespace import create_namespace, list_local_namespaces
    if not shown.episodes:
        raise LabError("there are no episodes; a data set needs at least one")
    buffers = [
        EpisodeBuffer(
            id=number,
            seed=episode.seed,
            observations=_columns(episode.observations),
            actions=_columns(list(episode.actions)),
            rewards=episode.rewards.tolist(),
            terminations=[False] * (len(episode.actions) - 1) + [episode.terminated],
            truncations=[False] * (len(episode.actions) - 1) + [not episode.terminated],
            infos={},
        )
        for number, episode in enumerate(shown.episodes)
    ]
    expert = expert or "expert"
    about = {
        "dataset_id": name,
        "minari_version": minari.__version__,
        "algorithm_name": expert,
        "description": f"{len(buffers)} episodes of {expert} in {shown.environment}",
        "env_spec": (spec := _spec(shown)),
        "eval_env_spec": spec,
    }
    target = _folder(name)
    with writing(target), tempfile.TemporaryDirectory(prefix=".writing-", dir=_folder("")) as temporary:
        (whole := Path(temporary) / "whole").mkdir()
        # JPEG, which is Minari's default for images, would change what was observed.
        storage = MinariStorage.new(whole / "data", observed, acted, jpeg_encoding=False)
        storage.update_metadata(about)
        storage.update_episodes(buffers)
        namespace = name.rpartition("/")[0]
        if namespace and namespace not in list_local_namespaces():
            create_namespace(namespace)
        os.rename(whole, target)


def read(name: str) -> Demonstrations:
    """Read a Minari data set; see `Demonstrations.read`."""
    _check_name(name)
    with extra("demos", "a data set of demonstrations"):
        import h5py
        import minari
        from minari.dataset.minari_storage import MinariStorage
    folder = _folder(name) / "data"
    if not folder.is_dir():
        root = _folder("")
        there = (about.parent.parent.relative_to(root).as_posix() for about in root.glob("**/data/metadata.json"))
        known = ", ".join(sorted(there)) or "none"
        raise LabError(f"data set {name!r} cannot be read: it is not there; local data sets: {known}")
    if pipes := [path for path in folder.rglob("*") if path.is_fifo()]:  # which would be waited for
        raise LabError(f"data set {name!r} is damaged ({pipes[0]} is a pipe); {WHOLE}")
    try:
        about = MinariStorage.read_raw_metadata(folder)
        if not {"observation_space", "action_space"} <= about.keys():
            raise LabError(
                f"data set {name!r} does not state its spaces, and making its environment could run any code; "
                "add them with Minari where you trust it"
            )
        held = len(list(folder.iterdir()))
        if about["data_format"] == "hdf5":
            with h5py.File(folder / "main_data.hdf5") as file:
                held = len(file)
                check_memory(2.0 * _size(file, name), f"data set {name!r}", "use one with fewer episodes")
        if about["total_episodes"] > held:
            raise LabError(
                f"data set {name!r} is damaged: of {about['total_episodes']} episodes {held} are there; {WHOLE}"
            )
        dataset = minari.MinariDataset(folder)
        found = list(_episodes(dataset, name))
        spec = dataset.env_spec
        observed, acted = dataset.observation_space, dataset.action_space
    except (LabError, KeyboardInterrupt):
        raise
    except Exception as error:  # whatever Minari, h5py and Pillow raise for damaged files
        raise LabError(f"data set {name!r} is damaged ({type(error).__name__}: {error}); {WHOLE}") from None
    if not found:
        raise LabError(f"data set {name!r} is empty; there is nothing to learn from")
    return Demonstrations(*named(spec, name), observed, acted, found)


def check(name: str, observation_space: gym.Space, action_space: gym.Space) -> tuple[gym.Space, gym.Space]:
    """Refuse what cannot become a new Minari data set, by name or space; returns both spaces as Minari keeps them."""
    _check_name(name)
    if _folder(name).exists():
        raise LabError(f"data set {name!r} exists already; choose another name, or delete it with `minari delete`")
    with extra("demos", "a data set of demonstrations"):
        from minari.serialization import serialize_space
    if not isinstance(action_space, ACTIONS):
        raise LabError(f"action space {action_space} is unsupported; use Discrete, MultiDiscrete, MultiBinary or Box")
    kept = _as_minari_keeps(observation_space), action_space
    try:
        for space in kept:
            serialize_space(space)
    except (NotImplementedError, TypeError):
        raise LabError(f"observation space {observation_space} is unsupported; {KEPT}") from None
    return kept


def _check_name(name: Any) -> None:
    with extra("demos", "a data set of demonstrations"):
        from minari.dataset.minari_dataset import parse_dataset_id
    try:
        parse_dataset_id(name)
    except (ValueError, TypeError):  # the latter where there is no version
        raise LabError(f"{name!r} is not a name of a data set; {FORM}; {NAME}") from None


def _folder(name: str) -> Path:
    with extra("demos", "a data set of demonstrations"):
        from minari.storage import get_dataset_path
    return Path(get_dataset_path(name))


def _spec(shown: Demonstrations) -> str:
    """The environment as JSON; a class or a function is named by its module, which Minari imports if it is asked to."""
    spec = copy.copy(gym.registry.get(shown.environment)) or gym.envs.registration.EnvSpec(shown.environment)
    spec.kwargs = {**spec.kwargs, **shown.arguments}
    for place, key in ((vars(spec), "entry_point"), (vars(spec), "vector_entry_point"), (spec.kwargs, "definition")):
        if callable(value := place.get(key)):
            place[key] = f"{value.__module__}:{value.__qualname__}" if hasattr(value, "__qualname__") else None
    try:
        return spec.to_json()
    except (TypeError, ValueError) as error:
        raise LabError(
            f"the arguments of {shown.environment}, {shown.arguments}, cannot be kept ({error}); make it with numbers, "
            "texts, lists and dictionaries of them"
        ) from None


def _as_minari_keeps(space: gym.Space) -> gym.Space:
    """The same space, with Gymnasium's Text in place of text spaces of other packages."""
    if isinstance(space, spaces.Dict):
        return spaces.Dict({name: _as_minari_keeps(part) for name, part in space.spaces.items()})
    if isinstance(space, spaces.Tuple):
        return spaces.Tuple([_as_minari_keeps(part) for part in space.spaces])
    return spaces.Text(4096) if is_text(space) and not isinstance(space, spaces.Text) else space


def _columns(values: list[Any]) -> Any:
    """A list of values as Minari takes it: an array, a list of texts, or a dictionary or a tuple of them."""
    if isinstance(values[0], dict):
        return {name: _columns([each[name] for each in values]) for name in values[0]}
    if isinstance(values[0], tuple):
        return tuple(_columns(list(part)) for part in zip(*values, strict=True))
    return values if isinstance(values[0], str) else np.stack(values)


def _size(file: Any, name: str) -> float:
    """Bytes of the arrays of an HDF5 file and of the objects for their rows.

    Raises:
        LabError: the file takes numbers from other files, or has an array in two places, which takes no room on a disk.
    """
    with extra("demos", "a data set of demonstrations"):
        import h5py
    items: list[Any] = []
    links: list[Any] = []
    file.visititems(lambda _, item: items.append(item))
    file.visititems_links(lambda _, link: links.append(link))
    arrays = [item for item in items if isinstance(item, h5py.Dataset)]
    linked = len(links) > len(items) or not all(isinstance(link, h5py.HardLink) for link in links)
    if linked or any(array.is_virtual or array.external for array in arrays):
        raise LabError(f"data set {name!r} is damaged: it links to other files, or to one array twice; {WHOLE}")
    return sum(array.nbytes + (ROW + _pixels(array)) * (array.shape or (0,))[0] for array in arrays)


def _pixels(array: Any) -> int:
    """Bytes of one image of an array of JPEG images, which Minari decodes as large as the first; otherwise 0."""
    from PIL import Image

    if (array.dtype.metadata or {}).get("vlen") != np.uint8 or not len(array):
        return 0
    first = Image.open(io.BytesIO(array[0]))
    return first.width * first.height * len(first.getbands())


def _episodes(dataset: Any, name: str) -> Iterator[Episode]:
    if not isinstance(dataset.action_space, ACTIONS):
        raise LabError(f"data set {name!r} has actions {dataset.action_space}, which are unsupported")
    indices = [int(index) for index in dataset.episode_indices]
    about = dataset.storage.get_episode_metadata(indices)
    for number, episode, metadata in zip(indices, dataset.iterate_episodes(indices), about, strict=True):
        where = f"data set {name!r}, episode {number}"
        steps = len(episode.rewards)
        if not steps:
            logger.warning("%s has no steps; it is left out", where)
            continue
        seed = metadata.get("seed")
        rewards = _leaf(spaces.Box(-np.inf, np.inf, ()), episode.rewards, steps, f"{where}: rewards")
        if np.shape(episode.terminations) != (steps,):
            raise LabError(
                f"{where}: terminations have shape {np.shape(episode.terminations)}, not {(steps,)}; {WHOLE}"
            )
        observations = _rows(dataset.observation_space, episode.observations, steps, f"{where}: observations")
        actions = _leaf(dataset.action_space, episode.actions, steps, f"{where}: actions")
        seed, ended = None if seed is None else int(seed), bool(episode.terminations[-1])
        yield Episode(seed, observations, actions, rewards.astype(np.float64), ended)


def _rows(space: gym.Space, columns: Any, steps: int, where: str) -> list[Any]:
    """The reverse of `_columns`; the observation after the last step may be missing."""
    if isinstance(space, (spaces.Dict, spaces.Tuple)):
        parts = dict(space.spaces) if isinstance(space, spaces.Dict) else dict(enumerate(space.spaces))
        given = dict(columns) if isinstance(columns, dict) else dict(enumerate(columns))
        if parts.keys() != given.keys():
            raise LabError(f"{where} have the parts {list(given)}, and the space has {list(parts)}; {WHOLE}")
        rows = {name: _rows(part, given[name], steps, f"{where} [{name!r}]") for name, part in parts.items()}
        if isinstance(space, spaces.Tuple):
            return list(zip(*rows.values(), strict=True))
        return [dict(zip(rows, values, strict=True)) for values in zip(*rows.values(), strict=True)]
    if is_text(space):
        if not all(isinstance(value, str) for value in columns) or len(columns) not in (steps, steps + 1):
            raise LabError(f"{where} are not {steps} texts, or one more; {WHOLE}")
        return list(columns)
    return list(_leaf(space, columns, steps, where, spare=1))


def _leaf(space: gym.Space, values: Any, steps: int, where: str, spare: int = 0) -> np.ndarray:
    """Numbers of one space, a row for each step; `spare` is how many more there may be."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise LabError(f"{where} are of dtype {array.dtype}, not numbers; {WHOLE}")
    if array.shape[1:] != tuple(space.shape or ()) or not steps <= len(array) <= steps + spare:
        expected = (steps, *(space.shape or ()))
        raise LabError(f"{where} have shape {array.shape}, and the space {space} needs {expected}; {WHOLE}")
    if not np.isfinite(array).all():
        raise LabError(f"{where} hold {array[~np.isfinite(array)][0]}; every number must be finite")
    low: Any = -np.inf
    high: Any = np.inf
    if isinstance(space, spaces.Discrete):
        low, high = int(space.start), int(space.start + space.n - 1)
    elif isinstance(space, spaces.MultiDiscrete):
        low, high = space.start, space.start + space.nvec - 1
    elif isinstance(space, spaces.MultiBinary):
        low, high = 0, 1
    if isinstance(space, ACTIONS[:3]) and (array.dtype.kind == "f" or ((array < low) | (array > high)).any()):
        raise LabError(f"{where} hold values outside {space}; {WHOLE}")
    return array
