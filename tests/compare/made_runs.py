"""Runs as a comparison would leave them, made from numbers."""

import numpy as np

from rl_lab.compare import Contender, Environment, Evaluation, Plan, Run
from rl_lab.compare.measure import Point

STEPS, POINTS = 1_000, 10
ENVIRONMENT = Environment("task", None, {}, 0.0, 1.0)


def plan(*questions, seeds=10, names=("ours", "theirs"), environments=(ENVIRONMENT,)):
    contenders = [Contender(name, "sb3:ppo") for name in names]
    return Plan(environments, contenders, STEPS, seeds, questions, names[-1], Evaluation(POINTS, 5))


def run(name, seed, scores, speed=1.0, environment="task"):
    """A run whose evaluations, from step 0 on, have these mean scores, at `speed` seconds for all steps."""
    share = np.linspace(0, 1, len(scores))
    points = [
        Point(round(STEPS * part), speed * part, speed * part, [score] * 5, [10] * 5)
        for part, score in zip(share, scores, strict=True)
    ]
    return Run(environment, name, seed, points, STEPS, speed, speed)


def rising(reached, top=1.0):
    """A curve that is at 0 and then, from evaluation `reached` on, at `top`."""
    return [0.0 if place < reached else top for place in range(POINTS + 1)]
