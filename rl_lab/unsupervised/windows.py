"""Training on windows of symbols: embeddings under a network, compiled (Bengio et al. 2003).

The embeddings `(symbols, width)` and the network lie one behind the other in one flat float32 buffer. The network's
inputs are the embeddings of a window's symbols, side by side; this is a first layer over one-hot symbols whose
weights all places of the window share. So the embeddings' gradient is the network's with respect to its inputs, added
up by symbol.
"""

from typing import NamedTuple

import numpy as np

from rl_lab import jit
from rl_lab.core import mlp, optim
from rl_lab.supervised import losses
from rl_lab.supervised.training import add_penalty

ZERO = np.float32(0)


class WindowShape(NamedTuple):
    """How the buffer is laid out."""

    sizes: np.ndarray  # int64 (layers + 1,), of the network
    window: int
    width: int  # of an embedding
    middle: int  # where the network begins


class WindowScratch(NamedTuple):
    """Memory for one minibatch."""

    inputs: np.ndarray  # float32 (batch, window * width)
    targets: np.ndarray  # int64 (batch, 1)
    weights: np.ndarray  # float32 (batch,), ones
    by_inputs: np.ndarray  # float32 (batch, window * width)
    by_outputs: np.ndarray  # float32 (batch, symbols)
    hidden: np.ndarray  # float32, flat, for the forward pass
    flow: np.ndarray  # float32, flat, for the backward pass
    gradient: np.ndarray  # float32 (parameters,)


@jit.fast
def embed(parameters, shape, codes, places, inputs):
    """Fill the network's inputs with the embeddings of the symbols before each place."""
    for i in range(places.shape[0]):
        for j in range(shape.window):
            symbol = codes[places[i] - shape.window + j] * shape.width
            for k in range(shape.width):
                inputs[i, j * shape.width + k] = parameters[symbol + k]


@jit.fast
def collect(shape, codes, places, by_inputs, gradient):
    """Add the gradient with respect to the inputs to that of the embeddings that they are."""
    for i in range(places.shape[0]):
        for j in range(shape.window):
            symbol = codes[places[i] - shape.window + j] * shape.width
            for k in range(shape.width):
                gradient[symbol + k] += by_inputs[i, j * shape.width + k]


@jit.fast
def epoch(parameters, shape, code, codes, places, adam, scratch, first_rate, last_rate, alpha):
    """One pass over `places`, int64, in a text of `codes`, whose symbols are predicted from the windows before them.

    `code` is the activation of the hidden layers; the step size falls evenly from `first_rate` to `last_rate`. A
    minibatch, of which the last may be smaller than the scratch, pays `alpha / (2 count)` times the sum of the
    network's squared weights.

    Returns:
        The mean loss, penalty apart, in nats a symbol, of the minibatches as they were met.
    """
    total, batch = 0.0, scratch.inputs.shape[0]
    network, gradient = parameters[shape.middle :], scratch.gradient
    for start in range(0, places.shape[0], batch):
        chosen = places[start : min(start + batch, places.shape[0])]
        count = chosen.shape[0]
        inputs, by_inputs, by_outputs = scratch.inputs[:count], scratch.by_inputs[:count], scratch.by_outputs[:count]
        embed(parameters, shape, codes, chosen, inputs)
        for i in range(count):
            scratch.targets[i, 0] = codes[chosen[i]]
        outputs = mlp.forward(network, shape.sizes, code, inputs, scratch.hidden)
        total += losses.cross_entropy(outputs, scratch.targets, scratch.weights, by_outputs)
        above = gradient[shape.middle :]
        mlp.backward_through(
            network, shape.sizes, code, inputs, scratch.hidden, by_outputs, above, by_inputs, scratch.flow
        )
        add_penalty(network, shape.sizes, np.float32(alpha / count), above)
        gradient[: shape.middle] = ZERO
        collect(shape, codes, chosen, by_inputs, gradient)
        adam.count[0] += 1
        rate = first_rate + (last_rate - first_rate) * start / places.shape[0]
        moments = adam.first, adam.second
        optim.adam(parameters, gradient, *moments, adam.count[0], rate, 0.9, 0.999, 1e-8)
    return total / places.shape[0]
