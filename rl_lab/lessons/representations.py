"""What a representation knows: linear probes of trunks that learned without labels, on a world of the robot's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rl_lab import seed_offsets
from rl_lab.agents.common.environments import make_adapter
from rl_lab.envs.robot import cells
from rl_lab.envs.robot.planner import plan_state
from rl_lab.errors import LabError
from rl_lab.lessons import style
from rl_lab.lessons.findings import Findings, PageTable, Picture
from rl_lab.lessons.style import new_figure
from rl_lab.stages import Context, Ledger
from rl_lab.stages.represent import experienced
from rl_lab.unsupervised.probe import probe
from rl_lab.unsupervised.representation import OBJECTIVES, Representation
from rl_lab.validation import whole_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST = 1000  # steps, from which anything can be learned
LANES, LOOKS = 64, 250  # of the walks that are probed
RANDOM_SHARE = 0.5  # share of actions that the planner's half of the lanes draws at random
SETTINGS = {"num_envs": 16, "n_steps": 256}
DOORS = (cells.DOOR, cells.CLOSED_DOOR, cells.LOCKED_DOOR)


def study(env: str, steps: int = 200_000, epochs: int = 5, seed: int = 0) -> Findings:
    """Learn a trunk with each objective, and read off its features what the world's state is.

    Args:
        env: id of one of the robot's worlds with one door and one key at most.
        steps: that each objective learns from, taken by a policy at random.
        epochs: how often.
        seed: of everything random.
    """
    whole_number("steps", steps, LEAST)
    whole_number("epochs", epochs, 1)
    rows, labels, lanes = collected(env, seed)
    context = Context(env, seed, hyperparameters=SETTINGS)
    context.books.begin(Ledger())
    agent = context.agent()
    seen = experienced(agent, steps)
    options: dict[str, Any] = {"actions": agent.policy.outputs, "scale": float(agent.policy.encoder.scale)}
    features = {"raw observation": rows}
    for name, objective, rounds in [("random network", "both", 0), *((each, each, epochs) for each in OBJECTIVES)]:
        made = Representation(objective, max_iter=rounds, random_state=seed, **options).fit(seen)
        features[name] = made.transform(rows)
    found: dict[str, Any] = {
        name: {fact: _probed(given, known, lanes, seed) for fact, known in labels.items()}
        for name, given in features.items()
    }
    facts = [fact for fact in labels if any(found[name][fact] is not None for name in found)]
    chance = {fact: 1 / len(np.unique(labels[fact])) for fact in facts}
    table = PageTable(
        ["features", *facts],
        [[name, *(_share(found[name][fact]) for fact in facts)] for name in found]
        + [["chance", *(_share(chance[fact]) for fact in facts)]],
    )
    lines = [f"{'balanced accuracy':18}" + "".join(f"{fact:>12}" for fact in facts)]
    lines += [f"{row[0]:18}" + "".join(f"{cell:>12}" for cell in row[1:]) for row in table.rows]
    learned = len(seen.rows) * seen.rows.shape[1]
    lines.append(f"{learned:,} steps at random, {epochs} epochs; one seed, so that some hundredths are not significant")
    numbers = {"env": env, "steps": learned, "accuracy": found, "chance": chance}
    drawn = Picture("probes", "What a linear probe reads off the features", _drawn(found, facts, chance))
    command = f"rl-lab represent {env} --steps {steps} --epochs {epochs} --seed {seed}"
    title = "What does a representation know that learned without labels?"
    return Findings("representations", title, lines, numbers, command, [table], [drawn])


def collected(env: str, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """What is seen on walks, and what is so: half of the lanes walk at random, half follow a planner that errs.

    Returns rows `(samples, size)`, labels `(samples,)` by what they are about, and the lane of each sample.
    """
    lanes: Any = make_adapter(env, LANES)
    if not hasattr(lanes, "batch") or "cells" not in (lanes.batch.states.dtype.names or ()):
        raise LabError(
            f"{env} is none of the robot's worlds, whose state is known; give, say, rl_lab/Robot-DoorKey-8x8-v0"
        )
    lanes.reset(seed + seed_offsets.PROBES)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=seed_offsets.PROBE_ACTIONS))
    rows, facts = [], []
    for _ in range(LOOKS):
        rows.append(lanes.view.observations.reshape(LANES, -1).copy())
        facts.append([_facts(state) for state in lanes.batch.states])
        lanes.view.actions[...] = rng.integers(7, size=LANES)
        for lane in np.flatnonzero(rng.random(LANES) > RANDOM_SHARE):
            if lane % 2:
                plan = plan_state(lanes.batch.states[lane], lanes.batch.config[0])
                lanes.view.actions[lane] = plan[0] if plan else lanes.view.actions[lane]
        lanes.step()
    names = ("column", "row", "direction", "door", "carrying")
    values = np.array(facts).reshape(-1, len(names))
    labels = {name: values[:, place] for place, name in enumerate(names) if len(np.unique(values[:, place])) > 1}
    return np.concatenate(rows), labels, np.tile(np.arange(LANES), LOOKS)


def _facts(state: Any) -> tuple[int, int, int, int, int]:
    """Column, row, direction, the door (0 for none, then open, closed, locked), whether something is carried."""
    by_rows = state["cells"][: len(state["cells"]) // 2] & cells.KIND
    door = next((place for place, kind in enumerate(DOORS, 1) if (by_rows == kind).any()), 0)
    carrying = int(state["carrying"] & cells.KIND) == cells.KEY
    return int(state["x"]), int(state["y"]), int(state["direction"]), door, int(carrying)


def _probed(features: np.ndarray, labels: np.ndarray, lanes: np.ndarray, seed: int) -> float | None:
    try:
        return probe(features, labels, lanes, seed)
    except LabError:  # hardly ever met
        return None


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _drawn(found: dict[str, Any], facts: list[str], chance: dict[str, float]) -> Figure:
    figure = new_figure(9, 3.6)
    shades = [style.FAINT, style.SOFT, *style.COLOURS]
    for axes, fact in zip(figure.subplots(1, len(facts), sharey=True, squeeze=False)[0], facts, strict=True):
        values = [found[name][fact] or 0.0 for name in found]
        axes.barh(range(len(values)), values, color=shades[: len(values)], height=0.7)
        axes.axvline(chance[fact], color=style.INK, linewidth=0.8, linestyle=(0, (3, 3)))
        style.frame(axes, fact, yticks=range(len(values)), yticklabels=list(found), xlim=(0, 1), xticks=(0, 0.5, 1))
        axes.invert_yaxis()
    figure.supxlabel("balanced accuracy on lanes held out; dashed: chance", fontsize=9, color=style.SOFT)
    return figure
