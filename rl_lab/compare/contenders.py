"""Contenders: from a name or a function to a trained model."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np
from gymnasium.spaces import Dict

from rl_lab.agents.common.schedules import schedule
from rl_lab.agents.registry import ALGORITHMS
from rl_lab.compare import checks, controls, pretrained
from rl_lab.compare.checks import unknown
from rl_lab.compare.environments import Maker
from rl_lab.compare.measure import Meter, Metered, metered_vec_env
from rl_lab.compare.plan import FEW_UPDATES, Contender
from rl_lab.errors import LabError
from rl_lab.fingerprint import describe
from rl_lab.stages.till import till_of

SB3 = {"a2c": "A2C", "ddpg": "DDPG", "dqn": "DQN", "ppo": "PPO", "sac": "SAC", "td3": "TD3"}
CONTRIB = {"maskable_ppo": "MaskablePPO"}  # of sb3-contrib, a package of its own
NETWORK = ("net_arch", "activation")  # what Stable-Baselines3 wants in policy_kwargs, and plans may write flat
NAMES = [*ALGORITHMS, *(f"sb3:{name}" for name in (*SB3, *CONTRIB)), "module:function"]
SCHEDULES = ("learning_rate", "clip_range", "clip_range_vf")


def check(contender: Contender) -> None:
    """Refuse a contender that does not exist, or hyperparameters that it does not know.

    Raises:
        LabError: with the nearest name that does exist.
    """
    checks.count(f"num_envs of contender {contender.name!r}", contender.hyperparameters.get("num_envs", 1))
    taken = _constructor(contender)
    if pretrained.is_pretrained(contender):
        if not is_lab(contender):
            raise LabError(
                f"contender {contender.name!r} has stages, which go with {' and '.join(ALGORITHMS)}, and not with "
                f"{contender.algorithm!r}"
            )
        pretrained.pipeline_of(contender)
    if is_lab(contender):
        taken = ALGORITHMS[str(contender.algorithm)].config_class
    parameters = inspect.signature(taken).parameters.values()
    if not any(item.kind is item.VAR_KEYWORD for item in parameters):
        allowed = [item.name for item in parameters if item.kind is not item.VAR_POSITIONAL]
        allowed += ["num_envs", *(NETWORK if is_sb3(contender) else ())]
        allowed += [pretrained.STAGES] if is_lab(contender) else []
        for name in contender.hyperparameters:
            checks.choice(f"hyperparameter of {contender.name}", name, allowed)
    if not is_lab(contender) and not is_sb3(contender):
        _check_call(contender, taken)


def _check_call(contender: Contender, function: Callable[..., Any]) -> None:
    """Refuse a function that cannot be called as `function(env, seed, steps)`."""
    try:
        inspect.signature(function).bind(None, 0, 0, **_without(contender))
    except TypeError as error:
        given = f"{getattr(function, '__name__', 'it')}{inspect.signature(function)}"
        raise LabError(
            f"contender {contender.name!r} is {given}; it must take (env, seed, steps), and its hyperparameters by "
            f"name ({error})"
        ) from None


def check_budget(contender: Contender, budget: int) -> None:
    """Refuse a budget in which a named contender could not learn once.

    Raises:
        LabError: one rollout is longer, or pretraining costs more.
    """
    if pretrained.is_pretrained(contender):
        pretrained.check_budget(contender, budget)
    elif is_lab(contender) or is_sb3(contender):
        _enough(budget, contender, contender.num_envs, n_steps_of(contender))


def few_updates(contender: Contender, budget: int) -> str:
    """A warning where a named contender gets fewer than ten updates from its budget; otherwise nothing."""
    if not (is_lab(contender) or is_sb3(contender)) or (rollout := n_steps_of(contender) * contender.num_envs) == 0:
        return ""
    if (updates := budget // rollout) >= FEW_UPDATES:
        return ""
    return (
        f"{contender.name} gets {updates} {'update' if updates == 1 else 'updates'} from {budget:,} steps, one for "
        f"each rollout of {rollout:,} (num_envs={contender.num_envs}, n_steps={n_steps_of(contender)}); fewer than "
        f"{FEW_UPDATES} say little about an algorithm: give more steps, or shorter rollouts"
    )


def n_steps_of(contender: Contender) -> int:
    """Steps of a named contender's rollouts in each of its environments; 0 if it has none."""
    if is_lab(contender):
        return pretrained.rollout_of(contender) // contender.num_envs
    defaults = inspect.signature(_constructor(contender)).parameters
    usual = defaults["n_steps"].default if "n_steps" in defaults else 0
    return int(contender.hyperparameters.get("n_steps", usual))


