"""The results of pretraining, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rl_lab.compare.payoff import Payoff
from rl_lab.compare.plan import Plan
from rl_lab.stages.ledger import Ledger

MUCH = 3  # times as many own steps as demonstrated ones, from which on the report explains them
NAMES = {
    "clone only": "the clone alone",
    "shuffled": "pretraining on shuffled targets",
    "warm-up only": "the critic's warm-up alone",
    "untrained layers": "the same steps with untrained layers",
}


def sentences(plan: Plan, found: Sequence[Payoff], level: float | None) -> list[str]:
    """A paragraph for each pretrained contender of the plan, its controls among them."""
    return [
        " ".join(_about(plan, payoff, [each for each in found if each.contender in plan.control_names], level))
        for payoff in found
        if payoff.contender not in plan.control_names
    ]


def _about(plan: Plan, payoff: Payoff, controls: Sequence[Payoff], level: float | None) -> list[str]:
    cost, charged = payoff.cost, payoff.reached.get("charged")
    paragraph = [
        f"Pretraining raised the score of {payoff.contender} from {payoff.untrained:.2f} to {payoff.pretrained:.2f} "
        f"before it learned from rewards, for {cost.steps():,.0f} charged steps{_shares(cost)}."
    ]
    if charged is not None:
        paragraph.append(
            f"It reached {level:g} after {charged:,.0f} charged steps."
            if np.isfinite(charged)
            else f"It never reached {level:g} in half of the runs."
        )
    if payoff.ahead is not None and plan.baseline != payoff.contender:
        since = f"From step {payoff.ahead:,.0f} on, where it broke even, it" if payoff.ahead > 0 else "It"
        paragraph.append(f"{since} was never behind {plan.baseline}.")
    if controls:
        ends = ", ".join(f"{_called(each.contender)} at {each.final:.2f}" for each in controls)
        paragraph.append(
            f"Its final score is {payoff.final:.2f}; controls: {ends}. A control that scores as high shows what caused "
            "the gain."
        )
    if cost.demonstration_transitions and cost.learner_steps > MUCH * cost.demonstration_transitions:
        paragraph.append("Most charged steps are rollouts for the critic; `steps` of the stage 'value' sets how many.")
    return paragraph


def _shares(cost: Ledger) -> str:
    if not cost.demonstration_transitions:
        return " of its own"
    return f": {cost.demonstration_transitions:,.0f} of the expert and {cost.learner_steps:,.0f} of its own"


def _called(contender: str) -> str:
    kind = contender.partition(" (")[0]
    return contender.replace(kind, NAMES.get(kind, kind))
