"""Several agents side by side in threads of one process: the compiled engine runs without the GIL."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rl_lab.agents.algorithm import Algorithm
from rl_lab.agents.common.environments import Environment
from rl_lab.agents.registry import algorithm_named
from rl_lab.errors import LabError, short
from rl_lab.validation import whole_number


def train_seeds(
    env: Environment,
    seeds: Iterable[int],
    total_timesteps: int,
    *,
    algorithm: str = "ppo",
    threads: int | None = None,
    **arguments: Any,
) -> list[Algorithm]:
    """Train one agent a seed, each exactly as `PPO(env, seed=seed, ...).learn(total_timesteps)` would alone.

    Args:
        env: an id or a function that makes an environment; every agent makes its own.
        seeds: one for each agent.
        total_timesteps: steps of each.
        algorithm: name of the algorithm.
        threads: agents at a time; by default one a core.
        arguments: of the algorithm, such as `PPO`.

    Returns:
        The agents, in the order of the seeds.

    Raises:
        LabError: agents would share an environment object, or an argument is not allowed.

    Example:
        >>> agents = train_seeds("rl_lab/CartPole-v1", range(2), 256, n_steps=64)
        >>> [agent.seed for agent in agents]
        [0, 1]
    """
    if threads is not None:
        whole_number("threads", threads, 1)
    if isinstance(seeds, (int, str)) or not isinstance(seeds, Iterable):
        raise LabError(f"seeds={short(seeds)} is not allowed; give one for each agent, such as range(3)")
    if "seed" in arguments:
        raise LabError(f"seed={short(arguments['seed'])} does not go with seeds; each agent gets its own of them")
    agents = [algorithm_named(algorithm)(env, seed=seed, **arguments) for seed in seeds]
    for agent in agents:
        agent.source.check_owned()
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        return list(pool.map(lambda agent: agent.learn(total_timesteps), agents))
