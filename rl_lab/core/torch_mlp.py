"""The flat buffer as a `torch.nn.Module`: autograd, other losses and other devices over the same numbers."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from rl_lab.core.mlp import MLP

ACTIVATIONS = {
    "identity": lambda x: x,
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "step": lambda x: (x > 0).to(x.dtype),
}


class TorchMLP(nn.Module):
    """A perceptron network in torch that shares the memory of a `core.MLP`.

    Its only parameter is the flat buffer, so that one optimiser step moves all layers at once, and torch
    and the compiled kernels share the weights while the module stays on the CPU.

    Args:
        mlp: the network.

    Example:
        >>> module = TorchMLP(MLP([4, 64, 2]))
        >>> module(torch.zeros(8, 4)).shape
        torch.Size([8, 2])
    """

    def __init__(self, mlp: MLP) -> None:
        super().__init__()
        self.sizes, self.activation = mlp.sizes, mlp.activation
        self.parameters_flat = nn.Parameter(torch.from_numpy(mlp.parameters))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Outputs `(batch, sizes[-1])` for inputs `(batch, sizes[0])`."""
        values, start, activate = inputs, 0, ACTIVATIONS[self.activation]
        for layer, (rows, columns) in enumerate(zip(self.sizes[:-1], self.sizes[1:], strict=True)):
            middle, end = start + rows * columns, start + (rows + 1) * columns
            weights = self.parameters_flat[start:middle].view(rows, columns)
            values = functional.linear(values, weights.T, self.parameters_flat[middle:end])
            if layer < len(self.sizes) - 2:
                values = activate(values)
            start = end
        return values
