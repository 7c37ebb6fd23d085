"""What runs PPO's loops: the protocol that the compiled and the torch engine implement, all of it."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from rl_lab.agents.common.normalizer import Normalizer
from rl_lab.agents.common.rollout_buffer import Progress, Rollout
from rl_lab.agents.ppo_update import Samples, Settings


class Engine(Protocol):
    """Acts, values and learns for an agent; what an engine cannot do, its constructor or `make_room` refuses."""

    name: str
    """As in `PPO(engine=...)`."""

    @property
    def gradient_steps(self) -> int:
        """Minibatches learned from so far."""

    def prepare(self, experience: Rollout, progress: Progress, normalizer: Normalizer, settings: Settings) -> None:
        """Compile what the other methods run."""

    def collect(self, experience: Rollout, progress: Progress, normalizer: Normalizer) -> None:
        """Fill a rollout."""

    def update(self, samples: Samples, order: np.ndarray, settings: Settings) -> dict[str, float]:
        """Train on the samples; returns `ppo_update.MEANS` over minibatches, and the last loss, all as SB3 logs them.

        Args:
            samples: experience.
            order: int64 `(epochs, samples)`, the order in which each epoch takes them.
            settings: numbers of this update.
        """

    def make_room(self, reference: int) -> None:
        """Prepare for so many numbers of an anchor's policy with each sample.

        Raises:
            LabError: the network has no actor of its own to compare with them.
        """

    def forget_actor(self) -> None:
        """Start the actor's part of the optimiser from scratch, for an actor that was replaced."""

    def outputs(self, rows: np.ndarray) -> np.ndarray:
        """The actor's outputs `(batch, outputs)` for rows of the encoder: logits, or means of continuous actions."""

    def values(self, rows: np.ndarray) -> np.ndarray:
        """The critic's values `(batch,)` for rows of the encoder."""

    def log_std(self) -> np.ndarray:
        """Logarithms of the standard deviations of continuous actions, float32 `(dimensions,)`."""

    def tensors(self) -> dict[str, np.ndarray]:
        """The weights in use, by name."""

    def parameters(self) -> np.ndarray:
        """The weights in use, float32 `(parameters,)`; read-only where writing would change nothing."""

    def state(self) -> dict[str, np.ndarray]:
        """What `restore` needs beside the policy's parameters."""

    def restore(self, state: dict[str, np.ndarray], source: str = "the state") -> None:
        """Go on from what `state` gave.

        Raises:
            LabError: an array is missing, does not fit or holds NaN; `source` is where it came from.
        """
