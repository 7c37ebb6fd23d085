"""Where pretraining outside a pipeline is charged: a comparison's step budget, found inside wrappers."""

from contextlib import AbstractContextManager
from typing import Any, Protocol

import gymnasium as gym

from rl_lab.errors import LabError
from rl_lab.stages.ledger import Ledger

CLONE_ONLY, SHUFFLED, WARM_UP_ONLY = "clone only", "shuffled", "warm-up only"
CONTROLS = (CLONE_ONLY, SHUFFLED, WARM_UP_ONLY)


class BudgetSpent(BaseException):
    """All steps of a run are taken; a contender may not catch it, and its watched model is evaluated as it is.

    No `Exception`: a training loop that catches those around a step would never end.
    """


class StepBudget(Protocol):
    """Counts the steps of one run, and has its model evaluated."""

    budget: int
    steps: int
    control: str
    """Which control of a pretrained contender this run is, one of `CONTROLS`, or nothing."""

    def charge(self, steps: int) -> None:
        """Count steps that were taken somewhere else, or long ago, as those of a data set."""

    def switch(self, spent: Ledger, model: Any, outer: Any = None) -> None:
        """Pretraining is over, and `model` is what it gave."""

    def off_the_clock(self) -> AbstractContextManager[None]:
        """Time spent inside is not counted."""

    def rest(self) -> None:
        """Nothing changes any more, and nothing more is paid."""

    def evaluate_if_due(self, model: Any, outer: Any = None) -> None:
        """Evaluate a model if the next point of the plan has come."""


def step_budget_of(env: Any) -> tuple[Any, Any]:
    """The step budget inside wrappers, or None, and the environment as a model sees it where ours is wrapped.

    Raises:
        LabError: a wrapper of Stable-Baselines3 changes observations in a way that evaluation cannot follow.
    """
    passing = ("VecNormalize", "VecTransposeImage", "VecMonitor", "VecCheckNan")
    foreign: list[str] = []
    while (venv := getattr(env, "venv", None)) is not None:
        if "rl_lab_step_budget" in vars(env):  # its wrappers hand attributes on
            return _known(env.rl_lab_step_budget, foreign), None
        if type(env).__name__ not in passing:
            foreign.append(type(env).__name__)
        env = venv
    env = getattr(env, "envs", [env])[0]
    inner, own = env, True
    while isinstance(inner, gym.Wrapper):
        if hasattr(inner, "rl_lab_step_budget"):
            return _known(inner.rl_lab_step_budget, foreign), None if own else env
        own &= type(inner).__name__ == "Monitor"
        inner = inner.env
    return None, None


def _known(budget: Any, foreign: list[str]) -> Any:
    if budget is not None and foreign:
        raise LabError(f"evaluation cannot follow the wrapper {foreign[0]}; wrap the single environment instead")
    return budget
