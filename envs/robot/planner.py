"""The fewest actions from any state to success, exactly; `planning` has the search.

The optimum knows the whole world. Under the camera's partial view it is a bound that no robot can beat, and often none
can reach; `exploration` has what a robot can do that sees no more than the camera shows. The step limit is left out of
account: a way that is longer than what is left of the episode is the optimum all the same.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.robot.dynamics import DROP, PICKUP, TOGGLE
from rl_lab.envs.robot.planning.engine import CAP, own_search
from rl_lab.envs.robot.planning.level import CHANCE, MOST_DOORS, MOST_ITEMS, NO_WAY, TOO_MANY
from rl_lab.errors import LabError

UNKNOWN = -1  # in place of the fewest actions


class Difficulty(NamedTuple):
    """How hard a state is."""

    steps: int  # the fewest actions to success
    handling: int  # how many of them pick up, drop or toggle something, in the plan that was found
    states: int  # that the search looked at: `steps` where the way is plain, many times that where things are in it


def plan(env: Any, cap: int = CAP) -> list[int]:
    """A shortest sequence of actions to success from where the environment stands.

    Args:
        env: a single robot environment, in wrappers or not, after its reset.
        cap: how many states the search may find before it gives up.

    Raises:
        LabError: it is not a robot environment, its episode has not begun or is over, success is impossible, or
            chance or the cap leaves it unknown.

    Example:
        >>> import gymnasium as gym, rl_lab
        >>> env = gym.make("rl_lab/Robot-Empty-5x5-v0")
        >>> _ = env.reset(seed=0)
        >>> plan(env)
        [2, 2, 1, 2, 2]
    """
    states, config = _state(env)
    return _planned(states, config, cap)[0]


def optimal_steps(env: Any, cap: int = CAP) -> int | NDArray[np.int64]:
    """The fewest actions to success from where an environment, or each lane of a vector of them, stands.

    Args:
        env: a robot environment, single or vector, in wrappers or not, after its reset.
        cap: how many states a search may find before it gives up.

    Returns:
        A number, or int64 `(lanes,)` of them; -1 where there is no way, where things move or doors turn by
        themselves, where the search was given up, and in lanes of a vector whose episode is over.

    Raises:
        LabError: it is no robot environment, its episode has not begun, or it is a single one whose episode is over.
    """
    lanes = _lanes(env)
    is_vector = hasattr(env.unwrapped, "num_envs")
    if not is_vector:
        _check_going(lanes)
    steps = np.maximum(own_search(cap, lanes.debug)(lanes.states, lanes.config).steps, UNKNOWN)
    return np.where(lanes.states["done"], UNKNOWN, steps) if is_vector else int(steps[0])


def solvable(env: Any, cap: int = CAP) -> bool:
    """Whether success can be reached from where the environment stands, step limit or not.

    It takes what `plan` takes, and raises a LabError for the same reasons, but for success that is impossible.
    """
    states, config = _state(env)
    return _known(states, config, cap) != NO_WAY


def difficulty(env: Any, cap: int = CAP) -> Difficulty:
    """How hard it is to succeed from where the environment stands, for one who knows the whole world; see `plan`."""
    states, config = _state(env)
    actions, expanded = _planned(states, config, cap)
    return Difficulty(len(actions), sum(action in (PICKUP, DROP, TOGGLE) for action in actions), expanded)


def plan_state(state: np.void, config: np.void, cap: int = CAP) -> list[int] | None:
    """A shortest plan from a saved state, or None where there is no way; a LabError where it is unknown, see `plan`."""
    states, configs = np.asarray(state).reshape(1), np.asarray(config).reshape(1)
    return None if _known(states, configs, cap) == NO_WAY else own_search(cap).plan


def starting_info(
    states: NDArray[Any], config: NDArray[Any], lanes: NDArray[np.int64], debug: bool
) -> dict[str, NDArray[np.int64]]:
    """What info says about episodes that begin: `optimal_steps` of these lanes, -1 where it is not known."""
    return {"optimal_steps": np.maximum(own_search(CAP, debug)(states, config, lanes).steps, UNKNOWN)}


def _lanes(env: Any) -> Any:
    """The lanes of a robot environment whose episodes have begun."""
    lanes = getattr(getattr(env, "unwrapped", None), "lanes", None)
    if lanes is None or "cells" not in (lanes.states.dtype.names or ()):
        raise LabError(f"{env} is not a robot environment; the planner supports rl_lab/Robot-... only")
    if (lanes.states["width"] == 0).any():
        raise LabError(f"{env} has no level yet; call reset() first")
    return lanes


def _state(env: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """State and config of a single environment, records `(1,)` each."""
    lanes = _lanes(env)
    if len(lanes.states) > 1:
        raise LabError(
            f"{env} has {len(lanes.states)} environments; ask for optimal_steps, or plan_state of one of them"
        )
    _check_going(lanes)
    return lanes.states, lanes.config


def _check_going(lanes: Any) -> None:
    if lanes.states["done"][0]:
        raise LabError("the episode is over, and there is nothing left to plan; call reset()")


def _known(states: NDArray[Any], config: NDArray[Any], cap: int) -> int:
    """The fewest actions, or NO_WAY; a LabError where neither is known."""
    search = own_search(cap)
    steps = int(search(states, config).steps[0])
    if steps == CHANCE:
        raise LabError("things move or doors turn by themselves in this world, and no plan is sure; it has no optimum")
    if steps == TOO_MANY and search.levels["overflow"][0]:
        raise LabError(
            f"more than {MOST_ITEMS} things or {MOST_DOORS} doors are in the way, and the optimum is unknown"
        )
    if steps == TOO_MANY:
        raise LabError(f"the search has found {cap} states without an end, and the optimum is unknown; raise cap")
    return steps


def _planned(states: NDArray[Any], config: NDArray[Any], cap: int) -> tuple[list[int], int]:
    """A shortest plan, and how many states were expanded."""
    if _known(states, config, cap) == NO_WAY:
        raise LabError("success is impossible from here, or has no definition; call reset(), or fix the grid")
    search = own_search(cap)
    return search.plan, int(search.memory["expanded"][0])


class Planner:
    """An expert that knows the whole world and walks a shortest way: `expert(observation, info) -> action`."""

    def __init__(self) -> None:
        self._left: list[int] = []

    def reset(self, env: Any) -> None:
        """Plan an episode, from where the environment stands; see `plan`."""
        self._left = plan(env)[::-1]

    def __call__(self, observation: Any, info: dict[str, Any] | None = None) -> int:
        """The next action of the plan."""
        if not self._left:
            raise LabError("the plan is at its end; call reset(env) at the start of each episode")
        return self._left.pop()
