"""Contenders that are pretrained: the stages of an algorithm of the lab, and what those cost."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rl_lab.agents.algorithm import Algorithm
from rl_lab.compare.contenders.base import STAGES
from rl_lab.compare.contenders.lab import LabTrainer
from rl_lab.compare.environments import Maker
from rl_lab.compare.measure import Meter
from rl_lab.data import playing
from rl_lab.data.demonstrations import Demonstrations
from rl_lab.errors import LabError
from rl_lab.fingerprint import describe
from rl_lab.stages import Artifact, Context, Demonstrate, Finetune, Ledger, Pipeline, experts, store
from rl_lab.stages.stage import load_policy

LOOKS = (1, 2, 4, 8, 16, 32)  # rollouts after the switch that are judged besides the plan's points


class PipelineTrainer(LabTrainer):
    """An algorithm of the registry with stages before it."""

    @property
    def pipeline(self) -> Pipeline:
        """Its stages; a LabError where they make no sense."""
        stages, name = self.contender.hyperparameters[STAGES], self.contender.name
        if isinstance(stages, Pipeline):
            return stages
        if not isinstance(stages, Sequence) or isinstance(stages, str):
            raise LabError(f"stages of contender {name!r} are {stages!r}; give a list of them")
        try:
            return Pipeline(stages)
        except LabError as error:
            raise LabError(f"contender {name!r}: {error}") from None

    def validate(self) -> None:
        """Refuse invalid stages, too."""
        super().validate()
        _ = self.pipeline

    def check_budget(self, budget: int) -> None:
        """Refuse a budget that pretraining alone would take."""
        rollout = self.rollout_steps
        least = sum(stage.least(rollout, budget) for stage in self.pipeline.stages)
        if least > budget:
            raise LabError(
                f"the stages of {self.contender.name} cost at least {least} steps, of which {rollout} are one rollout, "
                f"and the budget is {budget}; give more steps, cheaper stages, or shorter rollouts (n_steps, num_envs)"
            )

    def check_environment(self, maker: Maker) -> None:
        """Have the expert act for a while, or look at the data set, too."""
        super().check_environment(maker)
        for stage in self.pipeline.stages:
            if not isinstance(stage, Demonstrate):
                continue
            env = maker.single()
            try:
                if stage.dataset is not None:
                    shown = Demonstrations.read(stage.dataset)
                    shown.check_fits(maker.environment.known_as, env.observation_space, env.action_space, env.spec)
                else:
                    playing.try_out(env, experts.find(stage.expert, env).act)
            except LabError as error:
                raise LabError(f"contender {self.contender.name!r} on {maker.environment.name}: {error}") from error

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """What the report shows of it."""
        return {**super().hyperparameters, STAGES: self.pipeline}

    def description(self) -> Any:
        """What counts about it, its stages as they are described among it."""
        rest = {name: value for name, value in self.contender.hyperparameters.items() if name != STAGES}
        return describe([self.contender.algorithm, rest, self.pipeline.described()])

    def prepare(self, maker: Maker) -> None:
        """Compile all that its stages need, with as little work as possible; what fails so may succeed in the run."""
        context, rollout = self._context(maker.for_training(self.contender.training), 0), self.rollout_steps
        context.store, context.budget = None, None
        stages = [stage.minimal() for stage in self.pipeline.stages]
        small = [replace(stage, steps=rollout) if isinstance(stage, Finetune) else stage for stage in stages]
        with contextlib.suppress(LabError):
            Pipeline(small).run(context)
        context.books.begin(Ledger())
        context.train(context.agent(), rollout)

    def train(self, maker: Maker, seed: int, meter: Meter) -> tuple[Any, Any]:
        """Run the stages, with all that they cost on the meter, and have the policy judged on its way.

        The curve begins with the untrained policy, which is all that there is until pretraining is paid for.
        """
        stages = self.pipeline.stages
        place = next((i for i, stage in enumerate(stages) if isinstance(stage, Finetune)), len(stages))
        before, last = stages[:place], stages[place:]
        watch = _Watch(meter)
        context = self._context(maker.for_training(self.contender.training), seed, meter.budget, watch)
        untrained = context.agent()
        meter.judge_now(untrained)
        meter.clock.stop()
        artifact: Artifact | None = Pipeline(before).run(context) if before else None
        spent = artifact.ledger if artifact else Ledger()
        if spent.steps() >= meter.budget:
            raise LabError(f"pretraining cost {spent.steps()} steps of a budget of {meter.budget}; give more steps")
        meter.pay(spent)
        pretrained = context.agent()
        if artifact is not None:
            load_policy(pretrained, artifact)
        meter.switch(spent, pretrained)
        meter.clock.stop()
        if not last:
            meter.rest()
            return pretrained, None
        meter.clock.start()
        for stage in last:
            artifact = stage.run(context, artifact)
        assert artifact is not None
        meter.ledger = artifact.ledger
        meter.steps = artifact.ledger.steps()
        meter.notes |= artifact.notes
        return watch.agent, None

    def _context(self, maker: Maker, seed: int, budget: int | None = None, watch: _Watch | None = None) -> Context:
        maker.register()
        hyperparameters = {"num_envs": self.contender.num_envs, **self._options(STAGES)}
        env: Any = maker.environment.make or maker.id
        return Context(
            env,
            seed,
            dict(maker.environment.arguments),
            hyperparameters,
            store.usual(),
            budget,
            watch,
            described=maker.description(),
            algorithm=str(self.contender.algorithm),
        )


class _Watch:
    """Keeps the meter up to date during training, and has it judged."""

    def __init__(self, meter: Meter) -> None:
        self.meter, self.rollouts = meter, 0
        self.agent: Algorithm | None = None

    def __call__(self, agent: Algorithm, ledger: Ledger) -> bool:
        self.agent, self.rollouts = agent, self.rollouts + 1
        self.meter.steps = ledger.steps()
        if self.rollouts in LOOKS:
            self.meter.judge_now(agent)
        else:
            self.meter.evaluate_if_due(agent)
        return self.meter.steps + agent.rollout_steps <= self.meter.budget
