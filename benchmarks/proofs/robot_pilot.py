"""A pilot for MiniGrid's own environments that gets most missions done, and does other things now and then."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.proofs.robot_oracle import DONE, DROP, FORWARD, LEFT, PICKUP, RIGHT, TOGGLE, things

Place = tuple[int, int]
Goal = tuple[set[Place], int]  # cells to have ahead, and what to do there
STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))


def at_random(theirs: Any, rng: np.random.Generator) -> int:
    """Every action often, and those often that do something to what is ahead."""
    if theirs.action_space.n <= FORWARD + 1:
        return int(rng.choice(3, p=(0.25, 0.25, 0.5)))
    ahead = theirs.grid.get(*theirs.front_pos)
    if ahead is not None and rng.random() < 0.4:
        if ahead.can_pickup() and theirs.carrying is None:
            return PICKUP
        if ahead.type in ("door", "box"):
            return TOGGLE
    return int(rng.choice(7, p=(0.16, 0.16, 0.36, 0.12, 0.05, 0.12, 0.03)))


class Pilot:
    """Does what the mission asks for, or what may help; one episode in four it acts at random."""

    def __init__(self) -> None:
        self.plan: list[int] = []
        self.care = 0.0

    def __call__(self, theirs: Any, rng: np.random.Generator) -> int:
        """The next action."""
        if theirs.step_count == 0:
            self.plan, self.care = [], float(rng.choice((0.0, 0.8, 0.95, 1.0)))
        if rng.random() > self.care:
            self.plan = []
            return at_random(theirs, rng)
        if not self.plan or hasattr(theirs, "obstacles"):
            self.plan = next((plan for wish in goals(theirs) if (plan := way(theirs, *wish))), [])
        return self.plan.pop(0) if self.plan else at_random(theirs, rng)


def goals(theirs: Any) -> Iterator[Goal]:
    """What to try, the best first."""
    lying, hands = things(theirs), theirs.carrying

    def where(fits: Callable[[Any], bool]) -> set[Place]:
        return {place for place, thing in lying.items() if fits(thing)}

    doors = where(lambda thing: thing.type == "door")
    yield from mission_goals(theirs, where)
    if theirs.action_space.n <= FORWARD + 1:
        return
    locked = {lying[place].color for place in doors if lying[place].is_locked}
    if hands is not None and hands.type == "key":
        yield where(lambda thing: thing.type == "door" and thing.is_locked and thing.color == hands.color), TOGGLE
    if hands is None:
        blockers = where(lambda thing: thing.type == "ball" and thing is not getattr(theirs, "obj", None))
        yield {place for place in blockers if beside(place) & doors}, PICKUP
        yield where(lambda thing: thing.type == "key" and thing.color in locked), PICKUP
    yield where(lambda thing: thing.type == "box" and thing.contains is not None), TOGGLE
    yield where(lambda thing: thing.type == "door" and not thing.is_open and not thing.is_locked), TOGGLE
    if hands is not None:
        grid = {(x, y) for x in range(1, theirs.width - 1) for y in range(1, theirs.height - 1)}
        free = grid - lying.keys() - {tuple(int(n) for n in theirs.agent_pos)}
        yield {place for place in free if not beside(place) & doors}, DROP
        yield free, DROP


def mission_goals(theirs: Any, where: Callable[[Callable[[Any], bool]], set[Place]]) -> Iterator[Goal]:
    """What ends the episode with success."""
    hands = theirs.carrying
    yield where(lambda thing: thing.type == "goal"), FORWARD
    if hasattr(theirs, "move_type"):
        x, y = (int(n) for n in theirs.target_pos)
        if hands is not None:
            yield {(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)} - where(lambda thing: True), DROP
        yield where(lambda thing: (thing.type, thing.color) == (theirs.move_type, theirs.moveColor)), PICKUP
    elif hasattr(theirs, "target_pos"):
        yield {tuple(int(n) for n in theirs.target_pos)}, DONE
    elif hasattr(theirs, "targetType"):
        yield where(lambda thing: (thing.type, thing.color) == (theirs.targetType, theirs.targetColor)), PICKUP
    elif hasattr(theirs, "success_pos"):
        yield {theirs.success_pos}, FORWARD
    elif hasattr(theirs, "red_door"):
        yield where(lambda thing: thing is theirs.red_door and not thing.is_open), TOGGLE
        yield where(lambda thing: thing is theirs.blue_door and theirs.red_door.is_open), TOGGLE
    elif hasattr(theirs, "obj") and hands is None:
        yield where(lambda thing: thing is theirs.obj), PICKUP


def beside(place: Place) -> set[Place]:
    """The four cells around one."""
    return {(place[0] + x, place[1] + y) for x, y in STEPS}


def way(theirs: Any, wanted: set[Place], action: int) -> list[int]:
    """The fewest actions that have a wanted cell ahead and act on it; empty where there is no way."""
    if not wanted:
        return []
    start = (int(theirs.agent_pos[0]), int(theirs.agent_pos[1]), int(theirs.agent_dir))
    before: dict[tuple[int, int, int], tuple[tuple[int, int, int], int] | None] = {start: None}
    waiting = deque([start])
    while waiting:
        pose = x, y, direction = waiting.popleft()
        ahead = x + STEPS[direction][0], y + STEPS[direction][1]
        if ahead in wanted and not (action == DROP and ahead == start[:2] and pose == start):
            actions = [action]
            while (step := before[pose]) is not None:
                pose, taken = step
                actions.insert(0, taken)
            return actions
        moves = [(LEFT, (x, y, (direction + 3) % 4)), (RIGHT, (x, y, (direction + 1) % 4))]
        thing = theirs.grid.get(*ahead) if 0 <= ahead[0] < theirs.width and 0 <= ahead[1] < theirs.height else True
        if thing is None or (thing is not True and thing.can_overlap() and thing.type not in ("lava", "goal")):
            moves.insert(0, (FORWARD, (*ahead, direction)))
        for taken, following in moves:
            if following not in before:
                before[following] = pose, taken
                waiting.append(following)
    return []
