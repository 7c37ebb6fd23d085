"""An empty room with a goal in the far corner."""

from __future__ import annotations

from rl_lab import random
from rl_lab.envs.robot.cells import GREEN_GOAL
from rl_lab.envs.robot.world import build_room, put


def reset(state, config):
    """Start in the corner opposite to the goal, facing right, or, with `random_start`, anywhere else."""
    width, height = config.width, config.height
    build_room(state, config)
    put(state, width - 2, height - 2, GREEN_GOAL, config.stride)
    cells = (width - 2) * (height - 2) - 1  # all but the last, which is the goal
    cell = random.integers(state.random, 0, cells) if config.random_start else 0
    state.x = 1 + cell % (width - 2)
    state.y = 1 + cell // (width - 2)
    state.direction = random.integers(state.random, 0, 4) if config.random_start else 0
