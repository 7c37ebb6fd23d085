"""A robot that maps what it looks at, and looks when it has to: the fair reference where looking is an action.

It walks, and does nothing else: it is for worlds whose goal is reached by walking, such as Scout's and mazes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.robot.camera import IMAGE_BYTES
from rl_lab.envs.robot.cells import DOOR, EMPTY, FLOOR, GOAL, GREY, OPEN, UNSEEN, WALL
from rl_lab.envs.robot.dynamics import DONE, FORWARD, TURN_LEFT, TURN_RIGHT
from rl_lab.envs.robot.looking import FLAT_NUMBERS, LOOK
from rl_lab.envs.robot.world import DEPTH, FORWARD_X, FORWARD_Y, SIDE
from rl_lab.errors import LabError
from rl_lab.validation import choice

LOOKS = ("well", "never")
Cell = tuple[int, int, int]  # object, colour, state, as MiniGrid numbers them
Place = tuple[int, int]  # from where the robot started
Pose = tuple[int, int, int]  # x, y, direction
NOT_KNOWN: Cell = (UNSEEN, 0, 0)
NEIGHBOURS = ((1, 0), (-1, 0), (0, 1), (0, -1))


class LookingExpert:
    """Walks to the goal if it knows a way; else goes to where most can be seen that is not known yet, and looks.

    It steps only onto what it has seen, and through doors that it has just seen open. It follows
    `expert(observation, info) -> action` and takes "dict" and "flat" observations; where looking is no action, the
    camera always sees, and it never has to look. Call `reset` at the start of each episode.

    Args:
        looks: "well"; or "never", for a robot that feels its way, and takes what it does not know for free.

    Attributes:
        seen: what is known of the world, by place.
        pose: where the robot stands, counted from where it started.
    """

    def __init__(self, looks: str = "well") -> None:
        choice("looks", looks, LOOKS)
        self.is_blind = looks == "never"
        self.reset()

    def reset(self, env: Any = None) -> None:
        """Forget everything; the environment is not looked at."""
        self.seen: dict[Place, Cell] = {}
        self.pose: Pose | None = None
        self._viewed: set[Pose] = set()  # from where it has looked
        self._last: int | None = None

    def __call__(self, observation: Any, info: dict[str, Any] | None = None) -> int:
        """The next action."""
        sensed = senses(observation)
        self._walk(sensed)
        if sensed.sees:
            self._map(sensed.image)
        self._last = self._choose(sensed)
        return self._last

    def _walk(self, sensed: Senses) -> None:
        """Feel where the robot is now, and what it has met."""
        x, y, before = self.pose or (0, 0, sensed.direction)
        if self._last == FORWARD:
            to = ahead_of((x, y, before))
            bumped = not self._is_free(to) if sensed.bump is None else sensed.bump
            kind, colour, _ = self.seen.get(to, NOT_KNOWN)
            if bumped and kind not in (DOOR, WALL):
                self.seen[to] = WALL, GREY, 0
            elif not bumped:
                x, y = to
                self.seen[to] = (DOOR, colour, OPEN) if kind == DOOR else (EMPTY, 0, 0)
        self.pose = x, y, sensed.direction
        self.seen.setdefault((x, y), (EMPTY, 0, 0))

    def _map(self, image: NDArray[np.integer]) -> None:
        """Enter what the camera shows."""
        assert self.pose is not None
        self._viewed.add(self.pose)
        for column, row in zip(*np.nonzero(image[:, :, 0] != UNSEEN), strict=True):
            if (column, row) != (SIDE, DEPTH):  # there it shows what is carried
                place = _place_from(self.pose, DEPTH - int(row), int(column) - SIDE)
                self.seen[place] = tuple(image[column, row].tolist())

    def _choose(self, sensed: Senses) -> int:
        ways = dict(self._ways())
        goals = [pose for pose in ways if self._kind(pose[:2]) == GOAL]
        if goals:
            return self._follow(ways, goals[0], sensed)  # they come in the order of their distance
        if self.is_blind:
            new = next((pose for pose in ways if self._kind(pose[:2]) == UNSEEN), None)
            return TURN_LEFT if new is None else self._follow(ways, new, sensed)
        vantage = self._vantage(ways)
        return stay(sensed) if vantage in (None, self.pose) else self._follow(ways, vantage, sensed)

    def _ways(self) -> Iterator[tuple[Pose, tuple[Pose, int] | None]]:
        """All poses that can be reached, nearest first, each with the pose and the action that lead there.

        A way ends where it comes to what is not known.
        """
        assert self.pose is not None
        waiting, known = deque([self.pose]), {self.pose}
        yield self.pose, None
        while waiting:
            pose = waiting.popleft()
            x, y, direction = pose
            ahead = ahead_of(pose)
            following = [(TURN_LEFT, (x, y, (direction + 3) & 3)), (TURN_RIGHT, (x, y, (direction + 1) & 3))]
            if self._may_enter(ahead) and pose[:2] in self.seen:
                following.append((FORWARD, (*ahead, direction)))
            for action, after in following:
                if after not in known:
                    known.add(after)
                    waiting.append(after)
                    yield after, (pose, action)

    def _follow(self, ways: dict[Pose, tuple[Pose, int] | None], pose: Pose, sensed: Senses) -> int:
        """The first action on the way to a pose; at a door it may be to look, or to wait until it is open."""
        action = DONE
        while (step := ways[pose]) is not None:
            pose, action = step
        ahead = ahead_of(pose)
        if action == FORWARD and self._kind(ahead) == DOOR and not self.is_blind:
            if not sensed.sees:
                return LOOK
            if not self._is_free(ahead):
                return stay(sensed)
        return action

    def _vantage(self, ways: dict[Pose, tuple[Pose, int] | None]) -> Pose | None:
        """The pose from which most that is not known may be seen, for the steps that it takes to get there."""
        around = [(x + dx, y + dy) for x, y in self.seen if self._may_enter((x, y)) for dx, dy in NEIGHBOURS]
        edge = [place for place in around if place not in self.seen]
        if not edge:
            return None
        steps: dict[Pose, int] = {}
        for pose, step in ways.items():
            steps[pose] = 0 if step is None else steps[step[0]] + 1
        new = [pose not in self._viewed or ahead_of(pose) not in self.seen for pose in ways]
        poses = list(ways)
        gain = new * in_view(poses, list(dict.fromkeys(edge))).sum(axis=1) / (np.array(list(steps.values())) + 2)
        best = int(gain.argmax())
        return poses[best] if gain[best] > 0 else None

    def _kind(self, place: Place) -> int:
        return self.seen.get(place, NOT_KNOWN)[0]

    def _may_enter(self, place: Place) -> bool:
        """Whether the robot can stand there, if need be when a door has opened."""
        kinds = (EMPTY, FLOOR, GOAL, DOOR, UNSEEN) if self.is_blind else (EMPTY, FLOOR, GOAL, DOOR)
        return self._kind(place) in kinds

    def _is_free(self, place: Place) -> bool:
        """Whether it can stand there now."""
        kind, _, state = self.seen.get(place, NOT_KNOWN)
        return kind in (EMPTY, FLOOR, GOAL) or (kind == DOOR and state == OPEN)


class Senses(NamedTuple):
    """What an observation says."""

    image: NDArray[np.integer]
    direction: int
    age: int | None  # steps since the look; None where the camera always sees
    bump: bool | None

    @property
    def sees(self) -> bool:
        """Whether the image shows what is there now."""
        return self.age is None or (self.age == 0 and bool(self.image.any()))


def senses(observation: Any) -> Senses:
    """The parts of a robot's observation, flat or as a dictionary; a `LabError` for another one."""
    if isinstance(observation, dict) and np.shape(observation.get("image", ())) == (7, 7, 3):
        felt = (int(observation["age"][0]), bool(observation["bump"])) if "age" in observation else (None, None)
        return Senses(np.asarray(observation["image"]), int(observation["direction"]), *felt)
    flat = np.asarray(observation)
    if flat.ndim != 1 or len(flat) - IMAGE_BYTES - 4 not in (0, FLAT_NUMBERS):
        raise LabError(
            "the looking expert takes the robot's observations 'dict' and 'flat', one step, with view_size=7"
        )
    rest = flat[IMAGE_BYTES + 4 :]
    felt = (int(rest[0]), bool(rest[1])) if len(rest) else (None, None)
    return Senses(flat[:IMAGE_BYTES].reshape(7, 7, 3), int(flat[IMAGE_BYTES : IMAGE_BYTES + 4].argmax()), *felt)


