"""Watching Stable-Baselines3 wherever it trains: no contender can forget to evaluate, or train past its budget."""

from typing import Any

from rl_lab.compare.measure import Meter
from rl_lab.stages.step_budget import step_budget_of


def install() -> None:
    """Add our callback to every `learn` of Stable-Baselines3 in this process whose environment has a meter."""
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.callbacks import BaseCallback, ConvertCallback

    if hasattr(BaseAlgorithm._init_callback, "original"):
        return
    original = BaseAlgorithm._init_callback

    def _init_callback(self: Any, callback: Any, progress_bar: bool = False) -> BaseCallback:
        meter, outer = step_budget_of(self.env)
        if meter is None:
            return original(self, callback, progress_bar)
        given = callback if isinstance(callback, list) else [callback] if callback is not None else []
        given = [each if isinstance(each, BaseCallback) else ConvertCallback(each) for each in given]
        return original(self, [*given, watching(meter, outer)], False)

    _init_callback.original = original  # type: ignore[attr-defined]
    BaseAlgorithm._init_callback = _init_callback  # type: ignore[method-assign]


def watching(meter: Meter, outer: Any) -> Any:
    """A callback that judges the model before each rollout and ends the training after a refused step.

    Before a rollout and not in its middle, so that what is judged is the policy after its latest update.
    """
    from stable_baselines3.common.callbacks import BaseCallback

    class Watching(BaseCallback):
        def _on_training_start(self) -> None:
            meter.graceful = True
            meter.watched, meter.trained = None, (self.model, outer)

        def _on_rollout_start(self) -> None:
            meter.evaluate_if_due(self.model, outer)

        def _on_step(self) -> bool:
            return not meter.refused

        def _on_training_end(self) -> None:
            meter.graceful = False

    return Watching()
