"""The networks of agents: perceptrons over one flat float32 buffer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rl_lab.agents.common import distributions
from rl_lab.agents.common.actions import float32_bounds
from rl_lab.agents.common.encoder import Encoder
from rl_lab.core.mlp import MLP
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


class Policy(ABC):
    """The networks of an agent over one flat float32 buffer, for the spaces of its environment.

    Args:
        observation_space: of one environment; see `encoder.Encoder` for what is supported.
        action_space: Discrete, or Box of one dimension.
        activation: of the hidden layers: "tanh", "relu", "sigmoid", "identity".
        masked: whether the environment masks actions.

    Attributes:
        outputs: numbers that describe an action: one for each of Discrete ones, or one for each dimension.
        masks: width of an action mask; 0 where there is none.
        layout: the named segments of the flat buffer.
        networks: `core.MLP` by name, views of their segments.
        parameters: the buffer, float32 `(parameters,)`.

    Raises:
        LabError: a space or the architecture is unsupported.
    """

    layout: ParameterSegments
    networks: dict[str, MLP]
    net_arch: Any

    def __init__(self, observation_space: gym.Space, action_space: gym.Space, activation: str, masked: bool) -> None:
        self.observation_space, self.action_space, self.activation = observation_space, action_space, activation
        self.encoder = Encoder(observation_space)
        self.discrete = isinstance(action_space, spaces.Discrete)
        self.outputs = _outputs(action_space)
        self.masks = self.outputs if masked and self.discrete else 0

    def _allocate(self, shapes: dict[str, list[int] | int], net_arch: Any) -> None:
        """Make the buffer: networks by their sizes, vectors by their lengths."""
        check_memory(
            4.0 * COPIES * sum(map(length, shapes.values())),
            f"a network of net_arch={net_arch!r} with {self.encoder.size} inputs and {self.outputs} outputs",
            "choose smaller layers, or an environment with smaller spaces",
        )
        self.layout = ParameterSegments(shapes)
        of_networks = [name for name, shape in shapes.items() if isinstance(shape, list)]
        self.networks = {name: self.layout.network(name, self.activation) for name in of_networks}

    @property
    def parameters(self) -> np.ndarray:
        """All weights, float32 `(parameters,)`."""
        return self.layout.flat

    @property
    def action_width(self) -> int:
        """Numbers that an action is stored as."""
        return 1 if self.discrete else self.outputs

    @property
    def action_dtype(self) -> np.dtype:
        """Type of these numbers."""
        return np.dtype(np.int64 if self.discrete else np.float32)

    @abstractmethod
    def initialise(self, rng: np.random.Generator) -> None:
        """Draw the first weights."""

    @abstractmethod
    def outputs_of(self, rows: np.ndarray) -> np.ndarray:
        """What describes the actions for rows of the encoder, float32 `(batch, outputs)`; see `Engine.outputs`."""

    def tensors(self) -> dict[str, np.ndarray]:
        """The parameters by name, as saved: layer by layer, weights `(inputs, units)`; views."""
        named = {}
        for name, part in self.layout.segments.items():
            if name in self.networks:
                for number, (weights, bias) in enumerate(self.networks[name].layers()):
                    named[f"{name}.{number}.weight"], named[f"{name}.{number}.bias"] = weights, bias
            elif part.end > part.begin:
                named[name] = self.layout[name]
        return named

    def inputs(self, rows: np.ndarray) -> np.ndarray:
        """Rows of the encoder `(batch, size)` as the networks' inputs, float32."""
        return rows.astype(np.float32) * self.encoder.scale


