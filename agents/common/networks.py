"""The actor-critic: two perceptron networks and a distribution, over one flat float32 buffer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rl_lab.agents.common import distributions
from rl_lab.agents.common.actions import float32_bounds
from rl_lab.agents.common.encoder import Encoder
from rl_lab.core.parameters import ParameterSegments, Segment, length
from rl_lab.errors import LabError
from rl_lab.memory import check_memory

COPIES = 4  # of the weights that training keeps: themselves, their gradient, two moments of Adam


class Network(NamedTuple):
    """What kernels need of an actor-critic."""

    parameters: np.ndarray  # float32 (parameters,)
    actor: Segment
    critic: Segment
    log_std: Segment  # logarithms of the standard deviations of continuous actions; of discrete ones, none
    ends: np.ndarray  # int64 (3,), of the segments
    code: int  # activation
    scale: np.float32  # of the observations
    low: np.ndarray  # float32 (dimensions,), bounds of continuous actions
    high: np.ndarray


class Distribution(NamedTuple):
    """The kernels of an action distribution; see `distributions`."""

    sample: Callable[..., Any]
    evaluate: Callable[..., Any]
    gradient: Callable[..., Any]
    pull: Callable[..., Any]


CATEGORICAL = Distribution(
    distributions.categorical_sample,
    distributions.categorical_evaluate,
    distributions.categorical_gradient,
    distributions.categorical_pull,
)
GAUSSIAN = Distribution(
    distributions.gaussian_sample,
    distributions.gaussian_evaluate,
    distributions.gaussian_gradient,
    distributions.gaussian_pull,
)


class ActorCritic:
    """Separate actor and critic networks, as SB3's `MlpPolicy` has them.

    Args:
        observation_space: of one environment; see `observations.Encoder` for what is supported.
        action_space: Discrete, or Box of one dimension.
        net_arch: units of the hidden layers, for both networks, or `{"pi": [...], "vf": [...]}`.
        activation: of the hidden layers: "tanh", "relu", "sigmoid", "identity".
        masked: whether the environment masks actions.

    Attributes:
        layout: the segments "actor", "critic" and "log_std" of the flat buffer.
        parameters: that buffer, float32 `(parameters,)`; `actor` and `critic` (`core.MLP`) and `log_std` are views into
            it.

    Raises:
        LabError: a space or the architecture is unsupported.
    """

    def __init__(
        self,
        observation_space: gym.Space,
        action_space: gym.Space,
        net_arch: Sequence[int] | dict[str, Sequence[int]] = (64, 64),
        activation: str = "tanh",
        masked: bool = False,
    ) -> None:
        self.observation_space, self.action_space, self.activation = observation_space, action_space, activation
        self.encoder = Encoder(observation_space)
        self.discrete = isinstance(action_space, spaces.Discrete)
        self.outputs, self.masks = _outputs(action_space), 0
        if masked and self.discrete:
            self.masks = self.outputs
        self.distribution = CATEGORICAL if self.discrete else GAUSSIAN
        hidden = net_arch if isinstance(net_arch, dict) else {"pi": net_arch, "vf": net_arch}
        if set(hidden) != {"pi", "vf"}:
            raise LabError(f"net_arch has keys {sorted(hidden)}; give a list of units, or a dict with 'pi' and 'vf'")
        self.net_arch = {name: [int(units) for units in layers] for name, layers in hidden.items()}
        shapes: dict[str, list[int] | int] = {
            "actor": [self.encoder.size, *self.net_arch["pi"], self.outputs],
            "critic": [self.encoder.size, *self.net_arch["vf"], 1],
            "log_std": 0 if self.discrete else self.outputs,
        }
        check_memory(
            4.0 * COPIES * sum(map(length, shapes.values())),
            f"a network of net_arch={net_arch!r} with {self.encoder.size} inputs and {self.outputs} outputs",
            "choose smaller layers, or an environment with smaller spaces",
        )
        self.layout = ParameterSegments(shapes)
        self.parameters, self.log_std = self.layout.flat, self.layout["log_std"]
        self.actor, self.critic = (self.layout.network(name, activation) for name in ("actor", "critic"))

    @property
    def action_width(self) -> int:
        """Numbers that an action is stored as."""
        return 1 if self.discrete else self.outputs

    @property
    def action_dtype(self) -> np.dtype:
        """Type of these numbers."""
        return np.dtype(np.int64 if self.discrete else np.float32)

    @property
    def network(self) -> Network:
        """The form that kernels take."""
        nothing = np.zeros(0, np.float32)
        low, high = float32_bounds(self.action_space) if isinstance(self.action_space, spaces.Box) else (nothing,) * 2
        layout = self.layout
        return Network(
            layout.flat,
            **layout.segments,
            ends=layout.ends,
            code=self.actor.code,
            scale=self.encoder.scale,
            low=low,
            high=high,
        )

    def initialise(self, rng: np.random.Generator) -> None:
        """SB3's start: orthogonal weights, gain √2, 0.01 for the policy's last layer and 1 for the value's."""
        self.actor.initialise(rng, gain=0.01)
        self.critic.initialise(rng, gain=1.0)
        self.log_std[:] = 0

    def tensors(self) -> dict[str, np.ndarray]:
        """The parameters by name, as saved: layer by layer, weights `(inputs, units)`."""
        named = {}
        for part, mlp in (("actor", self.actor), ("critic", self.critic)):
            for number, (weights, bias) in enumerate(mlp.layers()):
                named[f"{part}.{number}.weight"], named[f"{part}.{number}.bias"] = weights, bias
        if not self.discrete:
            named["log_std"] = self.log_std
        return named

    def logits(self, rows: np.ndarray) -> np.ndarray:
        """The actor's outputs `(batch, outputs)` for rows of the encoder: logits, or means of continuous actions."""
        return self.actor(rows.astype(np.float32) * self.encoder.scale)

    def values(self, rows: np.ndarray) -> np.ndarray:
        """The critic's values `(batch,)` for rows of the encoder."""
        return self.critic(rows.astype(np.float32) * self.encoder.scale)[:, 0]


def _outputs(space: gym.Space) -> int:
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    if isinstance(space, spaces.Box) and len(space.shape) == 1 and space.shape[0]:
        return int(space.shape[0])
    raise LabError(
        f"action space {space} is unsupported; use Discrete, or Box of one dimension, into which a "
        "gymnasium.ActionWrapper can turn it"
    )
