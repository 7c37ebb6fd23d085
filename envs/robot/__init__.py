"""The robot gridworld: MiniGrid's cells, actions, camera and levels, at machine speed.

Ids are MiniGrid's with `MiniGrid-` replaced by `rl_lab/Robot-`; `registration` lists them, `families` has
their arguments, `options` starts from any position. `plan`, `optimal_steps`, `solvable` and `difficulty` know the
whole world (see `planner`); an `explorer` knows what its camera has shown.

Example:
    >>> import gymnasium as gym, rl_lab
    >>> env = gym.make("rl_lab/Robot-DoorKey-8x8-v0", observation="dict", render_mode="ansi")
    >>> observation, info = env.reset(seed=3)
    >>> observation["mission"]
    'use the key to open the door and then get to the goal'
    >>> print(env.render())
    WGWGWGWGWGWGWGWG
    WG^^      WG  WG
    WG        WG  WG
    WG        LY  WG
    WG    KY  WG  WG
    WG        WG  WG
    WG        WGGGWG
    WGWGWGWGWGWGWGWG
    use the key to open the door and then get to the goal; carrying nothing; step 0
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rl_lab.envs.robot.exploration import Explorer, explorer
    from rl_lab.envs.robot.planner import Difficulty, Planner, difficulty, optimal_steps, plan, solvable

_HOMES = dict.fromkeys(("Difficulty", "Planner", "difficulty", "optimal_steps", "plan", "solvable"), "planner")
_HOMES |= dict.fromkeys(("Explorer", "explorer"), "exploration")
__all__ = ["Difficulty", "Explorer", "Planner", "difficulty", "explorer", "optimal_steps", "plan", "solvable"]


def __getattr__(name: str) -> Any:
    """Import what is asked for: registering the ids imports this package, and must cost nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
