"""Action distributions as kernels: sampling, log-probability, entropy and their gradients, row by row.

`sample` draws an action, `evaluate` gives the log-probability of one and the entropy, and `gradient` turns
the derivatives of a loss by these two into its gradient with respect to the network's outputs. A mask acts
on logits, as a large negative number.
"""

import math

import numpy as np

from rl_lab import jit, random

MASKED = np.float32(-1e8)
HALF_LOG_TAU = np.float32(0.5 * math.log(2 * math.pi))
ONE, ZERO, HALF = np.float32(1), np.float32(0), np.float32(0.5)


@jit.fast
def mask_logits(logits, mask):
    """Give actions that are not allowed a logit that no softmax lets through; an empty mask allows all."""
    for j in range(mask.shape[0]):
        if not mask[j]:
            logits[j] = MASKED


@jit.fast
def log_sum_exp(logits):
    """Log Σ exp(logits), without overflow."""
    top = logits[0]
    for j in range(1, logits.shape[0]):
        top = max(top, logits[j])
    total = ZERO
    for j in range(logits.shape[0]):
        total += np.exp(logits[j] - top)
    return top + np.log(total)


@jit.fast
def categorical_sample(logits, mask, log_std, stream, action):
    """Draw an index into `action[0]` with probability softmax(logits); returns its log-probability.

    Args:
        logits: float32 `(actions,)`; masked in place.
        mask: bool `(actions,)`, or `(0,)` for none.
        log_std: not used.
        stream: uint64 `(1,)`.
        action: `(1,)`, overwritten.
    """
    mask_logits(logits, mask)
    normaliser = log_sum_exp(logits)
    left = np.float32(random.random(stream))
    chosen = -1
    for j in range(logits.shape[0]):
        p = np.exp(logits[j] - normaliser)
        if p > ZERO and (left >= ZERO):
            chosen = j  # the last possible action where rounding leaves a rest
        left -= p
    chosen = max(chosen, 0)  # NaN logits choose nothing; the caller finds them and says so
    action[0] = chosen
    return logits[chosen] - normaliser


@jit.fast
def categorical_evaluate(logits, mask, log_std, action):
    """Log-probability of `action[0]` and entropy under softmax(logits); `logits` become log-probabilities."""
    mask_logits(logits, mask)
    normaliser = log_sum_exp(logits)
    entropy = ZERO
    for j in range(logits.shape[0]):
        logits[j] -= normaliser
        entropy -= np.exp(logits[j]) * logits[j]
    return logits[np.int64(action[0])], entropy


@jit.fast
def categorical_gradient(log_probs, entropy, log_std, action, by_log_prob, by_entropy, gradient, log_std_gradient):
    """Gradient of a loss with respect to the logits, through log-probability and entropy.

    d log p(a) / d z_j = [j = a] - p_j and d H / d z_j = -p_j (log p_j + H).

    Args:
        log_probs: float32 `(actions,)`, what `categorical_evaluate` left.
        entropy: what it returned.
        log_std: not used.
        action: `(1,)`.
        by_log_prob: derivative of the loss by the log-probability of the action.
        by_entropy: derivative of the loss by the entropy.
        gradient: float32 `(actions,)`, overwritten.
        log_std_gradient: not used.
    """
    for j in range(log_probs.shape[0]):
        gradient[j] = -np.exp(log_probs[j]) * (by_log_prob + by_entropy * (log_probs[j] + entropy))
    gradient[np.int64(action[0])] += by_log_prob


@jit.fast
def gaussian_sample(means, mask, log_std, stream, action):
    """Draw `action` from independent normal distributions; returns its log-probability.

    Args:
        means: float32 `(dimensions,)`.
        mask: not used.
        log_std: float32 `(dimensions,)`, logarithms of the standard deviations.
        stream: uint64 `(1,)`.
        action: float32 `(dimensions,)`, overwritten.
    """
    log_prob = ZERO
    for j in range(means.shape[0]):
        noise = np.float32(random.normal(stream))
        action[j] = means[j] + np.exp(log_std[j]) * noise
        log_prob -= HALF * noise * noise + log_std[j] + HALF_LOG_TAU
    return log_prob


@jit.fast
def gaussian_evaluate(means, mask, log_std, action):
    """Log-probability of `action` and entropy of independent normal distributions."""
    log_prob, entropy = ZERO, ZERO
    for j in range(means.shape[0]):
        noise = (action[j] - means[j]) * np.exp(-log_std[j])
        log_prob -= HALF * noise * noise + log_std[j] + HALF_LOG_TAU
        entropy += HALF + HALF_LOG_TAU + log_std[j]
    return log_prob, entropy


@jit.fast
def gaussian_gradient(means, entropy, log_std, action, by_log_prob, by_entropy, gradient, log_std_gradient):
    """Gradient of a loss with respect to the means, and added up with respect to `log_std`."""
    for j in range(means.shape[0]):
        noise = (action[j] - means[j]) * np.exp(-log_std[j])
        gradient[j] = by_log_prob * noise * np.exp(-log_std[j])
        log_std_gradient[j] += by_log_prob * (noise * noise - ONE) + by_entropy
