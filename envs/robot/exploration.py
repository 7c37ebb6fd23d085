"""A robot that sees only what its camera shows, keeps a map, and explores until it knows how to do its mission.

It is the fair reference under a partial view: it knows its mission and the rules, and nothing of the level that an
agent with a memory could not know. It goes for the mission when there is a way on its map, and otherwise to the nearest
place that it has not seen (B. Yamauchi, "A frontier-based approach for autonomous exploration", 1997), by fewest
actions, which include picking up keys and things in the way, and opening doors.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.robot import missions, tasks
from rl_lab.envs.robot.cells import EMPTY, KIND, STANDABLE
from rl_lab.envs.robot.dynamics import FORWARD, TURN_LEFT
from rl_lab.envs.robot.explorer_goals import explorer_goals
from rl_lab.envs.robot.mission_parser import ParsedMission, understood
from rl_lab.envs.robot.occupancy_map import OccupancyMap, Pose
from rl_lab.envs.robot.world import FORWARD_X, FORWARD_Y
from rl_lab.errors import LabError


class Explorer:
    """Does its mission with what it has seen, and looks for what it has not.

    It follows `expert(observation, info) -> action`; call `reset` at the start of each episode. It takes "dict" and
    "flat" observations, MiniGrid's own too. A flat one has no mission: it is taken from the environment that `reset`
    is given, of which nothing else is looked at.

    Attributes:
        belief: what is known of the world.
        pose: where the robot is, counted from where it started.
        carried: what it carries, as a byte.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self, env: Any = None) -> None:
        """Forget everything but the mission of this environment, if one is given; see `explorer`."""
        self.belief = OccupancyMap()
        self.pose: Pose | None = None
        self.carried = EMPTY
        self._errand = ParsedMission(tasks.REACH) if env is None else understood(_mission_of(env))
        self._last: int | None = None

    def __call__(self, observation: Any, info: dict[str, Any] | None = None) -> int:
        """The next action for a robot environment's observation, flat or as a dictionary."""
        image, direction, mission = _parts(observation)
        if mission is not None and self.pose is None:
            self._errand = understood(mission)
        self._move(direction)
        assert self.pose is not None
        self.carried = self.belief.look(image, self.pose)
        plans = explorer_goals(self._errand, self.belief, self.carried)
        ways = (self.belief.way(self.pose, self.carried, wish) for wish in plans)
        self._last = next((way[0] for way in ways if way), TURN_LEFT)  # turning where all that can be is known
        return self._last

    def _move(self, direction: int) -> None:
        x, y, before = self.pose or (0, 0, direction)
        ahead = x + int(FORWARD_X[before]), y + int(FORWARD_Y[before])
        if self._last == FORWARD and STANDABLE[self.belief.at(ahead) & KIND]:
            x, y = ahead
        self.pose = x, y, direction


def explorer(env: Any) -> Explorer:
    """An explorer for a single environment, or MiniGrid's own: the fair reference under the camera's partial view.

    Raises:
        LabError: it is something else, or a world in which things move by themselves or looking is an action.
    """
    if env is None:
        raise LabError("the explorer was given None; give it the environment whose mission it is to do")
    made = Explorer()
    made.reset(env)
    return made


def _mission_of(env: Any) -> str:
    """The mission of a single environment, or a `LabError` where an explorer is lost in such a world."""
    world: Any = getattr(env, "unwrapped", None)
    said = getattr(world, "mission", None)
    if isinstance(said, str):  # MiniGrid's own
        return said
    if hasattr(world, "num_envs"):
        raise LabError(
            f"{env} has {world.num_envs} environments, and an explorer takes one; make an Explorer() for each, and "
            'give it the observations of its environment with observation="dict", which hold the mission'
        )
    lanes = getattr(world, "lanes", None)
    if lanes is None or "mission" not in (lanes.states.dtype.names or ()):
        raise LabError(f"{env} is not a robot environment; the explorer supports rl_lab/Robot-... and MiniGrid's only")
    if lanes.config["task"][0] in (tasks.DODGE, tasks.SCOUT):
        raise LabError(f"objects or doors move by themselves in {env}, and the explorer's map is static")
    if "look_cost" in (lanes.config.dtype.names or ()):
        raise LabError(
            f"looking is an action in {env}, and the explorer's camera always sees; take looking_expert.LookingExpert"
        )
    return missions.text(lanes.states["mission"][0])


def _parts(observation: Any) -> tuple[NDArray[np.uint8], int, str | None]:
    """Image `(size, size, 3)`, direction, and the mission where it can be seen."""
    if isinstance(observation, dict) and _shows_a_camera(observation):
        mission = observation.get("mission")
        known = mission if mission is None or isinstance(mission, str) else missions.text(np.asarray(mission))
        return np.asarray(observation["image"]), int(observation["direction"]), known
    flat = np.asarray(() if isinstance(observation, dict) else observation)
    size = math.isqrt(max(flat.size - 4, 0) // 3)
    if flat.ndim != 1 or size == 0 or flat.size != 3 * size**2 + 4:
        raise LabError(
            'the explorer needs observations with an image; make the environment with observation="dict" or "flat"'
        )
    return flat[:-4].reshape(size, size, 3), int(flat[-4:].argmax()), None


def _shows_a_camera(observation: dict[str, Any]) -> bool:
    """Whether these are the parts of "dict": not the whole world, not frames, not what was seen some time ago."""
    if not {"image", "direction"} <= observation.keys() or {"carrying", "age"} & observation.keys():
        return False
    shape = np.shape(observation["image"])
    return len(shape) == 3 and shape[0] == shape[1] and shape[2] == 3
