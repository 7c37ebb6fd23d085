"""What an agent would see of a Board, were it an environment: so agents that were trained play anybody."""

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rl_lab import jit
from rl_lab.envs.definition import config_record
from rl_lab.envs.go import planes
from rl_lab.envs.go.environment import lane_fields, observation_space
from rl_lab.envs.go.game import Board


def see(board: Board) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """The observation and the action mask of the side to play, as `opponent="self"` gives them.

    Returns:
        The planes `(10, size, size)`, and which actions are allowed, `(size * size + 1,)`.

    Example:
        >>> seen, mask = see(Board(5))
        >>> seen.shape, int(mask.sum())
        ((10, 5, 5), 26)
    """
    game, space = board.state(), observation_space(board.rules)
    lanes = np.zeros(1, lane_fields(board.rules.capacity))
    for name in game.dtype.names or ():
        lanes[name] = game[name]
    seen, mask = np.zeros(space.shape, np.int8), np.zeros(board.size**2 + 1, np.bool_)
    kernel(board.rules.capacity)(lanes, config_record("Go", board.rules.config()), seen, mask)
    return seen, mask


def see_first(states, config, seen, mask):
    """What the environment does after a move, from nothing but the game."""
    planes.count_liberties(states[0], config[0])
    planes.look(states[0], config[0])
    planes.observe(states[0], seen, config[0])
    planes.action_mask(states[0], mask, config[0])


@functools.cache
def kernel(capacity: int) -> Callable[..., None]:
    """Machine code for boards up to a capacity."""
    return jit.specialize(see_first, name="Go's planes", exact=True)
