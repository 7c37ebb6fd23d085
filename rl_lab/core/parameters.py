"""Named segments of one flat float32 buffer: the networks and vectors of an agent, trained and saved by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rl_lab import jit
from rl_lab.core.mlp import MLP, count


class Segment(NamedTuple):
    """A network or a vector in the buffer, as kernels take it."""

    begin: int
    end: int
    sizes: np.ndarray  # int64: units of the input and of each layer; of a vector (1,), its length


@jit.fast
def segment(parameters, part):
    """The numbers of a `Segment`, a view of the flat buffer."""
    return parameters[part.begin : part.end]


class ParameterSegments:
    """Networks and vectors, one after the other in a flat buffer.

    Args:
        shapes: by name, the sizes `[inputs, ..., outputs]` of a network, or the length of a vector.

    Attributes:
        flat: float32 `(parameters,)`, zeros at first; `parameters["actor"]` is a view of it.
        segments: where each lies, by name and in order.
        ends: int64 `(segments,)`, where each ends.
    """

    def __init__(self, shapes: Mapping[str, Sequence[int] | int]) -> None:
        self.segments: dict[str, Segment] = {}
        begin = 0
        for name, shape in shapes.items():
            end = begin + length(shape)
            self.segments[name] = Segment(begin, end, np.atleast_1d(np.array(shape, np.int64)))
            begin = end
        self.flat = np.zeros(begin, np.float32)
        self.ends = np.array([part.end for part in self.segments.values()], np.int64)

    def __getitem__(self, name: str) -> np.ndarray:
        part = self.segments[name]
        return self.flat[part.begin : part.end]

    def network(self, name: str, activation: str) -> MLP:
        """A network over its segment."""
        return MLP(self.segments[name].sizes.tolist(), activation, self[name])


def length(shape: Sequence[int] | int) -> int:
    """Numbers that a network of these sizes has, or a vector of this length."""
    return shape if isinstance(shape, int) else count(shape)
