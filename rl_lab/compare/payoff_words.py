"""What pretraining brought, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rl_lab.compare.payoff import Payoff
from rl_lab.compare.plan import Plan
from rl_lab.stages.ledger import Ledger

MUCH = 3  # times as many steps of its own as were shown, from which on a hint is due
NAMES = {
    "clone only": "the clone alone",
    "shuffled": "pretraining on shuffled targets",
    "warm-up only": "the critic's warm-up alone",
    "untrained layers": "the same steps with layers that learned nothing",
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
    told = [
        f"Pretraining raised {payoff.contender} from {payoff.untrained:.2f} to {payoff.pretrained:.2f} before it "
        f"learned from reward, for {cost.steps():,.0f} charged steps{_shares(cost)}."
    ]
    if charged is not None:
        reached = f"reached it after {charged:,.0f}" if np.isfinite(charged) else "never reached it in half of the runs"
        told.append(f"Asked for {level:g}, it {reached}{' charged steps' if np.isfinite(charged) else ''}.")
    if payoff.ahead is not None and plan.baseline != payoff.contender:
        since = f"From step {payoff.ahead:,.0f} on, where it broke even, it" if payoff.ahead > 0 else "It"
        told.append(f"{since} was never behind {plan.baseline}.")
    if controls:
        ends = ", ".join(f"{_called(each.contender)} at {each.final:.2f}" for each in controls)
        told.append(
            f"It ended at {payoff.final:.2f}; beside it, {ends}. A control that does as well says to what the gain was "
            "owed."
        )
    if cost.demonstration_transitions and cost.learner_steps > MUCH * cost.demonstration_transitions:
        told.append("Most of the charge is for the critic's own rollouts: the steps of stage 'value' say how many.")
    return told


def _shares(cost: Ledger) -> str:
    if not cost.demonstration_transitions:
        return " of its own"
    return f": {cost.demonstration_transitions:,.0f} that the expert showed and {cost.learner_steps:,.0f} of its own"


def _called(contender: str) -> str:
    kind = contender.partition(" (")[0]
    return contender.replace(kind, NAMES.get(kind, kind))
