"""Contenders that are pretrained: their stages, and what those cost."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rl_lab.agents import registry
from rl_lab.agents.algorithm import Algorithm
from rl_lab.compare.environments import Maker
from rl_lab.compare.measure import Meter
from rl_lab.compare.plan import Contender
from rl_lab.data import playing
from rl_lab.data.demonstrations import Demonstrations
from rl_lab.errors import LabError
from rl_lab.fingerprint import describe
from rl_lab.stages import Artifact, Context, Demonstrate, Finetune, Ledger, Pipeline, experts, store
from rl_lab.stages.stage import load_policy
from rl_lab.supervised import Classifier, Regressor

LOOKS = (1, 2, 4, 8, 16, 32)  # rollouts after the switch that are judged besides the plan's points
STAGES = "stages"


def is_pretrained(contender: Contender) -> bool:
    """Whether its hyperparameters have stages."""
    return STAGES in contender.hyperparameters


def pipeline_of(contender: Contender) -> Pipeline:
    """The stages of a contender.

    Raises:
        LabError: they make no sense.
    """
    stages = contender.hyperparameters[STAGES]
    if isinstance(stages, Pipeline):
        return stages
    if not isinstance(stages, Sequence) or isinstance(stages, str):
        raise LabError(f"stages of contender {contender.name!r} are {stages!r}; give a list of them")
    try:
        return Pipeline(stages)
    except LabError as error:
        raise LabError(f"contender {contender.name!r}: {error}") from None


def description(contender: Contender) -> Any:
    """What counts about a pretrained contender, for the name of a run."""
    rest = {name: value for name, value in contender.hyperparameters.items() if name != STAGES}
    return describe([contender.algorithm, rest, pipeline_of(contender).described()])


def check_budget(contender: Contender, budget: int) -> None:
    """Refuse a budget that pretraining alone would take.

    Raises:
        LabError: says what it costs at least.
    """
    rollout = rollout_of(contender)
    least = sum(stage.least(rollout, budget) for stage in pipeline_of(contender).stages)
    if least > budget:
        raise LabError(
            f"the stages of {contender.name} cost at least {least} steps, of which {rollout} are one rollout, "
            f"and the budget is {budget}; give more steps, cheaper stages, or shorter rollouts (n_steps, num_envs)"
        )


def try_out(contender: Contender, maker: Maker) -> None:
    """Have the expert act for a while, or look at the data set, before anything is trained.

    Raises:
        LabError: there is no such expert or data set, or it does not fit the environment.
    """
    for stage in pipeline_of(contender).stages:
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
            raise LabError(f"contender {contender.name!r} on {maker.environment.name}: {error}") from error


def rehearse_fits() -> None:
    """Compile what `rl_lab.sb3.pretrain` fits with, or load it from the cache."""
    inputs, targets = np.zeros((8, 1), np.float32), np.arange(8) % 2
    for estimator in (Classifier, Regressor):
        estimator((2,), "tanh", max_iter=1, early_stopping=True, validation_fraction=0.5).fit_to(inputs, targets)


def rehearse(contender: Contender, maker: Maker) -> None:
    """Compile all that its stages need, with as little work as possible; nothing of it is kept.

    What goes wrong with so few episodes may go well with more: the run itself will say.
    """
    context = _context(contender, maker, 0)
    rollout = rollout_of(contender)
    context.store, context.budget = None, None
    stages = [stage.rehearsal() for stage in pipeline_of(contender).stages]
    small = [replace(stage, steps=rollout) if isinstance(stage, Finetune) else stage for stage in stages]
    with contextlib.suppress(LabError):
        Pipeline(small).run(context)
    context.begin(Ledger())
    context.train(context.agent(), rollout)


def train(contender: Contender, maker: Maker, seed: int, meter: Meter) -> Algorithm:
    """Run the stages, with all that they cost on the meter, and have the policy judged on its way.

    The curve begins with the untrained policy, which is all that there is until pretraining is paid for.

    Raises:
        LabError: pretraining costs the whole budget, or a stage cannot work here.
    """
    stages = pipeline_of(contender).stages
    place = next((i for i, stage in enumerate(stages) if isinstance(stage, Finetune)), len(stages))
    before, last = stages[:place], stages[place:]
    watch = _Watch(meter)
    context = _context(contender, maker, seed, meter.budget, watch)
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
        return pretrained
    meter.clock.start()
    for stage in last:
        artifact = stage.run(context, artifact)
    assert artifact is not None
    assert watch.agent is not None
    meter.ledger = artifact.ledger
    meter.steps = artifact.ledger.steps()
    meter.notes |= artifact.notes
    return watch.agent


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
            self.meter.judge_if_due(agent)
        return self.meter.steps + agent.rollout_steps <= self.meter.budget


def _context(
    contender: Contender, maker: Maker, seed: int, budget: int | None = None, watch: _Watch | None = None
) -> Context:
    maker.register()
    given = {name: value for name, value in contender.hyperparameters.items() if name != STAGES}
    hyperparameters = {"num_envs": contender.num_envs, **given}
    env: Any = maker.environment.make or maker.id
    arguments = dict(maker.environment.arguments)
    kept = store.usual()
    described, algorithm = maker.description(), str(contender.algorithm)
    return Context(env, seed, arguments, hyperparameters, kept, budget, watch, described=described, algorithm=algorithm)


def rollout_of(contender: Contender) -> int:
    """Steps of one rollout of an algorithm of ours, over all of its environments."""
    usual = getattr(registry.algorithm_named(str(contender.algorithm)).config_class(), "n_steps", 1)
    return contender.num_envs * int(contender.hyperparameters.get("n_steps", usual))
