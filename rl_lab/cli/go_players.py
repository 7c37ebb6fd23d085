"""Who plays Go on the command line: the players of `rl_lab.envs.go`, and agents that `rl-lab train` has kept."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from rl_lab.errors import LabError

NAMED = ("random", "greedy", "mcts", "gnugo")

if TYPE_CHECKING:
    from rl_lab.agents.ppo import PPO
    from rl_lab.envs.go.game import Board
    from rl_lab.envs.go.gtp.thinking import Agent


def player_for(spec: str, seed: int = 0) -> Agent:
    """A player by name, or the agent of a run by its folder.

    Args:
        spec: "random", "greedy", "mcts:N", "gnugo:LEVEL", or a path.
        seed: of what is random.

    Raises:
        LabError: there is no such player, or the agent was not trained on Go.
    """
    from rl_lab.envs.go.players import player

    try:
        return player(spec, seed)
    except LabError as error:
        if is_path(spec):
            return TrainedAgent(Path(spec))
        if spec.partition(":")[0] in NAMED:
            raise
        raise LabError(f"{error}; or give the folder of a run, as rl-lab train writes it") from None


def is_path(text: str) -> bool:
    """Whether there is a file or folder of this name."""
    try:
        return bool(text) and Path(text).exists()
    except (OSError, ValueError):  # too long for a name, or with a null byte
        return False


class TrainedAgent:
    """Plays the most probable move of an agent that was trained, on boards of the size that it was trained on.

    Args:
        path: folder of a run, or a file that PPO.save wrote.

    Raises:
        LabError: there is no agent, or one of another environment.

    Attributes:
        size: of the boards.
        komi: that it has learned with.
    """

    def __init__(self, path: Path) -> None:
        from rl_lab.agents.training import load
        from rl_lab.envs.go.planes import PLANES
        from rl_lab.envs.go.rules import Rules

        self.agent: PPO = load(path)
        self.name = path.name
        shape = self.agent.source.vector.single_observation_space.shape or ()
        if len(shape) != 3 or shape[0] != len(PLANES) or "Go" not in self.agent.source.name:
            raise LabError(
                f"{path} was trained on {self.agent.source.name}, which is not Go; give an agent of rl_lab/Go-5x5-v0 "
                "or of another size"
            )
        self.size = math.isqrt(shape[1] * shape[2])
        self.komi = Rules(self.size, self.agent.env_kwargs.get("komi")).komi_in_force

    def __call__(self, board: Board) -> int:
        """The agent's move; a pass where both have passed already."""
        from rl_lab.envs.go.seeing import see

        if board.has_ended:
            return board.size**2
        observation, mask = see(board)
        return int(self.agent.predict(observation, action_mask=mask)[0])

    def prepare(self, board: Board) -> None:
        """Compile what there is to compile."""
        self(board.copy())

    def close(self) -> None:
        """Nothing is held."""
