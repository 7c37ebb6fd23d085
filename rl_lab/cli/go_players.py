"""Go players of the command line: those of `rl_lab.envs.go`, and agents that `rl-lab train` has saved."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rl_lab.errors import LabError

NAMED = ("random", "greedy", "mcts", "gnugo")
USUAL_SIZE = 9  # of boards, where no option gives it

if TYPE_CHECKING:
    from rl_lab.agents.algorithm import Algorithm
    from rl_lab.envs.go.game import Board
    from rl_lab.envs.go.gtp.thinking import Agent


def player_for(spec: str, seed: int = 0) -> Agent:
    """A player by name, "random", "greedy", "mcts:N" or "gnugo:LEVEL", or the agent of a run by its folder."""
    from rl_lab.envs.go.players import player

    try:
        return player(spec, seed)
    except LabError as error:
        if is_path(spec):
            return TrainedAgent(Path(spec))
        if spec.partition(":")[0] in NAMED:
            raise
        raise LabError(f"{error}; or give the folder of a run, as rl-lab train writes it") from None


class Terms(NamedTuple):
    """Board size and komi of a game."""

    size: int
    komi: float | None
    """None is that of the board."""
    said: str
    """In a line what the training of an agent decides, "" where it decides nothing."""


def terms(agents: Iterable[object], size: int | None, komi: float | None) -> Terms:
    """Size and komi as requested; else what an agent was trained with; else 9x9 and the board's komi."""
    trained = [agent for agent in agents if isinstance(agent, TrainedAgent)]
    if not trained:
        return Terms(USUAL_SIZE if size is None else size, komi, "")
    first, *others = trained
    if size is None and (other := next((agent for agent in others if agent.size != first.size), None)):
        raise LabError(
            f"{first.name} plays on {first.size}x{first.size} only and {other.name} on {other.size}x{other.size}; "
            "they cannot meet"
        )
    brought = [f"on {first.size}x{first.size}"] if size is None else []
    brought += [f"with komi {first.komi:g}"] if komi is None else []
    said = f"{first.name} plays {' '.join(brought)}, as it was trained" if brought else ""
    return Terms(first.size if size is None else size, first.komi if komi is None else komi, said)


def is_kept(spec: str) -> bool:
    """Whether a player's name is that of a run's folder, or of a file that an agent's save wrote."""
    return not is_named(spec) and is_path(spec) and (Path(spec).is_dir() or spec.endswith(".safetensors"))


def is_named(spec: str) -> bool:
    """Whether a player is meant by its name; "gnugo" alone is a program."""
    return spec != "gnugo" and re.fullmatch(rf"(?:{'|'.join(NAMED)})(?::\S*)?", spec) is not None


def is_path(text: str) -> bool:
    """Whether there is a file or folder of this name."""
    try:
        return bool(text) and Path(text).exists()
    except (OSError, ValueError):  # too long for a name, or with a null byte
        return False


class TrainedAgent:
    """Plays the most probable move of an agent, from the folder of a run or a file that its save wrote.

    Attributes:
        size: of the boards that it was trained on.
        komi: that it was trained with.
    """

    def __init__(self, path: Path) -> None:
        from rl_lab.agents.run_folder import load
        from rl_lab.envs.go.planes import PLANES
        from rl_lab.envs.go.rules import Rules

        self.agent: Algorithm = load(path)
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
        from rl_lab.envs.go.board_observation import see

        if board.has_ended:
            return board.size**2
        observation, mask = see(board)
        return int(self.agent.predict(observation, action_mask=mask)[0])

    def prepare(self, board: Board) -> None:
        """Compile what there is to compile."""
        self(board.copy())

    def close(self) -> None:
        """Nothing to release."""
