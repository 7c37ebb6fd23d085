"""Contenders that are pretrained: their stages, what those cost, and the controls that tell why it worked."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rl_lab.agents import PPO
from rl_lab.compare.environments import Maker
from rl_lab.compare.measure import Meter
from rl_lab.compare.plan import Contender, Plan
from rl_lab.errors import LabError
from rl_lab.fingerprint import describe, digest
from rl_lab.stages import Clone, Context, Demonstrate, Finetune, Ledger, Pipeline, Stage
from rl_lab.stages.stage import load_policy

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


def with_controls(plan: Plan) -> Plan:
    """The plan with the controls of its pretrained contenders, each of them once."""
    pretrained = [contender for contender in plan.contenders if is_pretrained(contender)]
    known = {_content(contender) for contender in plan.contenders}
    names, added = {contender.name for contender in plan.contenders}, list[Contender]()
    for contender in pretrained:
        for control in controls(contender):
            if _content(control) not in known:
                known.add(_content(control))
                alone = len(pretrained) == 1 and control.name not in names
                name = control.name if alone else f"{control.name} ({contender.name})"
                added.append(replace(control, name=name))
    if not added:
        return plan
    told = (*plan.controls, *(control.name for control in added))
    return replace(plan, contenders=[*plan.contenders, *added], controls=told)


def description(contender: Contender) -> Any:
    """What counts about a pretrained contender, for the name of a run."""
    rest = {name: value for name, value in contender.hyperparameters.items() if name != STAGES}
    return describe([contender.algorithm, rest, pipeline_of(contender).described()])


def _content(contender: Contender) -> str:
    plain = [contender.algorithm, dict(contender.hyperparameters)]
    return digest(description(contender) if is_pretrained(contender) else plain)


def controls(contender: Contender) -> list[Contender]:
    """From scratch, the clone alone, the critic's warm-up alone, and pretraining on shuffled targets."""
    stages = pipeline_of(contender).stages
    rest = {name: value for name, value in contender.hyperparameters.items() if name != STAGES}
    found: dict[str, list[Stage] | None] = {"scratch": None}
    last = next((stage for stage in stages if isinstance(stage, Finetune)), None)
    if any(isinstance(stage, Clone) for stage in stages):
        found["clone only"] = [stage for stage in stages if isinstance(stage, (Demonstrate, Clone))]
        shuffled = [replace(stage, shuffled=True) if isinstance(stage, Demonstrate) else stage for stage in stages]
        found["shuffled"] = shuffled
    if last is not None:
        found["warm-up only"] = [replace(last, kl_coef=0.0, fall_back=0)]
    return [
        Contender(name, contender.algorithm, rest if each is None else {**rest, STAGES: each})
        for name, each in found.items()
    ]


def rehearse(contender: Contender, maker: Maker) -> None:
    """Compile all that its stages need, with as little work as possible; nothing of it is kept.

    What goes wrong with so few episodes may go well with more: the run itself will say.
    """
    context = _context(contender, maker, 0)
    rollout = _rollout(context.hyperparameters)
    context.store, context.budget = None, None
    stages = [stage.rehearsal() for stage in pipeline_of(contender).stages]
    small = [replace(stage, steps=rollout) if isinstance(stage, Finetune) else stage for stage in stages]
    with contextlib.suppress(LabError):
        Pipeline(small).run(context)
    context.begin(Ledger())
    context.train(context.agent(), rollout)


def train(contender: Contender, maker: Maker, seed: int, meter: Meter) -> PPO:
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
    artifact = Pipeline(before).run(context) if before else None
    spent = artifact.ledger if artifact else Ledger()
    if spent.steps() >= meter.budget:
        raise LabError(f"pretraining cost {spent.steps()} steps of a budget of {meter.budget}; give more steps")
    meter.pay(spent)
    pretrained = context.agent()
    if artifact is not None:
        load_policy(pretrained, artifact, "actor", "critic", "log_std")
    meter.switch(spent, pretrained)
    meter.clock.stop()
    if not last:
        meter.ledger = spent  # nothing more is learned, and nothing more is paid
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
    """Keeps the meter up to date while PPO trains, and has it judged."""

    def __init__(self, meter: Meter) -> None:
        self.meter, self.rollouts = meter, 0
        self.agent: PPO | None = None

    def __call__(self, agent: PPO, ledger: Ledger) -> bool:
        self.agent, self.rollouts = agent, self.rollouts + 1
        self.meter.steps = ledger.steps()
        if self.rollouts in LOOKS:
            self.meter.judge_now(agent)
        else:
            self.meter.judge_if_due(agent)
        return self.meter.steps + agent.rollout.rewards.size <= self.meter.budget


def _context(
    contender: Contender, maker: Maker, seed: int, budget: int | None = None, watch: _Watch | None = None
) -> Context:
    from rl_lab.jit import cache

    maker.register()
    hyperparameters = {name: value for name, value in contender.hyperparameters.items() if name != STAGES}
    env: Any = maker.environment.make or maker.id
    arguments = dict(maker.environment.arguments)
    store = cache.folder().parent / "artifacts"
    return Context(env, seed, arguments, hyperparameters, store, budget, watch, described=maker.description())


def _rollout(hyperparameters: Mapping[str, Any]) -> int:
    return int(np.prod([hyperparameters.get("num_envs", 8), hyperparameters.get("n_steps", 2048)]))
