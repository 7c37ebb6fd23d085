"""The evidence lower bound of a variational autoencoder, and its gradient in closed form (Kingma and Welling 2014).

Encoder, decoder and the noise of the Gaussian likelihood lie one behind the other in one flat float32 buffer. The
encoder gives the mean and the logarithm of the variance of each number of the code; the decoder gives logits, or
means. Each likelihood returns the sum of `-log p` and fills both gradients of the mean over the minibatch.
"""

import math
from typing import NamedTuple

import numpy as np

from rl_lab import jit
from rl_lab.core import mlp, optim
from rl_lab.core.activations import exp
from rl_lab.supervised import training

ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)
BERNOULLI, GAUSSIAN = range(2)
LIKELIHOODS = {"bernoulli": BERNOULLI, "gaussian": GAUSSIAN}
HALF_LOG_TAU = np.float32(0.5 * math.log(2 * math.pi))


class AutoencoderShape(NamedTuple):
    """How the buffer is laid out."""

    encoder: np.ndarray  # int64 (layers + 1,), its sizes
    decoder: np.ndarray  # int64 (layers + 1,)
    middle: int  # parameters of the encoder
    end: int  # parameters of encoder and decoder


class ElboScratch(NamedTuple):
    """Memory for one minibatch; float32."""

    inputs: np.ndarray  # (batch, features)
    noise: np.ndarray  # (batch, code)
    code: np.ndarray  # (batch, code)
    by_code: np.ndarray  # (batch, code)
    by_posterior: np.ndarray  # (batch, 2 * code)
    by_outputs: np.ndarray  # (batch, features)
    hidden: np.ndarray  # flat, for the encoder's forward pass
    decoder_hidden: np.ndarray  # flat, for the decoder's
    flow: np.ndarray  # flat, for the backward passes
    gradient: np.ndarray  # (parameters,)


@jit.fast
def bernoulli(outputs, targets, by_outputs, by_log_noise):
    """Each number of a sample, from 0 to 1, is the probability of a 1; the outputs are logits."""
    count, width = outputs.shape
    each, total = ONE / np.float32(count), ZERO
    by_log_noise[0] = ZERO
    for i in range(count):
        for j in range(width):
            logit = outputs[i, j]
            small = exp(-abs(logit))
            total += max(logit, ZERO) - logit * targets[i, j] + np.log(ONE + small)
            probability = (ONE if logit > ZERO else small) / (ONE + small)
            by_outputs[i, j] = each * (probability - targets[i, j])
    return total


@jit.fast
def gaussian(outputs, targets, log_noise, by_outputs, by_log_noise):
    """Normal with the outputs as means and one standard deviation, learnt too (as Rybkin et al. 2021 advise)."""
    count, width = outputs.shape
    each, numbers = ONE / np.float32(count), count * width
    precision = exp(-log_noise[0] - log_noise[0])
    squares = 0.0  # float64, row by row: what is left of `numbers - precision * squares` is often a small part of both
    for i in range(count):
        of_row = ZERO
        for j in range(width):
            error = outputs[i, j] - targets[i, j]
            of_row += error * error
            by_outputs[i, j] = each * precision * error
        squares += float(of_row)
    by_log_noise[0] = (numbers - precision * squares) / count
    return np.float32(0.5 * precision * squares + numbers * (log_noise[0] + HALF_LOG_TAU))


@jit.fast
def bound_gradient(likelihood, parameters, shape, code, inputs, noise, beta, scratch):
    """Minus the bound, summed in nats, and its gradient, for one draw of the code of each sample.

    The bound is `log p(x | z) - beta KL(q(z | x) || N(0, 1))`, where `z = mean + noise * deviation`, and
    `KL = (mean² + variance - log variance - 1) / 2`, summed over the code. `likelihood` is a number of `LIKELIHOODS`,
    `code` the activation of the hidden layers; inputs are float32 `(batch, features)`, noise is float32
    `(batch, code)`, standard normal. The gradient of the mean over the batch is left in the scratch.
    """
    batch, width = noise.shape
    each, weight = ONE / np.float32(batch), np.float32(beta)
    encoder, decoder = parameters[: shape.middle], parameters[shape.middle : shape.end]
    z, by_z, by_posterior = scratch.code[:batch], scratch.by_code[:batch], scratch.by_posterior[:batch]
    posterior = mlp.forward(encoder, shape.encoder, code, inputs, scratch.hidden)
    divergence = ZERO
    for i in range(batch):
        for j in range(width):
            mean, log_variance = posterior[i, j], posterior[i, width + j]
            z[i, j] = mean + noise[i, j] * exp(HALF * log_variance)
            divergence += HALF * (mean * mean + exp(log_variance) - log_variance - ONE)
    outputs = mlp.forward(decoder, shape.decoder, code, z, scratch.decoder_hidden)
    by_outputs, gradient = scratch.by_outputs[:batch], scratch.gradient
    if likelihood == BERNOULLI:
        total = bernoulli(outputs, inputs, by_outputs, gradient[shape.end :])
    else:
        total = gaussian(outputs, inputs, parameters[shape.end :], by_outputs, gradient[shape.end :])
    by_decoder = gradient[shape.middle : shape.end]
    mlp.backward_through(
        decoder, shape.decoder, code, z, scratch.decoder_hidden, by_outputs, by_decoder, by_z, scratch.flow
    )
    for i in range(batch):
        for j in range(width):
            mean, log_variance = posterior[i, j], posterior[i, width + j]
            deviation = exp(HALF * log_variance)
            by_posterior[i, j] = by_z[i, j] + each * weight * mean
            by_posterior[i, width + j] = HALF * (
                by_z[i, j] * noise[i, j] * deviation + each * weight * (deviation * deviation - ONE)
            )
    by_encoder = gradient[: shape.middle]
    mlp.backward(encoder, shape.encoder, code, inputs, scratch.hidden, by_posterior, by_encoder, scratch.flow)
    return total + weight * divergence


@jit.fast
def epoch(likelihood, parameters, shape, code, samples, noise, order, beta, adam, scratch, learning_rate, alpha):
    """One pass over samples `(samples, features)` with noise `(samples, code)`, in `order`; arguments as above.

    A minibatch, of which the last may be smaller than the scratch, pays `alpha / (2 count)` times the sum of the
    squared weights. Returns the mean of minus the bounds, as the minibatches were met.
    """
    total, batch = 0.0, scratch.inputs.shape[0]
    for start in range(0, order.shape[0], batch):
        chosen = order[start : min(start + batch, order.shape[0])]
        count = chosen.shape[0]
        inputs, drawn = scratch.inputs[:count], scratch.noise[:count]
        for i in range(count):
            inputs[i] = samples[chosen[i]]
            drawn[i] = noise[chosen[i]]
        total += bound_gradient(likelihood, parameters, shape, code, inputs, drawn, beta, scratch)
        gradient, penalty = scratch.gradient, np.float32(alpha / count)
        training.add_penalty(parameters, shape.encoder, penalty, gradient)
        training.add_penalty(parameters[shape.middle :], shape.decoder, penalty, gradient[shape.middle :])
        adam.count[0] += 1
        moments = adam.first, adam.second
        optim.adam(parameters, gradient, *moments, adam.count[0], learning_rate, 0.9, 0.999, 1e-8)
    return total / order.shape[0]
