"""What every kind of contender can do: be checked, described, prepared and trained."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from rl_lab.agents.on_policy import OnPolicyAlgorithm
from rl_lab.agents.registry import ALGORITHMS
from rl_lab.compare import checks
from rl_lab.compare.environments import Maker
from rl_lab.compare.measure import Meter
from rl_lab.compare.plan import FEW_UPDATES, Contender
from rl_lab.errors import LabError
from rl_lab.fingerprint import describe

STAGES = "stages"


class Trainer(ABC):
    """Turns an environment, a seed and a budget into a model, as a contender of a plan says.

    Attributes:
        contender: what the plan says.
        ours: whether it is an algorithm of the lab, which is judged between its iterations and needs no torch.
    """

    ours = False

    def __init__(self, contender: Contender) -> None:
        self.contender = contender

    @abstractmethod
    def validate(self) -> None:
        """Refuse an algorithm that does not exist, or hyperparameters that it does not know."""

    def check_budget(self, budget: int) -> None:
        """Refuse a budget in which it could not learn once, as one rollout is longer or pretraining costs more."""
        num_envs = self.contender.num_envs
        if self.rollout_steps > budget:
            raise LabError(
                f"{budget} steps are less than one rollout of {self.contender.name}, {self.rollout_steps} steps "
                f"({num_envs} {'environment' if num_envs == 1 else 'environments'} times "
                f"n_steps={self.rollout_steps // num_envs}): it would not learn; give more steps"
            )

    def check_environment(self, maker: Maker) -> None:
        """Refuse an environment to train on in which it cannot learn, and values that its algorithm does not take."""
        maker.single().close()

    @property
    def rollout_steps(self) -> int:
        """Steps of one rollout, over all of its environments; 0 where that is not known."""
        return 0

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """What the report shows of it."""
        return dict(self.contender.hyperparameters)

    def description(self) -> Any:
        """What counts about it, for the name of a run; its own name does not."""
        contender = self.contender
        return describe([self._algorithm(), dict(contender.hyperparameters), *filter(None, [contender.control])])

    def compiles(self, maker: Maker) -> bool:
        """Whether there is machine code to prepare before its runs in an environment."""
        return maker.batched

    def prepare(self, maker: Maker) -> None:
        """Compile, or load from the cache, the machine code that its runs need: here none but what they find."""
        return

    @abstractmethod
    def train(self, maker: Maker, seed: int, meter: Meter) -> tuple[Any, Any]:
        """Run until it returns or its budget is spent; BudgetSpent where it went on past that.

        Returns:
            The model, and the environment as the model sees it where the contender wrapped it, else None.
        """

    def few_updates(self, budget: int) -> str:
        """A warning where it gets fewer than ten updates from its budget; otherwise nothing."""
        rollout, name = self.rollout_steps, self.contender.name
        if rollout == 0 or (updates := budget // rollout) >= FEW_UPDATES:
            return ""
        num_envs = self.contender.num_envs
        return (
            f"{name} gets {updates} {'update' if updates == 1 else 'updates'} from {budget:,} steps, one for each "
            f"rollout of {rollout:,} (num_envs={num_envs}, n_steps={rollout // num_envs}); fewer than {FEW_UPDATES} "
            "are too few to judge an algorithm: give more steps, or shorter rollouts"
        )

    def maker_for_training(self, maker: Maker) -> Maker:
        """The environment that it trains on; a LabError where its spaces are not those that it is evaluated with."""
        training, name = self.contender.training, self.contender.name
        trainer = maker.for_training(training)
        if training:
            mine, judged = trainer.single(), maker.single()
            for kind in ("observation_space", "action_space"):
                if getattr(mine, kind) != getattr(judged, kind):
                    raise LabError(
                        f"contender {name!r} trains on {maker.environment.name} with {dict(training)}, which changes "
                        f"its {kind.replace('_', ' ')} to {getattr(mine, kind)}: it is evaluated with "
                        f"{getattr(judged, kind)}"
                    )
        return trainer

    def _algorithm(self) -> Any:
        """The name or the function that counts."""
        return self.contender.algorithm

    def _options(self, *without: str) -> dict[str, Any]:
        given = self.contender.hyperparameters.items()
        return {name: value for name, value in given if name not in ("num_envs", *without)}

    def _check_names(self, taken: Callable[..., Any], more: Iterable[str] = ()) -> None:
        """Refuse hyperparameters that a constructor does not take."""
        name, given = self.contender.name, self.contender.hyperparameters
        checks.count(f"num_envs of contender {name!r}", given.get("num_envs", 1))
        staged = sorted(each for each, kind in ALGORITHMS.items() if issubclass(kind, OnPolicyAlgorithm))
        if STAGES in given and self.contender.algorithm not in staged:
            raise LabError(
                f"contender {name!r} has stages, which go with {' and '.join(staged)}, and not with "
                f"{self.contender.algorithm!r}"
            )
        parameters = inspect.signature(taken).parameters.values()
        if not any(item.kind is item.VAR_KEYWORD for item in parameters):
            allowed = [item.name for item in parameters if item.kind is not item.VAR_POSITIONAL]
            for each in given:
                checks.choice(f"hyperparameter of {name}", each, [*allowed, "num_envs", *more])
