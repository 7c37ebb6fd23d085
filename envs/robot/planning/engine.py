"""The compiled search for a batch of states: levels are read some dozens at a time, then solved one by one."""

import functools
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.debug import runner
from rl_lab.envs.robot.planning.level import LEVEL, read_level
from rl_lab.envs.robot.planning.memory import memory_dtype
from rl_lab.envs.robot.planning.refine import solve_levels
from rl_lab.errors import LabError
from rl_lab.validation import whole

CAP = 1 << 18  # states of a level that a search may find, unless one asks for more
MOST = 1 << 22  # that one may ask for; a thread then needs about 400 MB
_own = threading.local()
CHUNK = 64  # levels that are read at a time: the search needs no machine code of its own for each capacity of worlds


class Found(NamedTuple):
    """What the search found, by state."""

    steps: NDArray[np.int64]  # the fewest actions to success, NO_WAY, TOO_MANY or CHANCE
    expanded: NDArray[np.int64]  # how many states were looked at
    rounds: NDArray[np.int64]  # how many searches it took


def read_chosen(chosen, states, config, levels):
    """Read the states of these numbers."""
    for k in range(chosen.shape[0]):
        read_level(states[chosen[k]], config[0], levels[k])


class PlanSearch:
    """Memory for searches, one at a time, that find up to `cap` states, or fewer if `memory["most"]` says so."""

    def __init__(self, cap: int = CAP, debug: bool = False) -> None:
        self.debug = debug
        self.levels = np.zeros(CHUNK, LEVEL)
        self.memory = np.zeros(1, memory_dtype(cap))  # pages that are never written take no room
        self.memory["most"], self.memory["bucket"] = cap, -1

    def __call__(self, states: NDArray[Any], config: NDArray[Any], chosen: NDArray[np.int64] | None = None) -> Found:
        """Search from the chosen ones, by default all, of states: records of a robot world with its config `(1,)`."""
        chosen = np.arange(len(states)) if chosen is None else chosen
        found = np.zeros((len(chosen), 3), np.int64)
        read = _loop(read_chosen, "the planner's view of a level", self.debug)
        for first in range(0, len(chosen), CHUNK):
            some = chosen[first : first + CHUNK]
            read(some, states, config, self.levels)
            self.solve(found[first : first + CHUNK])
        return Found(*found.T)

    def solve(self, found: NDArray[np.int64]) -> None:
        """Solve the first of `levels`, as many as there are rows in `found`; see `refine.solve_levels`."""
        _loop(solve_levels, "the robot's planner", self.debug)(len(found), self.levels, self.memory, found)

    @property
    def plan(self) -> list[int]:
        """The actions of the last search that found a way."""
        return self.memory["plan"][0, : int(self.memory["steps"][0])].tolist()


def own_search(cap: int = CAP, debug: bool = False) -> PlanSearch:
    """This thread's memory for searches that find up to so many states."""
    if not whole(cap, 1, MOST):
        raise LabError(f"cap={cap!r} is not allowed; it must be a whole number of states from 1 to {MOST}")
    room = max(CAP, 1 << (int(cap) - 1).bit_length())  # other sizes need other machine code, so there are few
    searches: dict[tuple[int, bool], PlanSearch] = vars(_own).setdefault("searches", {})
    if (room, debug) not in searches:
        searches[room, debug] = PlanSearch(room, debug)
    searches[room, debug].memory["most"] = cap
    return searches[room, debug]


@functools.cache
def _loop(loop: Callable[..., Any], name: str, debug: bool) -> Callable[..., Any]:
    return runner(name, loop, debug)
