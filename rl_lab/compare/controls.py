"""Controls that tell why pretraining worked: contenders that a plan gets beside its pretrained ones."""

from collections.abc import Collection
from dataclasses import replace

from rl_lab.compare.contenders import STAGES, PipelineTrainer, trainer_of
from rl_lab.compare.plan import Contender, Plan
from rl_lab.fingerprint import digest
from rl_lab.stages import Clone, Demonstrate, Finetune, FitValue, Represent, Stage
from rl_lab.stages.step_budget import CLONE_ONLY, CONTROLS, SHUFFLED, WARM_UP_ONLY


def with_controls(plan: Plan, pretrained: Collection[str] = ()) -> Plan:
    """The plan with the controls of its pretrained contenders, each of them once, if it wants them.

    `pretrained` are those that called `rl_lab.sb3.pretrain`, as their runs show; those with stages are known.
    """
    chosen = [
        contender
        for contender in plan.contenders
        if STAGES in contender.hyperparameters or contender.name in pretrained
        if contender.name not in plan.control_names
    ]
    known = {_content(contender) for contender in plan.contenders}
    names, added = {contender.name for contender in plan.contenders}, list[Contender]()
    for contender in chosen:
        for control in controls(contender) if plan.controls is not False else ():
            if _content(control) not in known and _affordable(plan, control):
                known.add(_content(control))
                alone = len(chosen) == 1 and control.name not in names
                name = control.name if alone else f"{control.name} ({contender.name})"
                added.append(replace(control, name=name))
    if chosen and plan.usual_questions:  # whether pretraining pays is asked about steps, which are charged, not time
        by_steps = {"time": "steps"}
        asked = (replace(each, measure=by_steps.get(each.measure, each.measure)) for each in plan.questions)
        plan = replace(plan, questions=tuple(asked))
    if not added:
        return plan
    named = (*plan.control_names, *(control.name for control in added))
    return replace(plan, contenders=[*plan.contenders, *added], controls=named)


def without(plan: Plan, control: Contender) -> Plan:
    """The plan without one of its controls."""
    contenders = [each for each in plan.contenders if each is not control]
    return replace(plan, contenders=contenders, controls=[name for name in plan.control_names if name != control.name])


def controls(contender: Contender) -> list[Contender]:
    """Training from scratch, the clone alone, the critic's warm-up alone, and pretraining on shuffled targets."""
    trainer = trainer_of(contender)
    return _of_stages(trainer) if isinstance(trainer, PipelineTrainer) else _of_function(contender)


def _of_stages(trainer: PipelineTrainer) -> list[Contender]:
    contender, stages = trainer.contender, trainer.pipeline.stages
    rest = {name: value for name, value in contender.hyperparameters.items() if name != STAGES}
    found: dict[str, list[Stage] | None] = {"scratch": None}
    last = next((stage for stage in stages if isinstance(stage, Finetune)), None)
    if any(isinstance(stage, Clone) for stage in stages):
        found[CLONE_ONLY] = [stage for stage in stages if isinstance(stage, (Demonstrate, Clone))]
        shuffled = [replace(stage, shuffled=True) if isinstance(stage, Demonstrate) else stage for stage in stages]
        found[SHUFFLED] = shuffled
    if any(isinstance(stage, Represent) for stage in stages):
        found["untrained layers"] = [
            replace(stage, objective="autoencoder", epochs=0) if isinstance(stage, Represent) else stage
            for stage in stages
        ]
    if last is not None and any(isinstance(stage, (Clone, FitValue)) for stage in stages):
        found[WARM_UP_ONLY] = [replace(last, kl_coef=0.0, fall_back=0)]
    return [
        replace(contender, name=name, hyperparameters=rest if each is None else {**rest, STAGES: each})
        for name, each in found.items()
    ]


def _of_function(contender: Contender) -> list[Contender]:
    """The function itself, in which `pretrain` does only what the control says, and our own PPO."""
    return [
        Contender("ours from scratch", "ppo", training=contender.training),
        *(replace(contender, name=control, control=control) for control in CONTROLS),
    ]


def _affordable(plan: Plan, control: Contender) -> bool:
    """Whether a control without stages has the budget of one rollout."""
    least = 0 if STAGES in control.hyperparameters else trainer_of(control).rollout_steps
    return least <= min(map(plan.budget, plan.environments))


def _content(contender: Contender) -> str:
    return digest(trainer_of(contender).description())
