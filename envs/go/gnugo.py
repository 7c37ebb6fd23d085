"""GNU Go as a player: a process that is told what happened on a board, and asked for a move."""

from typing import NamedTuple

import numpy as np

from rl_lab.envs.go.engine import EngineDied, EngineProcess, find_gnugo
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.players import Player
from rl_lab.envs.go.rules import Rules
from rl_lab.envs.go.vertices import action_at, vertex
from rl_lab.errors import LabError

KO = {"simple": "--simple-ko", "positional": "--positional-superko", "situational": "--situational-superko"}
# Area counts, and what is dead counts until it is taken: so GNU Go must take it instead of passing.
MANNERS = ("--chinese-rules", "--play-out-aftermath", "--capture-all-dead", "--never-resign")


class Told(NamedTuple):
    """What the process was told: a game up to some move."""

    rules: Rules
    stones: list[tuple[str, int]]  # placed before the first move
    moves: list[tuple[str, int]]


class GnuGo(Player):
    """GNU Go at a level, as one process, started at the first question.

    From one question to the next the process is told the difference: moves to take back, and moves to play. If it
    dies it is started again, once a question.

    Args:
        level: 0 to 10.
        seed: of its random numbers, which every question renews.
        seconds: how long an answer may take.
        command: the program and its first arguments; default is where GNU Go is installed.

    Raises:
        LabError: it is not installed; from a question: it died twice, did not answer in time, answered nonsense
            or played illegally.
    """

    def __init__(self, level: int, seed: int = 0, seconds: float = 60.0, command: tuple[str, ...] = ()) -> None:
        self.name, self.level, self.seconds = f"gnugo:{level}", level, seconds
        self.command = command or (find_gnugo(),)
        self._engine: EngineProcess | None = None
        self._told: Told | None = None
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Restart its random stream."""
        self._seeds = np.random.default_rng(seed)

    def __call__(self, board: Board) -> int:
        """GNU Go's move."""
        if board.has_ended:
            return board.size**2
        seed = int(self._seeds.integers(1 << 31))
        try:
            return self._answer(board, seed)
        except EngineDied:
            self.close()
        try:
            return self._answer(board, seed)
        except EngineDied as error:
            self.close()
            raise LabError(f"{self.name} was started again, but: {error}") from None

    def close(self) -> None:
        """End the process; the next question starts another."""
        if self._engine is not None:
            self._engine.close()
        self._engine = self._told = None

    def _answer(self, board: Board, seed: int) -> int:
        try:
            commands = self._commands(board)
            assert self._engine is not None
            *_, answer = self._engine.ask(*commands, f"set_random_seed {seed}", f"genmove {board.to_play}")
            played = True
            if board.setup and _is_ko(answer, board):  # a position that was set up does not say what came before
                legal = " ".join(vertex(action, board.size) for action in board.legal()[:-1])
                _, answer = self._engine.ask("undo", f"restricted_genmove {board.to_play} {legal}")
                played = False  # by this command it only says a move
            action = self._checked(answer, board)
        except EngineDied:
            raise
        except LabError:
            self.close()  # who knows what it believes now
            raise
        moves = [*board.moves, (board.to_play, action)] if played else list(board.moves)
        self._told = Told(board.rules, list(board.setup), moves)
        return action

    def _commands(self, board: Board) -> list[str]:
        """What brings the process to the board's position, which is started where none can be used."""
        known, moves = self._told, board.moves
        if self._engine is not None and known is not None and known[:2] == (board.rules, board.setup):
            common = 0
            while common < min(len(known.moves), len(moves)) and known.moves[common] == moves[common]:
                common += 1
            return ["undo"] * (len(known.moves) - common) + [_play(move, board.size) for move in moves[common:]]
        self.close()
        self._engine = EngineProcess(self._arguments(board.rules), self.seconds)
        commands = [f"boardsize {board.size}", "clear_board", f"komi {board.rules.komi_in_force!r}"]
        if board.rules.handicap and not board.setup:  # or else its stones are among those
            commands.append(f"fixed_handicap {board.rules.handicap}")
        return commands + [_play(move, board.size) for move in [*board.setup, *moves]]

    def _arguments(self, rules: Rules) -> list[str]:
        suicide = "--allow-all-suicide" if rules.suicide else "--forbid-suicide"
        return [*self.command, "--mode", "gtp", "--level", str(self.level), KO[rules.ko], suicide, *MANNERS]

    def _checked(self, answer: str, board: Board) -> int:
        try:
            action = action_at(answer, board.size)
        except LabError as error:
            raise LabError(f"{self.name} was asked for a move, and answers {answer[:80]!r}: {error}") from None
        if problem := board.problem(action):
            raise LabError(
                f"{self.name} plays {board.to_play} {vertex(action, board.size)}, which is illegal: {problem}"
            )
        return action


def _is_ko(answer: str, board: Board) -> bool:
    """Whether a move is one that only ko or superko forbids."""
    try:
        return "ko" in board.problem(action_at(answer, board.size))
    except LabError:
        return False


def _play(move: tuple[str, int], size: int) -> str:
    colour, action = move
    return f"play {colour} {vertex(action, size)}"
