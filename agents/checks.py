"""Checks at the boundary of the agents; they stand outside the core's fastmath, which deletes tests for NaN."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from rl_lab.agents.rollout import Rollout
from rl_lab.agents.settings import PPOSettings
from rl_lab.agents.sources import Source
from rl_lab.errors import LabError
from rl_lab.memory import check_memory


def whole_number(name: str, value: Any, least: int) -> None:
    """Refuse what is not a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise LabError(f"{name}={value!r} is not allowed; it must be a whole number of at least {least}")


def sizes(settings: PPOSettings, source: Source) -> None:
    """Refuse networks and rollouts that do not fit into memory, before any of it is taken.

    Raises:
        LabError: says how much they need and how much there is.
    """
    arch, size, samples = settings.net_arch, source.encoder.size, float(settings.n_steps) * source.lanes
    networks = [[size, *units] for units in (arch.values() if isinstance(arch, dict) else [arch, arch])]
    parameters = sum(float(below) * above for layers in networks for below, above in pairwise(layers))
    check_memory(16 * parameters, f"net_arch={arch!r} on {size} numbers", "choose fewer units")
    batch = 12 * min(settings.batch_size, samples) * sum(float(units) for layers in networks for units in layers)
    what = f"n_steps={settings.n_steps} with num_envs={source.lanes}, n_epochs={settings.n_epochs} and batch_size="
    rollout = samples * (source.encoder.dtype.itemsize * size + 40 + 8 * settings.n_epochs)
    check_memory(rollout + batch, f"{what}{settings.batch_size}", "choose smaller ones")


def finite_rollout(rollout: Rollout) -> None:
    """Refuse NaN and infinity in what the environment gave.

    Raises:
        LabError: names the step, the lane and the value.
    """
    for name, array in (("observation", rollout.observations), ("reward", rollout.rewards)):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            t, lane, *rest = np.argwhere(~np.isfinite(array))[0]
            value = array[(t, lane, *rest)]
            where = f"{name}[{rest[0]}]" if rest else name
            raise LabError(
                f"{where} of lane {lane} is {value} at step {t} of the rollout; rewards and observations must be "
                "finite numbers: mend the environment, nothing was learned from this rollout"
            )


def finite_update(losses: dict[str, float], parameters: np.ndarray) -> None:
    """Refuse a loss or weights that are not finite any more."""
    for name, value in losses.items():
        if not np.isfinite(value):
            raise LabError(f"{name} became {value}; lower the learning rate, or normalise observations and rewards")
    if not np.isfinite(parameters).all():
        raise LabError("weights became infinite or NaN; lower the learning rate, or normalise observations and rewards")
