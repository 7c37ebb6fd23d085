"""Gaussian mixtures in kernels: one step of expectation and maximisation over all samples.

Source: A. Dempster, N. Laird and D. Rubin, "Maximum likelihood from incomplete data via the EM algorithm", 1977. Sums
are taken around the means of the step before, which lie so close to the new ones that nothing is lost to rounding; so
one pass over the samples does both halves of a step.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rl_lab import jit
from rl_lab.unsupervised import blocks
from rl_lab.unsupervised.blocks import LANES, ZERO

FULL, DIAGONAL = 0, 1


class Mixture(NamedTuple):
    """A mixture as its densities are computed."""

    means: np.ndarray  # float64 (components, features)
    whitening: np.ndarray  # float64 (components, features, features), inverse Cholesky factors; or (.., 1, features)
    constants: np.ndarray  # float64 (components,), what does not depend on the sample in a component's log density


class Sums(NamedTuple):
    """Sums over samples, weighted by how much each component is responsible for them."""

    responsibilities: np.ndarray  # float64 (components,)
    first: np.ndarray  # float64 (components, features), of distances from the means
    second: np.ndarray  # float64, shaped as `whitening`: of their products, lower triangle, or of their squares


@jit.fast
def distances(samples, mean, centered):
    """Samples of a block minus a mean."""
    for feature in range(mean.shape[0]):
        for lane in range(LANES):
            centered[feature, lane] = samples[feature, lane] - mean[feature]


@jit.fast
def log_densities(kind, samples, mixture, centered, whitened, logs):
    """Logarithms of weight times density, of each component at each sample of a block.

    Args:
        kind: `FULL` or `DIAGONAL`.
        samples: block `(features, LANES)`.
        mixture: `Mixture`.
        centered: `(features, LANES)`, workspace.
        whitened: `(features, LANES)`, workspace.
        logs: `(components, LANES)`, filled.
    """
    for k in range(mixture.means.shape[0]):
        distances(samples, mixture.means[k], centered)
        if kind == FULL:
            blocks.multiply(mixture.whitening[k], True, centered, whitened)
        else:
            for feature in range(centered.shape[0]):
                for lane in range(LANES):
                    whitened[feature, lane] = centered[feature, lane] * mixture.whitening[k, 0, feature]
        row = logs[k]
        for lane in range(LANES):
            row[lane] = mixture.constants[k]
        for feature in range(centered.shape[0]):
            for lane in range(LANES):
                row[lane] -= 0.5 * whitened[feature, lane] * whitened[feature, lane]


@jit.fast
def normalise(logs, lanes, totals):
    """Turn logarithms of densities into responsibilities, by log-sum-exp; lanes beyond `lanes` get zeros.

    Args:
        logs: `(components, LANES)`, updated.
        lanes: samples in the block.
        totals: `(LANES,)`, filled with the log likelihood of each sample.
    """
    components = logs.shape[0]
    for lane in range(lanes):
        greatest = logs[0, lane]
        for k in range(1, components):
            greatest = max(greatest, logs[k, lane])
        total = ZERO
        for k in range(components):
            logs[k, lane] = np.exp(logs[k, lane] - greatest)
            total += logs[k, lane]
        for k in range(components):
            logs[k, lane] /= total
        totals[lane] = greatest + np.log(total)
    logs[:, lanes:] = ZERO


@jit.fast
def accumulate(kind, samples, means, responsibilities, centered, weighted, sums):
    """Add a block to the sums.

    Args:
        kind: `FULL` or `DIAGONAL`.
        samples: block `(features, LANES)`.
        means: float64 `(components, features)`, around which the sums are taken.
        responsibilities: `(components, LANES)`.
        centered: `(features, LANES)`, workspace.
        weighted: `(features, LANES)`, workspace.
        sums: `Sums`, added to.
    """
    for k in range(means.shape[0]):
        shares = responsibilities[k]
        total = ZERO
        for lane in range(LANES):
            total += shares[lane]
        if total == ZERO:
            continue
        sums.responsibilities[k] += total
        distances(samples, means[k], centered)
        for feature in range(centered.shape[0]):
            first = second = ZERO
            for lane in range(LANES):
                share = shares[lane] * centered[feature, lane]
                weighted[feature, lane] = share
                first += share
                second += share * centered[feature, lane]
            sums.first[k, feature] += first
            if kind == DIAGONAL:
                sums.second[k, 0, feature] += second
        if kind == FULL:
            blocks.add_outer(weighted, centered, sums.second[k])


def step(kind, count, samples, mixture, sums):
    """One pass: responsibilities by the mixture, and the sums from which the next one is made.

    Args:
        kind: `FULL` or `DIAGONAL`.
        count: samples.
        samples: float64 `(blocks, features, LANES)`.
        mixture: `Mixture`.
        sums: `Sums`, filled.

    Returns:
        The log likelihood of the samples.
    """
    features = mixture.means.shape[1]
    centered, other = np.empty((features, LANES)), np.empty((features, LANES))
    logs, totals = np.empty((mixture.means.shape[0], LANES)), np.zeros(LANES)
    sums.responsibilities[:] = ZERO
    sums.first[:] = ZERO
    sums.second[:] = ZERO
    likelihood = ZERO
    for block in range(samples.shape[0]):
        lanes = min(LANES, count - block * LANES)
        log_densities(kind, samples[block], mixture, centered, other, logs)
        normalise(logs, lanes, totals)
        for lane in range(lanes):
            likelihood += totals[lane]
        accumulate(kind, samples[block], mixture.means, logs, centered, other, sums)
    return likelihood


def start(kind, labels, samples, means, sums):
    """The sums when each sample belongs to one component alone.

    Args:
        kind: `FULL` or `DIAGONAL`.
        labels: int64 `(samples,)`.
        samples: float64 `(blocks, features, LANES)`.
        means: float64 `(components, features)`, around which the sums are taken.
        sums: `Sums`, filled.
    """
    features = means.shape[1]
    centered, other = np.empty((features, LANES)), np.empty((features, LANES))
    shares = np.empty((means.shape[0], LANES))
    sums.responsibilities[:] = ZERO
    sums.first[:] = ZERO
    sums.second[:] = ZERO
    for block in range(samples.shape[0]):
        shares[:] = ZERO
        for lane in range(min(LANES, labels.shape[0] - block * LANES)):
            shares[labels[block * LANES + lane], lane] = 1.0
        accumulate(kind, samples[block], means, shares, centered, other, sums)


def judge(kind, count, samples, mixture, probabilities, likelihoods):
    """Responsibilities and log likelihood of each sample.

    Args:
        kind: `FULL` or `DIAGONAL`.
        count: samples.
        samples: float64 `(blocks, features, LANES)`.
        mixture: `Mixture`.
        probabilities: float64 `(samples, components)`, filled.
        likelihoods: float64 `(samples,)`, filled.
    """
    features = mixture.means.shape[1]
    centered, other = np.empty((features, LANES)), np.empty((features, LANES))
    logs, totals = np.empty((mixture.means.shape[0], LANES)), np.zeros(LANES)
    for block in range(samples.shape[0]):
        lanes = min(LANES, count - block * LANES)
        log_densities(kind, samples[block], mixture, centered, other, logs)
        normalise(logs, lanes, totals)
        for lane in range(lanes):
            likelihoods[block * LANES + lane] = totals[lane]
            for k in range(logs.shape[0]):
                probabilities[block * LANES + lane, k] = logs[k, lane]
