"""Go for PettingZoo: two agents in turn, over the compiled kernels of the self-play environment.

Example:
    >>> from rl_lab.envs.go import pettingzoo
    >>> env = pettingzoo.env(size=5)
    >>> env.reset(seed=0)
    >>> for agent in env.agent_iter():
    ...     observation, reward, terminated, truncated, info = env.last()
    ...     ended = terminated or truncated
    ...     env.step(None if ended else env.action_space(agent).sample(observation["action_mask"]))
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import EzPickle

from rl_lab import jit
from rl_lab.envs.boundary import checked_actions, checked_render_mode, lane_sequence
from rl_lab.envs.go import planes
from rl_lab.envs.go.environment import go
from rl_lab.envs.lanes import Lanes
from rl_lab.envs.loops import DISABLED
from rl_lab.errors import LabError, extra

with extra("go", "Go in PettingZoo"):
    from pettingzoo import AECEnv
    from pettingzoo.utils import wrappers

AGENTS = ("black_0", "white_0")  # by colour


def env(**arguments: Any) -> AECEnv:
    """`GoAEC` in the wrappers of PettingZoo's own environments, which report what is called out of order."""
    allowed = list(inspect.signature(GoAEC).parameters)
    for name in arguments:
        if name not in allowed:
            raise LabError(f"Go has no argument {name!r} here; it has {', '.join(allowed)}")
    return wrappers.OrderEnforcingWrapper(wrappers.AssertOutOfBoundsWrapper(GoAEC(**arguments)))


