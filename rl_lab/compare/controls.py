"""Controls that tell why pretraining worked: contenders that a plan gets beside its pretrained ones."""

from __future__ import annotations

import contextlib
import functools
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from rl_lab.agents.registry import ALGORITHMS
from rl_lab.compare.plan import Contender, Plan, Question
from rl_lab.compare.pretrained import STAGES, description, is_pretrained, pipeline_of, rollout_of
from rl_lab.errors import LabError
from rl_lab.fingerprint import describe, digest
from rl_lab.stages import Clone, Demonstrate, Finetune, FitValue, Represent, Stage
from rl_lab.stages.till import CLONE_ONLY, CONTROLS, SHUFFLED, WARM_UP_ONLY


def with_controls(plan: Plan) -> Plan:
    """The plan with the controls of its pretrained contenders, each of them once, if it wants them."""
    pretrained = [contender for contender in plan.contenders if is_pretrained(contender) or calls_pretrain(contender)]
    known = {_content(contender) for contender in plan.contenders}
    names, added = {contender.name for contender in plan.contenders}, list[Contender]()
    for contender in pretrained:
        for control in controls(contender) if plan.controls is not False else ():
            if _content(control) not in known and _affordable(plan, control):
                known.add(_content(control))
                alone = len(pretrained) == 1 and control.name not in names
                name = control.name if alone else f"{control.name} ({contender.name})"
                added.append(replace(control, name=name))
    if pretrained and plan.usual_questions:
        plan = replace(plan, questions=tuple(_by_steps(question) for question in plan.questions))
    if not added:
        return plan
    named = (*plan.control_names, *(control.name for control in added))
    return replace(plan, contenders=[*plan.contenders, *added], controls=named)


def _by_steps(question: Question) -> Question:
    """Whether pretraining pays is a question about steps, which are charged, rather than about time."""
    return replace(question, measure="steps") if question.measure == "time" else question


def controls(contender: Contender) -> list[Contender]:
    """Training from scratch, the clone alone, the critic's warm-up alone, and pretraining on shuffled targets."""
    return _of_stages(contender) if is_pretrained(contender) else _of_function(contender)


def _of_stages(contender: Contender) -> list[Contender]:
    stages = pipeline_of(contender).stages
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
    ours = control.algorithm in ALGORITHMS and not is_pretrained(control)
    least = rollout_of(control) if ours else 0
    return least <= min(map(plan.budget, plan.environments))


def _content(contender: Contender) -> str:
    if is_pretrained(contender):
        return digest(description(contender))
    return digest(describe([contender.algorithm, dict(contender.hyperparameters), contender.control]))


def calls_pretrain(contender: Contender) -> bool:
    """Whether a contender is a function that calls `rl_lab.sb3.pretrain`, itself or through others of its module."""
    from rl_lab.compare.contenders import function_of, is_lab, is_sb3

    if is_lab(contender) or is_sb3(contender):
        return False
    try:
        return any(_names_pretrain(function) for function in _reached(function_of(contender)))
    except LabError:
        return False  # that there is no such function is said elsewhere


def _reached(function: Callable[..., Any]) -> Iterator[types.FunctionType]:
    """A function, and those of its own module that it names."""
    waiting, seen = [function], set[int]()
    while waiting:
        each: Any = waiting.pop()
        while isinstance(each, functools.partial):
            each = each.func
        if not isinstance(each, types.FunctionType):
            each = getattr(each, "__func__", None) or getattr(type(each), "__call__", None)  # noqa: B004
        if not isinstance(each, types.FunctionType) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [one for one in _named(each) if getattr(one, "__module__", None) == each.__module__]


def _named(function: types.FunctionType) -> list[Any]:
    """What a function refers to, in its module and in the functions around it."""
    found = [function.__globals__.get(name) for name in _names(function.__code__)]
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # a name that has no value yet
            found.append(cell.cell_contents)
    return found


def _names(code: types.CodeType) -> set[str]:
    inner = [part for part in code.co_consts if isinstance(part, types.CodeType)]
    return {*code.co_names, *(name for part in inner for name in _names(part))}


def _names_pretrain(function: types.FunctionType) -> bool:
    names, found = _names(function.__code__), _named(function)
    if any(
        getattr(one, "__module__", "") == "rl_lab.sb3_pretrain" and getattr(one, "__name__", "") == "pretrain"
        for one in found
    ):
        return True
    modules = {getattr(one, "__name__", "") for one in found if isinstance(one, types.ModuleType)} | names
    known = "rl_lab.sb3" in modules or {"rl_lab", "sb3"} <= modules
    return "pretrain" in names and known
