"""A game of Go between the user and an agent: commands, answers, and how a game ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rl_lab.cli.go_screen import GoScreen
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.vertices import vertex
from rl_lab.errors import LabError
from rl_lab.files import make_folder

if TYPE_CHECKING:
    from rl_lab.envs.go.gtp.thinking import Agent

HELP = """C3            play at this point; columns leave out I
pass          pass; two passes in a row end the game
undo          take back your last move and the answer
hint          the move that the agent would play for you
score         the area score now; no stones are removed as dead
board         show the board again
save FILE     save the game so far as SGF
resign        resign the game
quit          leave the game"""


class Session:
    """A game of a person of a colour against an agent, on a board where nothing has been played.

    Attributes:
        result: in SGF's notation, "" while it is unknown.
    """

    def __init__(self, board: Board, agent: Agent, colour: str, screen: GoScreen) -> None:
        self.board, self.agent, self.colour, self.screen = board, agent, colour, screen
        self.result, self._left = "", False
        self._saved = set[Path]()
        self._words: dict[str, Callable[[], None]] = {
            "help": lambda: screen.say(HELP),
            "undo": self._undo,
            "hint": self._hint,
            "score": self._score,
            "board": lambda: screen.show(board),
            "resign": lambda: self._leave(f"You resign: {agent.name} wins", f"{self._other[0].upper()}+R"),
            "quit": self._leave,
        }

    def play(self) -> None:
        """Play to the end, or until the user leaves."""
        komi = f"komi {self.board.rules.komi_in_force:g}"
        self.screen.say(f"You are {self.colour}, {self.agent.name} is {self._other}; {komi}. A move, or help:")
        self.screen.show(self.board)
        while not (self.board.is_over or self._left):
            self._turn() if self.board.to_play == self.colour else self._answer()
        if self.board.is_over:
            self._end()

    def keep(self, path: Path) -> None:
        """`save` at the end, to a file that was checked at the start; its folder is made where there is none."""
        if self.board.moves:
            make_folder(path.parent, "--sgf")
        self._saved.add(path.absolute())
        self.save(path)

    def save(self, path: Path) -> None:
        """Save the game as SGF and report it; a game without moves is not written, and no other file replaced."""
        from rl_lab.envs.go import sgf

        if not self.board.moves:
            self.screen.say("no moves were played; no file was written")
            return
        if path.exists() and path.absolute() not in self._saved:
            raise LabError(f"{path} exists already; save the game under a new name")
        names = ("you", self.agent.name) if self.colour == "black" else (self.agent.name, "you")
        result = {"result": self.result} if self.result else {}
        sgf.write(path, self.board, players=names, **result)
        self._saved.add(path.absolute())
        self.screen.say(f"game: {path}")

    @property
    def _other(self) -> str:
        return "white" if self.colour == "black" else "black"

    def _turn(self) -> None:
        line = self.screen.ask(self.colour)
        if line is None:
            self._leave()
            return
        word, _, rest = line.partition(" ")
        try:
            if word.lower() in self._words and not rest:
                self._words[word.lower()]()
            elif word.lower() == "save":
                if not rest.strip():
                    raise LabError("save needs the name of a file: save FILE, such as save game.sgf")
                self.save(Path(rest.strip()).expanduser())
            elif line:
                self._move(line)
        except LabError as error:
            self.screen.say(str(error))

    def _move(self, line: str) -> None:
        try:
            self.board.play(line)
        except LabError as error:
            unknown = " (help lists the commands)" if "is no move" in str(error) else ""
            raise LabError(f"{error}{unknown}") from None
        if not self.board.is_over:
            self.screen.show(self.board)

    def _answer(self) -> None:
        start = time.perf_counter()
        action = self._thought()
        seconds = time.perf_counter() - start
        if problem := self.board.problem(action):
            raise LabError(f"{self.agent.name} plays {vertex(action, self.board.size)}, which is illegal: {problem}")
        self.board.play(action)
        what = "passes" if action == self.board.size**2 else f"plays {vertex(action, self.board.size)}"
        self.screen.say(f"{self.agent.name} {what} ({seconds:.1f} s)")
        if not self.board.is_over:
            self.screen.show(self.board)

    def _thought(self) -> int:
        """The move that the agent would play; the screen shows that it is thinking."""
        with self.screen.thinking(self.agent.name):
            return self.agent(self.board)

    def _undo(self) -> None:
        if all(colour != self.colour for colour, _ in self.board.moves):
            raise LabError("there is no move of yours to take back")
        mine = False
        while not mine:
            mine = self.board.moves[-1][0] == self.colour
            self.board.undo()
        self.screen.show(self.board)

    def _hint(self) -> None:
        action = self._thought()
        what = "pass" if action == self.board.size**2 else f"play {vertex(action, self.board.size)}"
        self.screen.say(f"{self.agent.name} would {what}")

    def _score(self) -> None:
        black, white = self.board.copy().area()
        komi, result = self.board.rules.komi_in_force, self.board.copy().result()
        self.screen.say(f"Black {black}, White {white} and komi {komi:g}: {_spoken(result)} as it stands")

    def _leave(self, how: str = "You leave the game", result: str = "") -> None:
        self._left, self.result = True, result
        self.screen.say(how)

    def _end(self) -> None:
        self.screen.show(self.board)
        if self.board.truncated:
            self.screen.say(f"The game is broken off after {len(self.board.moves)} moves, its longest: no result")
            return
        black, white = self.board.copy().area()
        self.result = self.board.copy().result()
        komi = self.board.rules.komi_in_force
        self.screen.say(f"Both have passed. Black {black}, White {white} and komi {komi:g}: {_spoken(self.result)}")


def _spoken(result: str) -> str:
    """A result as a clause, from how SGF has it."""
    if result == "0":
        return "a draw"
    winner, _, margin = result.partition("+")
    return f"{'Black' if winner == 'B' else 'White'} wins by {margin}"