def is_lab(contender: Contender) -> bool:
    """Whether it is an algorithm of ours, by name."""
    return isinstance(contender.algorithm, str) and ":" not in contender.algorithm


def is_sb3(contender: Contender) -> bool:
    """Whether it is an algorithm of Stable-Baselines3, by name."""
    return isinstance(contender.algorithm, str) and contender.algorithm.startswith("sb3:")


def function_of(contender: Contender) -> Callable[..., Any]:
    """The function of a contender that is one, or that names one as `module:function`."""
    if not isinstance(contender.algorithm, str):
        if not callable(contender.algorithm):
            raise LabError(f"contender {contender.name!r} is {contender.algorithm!r}; it must be a name or a function")
        return contender.algorithm
    module, _, name = contender.algorithm.partition(":")
    try:
        function = getattr(import_module(module), name, None)
    except ImportError as error:
        raise LabError(f"contender {contender.name!r}: module {module!r} cannot be imported ({error})") from error
    if not callable(function):
        here = [key for key, value in vars(import_module(module)).items() if inspect.isfunction(value)]
        raise unknown(f"function of {module}", name, here or ["none"])
    return function


def description(contender: Contender) -> Any:
    """What counts about a contender, for the name of a run; its own name does not."""
    if pretrained.is_pretrained(contender):
        return pretrained.description(contender)
    algorithm = contender.algorithm if is_lab(contender) or is_sb3(contender) else function_of(contender)
    return describe([algorithm, dict(contender.hyperparameters), *filter(None, [contender.control])])


def train(contender: Contender, maker: Maker, seed: int, meter: Meter) -> tuple[Any, Any]:
    """Run a contender until it returns or its budget is spent.

    Returns:
        The model, and the environment as the model sees it where the contender wrapped it, else None.

    Raises:
        LabError: the contender cannot be made or the budget is too small for it.
        BudgetSpent: the contender went on past its budget.
    """
    trainer = maker.for_training(contender.training)
    if pretrained.is_pretrained(contender):
        return pretrained.train(contender, trainer, seed, meter), None
    if is_lab(contender):
        return _train_lab(contender, trainer, seed, meter), None
    if is_sb3(contender):
        return _train_sb3(contender, trainer, seed, meter), None
    return _train_function(contender, maker, seed, meter)


def load(contender: Contender, maker: Maker) -> None:
    """Compile, or load from the cache, the machine code that runs of a named contender need."""
    judged, maker = maker, maker.for_training(contender.training)
    if pretrained.is_pretrained(contender):
        pretrained.rehearse(contender, maker)
    elif is_lab(contender):
        agent = _lab_agent(contender, maker, seed=0)
        agent.learn(agent.rollout_steps)
        agent.predict(judged.evaluation(2).reset()[0])
    elif controls.calls_pretrain(contender):
        pretrained.rehearse_fits()
    elif maker.batched and is_sb3(contender):
        env = maker.sb3(contender.num_envs)
        env.reset()
        env.step(np.array([env.action_space.sample() for _ in range(env.num_envs)]))


def warm_torch() -> None:
    """Take the first step of an optimiser, for which torch imports a part of itself that takes a second."""
    import torch

    weight = torch.nn.Parameter(torch.zeros(2, 2))
    optimiser = torch.optim.Adam([weight])
    (weight @ torch.ones(2)).sum().backward()
    optimiser.step()


