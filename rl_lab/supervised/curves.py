"""Fitting a function of one or two variables with one hidden layer, as well as float32 allows.

A `Regressor` from random weights and zero biases has all its corners in one place, and Adam takes long to move them.
Here the units are first placed: their directions and the places where they turn are spread over the range (Nguyen
and Widrow 1990). The last layer is linear, so that its best weights, given the hidden ones, are a least-squares
problem; it is solved before and after a `Regressor` has trained all weights, in units in which the range is
-1 to 1 and the values have deviation 1. At last the scales are folded into the weights: what comes back takes and
gives the function's own units.
"""

import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError
from rl_lab.supervised.regressor import Regressor
from rl_lab.supervised.training import activate
from rl_lab.validation import real, real_array, whole_number

STEEPNESSES = (3.0, 6.0, 12.0, 24.0, 48.0)  # of tanh, tried before training; the readout says which is best
SPREAD = 1.2  # units turn a little beyond the range too, or the fit is worst at its ends
RATES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4)  # of Adam, one after the other
GRADIENT_STEPS = 40_000  # in all, for up to a hundred units; more units need fewer
RIDGE = 1e-11  # of the readout; as small as float32 has use for


class Scale(NamedTuple):
    """How places and values are scaled."""

    middle: NDArray[np.float64]  # (variables,)
    half: NDArray[np.float64]  # (variables,), half the range
    mean: float
    deviation: float


def fit_curve(
    places: ArrayLike, values: ArrayLike, units: int, activation: str = "tanh", seed: int = 0, ridge: float = RIDGE
) -> MLP:
    """Fit a network with one hidden layer to the values of a function.

    Args:
        places: `(samples, variables)`, finite.
        values: `(samples,)`, finite.
        units: of the hidden layer, at least 1.
        activation: of the hidden layer; a step's or an identity's hidden weights stay where they are placed.
        seed: of the placing and of the training.
        ridge: penalty on the squared weights of the readout, in scaled units; more where the values are noisy.

    Returns:
        The network `(variables, units, 1)`, in the function's own units.

    Raises:
        LabError: there is no unit, the activation is unknown, or places and values do not go together.
    """
    whole_number("hidden", units, 1)
    whole_number("seed", seed, 0)
    known = real_array("places", places, "they must be (samples, variables)", np.float64)
    wanted = real_array("values", values, "they must be (samples,)", np.float64)
    if known.ndim != 2 or not known.size or wanted.shape != (len(known),):
        raise LabError(
            f"places have shape {known.shape} and values {wanted.shape}; they must be (samples, variables) and "
            "(samples,), with at least one of each"
        )
    if not real(ridge, 0, sys.float_info.max):
        raise LabError(f"ridge={ridge!r} is not allowed; it must be a number of at least 0")
    rows, targets, scale = _scaled(known, wanted)
    streams = np.random.SeedSequence(seed).spawn(2)
    tried = [
        _placed(rows, units, activation, steepness, np.random.default_rng(streams[0]))
        for steepness in (STEEPNESSES if activation in ("tanh", "sigmoid") else STEEPNESSES[:1])
    ]
    for network in tried:
        _solve_readout(network, rows, targets, ridge)
    best = min(tried, key=lambda network: _missed(network, rows, targets))
    if activation not in ("step", "identity"):
        trained = MLP(best.sizes, activation, best.parameters.copy())
        _train(trained, rows, targets, int(streams[1].generate_state(1)[0]))
        _solve_readout(trained, rows, targets, ridge)
        best = min(best, trained, key=lambda network: _missed(network, rows, targets))
    return _unscaled(best, scale)


def parts(network: MLP, places: ArrayLike) -> NDArray[np.float32]:
    """What each hidden unit of a network with one output adds to it at places `(samples, variables)`.

    The parts `(samples, units)` and the last bias sum to the output.
    """
    return hidden(network, places) * network.layers()[1][0][:, 0]


