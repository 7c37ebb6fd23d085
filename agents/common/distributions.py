"""Action distributions as kernels on batches: sampling, log-probability, entropy and their gradients.

`sample` draws actions, `evaluate` gives the log-probabilities of actions and the entropies, and `gradient`
turns the derivatives of a loss by these two into its gradient with respect to the network's outputs. A mask
acts on logits, as a large negative number.

All arrays have one row a sample and are handed on whole: a row passed to a function would cost Numba an
atomic count of references, four nanoseconds each, which once was a fifth of PPO's time.
"""

import math

import numpy as np

from rl_lab import jit, random
from rl_lab.core.activations import exp

MASKED = np.float32(-1e8)
HALF_LOG_TAU = np.float32(0.5 * math.log(2 * math.pi))
ONE, ZERO, HALF = np.float32(1), np.float32(0), np.float32(0.5)


@jit.fast
def log_softmax(logits, masks):
    """Replace logits by log-probabilities, row by row, without overflow.

    Actions that are not allowed get a logit that no softmax lets through.

    Args:
        logits: float32 `(rows, actions)`, overwritten.
        masks: bool `(rows, actions)`, or `(rows, 0)` where all actions are allowed.
    """
    rows, actions = logits.shape
    for i in range(rows):
        for j in range(masks.shape[1]):
            if not masks[i, j]:
                logits[i, j] = MASKED
        top = logits[i, 0]
        for j in range(1, actions):
            top = max(top, logits[i, j])
        total = ZERO
        for j in range(actions):
            logits[i, j] -= top
            total += exp(logits[i, j])
        normaliser = np.log(total)
        for j in range(actions):
            logits[i, j] -= normaliser


@jit.fast
def categorical_sample(logits, masks, log_std, stream, actions, log_probs):
    """Draw an index for each row, with probability softmax(logits).

    Args:
        logits: float32 `(rows, actions)`, become log-probabilities.
        masks: bool `(rows, actions)`, or `(rows, 0)` for none.
        log_std: not used.
        stream: uint64 `(1,)`.
        actions: `(rows, 1)`, filled.
        log_probs: float32 `(rows,)`, of the actions, filled.
    """
    log_softmax(logits, masks)
    for i in range(logits.shape[0]):
        left = np.float32(random.random(stream))
        chosen = -1
        for j in range(logits.shape[1]):
            if left >= ZERO and logits[i, j] > HALF * MASKED:
                chosen = j  # the last possible action where rounding leaves a rest
            left -= exp(logits[i, j])
        chosen = max(chosen, 0)  # NaN logits choose nothing; the caller finds them and says so
        actions[i, 0] = chosen
        log_probs[i] = logits[i, chosen]


@jit.fast
def categorical_evaluate(logits, masks, log_std, actions, log_probs, entropies):
    """Log-probabilities of actions, and entropies, under softmax(logits).

    Args:
        logits: float32 `(rows, actions)`, become log-probabilities.
        masks: bool `(rows or more, actions)`, or `(…, 0)` for none.
        log_std: not used.
        actions: `(rows or more, 1)`.
        log_probs: float32 `(rows or more,)`, filled.
        entropies: float32 `(rows or more,)`, filled.
    """
    log_softmax(logits, masks)
    for i in range(logits.shape[0]):
        entropy = ZERO
        for j in range(logits.shape[1]):
            entropy -= exp(logits[i, j]) * logits[i, j]
        entropies[i] = entropy
        log_probs[i] = logits[i, np.int64(actions[i, 0])]


@jit.fast
def categorical_gradient(
    log_softmaxes, entropies, log_std, actions, by_log_probs, by_entropy, gradient, log_std_gradient
):
    """Gradient of a loss with respect to the logits, through log-probabilities and entropies.

    d log p(a) / d z_j = [j = a] - p_j and d H / d z_j = -p_j (log p_j + H).

    Args:
        log_softmaxes: float32 `(rows, actions)`, what `categorical_evaluate` made of the logits.
        entropies: float32 `(rows or more,)`, what it gave.
        log_std: not used.
        actions: `(rows or more, 1)`.
        by_log_probs: float32 `(rows or more,)`, derivative of the loss by the log-probability of the action.
        by_entropy: derivative of the loss by each entropy.
        gradient: float32 `(rows or more, actions)`, filled.
        log_std_gradient: not used.
    """
    for i in range(log_softmaxes.shape[0]):
        for j in range(log_softmaxes.shape[1]):
            by_both = by_log_probs[i] + by_entropy * (log_softmaxes[i, j] + entropies[i])
            gradient[i, j] = -exp(log_softmaxes[i, j]) * by_both
        gradient[i, np.int64(actions[i, 0])] += by_log_probs[i]


