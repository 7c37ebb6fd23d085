"""Functions of the user's own as contenders: `f(env, seed, steps)` returns a model."""

import copy
import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

from rl_lab.compare.checks import unknown
from rl_lab.compare.contenders.base import Trainer
from rl_lab.compare.environments import Maker
from rl_lab.compare.measure import Meter, Metered, metered_vec_env
from rl_lab.errors import LabError
from rl_lab.stages.step_budget import step_budget_of


class FunctionTrainer(Trainer):
    """A function, or the name of one as `module:function`."""

    @property
    def function(self) -> Callable[..., Any]:
        """The function; a LabError where there is none."""
        name, contender = self.contender.algorithm, self.contender.name
        if not isinstance(name, str):
            if not callable(name):
                raise LabError(f"contender {contender!r} is {name!r}; it must be a name or a function")
            return name
        module, _, attribute = name.partition(":")
        try:
            found = getattr(import_module(module), attribute, None)
        except ImportError as error:
            raise LabError(f"contender {contender!r}: module {module!r} cannot be imported ({error})") from error
        if not callable(found):
            here = [key for key, value in vars(import_module(module)).items() if inspect.isfunction(value)]
            raise unknown(f"function of {module}", attribute, here or ["none"])
        return found

    def validate(self) -> None:
        """Refuse a function that cannot be called as `function(env, seed, steps)` with the hyperparameters."""
        function = self.function
        self._check_names(function)
        try:
            inspect.signature(function).bind(None, 0, 0, **self._options())
        except TypeError as error:
            given = f"{getattr(function, '__name__', 'it')}{inspect.signature(function)}"
            raise LabError(
                f"contender {self.contender.name!r} is {given}; it must take (env, seed, steps), and its "
                f"hyperparameters by name ({error})"
            ) from None

    def train(self, maker: Maker, seed: int, meter: Meter) -> tuple[Any, Any]:
        """Call the function with a metered environment."""
        trainer, contender = maker.for_training(self.contender.training), self.contender
        env: Any
        if "num_envs" in contender.hyperparameters:
            env = metered_vec_env(trainer.sb3(contender.num_envs), meter, maker.environment.name)
        else:
            env = Metered(trainer.single(), maker, meter)
        meter.clock.start()
        model = self.function(env, seed, meter.budget, **self._options())
        meter.clock.stop()
        if meter.steps == 0 and getattr(model, "num_timesteps", 0) > 0:  # a rule of thumb needs no training
            raise LabError(
                f"{contender.name} was trained, but took no step in the environment that it was given; only steps of "
                "this environment are counted"
            )
        if meter.watched is not None and meter.watched[0] is model:
            return meter.watched
        model = _with_env(model, meter.trained[0]) if meter.trained is not None else model
        known, outer = step_budget_of(getattr(model, "env", None))
        return model, outer if known is meter else None

    def _algorithm(self) -> Any:
        return self.function


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