def hidden(network: MLP, places: ArrayLike) -> NDArray[np.float32]:
    """What the units of the first layer put out, `(samples, units)`."""
    weights, bias = network.layers()[0]
    outputs = np.ascontiguousarray(np.asarray(places, np.float32) @ weights + bias)
    activate(network.code, outputs)
    return outputs


def _scaled(places: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, Scale]:
    low, high = places.min(axis=0), places.max(axis=0)
    half = np.where(high > low, (high - low) / 2, 1.0)
    deviation = float(values.std())
    scale = Scale((low + high) / 2, half, float(values.mean()), deviation if deviation > 0 else 1.0)
    return (places - scale.middle) / half, (values - scale.mean) / scale.deviation, scale


def _placed(rows: np.ndarray, units: int, activation: str, steepness: float, rng: np.random.Generator) -> MLP:
    """A network whose units turn all over the range, in random directions.

    A sigmoid of twice the steepness has the slope of a tanh. Few units need not be steep, whatever is asked.
    """
    variables = rows.shape[1]
    network = MLP([variables, units, 1], activation)
    weights, bias = network.layers()[0]
    directions = rng.standard_normal((variables, units))
    directions /= np.linalg.norm(directions, axis=0)
    if variables == 1:
        centres = SPREAD * np.linspace(-1, 1, units + 2)[None, 1:-1]
    else:
        centres = rng.uniform(-SPREAD, SPREAD, (variables, units))
    slope = min(steepness, 0.7 * units ** (1 / variables) + 0.5)
    slopes = {"tanh": slope, "sigmoid": 2 * slope}
    weights[:] = slopes.get(activation, 1.0) * directions
    bias[:] = -(weights * centres).sum(axis=0)
    return network


def _solve_readout(network: MLP, rows: np.ndarray, targets: np.ndarray, ridge: float) -> None:
    """Give the last layer the weights of least squares, with a penalty that leaves the bias alone."""
    from scipy.linalg import lstsq

    features = np.column_stack([hidden(network, rows), np.ones(len(rows))]).astype(np.float64)
    penalty = np.sqrt(ridge * len(rows)) * np.eye(features.shape[1])
    penalty[-1, -1] = 0
    stacked = np.vstack([features, penalty]), np.append(targets, np.zeros(len(penalty)))
    solved = lstsq(*stacked, lapack_driver="gelsy", check_finite=False)[0]
    head, bias = network.layers()[1]
    head[:, 0], bias[:] = solved[:-1], solved[-1]


def _train(network: MLP, rows: np.ndarray, targets: np.ndarray, seed: int) -> None:
    batch = min(256, len(rows))
    steps = GRADIENT_STEPS / max(1.0, network.sizes[1] / 100) ** 0.8 / len(RATES)
    epochs = max(1, round(steps * batch / len(rows)))
    for number, rate in enumerate(RATES):
        stops: Any = {"max_iter": epochs, "n_iter_no_change": epochs, "tol": 0}
        given: Any = {"alpha": 0, "batch_size": batch, "learning_rate_init": rate, "random_state": seed + number}
        Regressor(network.sizes[1:-1], network.activation, **given, **stops).fit(rows, targets, network=network)


def _missed(network: MLP, rows: np.ndarray, targets: np.ndarray) -> float:
    return float(np.square(network(rows)[:, 0] - targets).mean())


def _unscaled(network: MLP, scale: Scale) -> MLP:
    """The same function of places and values that are not scaled."""
    (weights, bias), (head, head_bias) = (
        (matrix.astype(np.float64), bias.astype(np.float64)) for matrix, bias in network.layers()
    )
    own = MLP(network.sizes, network.activation)
    (own_weights, own_bias), (own_head, own_head_bias) = own.layers()
    own_weights[:] = weights / scale.half[:, None]
    own_bias[:] = bias - (scale.middle / scale.half) @ weights
    own_head[:] = head * scale.deviation
    own_head_bias[:] = head_bias * scale.deviation + scale.mean
    return own