def stay(sensed: Senses) -> int:
    """The action that lets a step pass, with a look where looking is an action."""
    return DONE if sensed.age is None else LOOK


def ahead_of(pose: Pose) -> Place:
    """The place straight ahead."""
    return _place_from(pose, 1, 0)


def _place_from(pose: Pose, ahead: int, aside: int) -> Place:
    """The place so many cells ahead and to the right of a pose."""
    x, y, direction = pose
    right = (direction + 1) & 3
    return (
        int(x + ahead * FORWARD_X[direction] + aside * FORWARD_X[right]),
        int(y + ahead * FORWARD_Y[direction] + aside * FORWARD_Y[right]),
    )


def in_view(poses: Sequence[Pose], places: Sequence[Place]) -> NDArray[np.bool_]:
    """Whether the camera would show places from poses if nothing were in between, `(poses, places)`."""
    x, y, direction = np.array(poses).T[:, :, None]
    to_x, to_y = np.array(places).T[:, None, :] - np.stack([x, y])
    right = (direction + 1) & 3
    ahead = to_x * FORWARD_X[direction] + to_y * FORWARD_Y[direction]
    aside = to_x * FORWARD_X[right] + to_y * FORWARD_Y[right]
    return (ahead >= 0) & (ahead <= DEPTH) & (np.abs(aside) <= SIDE)