class GoAEC(AECEnv, EzPickle):
    """Go as PettingZoo has games: `black_0` and `white_0` move in turn.

    An observation is a dict: "observation", the planes that `README.md` describes, from the side of the agent who
    asks; and "action_mask", int8, 1 where the agent who is to play may play, all 0 for the other one and when the game
    is over. The side that waits sees the same two last moves in the same two planes as the side to play, and is barred
    where ko and superko would bar it.

    An action that the rules forbid loses at once, with `infos[agent]["illegal_action"]`. Whatever one agent gets, the
    other loses; a draw pays both 0, and so does a game that is truncated. No package-wide state is kept: boards of all
    sizes and rules live side by side.

    Args:
        size, komi, ko, suicide, handicap, max_moves: see `rules.Rules`.
        reward: "result" or "margin"; see `environment.go`.
        render_mode: "rgb_array", "ansi", or "human", which prints the board after every move.

    Raises:
        LabError: an argument is not allowed.
    """

    metadata = {  # noqa: RUF012
        "render_modes": ["human", "ansi", "rgb_array"],
        "name": "rl_lab_go_v0",
        "is_parallelizable": False,
        "render_fps": 2,
    }

    def __init__(
        self,
        size: int = 9,
        komi: float | None = None,
        ko: str = "positional",
        suicide: bool = False,
        handicap: int = 0,
        max_moves: int | None = None,
        reward: str = "result",
        render_mode: str | None = None,
    ) -> None:
        EzPickle.__init__(self, size, komi, ko, suicide, handicap, max_moves, reward, render_mode)
        AECEnv.__init__(self)
        rules = {"komi": komi, "ko": ko, "suicide": suicide, "handicap": handicap, "max_moves": max_moves}
        self._definition = go(size, "self", reward=reward, **rules)  # type: ignore[arg-type]
        self.render_mode = render_mode if render_mode == "human" else checked_render_mode(self._definition, render_mode)
        self._lanes = Lanes(self._definition, 1)
        self._agents_spaces = {agent: self._spaces() for agent in AGENTS}
        self.possible_agents, self.agents = list(AGENTS), list[str]()

    def observation_space(self, agent: str) -> spaces.Dict:
        """The same for both agents."""
        return self._agents_spaces[agent][0]

    def action_space(self, agent: str) -> spaces.Discrete:
        """Points by rows from the upper left, then the pass."""
        return self._agents_spaces[agent][1]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin a game; `options` are taken for PettingZoo's sake, and there are none."""
        if seed is not None:
            self._lanes.seed([lane_sequence(seed, 0)])
        self._lanes.reset(np.ones(1, np.bool_))
        self.agents = list(AGENTS)
        self.agent_selection = self._player
        self.rewards = dict.fromkeys(AGENTS, 0.0)
        self._cumulative_rewards = dict.fromkeys(AGENTS, 0.0)
        self.terminations, self.truncations = dict.fromkeys(AGENTS, False), dict.fromkeys(AGENTS, False)
        self.infos = {agent: {"illegal_action": False} for agent in AGENTS}
        self._skip_agent_selection = None

    def step(self, action: Any) -> None:
        """Play a move for the agent that is selected; None for one whose game is over."""
        agent, lanes = self.agent_selection, self._lanes
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        lanes.actions[0] = checked_actions(self.action_space(agent), action, ())
        lanes.step(DISABLED)
        other = AGENTS[AGENTS.index(agent) ^ 1]
        reward = float(lanes.rewards[0])
        self._cumulative_rewards[agent] = 0.0
        self.rewards = {agent: reward, other: 0.0 - reward}
        if lanes.terminated[0] or lanes.truncated[0]:
            ended = bool(lanes.terminated[0])
            self.terminations, self.truncations = dict.fromkeys(AGENTS, ended), dict.fromkeys(AGENTS, not ended)
            self.infos[agent] = {"illegal_action": bool(lanes.states["illegal_action"][0])}
        self.agent_selection = other
        self._accumulate_rewards()
        if self.render_mode == "human":
            self.render()

    def observe(self, agent: str) -> dict[str, np.ndarray]:
        """What an agent sees; see the class."""
        mask = np.zeros(self._lanes.masks.shape[1], np.int8)
        if agent != self._player:
            return {"observation": self._from_the_other_side(), "action_mask": mask}
        if not self._lanes.states["done"][0]:
            mask[:] = self._lanes.masks[0]
        return {"observation": self._lanes.observations[0].copy(), "action_mask": mask}

    def render(self) -> Any:
        """The board in the render mode; "human" prints it."""
        if self.render_mode is None:
            gym.logger.warn("render() was called without a render_mode")
            return None
        if self.render_mode != "human":
            return self._lanes.render(0, self.render_mode)
        print(self._lanes.render(0, "ansi"))
        return None

    def close(self) -> None:
        """Nothing is held."""

    @property
    def _player(self) -> str:
        """The agent whose stones the kernels take for one's own."""
        return AGENTS[int(self._lanes.states["to_play"][0])]

    @functools.cached_property
    def _mirror(self) -> Lanes:
        """Where the board is seen from the other side."""
        return Lanes(self._definition, 1)

    def _from_the_other_side(self) -> np.ndarray:
        mirror = self._mirror
        mirror.states[...] = self._lanes.states
        _turner(mirror.states.dtype)(mirror.states, mirror.config)
        mirror.observe()
        return mirror.observations[0].copy()

    def _spaces(self) -> tuple[spaces.Dict, spaces.Discrete]:
        points, actions = self._definition.observation_space, self._definition.action_space
        assert isinstance(points, spaces.Box)
        assert isinstance(actions, spaces.Discrete)
        seen = spaces.Box(points.low, points.high, dtype=points.dtype.type)
        mask = spaces.Box(0, 1, (int(actions.n),), np.int8)
        return spaces.Dict({"observation": seen, "action_mask": mask}), spaces.Discrete(int(actions.n))


raw_env = GoAEC  # as PettingZoo's own modules name it


def turn(states, config):
    """Give the turn to the other side, and find out what it may do."""
    states[0].to_play = 1 - np.int64(states[0].to_play)
    planes.look(states[0], config[0])


@functools.cache
def _turner(dtype: np.dtype) -> Callable[..., None]:
    return jit.specialize(turn, name="Go's other side", exact=True)
