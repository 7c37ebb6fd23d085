"""Algorithms of the lab, by name."""

from typing import Any

from rl_lab.agents.algorithm import Algorithm
from rl_lab.agents.common.config import Config
from rl_lab.agents.common.environments import LEAST_BYTES
from rl_lab.agents.registry import ALGORITHMS
from rl_lab.compare.checks import unknown
from rl_lab.compare.contenders.base import STAGES, Trainer
from rl_lab.compare.contenders.sb3 import SB3
from rl_lab.compare.environments import Maker
from rl_lab.compare.measure import Meter
from rl_lab.errors import LabError
from rl_lab.memory import check_memory


class LabTrainer(Trainer):
    """An algorithm of the registry."""

    ours = True

    @property
    def kind(self) -> type[Algorithm]:
        """Its class; a LabError where there is none of this name."""
        if (name := str(self.contender.algorithm)) not in ALGORITHMS:
            raise unknown("contender", name, [*ALGORITHMS, *(f"sb3:{each}" for each in SB3), "module:function"])
        return ALGORITHMS[name]

    @property
    def config(self) -> Config:
        """Its hyperparameters.

        Raises:
            LabError: a value is not allowed.
        """
        try:
            return self.kind.config_class.of(self._options(STAGES))
        except LabError as error:
            raise LabError(f"contender {self.contender.name!r}: {error}") from None

    def check_budget(self, budget: int) -> None:
        """Refuse a budget in which it could not learn once."""
        super().check_budget(budget)
        config = self.config
        try:
            config.check_budget(budget)
        except LabError as error:
            raise LabError(f"contender {self.contender.name!r}: {error}") from None

    def validate(self) -> None:
        """Refuse an algorithm that does not exist, or hyperparameters that it does not know."""
        self._check_names(self.kind.config_class, [STAGES])

    def check_environment(self, maker: Maker) -> None:
        """Refuse spaces, values and sizes that the algorithm does not take."""
        config, env, count = self.config, maker.single(), self.contender.num_envs
        try:
            check_memory(float(count) * LEAST_BYTES, f"num_envs={count}", "choose fewer")
            policy = self.kind.make_policy(env.observation_space, env.action_space, config)
            self.kind.check_memory(config, policy, count)
        except LabError as error:
            raise LabError(f"contender {self.contender.name!r}: {error}") from error
        finally:
            env.close()

    @property
    def rollout_steps(self) -> int:
        """Steps of one rollout, over all of its environments."""
        return self.config.rollout_steps(self.contender.num_envs)

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """What the report shows of it."""
        return {**super().hyperparameters, "num_envs": self.contender.num_envs}

    def compiles(self, maker: Maker) -> bool:
        """There always is: its own loops."""
        return True

    def prepare(self, maker: Maker) -> None:
        """Compile its loops and its environment's."""
        agent = self._agent(maker.for_training(self.contender.training), seed=0)
        agent.learn(agent.rollout_steps)
        agent.predict(maker.evaluation(2).reset()[0])

    def train(self, maker: Maker, seed: int, meter: Meter) -> tuple[Any, Any]:
        """Train for whole rollouts within the budget, judged between them."""
        meter.clock.start()
        agent = self._agent(maker.for_training(self.contender.training), seed)
        rollout = agent.rollout_steps
        self.check_budget(meter.budget)
        meter.evaluate_if_due(agent)

        def after_iteration(agent: Algorithm) -> bool:
            meter.steps = int(agent.num_timesteps)
            meter.evaluate_if_due(agent)
            return meter.steps + rollout <= meter.budget

        agent.learn(meter.budget // rollout * rollout, callback=after_iteration)
        meter.steps = int(agent.num_timesteps)
        return agent, None

    def _agent(self, maker: Maker, seed: int) -> Algorithm:
        lanes = self.contender.num_envs
        env: Any = maker.environment.make or maker.id
        if maker.environment.arguments:
            env = maker.vector(lanes) if maker.batched else maker.single
        maker.register()
        return self.kind(env, num_envs=lanes, seed=seed, **self._options())