def _train_lab(contender: Contender, maker: Maker, seed: int, meter: Meter) -> Any:
    meter.clock.start()
    agent = _lab_agent(contender, maker, seed)
    rollout = agent.rollout_steps
    _enough(meter.budget, contender, agent.source.lanes, rollout // agent.source.lanes)
    meter.judge_if_due(agent)

    def after_iteration(agent: Any) -> bool:
        meter.steps = int(agent.num_timesteps)
        meter.judge_if_due(agent)
        return meter.steps + rollout <= meter.budget

    agent.learn(meter.budget // rollout * rollout, callback=after_iteration)
    meter.steps = int(agent.num_timesteps)
    return agent


def make_sb3(contender: Contender, maker: Maker, env: Any, seed: int | None = None) -> Any:
    """The untrained model of a contender of Stable-Baselines3 on a `VecEnv`."""
    options = {"policy": _policy(maker), "device": "cpu", "verbose": 0, **sb3_options(contender)}
    return _constructor(contender)(env=env, seed=seed, **options)


def _train_sb3(contender: Contender, maker: Maker, seed: int, meter: Meter) -> Any:
    env = metered_vec_env(maker.sb3(contender.num_envs), meter, maker.environment.name)
    meter.clock.start()
    model = make_sb3(contender, maker, env, seed)
    if hasattr(model, "n_steps"):  # algorithms without rollouts learn from the first steps
        _enough(meter.budget, contender, env.num_envs, model.n_steps)
    return model.learn(meter.budget)


def _enough(budget: int, contender: Contender, num_envs: int, n_steps: int) -> None:
    if num_envs * n_steps > budget:
        raise LabError(
            f"{budget} steps are less than one rollout of {contender.name}, {num_envs * n_steps} steps "
            f"({num_envs} {'environment' if num_envs == 1 else 'environments'} times n_steps={n_steps}): it would "
            "learn nothing; give more"
        )


def _train_function(contender: Contender, maker: Maker, seed: int, meter: Meter) -> tuple[Any, Any]:
    env: Any
    trainer = maker.for_training(contender.training)
    if "num_envs" in contender.hyperparameters:
        env = metered_vec_env(trainer.sb3(contender.num_envs), meter, maker.environment.name)
    else:
        env = Metered(trainer.single(), maker, meter)
    meter.clock.start()
    model = function_of(contender)(env, seed, meter.budget, **_without(contender))
    meter.clock.stop()
    if meter.steps == 0 and getattr(model, "num_timesteps", 0) > 0:  # a rule of thumb needs no training
        raise LabError(
            f"{contender.name} was trained, but took no step in the environment that it was given; only steps in that "
            "one are counted"
        )
    if meter.watched is not None and meter.watched[0] is model:
        return meter.watched
    model = _with_env(model, meter.trained[0]) if meter.trained is not None else model
    known, outer = till_of(getattr(model, "env", None))
    return model, outer if known is meter else None


def _with_env(model: Any, trained: Any) -> Any:
    """A model of Stable-Baselines3 that was loaded, or a policy, with the environment of the model that was trained.

    Without its wrappers, `VecNormalize` among them, it would be judged on other observations and actions.
    """
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.policies import BasePolicy

    if not isinstance(model, (BaseAlgorithm, BasePolicy)) or getattr(model, "env", None) is not None:
        return model
    if (model.observation_space, model.action_space) != (trained.observation_space, trained.action_space):
        return model
    if isinstance(model, BaseAlgorithm):
        model.set_env(trained.get_env())
        return model
    whole = copy.copy(trained)
    whole.policy = model
    return whole


def _constructor(contender: Contender) -> Callable[..., Any]:
    """What takes the hyperparameters."""
    if is_lab(contender):
        if contender.algorithm not in ALGORITHMS:
            raise unknown("contender", contender.algorithm, NAMES)
        return ALGORITHMS[str(contender.algorithm)]
    if is_sb3(contender):
        name = str(contender.algorithm).partition(":")[2]
        if name in CONTRIB:
            return getattr(_contrib(contender), CONTRIB[name])
        if name not in SB3:
            raise unknown("contender", contender.algorithm, NAMES)
        return getattr(import_module("stable_baselines3"), SB3[name])
    return function_of(contender)


def _contrib(contender: Contender) -> Any:
    try:
        return import_module("sb3_contrib")
    except ImportError:
        raise LabError(
            f"contender {contender.name!r} is {contender.algorithm!r}, which needs the package sb3-contrib; "
            "install it with: pip install -e '.[masks]'"
        ) from None


def _lab_agent(contender: Contender, maker: Maker, seed: int) -> Any:
    lanes = contender.num_envs
    env: Any = maker.environment.make or maker.id
    if maker.environment.arguments:
        env = maker.vector(lanes) if maker.batched else maker.single
    maker.register()
    return _constructor(contender)(env, num_envs=lanes, seed=seed, **_without(contender))


def _without(contender: Contender, *names: str) -> Mapping[str, Any]:
    return {key: value for key, value in contender.hyperparameters.items() if key not in ("num_envs", *names)}


def _policy(maker: Maker) -> str:
    env = maker.single()
    return "MultiInputPolicy" if isinstance(env.observation_space, Dict) else "MlpPolicy"


def sb3_options(contender: Contender) -> dict[str, Any]:
    """Hyperparameters as Stable-Baselines3 wants them, from names and values that our algorithms share with plans."""
    options = dict(_without(contender, *NETWORK))
    network = {key: contender.hyperparameters[key] for key in NETWORK if key in contender.hyperparameters}
    if "activation" in network:
        network["activation_fn"] = _activation(network.pop("activation"))
    if network:
        options["policy_kwargs"] = {**network, **options.get("policy_kwargs", {})}
    for name in SCHEDULES:
        if isinstance(options.get(name), str):
            options[name] = schedule(name, options[name])
    return options


def _activation(name: Any) -> Any:
    """An activation of torch from its name."""
    from torch import nn

    known = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid, "identity": nn.Identity}
    checks.choice("activation", name, known)
    return known[name]