@jit.fast
def categorical_pull(log_softmaxes, log_std, reference, scale, gradient, log_std_gradient):
    """Add the gradient of a divergence from a reference policy; returns the sum of the divergences.

    KL(r, p) = sum_j r_j (log r_j - log p_j), whose derivative by the logits is p - r.

    Args:
        log_softmaxes: float32 `(rows, actions)`, what `categorical_evaluate` made of the logits.
        log_std: not used.
        reference: float32 `(rows or more, actions)`, log-probabilities of the reference policy.
        scale: derivative of the loss by each divergence.
        gradient: float32 `(rows or more, actions)`, added to.
        log_std_gradient: not used.
    """
    total = ZERO
    for i in range(log_softmaxes.shape[0]):
        for j in range(log_softmaxes.shape[1]):
            share = exp(reference[i, j])
            total += share * (reference[i, j] - log_softmaxes[i, j])
            gradient[i, j] += scale * (exp(log_softmaxes[i, j]) - share)
    return total


@jit.fast
def gaussian_sample(means, masks, log_std, stream, actions, log_probs):
    """Draw actions from independent normal distributions.

    Args:
        means: float32 `(rows, dimensions)`.
        masks: not used.
        log_std: float32 `(dimensions,)`, logarithms of the standard deviations.
        stream: uint64 `(1,)`.
        actions: float32 `(rows, dimensions)`, filled.
        log_probs: float32 `(rows,)`, of the actions, filled.
    """
    for i in range(means.shape[0]):
        log_prob = ZERO
        for j in range(means.shape[1]):
            noise = np.float32(random.normal(stream))
            actions[i, j] = means[i, j] + exp(log_std[j]) * noise
            log_prob -= HALF * noise * noise + log_std[j] + HALF_LOG_TAU
        log_probs[i] = log_prob


@jit.fast
def gaussian_evaluate(means, masks, log_std, actions, log_probs, entropies):
    """Log-probabilities of actions, and entropies, of independent normal distributions."""
    for i in range(means.shape[0]):
        log_prob, entropy = ZERO, ZERO
        for j in range(means.shape[1]):
            noise = (actions[i, j] - means[i, j]) * exp(-log_std[j])
            log_prob -= HALF * noise * noise + log_std[j] + HALF_LOG_TAU
            entropy += HALF + HALF_LOG_TAU + log_std[j]
        log_probs[i], entropies[i] = log_prob, entropy


@jit.fast
def gaussian_gradient(means, entropies, log_std, actions, by_log_probs, by_entropy, gradient, log_std_gradient):
    """Gradient of a loss with respect to the means, and added up with respect to `log_std`."""
    for i in range(means.shape[0]):
        for j in range(means.shape[1]):
            scale = exp(-log_std[j])
            noise = (actions[i, j] - means[i, j]) * scale
            gradient[i, j] = by_log_probs[i] * noise * scale
            log_std_gradient[j] += by_log_probs[i] * (noise * noise - ONE) + by_entropy


@jit.fast
def gaussian_pull(means, log_std, reference, scale, gradient, log_std_gradient):
    """Add the gradient of a divergence from a reference policy; returns the sum of the divergences.

    KL(r, p) = log(σ / σ_r) + (σ_r² + (μ_r - μ)²) / (2 σ²) - 1/2, in each dimension.

    Args:
        means: float32 `(rows, dimensions)`.
        log_std: float32 `(dimensions,)`.
        reference: float32 `(rows or more, 2 * dimensions)`, means and then `log_std` of the reference policy.
        scale: derivative of the loss by each divergence.
        gradient: float32 `(rows or more, dimensions)`, added to.
        log_std_gradient: float32 `(dimensions,)`, added to.
    """
    total, dimensions = ZERO, means.shape[1]
    for i in range(means.shape[0]):
        for j in range(dimensions):
            precision = exp(-ONE * (log_std[j] + log_std[j]))
            apart = means[i, j] - reference[i, j]
            log_std_there = reference[i, dimensions + j]
            spread = (exp(log_std_there + log_std_there) + apart * apart) * precision
            total += log_std[j] - log_std_there + HALF * spread - HALF
            gradient[i, j] += scale * apart * precision
            log_std_gradient[j] += scale * (ONE - spread)
    return total
