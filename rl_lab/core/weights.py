"""Tensors in safetensors files: nothing in them is code, and equal tensors give equal bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError
from rl_lab.files import path_of, write_bytes


def save(path: str | Path, tensors: Mapping[str, np.ndarray], metadata: dict[str, str] | None = None) -> None:
    """Write named arrays to a file, atomically.

    Args:
        path: the file; its folder must exist.
        tensors: arrays by name.
        metadata: at most one text by name; several come out in an order that differs between processes.

    Raises:
        LabError: the path is none, or the file cannot be written.
        ValueError: there is more than one text.
    """
    from safetensors.numpy import save as serialise

    if metadata and len(metadata) > 1:
        raise ValueError(f"metadata has {len(metadata)} keys; one is the most that is written in the same order always")
    arrays = {name: np.asarray(array, order="C") for name, array in sorted(tensors.items())}
    write_bytes(path_of(path), serialise(arrays, metadata))


def load(path: str | Path) -> dict[str, np.ndarray]:
    """Arrays by name.

    Raises:
        LabError: there is no such file, or it is damaged.
    """
    return load_with_metadata(path)[0]


def load_with_metadata(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays by name, and the texts beside them; raises as `load` does."""
    from safetensors import SafetensorError, safe_open

    try:
        if Path(path).exists() and not Path(path).is_file():  # opening a pipe would wait for its writer
            raise OSError("it is a folder, a pipe or a device")
        with safe_open(str(path), framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except FileNotFoundError:
        raise LabError(f"{path} is not there; check the path") from None
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError, MemoryError) as error:
        raise LabError(f"{path} is damaged or no safetensors file ({error}); use another copy of it") from None


def copy_into(arrays: Mapping[str, np.ndarray], tensors: Mapping[str, np.ndarray], source: str) -> None:
    """Overwrite arrays with the tensors of the same names; all of them, or none.

    Args:
        arrays: what is overwritten.
        tensors: finite numbers of the same dtypes and shapes.
        source: the file that they come from, for messages.

    Raises:
        LabError: a tensor is missing, has another dtype or shape, or holds NaN or infinity.
    """
    for name, array in arrays.items():
        if name not in tensors:
            raise LabError(f"{source} has no tensor {name!r}; use another copy of it")
        given = tensors[name]
        if (given.dtype, given.shape) != (array.dtype, array.shape):
            raise LabError(
                f"{source} has a tensor {name!r} of {given.dtype} and shape {given.shape}; it must be {array.dtype} "
                f"and {array.shape}"
            )
        if given.dtype.kind == "f" and not np.isfinite(given).all():
            raise LabError(f"{source} has a tensor {name!r} that holds NaN or infinity; use another copy of it")
    for name, array in arrays.items():
        array[...] = tensors[name]


def of_network(network: MLP, prefix: str = "") -> dict[str, np.ndarray]:
    """A network's layers by name: `0.weight`, `0.bias`, `1.weight` and so on, each after the prefix."""
    tensors = {}
    for number, (matrix, bias) in enumerate(network.layers()):
        tensors[f"{prefix}{number}.weight"], tensors[f"{prefix}{number}.bias"] = matrix, bias
    return tensors


def network(tensors: Mapping[str, np.ndarray], activation: str, prefix: str = "") -> MLP:
    """The network whose layers `of_network` named.

    Raises:
        KeyError: a layer is missing.
        LabError: the layers do not fit each other, or hold NaN or infinity.
    """
    depth = 0
    while f"{prefix}{depth}.weight" in tensors:
        depth += 1
    biases = [tensors[f"{prefix}{number}.bias"] for number in range(depth)]
    made = MLP([len(tensors[f"{prefix}0.weight"]), *(bias.size for bias in biases)], activation)
    copy_into(of_network(made, prefix), tensors, "the file of a network")
    return made
