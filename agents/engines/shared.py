"""What engines share whose weights lie in the policy's own memory, and whose optimiser is compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from rl_lab.agents.common.networks import Policy
from rl_lab.core import weights
from rl_lab.core.optim import Optimizer


class PolicyWeights:
    """An engine whose weights in use are those of `policy`; see `engine.Engine`."""

    policy: Policy

    def outputs(self, rows: np.ndarray) -> np.ndarray:
        """Numbers that describe the actions for rows of the encoder, float32 `(batch, outputs)`."""
        return self.policy.outputs_of(rows)

    def tensors(self) -> dict[str, np.ndarray]:
        """The weights, by name; views."""
        return self.policy.tensors()

    def parameters(self) -> np.ndarray:
        """The weights themselves, float32 `(parameters,)`."""
        return self.policy.parameters


class CompiledMoments:
    """An engine whose optimiser keeps its state in `moments`; see `engine.Engine`."""

    optimizer: Optimizer
    moments: Any

    def state(self) -> dict[str, np.ndarray]:
        """What `restore` needs beside the policy's parameters."""
        return {f"{self.optimizer.torch.lower()}.{name}": array for name, array in self.moments._asdict().items()}

    def restore(self, state: dict[str, np.ndarray], source: str = "the state") -> None:
        """Go on from what `state` gave.

        Raises:
            LabError: an array is missing, does not fit or holds NaN; `source` is where it came from.
        """
        weights.copy_into(self.state(), state, source)
