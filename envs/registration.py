"""Making definitions known to Gymnasium."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym

from rl_lab.envs.definition import Definition


def register(id: str, definition: str | Definition | Callable[..., Definition], **defaults: Any) -> None:
    """Register an environment, single and batched, under a Gymnasium id.

    Args:
        id: such as "mine/Walk-v0".
        definition: a `Definition`, a function that returns one from keyword arguments (those that people
            give to `gym.make`), or where that function is, as "module:function", which is imported only
            when an environment is made.
        defaults: arguments for the function under this id.

    Afterwards `gym.make(id)` gives one environment and `gym.make_vec(id, num_envs=4096)` a batch.
    """
    gym.register(
        id,
        entry_point="rl_lab.envs.batch:BatchEnv",
        vector_entry_point="rl_lab.envs.batch:BatchVectorEnv",
        kwargs={"definition": definition, **defaults},
    )
