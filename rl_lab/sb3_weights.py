"""Models of Stable-Baselines3 with our weights, and ours with theirs; import them from `rl_lab.sb3`."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import stable_baselines3
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from stable_baselines3.common.torch_layers import CombinedExtractor, FlattenExtractor
from stable_baselines3.common.vec_env import VecTransposeImage, is_vecenv_wrapped
from stable_baselines3.dqn.policies import DQNPolicy
from torch import nn

from rl_lab.agents.algorithm import Algorithm
from rl_lab.agents.common.networks import ActorCritic, Policy, QNetwork
from rl_lab.agents.common.schedules import schedule
from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid, "identity": nn.Identity}


def to_sb3(policy: Policy | Algorithm, env: Any = None, algorithm: type[BaseAlgorithm] | None = None) -> Any:
    """A model of Stable-Baselines3 with our weights, to predict, to train on, or to save.

    Logits and values are equal to float32 rounding, 1e-6 of the larger of 1 and their size for usual weights.

    Args:
        policy: ours, or an agent of ours, whose hyperparameters come along where `algorithm` has them.
        env: to train on: an environment, a `VecEnv` or one of our batches; not needed to predict.
        algorithm: a class of SB3 with the same networks: PPO, A2C, MaskablePPO for an actor and a critic; by default
            the counterpart of the agent's own, and PPO or DQN for a policy.

    Raises:
        LabError: the agent has a network of its own, a dueling one, or normalises observations, its algorithm has no
            counterpart, the environment has other spaces, or weights are NaN or infinite.
    """
    settings: dict[str, Any] = {}
    counterpart = getattr(policy, "sb3", "DQN" if isinstance(policy, QNetwork) else "PPO")
    if algorithm is None and not counterpart:
        raise LabError(f"{type(policy).__name__} has no counterpart in SB3; give one, such as algorithm=PPO")
    algorithm = algorithm or getattr(stable_baselines3, counterpart)
    if isinstance(policy, Algorithm):
        settings = _settings(policy, algorithm)
    policy = getattr(policy, "policy", policy)
    if not isinstance(policy, Policy):
        raise LabError(f"{policy!r} is no policy of the lab; give an agent or its policy")
    if isinstance(policy, ActorCritic) != issubclass(algorithm, OnPolicyAlgorithm):
        raise LabError(
            f"algorithm {algorithm.__name__} does not have the networks of {type(policy).__name__}; PPO, A2C and "
            "MaskablePPO have an actor and a critic, and DQN has values of actions"
        )
    if getattr(policy, "dueling", False):
        raise LabError("the network has a value and advantages in its last layer, and SB3 has none; use dueling=False")
    _check_finite(policy)
    if policy.activation not in ACTIVATIONS:
        raise LabError(
            f"activation {policy.activation!r} has no layer in torch; a model of SB3 can have {', '.join(ACTIVATIONS)}"
        )
    if isinstance(env, gym.vector.VectorEnv):
        from rl_lab.sb3 import vec_env

        env = vec_env(env)
    options = {
        "policy_kwargs": {"net_arch": policy.net_arch, "activation_fn": ACTIVATIONS[policy.activation]},
        "device": "cpu",
        **settings,
    }
    name = "MultiInputPolicy" if isinstance(policy.observation_space, spaces.Dict) else "MlpPolicy"
    with torch.random.fork_rng(devices=[]):  # the weights that SB3 draws are overwritten
        model: Any = algorithm(name, env, _init_setup_model=env is not None, **options)  # type: ignore[call-arg]
        if env is None:
            model.observation_space, model.action_space = policy.observation_space, policy.action_space
            model.n_envs = 1
            model._setup_model()
    if model.action_space != policy.action_space:
        raise LabError(f"the environment's actions are {model.action_space}; the policy's are {policy.action_space}")
    _copy(policy, model.policy, _pixel_order(policy.observation_space, model.observation_space), to_sb3=True)
    return model


def from_sb3(model: BaseAlgorithm | BasePolicy) -> Policy:
    """Our policy with the weights of a Stable-Baselines3 model.

    `agent.parameters[:] = from_sb3(model).parameters` puts them into an agent of the same architecture. What is
    said of equality at `to_sb3` holds here too.

    Args:
        model: PPO, A2C, MaskablePPO or DQN with `MlpPolicy`, or with `MultiInputPolicy` on a Dict without images.

    Raises:
        LabError: it is another kind of model, normalises observations, has layers that we do not, or weights that are
            NaN or infinite.
    """
    policy: Any = getattr(model, "policy", model)
    known: Any = (ActorCriticPolicy, DQNPolicy)
    if not isinstance(policy, known):
        raise LabError(
            f"{type(model).__name__} has neither an actor and a critic nor values of actions; use PPO, A2C, "
            "MaskablePPO or DQN"
        )
    values = getattr(policy, "q_net", None)
    if values is None and policy.use_sde:
        raise LabError("the model explores by gSDE, which the lab does not have; train it with use_sde=False")
    normaliser = getattr(model, "get_vec_normalize_env", lambda: None)()
    if normaliser is not None and normaliser.norm_obs:
        raise LabError(
            "the model was trained in a VecNormalize, whose statistics a policy of the lab does not hold; give "
            "model.policy and normalise its observations yourself, or train with norm_obs=False"
        )
    extractor = policy.features_extractor if values is None else values.features_extractor
    parts = list(extractor.extractors.values()) if isinstance(extractor, CombinedExtractor) else [extractor]
    if not all(isinstance(part, (FlattenExtractor, nn.Flatten)) for part in parts):
        raise LabError(f"the model sees through a {type(extractor).__name__}; only MlpPolicy can be taken over")
    space = policy.observation_space
    env = getattr(model, "env", None)
    if env is not None and is_vecenv_wrapped(env, VecTransposeImage):
        space = env.unwrapped.observation_space
    ours: Policy
    if values is None:
        extractor = policy.mlp_extractor
        hidden = [*extractor.policy_net, *extractor.value_net]
        ours = ActorCritic(space, policy.action_space, _net_arch(policy), _activation(hidden))
    else:
        ours = QNetwork(space, policy.action_space, values.net_arch, _activation(values.q_net[:-1]))
    if ours.encoder.scale != 1 and not policy.normalize_images:
        raise LabError("the model sees images as 0 to 255; train it with normalize_images=True, the default")
    _copy(ours, policy, _pixel_order(space, policy.observation_space), to_sb3=False)
    _check_finite(ours)
    return ours


def put_weights(policy: Policy, model: BaseAlgorithm) -> None:
    """Copy our policy's weights into a model that `from_sb3` took it from."""
    _copy(policy, model.policy, _pixel_order(policy.observation_space, model.observation_space), to_sb3=True)


