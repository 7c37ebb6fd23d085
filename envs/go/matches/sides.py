"""Who plays in a match: an agent in this process, or a program that is asked over GTP."""

import json
import shlex
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from rl_lab.envs.go.engine import EngineDied, EngineError, EngineNonsense, EngineProcess, EngineRefuses, EngineSilent
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.gtp import words
from rl_lab.envs.go.gtp.clock import LAG
from rl_lab.envs.go.gtp.framing import Refused
from rl_lab.envs.go.gtp.rules import KataRules
from rl_lab.envs.go.gtp.thinking import Agent
from rl_lab.envs.go.players import Searcher
from rl_lab.envs.go.vertices import vertex
from rl_lab.errors import LabError

ILLEGAL, TIME_OUT, CRASH, NONSENSE, REFUSAL = FAILURES = ("illegal move", "time-out", "crash", "nonsense", "refusal")
RESIGN = -1  # as an action
HINT_LENGTH = 200  # of a command line
START_SECONDS = 60.0  # that a program may take to start and to get ready for a game, where a move may take as long
LEAST_START_SECONDS = 10.0  # likewise, where moves have to be fast
THINKING_SHARE = 0.9  # of a move's time, for a search: the machine may do something else as well
START_MOVES = 10  # for as many moves' time it may start, between the two


class Failure(Exception):
    """A side loses by what it did, or did not do: one of FAILURES, and what happened in one sentence."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Side(Protocol):
    """Who plays."""

    name: str

    def begin(self, board: Board) -> None:
        """Get ready for a game under the rules of an empty board; a `LabError` if it does not play on such a board."""

    def notify(self, colour: str, action: int, size: int) -> None:
        """Learn of a move of the other side."""

    def move(self, board: Board) -> int:
        """An action for the side to play, or RESIGN; a `Failure` if there is none."""

    def restart(self) -> None:
        """Restart after a failure."""

    def close(self) -> None:
        """Let go of everything."""


class AgentSide:
    """An agent in this process, made again after a failure.

    A search stops thinking in time; others cannot be stopped, but lose when they take longer than `seconds` for a move.
    """

    def __init__(self, make: Callable[[], Agent], seconds: float) -> None:
        self.make, self.seconds = make, seconds
        self.agent, self.ready = self._made(), False
        self.name = self.agent.name

    def begin(self, board: Board) -> None:
        """Check that the agent plays on this board."""
        size = getattr(self.agent, "size", None)
        if size not in (None, board.size):
            raise LabError(f"{self.name} plays on {size}x{size} only; give --size {size}")
        if not self.ready:
            self.agent.prepare(board)  # before any time counts
        self.ready = True

    def notify(self, colour: str, action: int, size: int) -> None:
        """Nothing to do: an agent sees the board."""

    def move(self, board: Board) -> int:
        """The agent's action."""
        begun = time.monotonic()
        try:
            action = int(self.agent(board.copy()))
        except LabError as error:
            raise Failure(CRASH, str(error)) from None
        taken = time.monotonic() - begun
        if taken > self.seconds:
            raise Failure(TIME_OUT, f"{self.name} has taken {taken:.1f} seconds, more than {self.seconds:g}")
        return action

    def restart(self) -> None:
        """A new agent."""
        self.close()
        self.agent = self._made()

    def close(self) -> None:
        """Let the agent go."""
        self.agent.close()

    def _made(self) -> Agent:
        agent = self.make()
        if isinstance(agent, Searcher):
            agent.seconds = max(0.0, THINKING_SHARE * self.seconds - LAG)
        return agent


class EngineSide:
    """A program that is asked over GTP.

    It is told board size, komi and, where it knows `kata-set-rules`, the rules of ko and suicide; others have to be
    told on their command line.

    Args:
        command: the program and its arguments.
        seconds: for an answer.
        timed: tell it by `time_settings` how long a move may take, where it knows that.

    Raises:
        LabError: it does not start, or does not speak GTP.
    """

    def __init__(self, command: Sequence[str], seconds: float, timed: bool = False) -> None:
        self.command, self.seconds, self.timed = list(command), seconds, timed
        self.engine = EngineProcess(self.command, self.start_seconds)
        try:
            self.name, version, known = self.engine.ask("name", "version", "list_commands")
        except EngineError as error:
            self.engine.close()
            raise LabError(f"{error}{self._hint(error)}") from None
        self.name, self.commands = f"{self.name} {version}".strip(), set(known.split())

    @property
    def start_seconds(self) -> float:
        """How long it may take to start, and to get ready for a game."""
        return max(self.seconds, LEAST_START_SECONDS, min(START_SECONDS, START_MOVES * self.seconds))

    def begin(self, board: Board) -> None:
        """State the rules, and clear the board; a `LabError` if the program refuses the board or komi."""
        rules = board.rules
        asked = [f"boardsize {board.size}"]
        if "kata-set-rules" in self.commands:
            kata = json.loads(KataRules(rules.ko.upper(), suicide=bool(rules.suicide)).as_json())
            del kata["friendlyPassOk"]  # which older programs do not know
            asked.append(f"kata-set-rules {json.dumps(kata, separators=(',', ':'))}")
        if self.timed and "time_settings" in self.commands:
            asked.append(f"time_settings 0 {max(1, int(self.seconds))} 1")
        try:
            self.engine.seconds = self.start_seconds
            self.engine.ask(*asked, "clear_board", f"komi {rules.komi_in_force:g}")
        except EngineRefuses:
            raise
        except EngineError as error:
            raise failure(error) from None
        self.engine.seconds = self.seconds

    def notify(self, colour: str, action: int, size: int) -> None:
        """Pass a move on."""
        self._ask(f"play {colour} {vertex(action, size)}")

    def move(self, board: Board) -> int:
        """The program's move."""
        answer = self._ask(f"genmove {board.to_play}").lower()
        if answer == "resign":
            return RESIGN
        try:
            return words.action(answer, board.size, off_board=ILLEGAL)
        except Refused as error:
            kind = ILLEGAL if str(error) == ILLEGAL else NONSENSE
            raise Failure(kind, f"{self.name} answers genmove with {answer[:80]!r}") from None

    def restart(self) -> None:
        """Restart the program."""
        self.close()
        self.engine = EngineProcess(self.command, self.start_seconds)

    def close(self) -> None:
        """End the program."""
        self.engine.close()

    def _hint(self, error: EngineError) -> str:
        """What to do about a program that cannot be talked to from the beginning."""
        unless_told = "; if it does not speak GTP unless told, add how, as in 'gnugo --mode gtp'"
        if isinstance(error, EngineNonsense):
            return unless_told
        if isinstance(error, EngineSilent):
            return f"{unless_told}; if it takes long to start, give more --seconds"
        return f"; try it by hand: echo name | {shlex.join(self.command)[:HINT_LENGTH]}"

    def _ask(self, command: str) -> str:
        try:
            return self.engine.ask(command)[0]
        except EngineError as error:
            raise failure(error) from None


def failure(error: EngineError) -> Failure:
    """What a program has done, as a reason to lose."""
    kinds = {EngineSilent: TIME_OUT, EngineDied: CRASH, EngineRefuses: REFUSAL}
    return Failure(kinds.get(type(error), NONSENSE), str(error))