class ActorCritic(Policy):
    """Separate actor and critic networks, as SB3's `MlpPolicy` has them: segments "actor", "critic" and "log_std".

    Args:
        observation_space: as for `Policy`, like the other arguments.
        action_space: see there.
        net_arch: units of the hidden layers, for both networks, or `{"pi": [...], "vf": [...]}`.
        activation: see there.
        masked: see there.

    Attributes:
        log_std: logarithms of the standard deviations of continuous actions.
    """

    def __init__(
        self,
        observation_space: gym.Space,
        action_space: gym.Space,
        net_arch: Sequence[int] | dict[str, Sequence[int]] = (64, 64),
        activation: str = "tanh",
        masked: bool = False,
    ) -> None:
        super().__init__(observation_space, action_space, activation, masked)
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
        self._allocate(shapes, net_arch)
        self.log_std, self.actor, self.critic = self.layout["log_std"], self.networks["actor"], self.networks["critic"]

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

    def outputs_of(self, rows: np.ndarray) -> np.ndarray:
        """The actor's outputs `(batch, outputs)` for rows of the encoder: logits, or means of continuous actions."""
        return self.actor(self.inputs(rows))

    def values(self, rows: np.ndarray) -> np.ndarray:
        """The critic's values `(batch,)` for rows of the encoder."""
        return self.critic(self.inputs(rows))[:, 0]


class QNetworks(NamedTuple):
    """What kernels need of a `QNetwork`."""

    parameters: np.ndarray  # float32 (parameters,), the trained ones first
    acting: Segment  # what actions are chosen from
    trained: int  # parameters that the optimiser trains; targets follow, as many
    target: Segment
    ends: np.ndarray  # int64 (1,), of the trained segments
    code: int  # activation
    scale: np.float32  # of the observations
    dueling: bool


class QNetwork(Policy):
    """Values of Discrete actions and the target network beside them: segments "q" and "target.q".

    With `dueling` the last layer has a unit more, the value of what is seen, and the others are advantages, whose mean
    is taken off (Wang et al., 2016, equation 9).

    Raises:
        LabError: the actions are not Discrete, or a space or the architecture is unsupported.
    """

    def __init__(
        self,
        observation_space: gym.Space,
        action_space: gym.Space,
        net_arch: Sequence[int] = (64, 64),
        activation: str = "relu",
        masked: bool = False,
        dueling: bool = False,
    ) -> None:
        if not isinstance(action_space, spaces.Discrete):
            raise LabError(f"action space {action_space} is unsupported; it must be Discrete: choose another algorithm")
        super().__init__(observation_space, action_space, activation, masked)
        if isinstance(net_arch, dict):
            raise LabError(f"net_arch has keys {sorted(net_arch)}; give a list of units: there is one network")
        self.net_arch, self.dueling = [int(units) for units in net_arch], dueling
        sizes = [self.encoder.size, *self.net_arch, self.outputs + dueling]
        self._allocate({"q": sizes, "target.q": list(sizes)}, net_arch)

    @property
    def network(self) -> QNetworks:
        """The form that kernels take."""
        q, target = self.layout.segments.values()
        code, scale = self.networks["q"].code, self.encoder.scale
        return QNetworks(self.layout.flat, q, q.end, target, self.layout.ends[:1], code, scale, self.dueling)

    def outputs_of(self, rows: np.ndarray) -> np.ndarray:
        """Values of the actions `(batch, actions)` for rows of the encoder."""
        outputs = self.networks["q"](self.inputs(rows))
        return dueling_values(outputs) if self.dueling else outputs

    def initialise(self, rng: np.random.Generator) -> None:
        """As torch initialises layers, which SB3 leaves as they are; the target is a copy."""
        self.networks["q"].initialise_uniformly(rng)
        self.layout["target.q"][:] = self.layout["q"]


def dueling_values(outputs: Any) -> Any:
    """Values of actions `(batch, actions)` from advantages and a value `(batch, actions + 1)`, in NumPy or torch."""
    advantages = outputs[:, :-1]
    return outputs[:, -1:] + advantages - advantages.mean(axis=1, keepdims=True)


def _outputs(space: gym.Space) -> int:
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    if isinstance(space, spaces.Box) and len(space.shape) == 1 and space.shape[0]:
        return int(space.shape[0])
    raise LabError(
        f"action space {space} is unsupported; use Discrete, or Box of one dimension, into which a "
        "gymnasium.ActionWrapper can turn it"
    )