def _check_finite(policy: Policy) -> None:
    if not np.isfinite(policy.parameters).all():
        raise LabError(
            "weights of the model are NaN or infinite; train it with a lower learning rate, or use an earlier one"
        )


def _copy(ours: Policy, theirs: Any, order: np.ndarray, to_sb3: bool) -> None:
    """Copy all weights in one direction; `order[i]` is our number for SB3's input i."""
    if isinstance(ours, ActorCritic):
        extractor = theirs.mlp_extractor
        networks = {
            "actor": [*extractor.policy_net, theirs.action_net],
            "critic": [*extractor.value_net, theirs.value_net],
        }
    else:
        networks = {"q": theirs.q_net.q_net, "target.q": theirs.q_net_target.q_net}
    for name, modules in networks.items():
        linears = [module for module in modules if isinstance(module, nn.Linear)]
        _copy_layers(ours.networks[name], linears, order, to_sb3)
    if isinstance(ours, ActorCritic) and not ours.discrete:
        if to_sb3:
            theirs.log_std.data.copy_(torch.from_numpy(ours.log_std))
        else:
            ours.log_std[:] = theirs.log_std.detach().cpu().numpy()


def _copy_layers(mlp: MLP, linears: list[nn.Linear], order: np.ndarray, to_sb3: bool) -> None:
    for number, ((weights, bias), linear) in enumerate(zip(mlp.layers(), linears, strict=True)):
        rows = order if number == 0 else np.arange(len(weights))
        if to_sb3:
            linear.weight.data.copy_(torch.from_numpy(weights[rows].T))
            linear.bias.data.copy_(torch.from_numpy(bias))
        else:
            weights[rows] = linear.weight.detach().cpu().numpy().T
            bias[:] = linear.bias.detach().cpu().numpy()


def _pixel_order(ours: gym.Space, theirs: gym.Space) -> np.ndarray:
    """Our number for each of SB3's inputs: SB3 moves the channels of an image to the front.

    Raises:
        LabError: the spaces differ in more than that.
    """
    size = ActorCritic(ours, spaces.Discrete(2), ()).encoder.size
    if ours == theirs:
        return np.arange(size)
    shape = ours.shape or ()
    if len(shape) == 3 and theirs.shape == (shape[2], shape[0], shape[1]):
        return np.arange(size).reshape(shape).transpose(2, 0, 1).reshape(-1)
    raise LabError(f"the environment's observations are {theirs}; the policy's are {ours}")


def _settings(agent: Algorithm, algorithm: type[BaseAlgorithm]) -> dict[str, Any]:
    """Hyperparameters of an agent that an algorithm of SB3 has too."""
    if agent.config.normalize_observation:
        raise LabError(
            "the agent normalises observations, which SB3 leaves to VecNormalize; give agent.policy to have the weights"
        )
    if _own_network(agent):
        raise LabError("the agent has a torch network of its own; copy its state_dict into an SB3 policy of your own")
    known, settings, schedules = inspect.signature(algorithm).parameters, {}, agent.config.schedules()
    for name, value in vars(agent.config).items():
        if name in known and value is not None:
            settings[name] = _sb3_schedule(name, value) if name in schedules else value
    return settings


def _sb3_schedule(name: str, value: Any) -> float | Callable[[float], float]:
    return schedule(name, value) if isinstance(value, str) or callable(value) else float(value)


def _own_network(agent: Algorithm) -> bool:
    from rl_lab.agents.engines.torch import Perceptrons

    return not isinstance(getattr(agent.engine, "module", None), (Perceptrons, type(None)))


def _net_arch(policy: Any) -> dict[str, Sequence[int]]:
    nets = {"pi": policy.mlp_extractor.policy_net, "vf": policy.mlp_extractor.value_net}
    return {part: [m.out_features for m in net if isinstance(m, nn.Linear)] for part, net in nets.items()}


def _activation(modules: Iterable[nn.Module]) -> str:
    """Our name of the hidden layers' activation."""
    kinds = {type(module) for module in modules if not isinstance(module, nn.Linear)}
    names = [name for name, kind in ACTIVATIONS.items() if kinds <= {kind}]
    if not names:
        found = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise LabError(f"the model's hidden layers use {found}; the lab has {', '.join(ACTIVATIONS)}")
    return names[0]
