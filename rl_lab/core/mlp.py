"""Perceptrons in layers over one flat float32 buffer.

The buffer holds, layer by layer, the weights `(inputs, units)` row by row and then the bias `(units,)`.
Hidden layers share one activation; the last layer is linear. Kernels take the buffer and the sizes, so one
compiled loop serves every depth and width; nothing is allocated inside.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_lab import jit
from rl_lab.core import activations, gemm, perceptron
from rl_lab.core.gemm import LANES
from rl_lab.errors import LabError, short
from rl_lab.memory import check_memory
from rl_lab.validation import real_array, whole

FEW = 32  # fewer samples than this are quicker without panels


@jit.linked
@jit.fast
def forward(parameters, sizes, code, inputs, hidden):
    """Outputs of a network for a batch.

    Args:
        parameters: float32 `(parameters,)`, the flat buffer.
        sizes: int64 `(layers + 1,)`, units of the input, the hidden layers and the output.
        code: activation of the hidden layers (`activations.code`).
        inputs: float32 `(batch, sizes[0])`.
        hidden: float32 workspace of at least `hidden_size(sizes, batch)`; `backward` reads it.

    Returns:
        float32 `(batch, sizes[-1])`, a view into `hidden`.
    """
    if inputs.shape[0] < FEW:
        return _forward_few(parameters, sizes, code, inputs, gemm.aligned(hidden))
    return _forward_panels(parameters, sizes, code, inputs, gemm.aligned(hidden))


@jit.fast
def backward(parameters, sizes, code, inputs, hidden, output_gradient, gradient, scratch):
    """Gradient of a loss with respect to all parameters, given its gradient with respect to the outputs.

    Args:
        parameters: float32 `(parameters,)`, the flat buffer.
        sizes: int64 `(layers + 1,)`.
        code: activation of the hidden layers.
        inputs: float32 `(batch, sizes[0])`, as given to `forward`.
        hidden: as `forward` left it.
        output_gradient: float32 `(batch, sizes[-1])`.
        gradient: float32 `(parameters,)`, overwritten.
        scratch: float32 workspace of at least `scratch_size(sizes, batch)`.
    """
    nowhere = output_gradient[:0]
    backward_through(parameters, sizes, code, inputs, hidden, output_gradient, gradient, nowhere, scratch)


@jit.linked
@jit.fast
def backward_through(parameters, sizes, code, inputs, hidden, output_gradient, gradient, input_gradient, scratch):
    """`backward`, and the gradient with respect to the inputs besides, for what lies below the network.

    Args:
        parameters: float32 `(parameters,)`, the flat buffer.
        sizes: int64 `(layers + 1,)`.
        code: activation of the hidden layers.
        inputs: float32 `(batch, sizes[0])`, as given to `forward`.
        hidden: as `forward` left it.
        output_gradient: float32 `(batch, sizes[-1])`.
        gradient: float32 `(parameters,)`, overwritten.
        input_gradient: float32 `(batch, sizes[0])`, overwritten; of no rows where it is not wanted.
        scratch: float32 workspace of at least `scratch_size(sizes, batch)`.
    """
    panel_size = _total(sizes) * LANES
    hidden = gemm.aligned(hidden)
    if inputs.shape[0] < FEW:  # then `forward` kept no panels
        _forward_panels(parameters, sizes, code, inputs, hidden)
    gradient[:] = gemm.ZERO
    for start in range(0, inputs.shape[0], LANES):
        place = start // LANES * panel_size
        kept = hidden[place : place + panel_size]
        _backward_panel(
            parameters, sizes, code, kept, start, output_gradient, gradient, input_gradient, gemm.aligned(scratch)
        )


@jit.fast
def _outputs_start(sizes, batch):
    """Where the outputs begin in `hidden`: behind the panels, and behind what `_forward_few` uses."""
    panel_count = (batch + LANES - 1) // LANES
    return max(panel_count * LANES * _total(sizes), (2 * FEW + 1) * _largest(sizes))


@jit.fast
def _total(sizes):
    total = 0
    for size in sizes:
        total += size
    return total


@jit.fast
def _largest(sizes):
    largest = sizes[0]
    for size in sizes:
        largest = max(largest, size)
    return largest


@jit.fast
def _forward_panels(parameters, sizes, code, inputs, hidden):
    """`forward`, 64 samples at a time: `hidden` receives all layers of one panel, then of the next, then outputs."""
    batch, last = inputs.shape[0], sizes.shape[0] - 1
    top = _outputs_start(sizes, batch)
    outputs = hidden[top : top + batch * sizes[last]].reshape((batch, sizes[last]))
    place = 0
    for start in range(0, batch, LANES):
        below = hidden[place : place + sizes[0] * LANES]
        gemm.gather(inputs, start, below)
        place += sizes[0] * LANES
        end = 0
        for layer in range(last):
            rows, columns = sizes[layer], sizes[layer + 1]
            begin, bias, end = end, end + rows * columns, end + (rows + 1) * columns
            above = hidden[place : place + columns * LANES]
            layer_code = code if layer + 1 < last else activations.IDENTITY
            perceptron.forward(parameters[begin:bias], parameters[bias:end], layer_code, below, above)
            place += columns * LANES
            below = above
        gemm.scatter(below, start, outputs)
    return outputs


@jit.fast
def _forward_few(parameters, sizes, code, inputs, hidden):
    """`forward` for fewer than `FEW` samples; two halves of `hidden` hold the layers in turn."""
    batch, last = inputs.shape[0], sizes.shape[0] - 1
    half = FEW * _largest(sizes)
    column = hidden[2 * half :]
    below = inputs.reshape(inputs.size)
    end = 0
    for layer in range(last):
        rows, columns = sizes[layer], sizes[layer + 1]
        begin, bias, end = end, end + rows * columns, end + (rows + 1) * columns
        place = half * (layer % 2) if layer + 1 < last else _outputs_start(sizes, batch)
        above = hidden[place : place + batch * columns]
        layer_code = code if layer + 1 < last else activations.IDENTITY
        perceptron.forward_few(parameters[begin:bias], parameters[bias:end], layer_code, below, column, above)
        below = above
    return below.reshape((batch, sizes[last]))


@jit.fast
def _backward_panel(parameters, sizes, code, kept, start, output_gradient, gradient, input_gradient, scratch):
    """Add the part of 64 samples, from `start` on, to the gradient; `kept` is what the forward pass kept of them."""
    last = sizes.shape[0] - 1
    half = LANES * _largest(sizes)
    lowest = 0 if input_gradient.shape[0] > 0 else 1
    delta = scratch[half * (last % 2) : half * (last % 2) + sizes[last] * LANES]
    gemm.gather(output_gradient, start, delta)
    begin = gradient.shape[0]
    place = kept.shape[0] - sizes[last] * LANES
    for layer in range(last - 1, -1, -1):
        rows, columns = sizes[layer], sizes[layer + 1]
        bias, end = begin - columns, begin
        begin = bias - rows * columns
        place -= rows * LANES
        below = kept[place : place + rows * LANES]
        flipped = scratch[2 * half : 2 * half + LANES * LANES]
        perceptron.backward(below, delta, flipped, gradient[begin:bias], gradient[bias:end])
        if layer >= lowest:
            flip = half * (layer % 2)
            next_delta = scratch[flip : flip + rows * LANES]
            perceptron.backward_inputs(parameters[begin:bias], delta, next_delta)
            delta = next_delta
        if layer > 0:
            activations.scale_by_derivative(code, below, delta)
    if lowest == 0:
        gemm.scatter(delta, start, input_gradient)


def count(sizes: Sequence[int]) -> int:
    """Number of parameters of a network with these layer sizes."""
    return sum((rows + 1) * columns for rows, columns in pairwise(sizes))


def hidden_size(sizes: Sequence[int], batch: int) -> int:
    """Length of the workspace `hidden` of `forward` and `backward`."""
    return int(_outputs_start(np.array(sizes), batch)) + batch * sizes[-1] + 16


def scratch_size(sizes: Sequence[int], batch: int) -> int:
    """Length of the workspace `scratch` of `backward`."""
    return 2 * LANES * max(sizes) + LANES * LANES + 16


def orthogonal(shape: tuple[int, int], gain: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """A random matrix with orthonormal rows or columns, times `gain` (Saxe et al. 2014), as SB3 initialises layers."""
    rows, columns = shape
    normal = rng.standard_normal((max(shape), min(shape)))
    q, r = np.linalg.qr(normal)
    q *= np.sign(np.diag(r))  # makes the distribution uniform over orthogonal matrices
    return (gain * (q if rows >= columns else q.T)).astype(np.float32)


class MLP:
    """A multi-layer perceptron whose parameters are one flat float32 array.

    Attributes:
        sizes: units of the input, each hidden layer and the output.
        size_array: the same as int64, for kernels.
        activation: name of the hidden layers' activation; the output is linear.
        code: its number, for kernels.
        parameters: float32 `(count(sizes),)`; may be a view into a larger buffer.

    Example:
        >>> network = MLP([4, 64, 64, 2])
        >>> network.initialise(np.random.default_rng(0), gain=0.01)
        >>> network(np.zeros((8, 4))).shape
        (8, 2)
    """

    def __init__(
        self, sizes: Sequence[int], activation: str = "tanh", parameters: NDArray[np.float32] | None = None
    ) -> None:
        if not isinstance(sizes, (Sequence, np.ndarray)) or len(sizes) < 2 or not all(whole(size, 1) for size in sizes):
            raise LabError(
                f"sizes {short(sizes)} do not make a network; give at least two whole numbers of at least 1, such as "
                "[4, 64, 2]"
            )
        self.sizes = tuple(int(size) for size in sizes)
        needed = count(self.sizes)
        self.activation, self.code = activation, activations.code(activation)
        if not isinstance(parameters, (np.ndarray, type(None))):
            raise LabError(f"parameters={short(parameters)} are no array; give float32 of shape ({needed},)")
        if parameters is None:
            check_memory(4.0 * needed, f"a network of sizes {self.sizes}", "choose smaller ones")
            parameters = np.zeros(needed, np.float32)
        self.parameters = parameters
        if self.parameters.dtype != np.float32 or self.parameters.shape != (needed,):
            raise LabError(
                f"parameters are {self.parameters.dtype} of shape {self.parameters.shape}; "
                f"sizes {self.sizes} need float32 of shape ({needed},)"
            )
        if not self.parameters.flags.c_contiguous or not self.parameters.flags.writeable:
            raise LabError("parameters must be contiguous and writeable; pass a copy")
        self.size_array = np.array(self.sizes, np.int64)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy of a buffer that cannot be written, as `joblib.load(..., mmap_mode="r")` gives it."""
        self.__dict__.update(state)
        if not self.parameters.flags.writeable:
            self.parameters = np.array(self.parameters)

    def layers(self) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Views of each layer's weights `(inputs, units)` and bias `(units,)`."""
        views, start = [], 0
        for rows, columns in pairwise(self.sizes):
            middle, end = start + rows * columns, start + (rows + 1) * columns
            views.append((self.parameters[start:middle].reshape(rows, columns), self.parameters[middle:end]))
            start = end
        return views

    def initialise(self, rng: np.random.Generator, gain: float = 1.0, hidden_gain: float = 2**0.5) -> None:
        """Orthogonal weights and zero biases, as SB3 has them.

        Args:
            rng: where the weights are drawn from.
            gain: of the last layer; SB3's PPO takes 0.01 for the policy and 1 for the value.
            hidden_gain: of the layers before it.
        """
        views = self.layers()
        for number, (weights, bias) in enumerate(views, 1):
            weights[:] = orthogonal(weights.shape, gain if number == len(views) else hidden_gain, rng)
            bias[:] = 0

    def initialise_uniformly(self, rng: np.random.Generator) -> None:
        """Weights and biases uniform in ±1/√inputs, as `torch.nn.Linear` draws its own."""
        for weights, bias in self.layers():
            bound = len(weights) ** -0.5
            weights[:], bias[:] = rng.uniform(-bound, bound, weights.shape), rng.uniform(-bound, bound, bias.shape)

    def __call__(self, inputs: ArrayLike) -> NDArray[np.float32]:
        """Outputs `(batch, sizes[-1])` for inputs `(batch, sizes[0])`.

        Raises:
            LabError: the inputs have another shape.
        """
        forward, arguments = self.call(inputs)
        return forward(*arguments).copy()

    def call(self, inputs: ArrayLike) -> tuple[jit.Compiled, tuple[Any, ...]]:
        """The compiled forward pass and its arguments for these inputs, for `jit.prepare`."""
        batch = real_array("inputs", inputs, f"this network takes (batch, {self.sizes[0]})")
        if batch.ndim != 2 or batch.shape[1] != self.sizes[0]:
            raise LabError(f"inputs have shape {batch.shape}; this network takes (batch, {self.sizes[0]})")
        hidden = np.empty(hidden_size(self.sizes, len(batch)), np.float32)
        return _compiled_forward(), (self.parameters, self.size_array, self.code, batch, hidden)


@functools.cache
def _compiled_forward() -> jit.Compiled:
    return jit.specialize(forward, name="the network's forward pass")
