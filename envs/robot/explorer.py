"""A robot that sees only what its camera shows, keeps a map, and explores until it knows the way.

It is the fair reference under a partial view: it knows nothing that an agent with a memory could not know.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from rl_lab.envs.robot.camera import IMAGE_BYTES
from rl_lab.envs.robot.cells import CLOSED, DOOR, EMPTY, FLOOR, GOAL, KEY, LOCKED, OPEN, UNSEEN
from rl_lab.envs.robot.dynamics import FORWARD, PICKUP, TOGGLE, TURN_LEFT, TURN_RIGHT
from rl_lab.envs.robot.world import DEPTH, FORWARD_X, FORWARD_Y, SIDE

Cell = tuple[int, int, int]  # object, colour, state, as MiniGrid numbers them
Pose = tuple[int, int, int]  # x, y from where it started, direction
HERE = SIDE, DEPTH  # where the robot stands in its own image


class Explorer:
    """Walks to the goal if it has seen one; else opens doors, takes keys, and looks where it has not looked.

    It follows `expert(observation, info) -> action`; call `reset` at the start of each episode.

    Attributes:
        seen: what is known of the world, by place.
        pose: where the robot stands, counted from where it started.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self, env: Any = None) -> None:
        """Forget everything; the environment is not looked at."""
        self.seen: dict[tuple[int, int], Cell] = {}
        self.pose: Pose | None = None
        self.carried: Cell = (EMPTY, 0, 0)
        self._last: int | None = None

    def __call__(self, observation: Any, info: dict[str, Any] | None = None) -> int:
        """The next action for a robot environment's observation, flat or as a dictionary."""
        image, direction = _parts(observation)
        self._move(direction)
        self._look(image)
        self._last = self._choose()
        return self._last

    def _move(self, direction: int) -> None:
        x, y, _ = self.pose or (0, 0, 0)
        if self._last == FORWARD and self._walkable(self._ahead()):
            x, y = self._ahead()
        self.pose = x, y, direction

    def _look(self, image: np.ndarray) -> None:
        """Enter what the camera shows into the map."""
        assert self.pose is not None
        x, y, direction = self.pose
        right = (direction + 1) & 3
        for column, row in zip(*np.nonzero(image[:, :, 0] != UNSEEN), strict=True):
            ahead, aside = HERE[1] - row, column - HERE[0]
            place = (
                int(x + ahead * FORWARD_X[direction] + aside * FORWARD_X[right]),
                int(y + ahead * FORWARD_Y[direction] + aside * FORWARD_Y[right]),
            )
            cell = tuple(image[column, row].tolist())
            if (column, row) == HERE:  # shows what is carried
                self.carried = cell
                self.seen.setdefault(place, (EMPTY, 0, 0))
            else:
                self.seen[place] = cell

    def _choose(self) -> int:
        """The first action on the way to the most useful thing that is known."""
        aims: list[tuple[Callable[[tuple[int, int]], bool], int]] = [
            (lambda place: self._kind(place) == GOAL, FORWARD),
            (lambda place: self._opens(place), TOGGLE),
            (lambda place: self._kind(place) == KEY and self.carried[0] == EMPTY, PICKUP),
            (lambda place: place not in self.seen, FORWARD),
        ]
        for wanted, action in aims:
            way = self._way(wanted)
            if way is not None:
                return way[0] if way else action
        return TURN_LEFT  # everything that can be reached is known

    def _way(self, wanted: Callable[[tuple[int, int]], bool]) -> list[int] | None:
        """The fewest actions after which a wanted place lies straight ahead; None if it cannot be reached."""
        assert self.pose is not None
        before: dict[Pose, tuple[Pose, int] | None] = {self.pose: None}
        waiting = deque([self.pose])
        while waiting:
            pose = waiting.popleft()
            if wanted(self._ahead(pose)):
                return _traced(before, pose)
            for action, following in self._moves(pose):
                if following not in before:
                    before[following] = pose, action
                    waiting.append(following)
        return None

    def _moves(self, pose: Pose) -> list[tuple[int, Pose]]:
        x, y, direction = pose
        turns = [(TURN_LEFT, (x, y, (direction + 3) & 3)), (TURN_RIGHT, (x, y, (direction + 1) & 3))]
        ahead = self._ahead(pose)
        return [*turns, (FORWARD, (*ahead, direction))] if self._walkable(ahead) else turns

    def _ahead(self, pose: Pose | None = None) -> tuple[int, int]:
        x, y, direction = pose or self.pose or (0, 0, 0)
        return int(x + FORWARD_X[direction]), int(y + FORWARD_Y[direction])

    def _kind(self, place: tuple[int, int]) -> int:
        return self.seen.get(place, (UNSEEN, 0, 0))[0]

    def _walkable(self, place: tuple[int, int]) -> bool:
        kind, _, state = self.seen.get(place, (UNSEEN, 0, 0))
        return kind in (EMPTY, FLOOR, GOAL) or (kind == DOOR and state == OPEN)

    def _opens(self, place: tuple[int, int]) -> bool:
        """Whether toggling opens what is there."""
        kind, colour, state = self.seen.get(place, (UNSEEN, 0, 0))
        has_key = self.carried[:2] == (KEY, colour)
        return kind == DOOR and (state == CLOSED or (state == LOCKED and has_key))


def _parts(observation: Any) -> tuple[np.ndarray, int]:
    """The image `(7, 7, 3)` and the direction."""
    if isinstance(observation, dict):
        return np.asarray(observation["image"]), int(observation["direction"])
    flat = np.asarray(observation)
    return flat[:IMAGE_BYTES].reshape(7, 7, 3), int(flat[IMAGE_BYTES:].argmax())


def _traced(before: dict[Pose, tuple[Pose, int] | None], pose: Pose) -> list[int]:
    actions: list[int] = []
    while (step := before[pose]) is not None:
        pose = step[0]
        actions.append(step[1])
    return actions[::-1]
