"""Levels of every family that are small enough to try everything in: most of their free cells are walled up.

What stays is a way to success, all that is beside it, and some cells drawn at random, so that there are things to do
and ways to go wrong. Which cells stay decides nothing about the answer, which brute force finds by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.proofs.robot_brute import EMPTY, WALL, Mission
from benchmarks.proofs.robot_oracle import numbers, things

GREY_WALL, FREE = (WALL, 5, 0), (EMPTY, 0, 0)
NEAR = 2  # cells from what stays to those that are drawn
Place = tuple[int, int]


def narrowed(options: dict[str, Any], keep: set[Place], extra: int, rng: np.random.Generator) -> dict[str, Any]:
    """A position with walls in its free cells, but for those to keep and some near them.

    Args:
        options: the position, as `reset(options=...)` takes it.
        keep: cells that stay as they are.
        extra: how many free cells are left beside these, at most.
        rng: draws them.
    """
    grid = np.array(options["grid"])
    keep = keep | {options["agent"][:2]} | {options[name] for name in ("target", "other") if name in options}
    free = {(int(x), int(y)) for x, y in np.argwhere((grid == FREE).all(axis=2))} - keep
    near = sorted((x, y) for x, y in free if any(abs(x - at) + abs(y - to) <= NEAR for at, to in keep))
    for place in free - {near[k] for k in rng.permutation(len(near))[:extra]}:
        grid[place] = GREY_WALL
    return options | {"grid": grid}


def mission_of(theirs: Any) -> Mission:
    """What a mission asks for, by what MiniGrid's environment remembers of it."""
    from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX

    def place(name: str) -> Place:
        x, y = getattr(theirs, name)
        return int(x), int(y)

    def place_of(name: str) -> Place:
        return next(where for where, thing in things(theirs).items() if thing is getattr(theirs, name))

    if hasattr(theirs, "move_type"):
        target = OBJECT_TO_IDX[theirs.move_type], COLOR_TO_IDX[theirs.moveColor]
        return Mission("put near", target, place("target_pos"))
    if hasattr(theirs, "target_pos"):
        return Mission("go to", place=place("target_pos"))
    if hasattr(theirs, "targetType"):
        return Mission("fetch", (OBJECT_TO_IDX[theirs.targetType], COLOR_TO_IDX[theirs.targetColor]))
    if hasattr(theirs, "success_pos"):
        return Mission("match", place=place("success_pos"), other=place("failure_pos"))
    if hasattr(theirs, "red_door"):
        return Mission("in order", place=place_of("red_door"), other=place_of("blue_door"))
    if hasattr(theirs, "obj"):
        return Mission("pick up", numbers(theirs.obj))
    if hasattr(theirs, "door"):
        return Mission("open", place=place_of("door"))
    return Mission("reach")


def has_twin(theirs: Any, target: tuple[int, int] | None) -> bool:
    """Whether clutter has put another thing like the target into a box: MiniGrid takes one of them only, ours both."""
    inside = [thing.contains for thing in things(theirs).values() if thing.contains]
    return [numbers(thing) for thing in (*things(theirs).values(), *inside)].count(target) > 1
