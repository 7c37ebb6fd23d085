"""A game of Go in the terminal: boards in colour where it has colours, plain elsewhere, and input lines."""

import contextlib
import sys
from contextlib import AbstractContextManager

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from rl_lab.envs.go.game import Board
from rl_lab.envs.go.picture import star_points
from rl_lab.envs.go.vertices import COLUMNS
from rl_lab.errors import printable

WOOD, LINE, EDGE = "on #e0b97a", "#86642f", "#5c431c"
STONES = {1: "#101014", -1: "#ffffff"}
LONGEST_LINE = 60  # of input


class GoScreen:
    """Output of a game, and input of moves.

    Attributes:
        plain: whether there is no terminal, or one without colours or Unicode.
    """

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        for stream in (sys.stdin, sys.stdout):
            with contextlib.suppress(AttributeError):  # another stream that took its place
                stream.reconfigure(errors="replace")  # type: ignore[union-attr]
        colours = self.console.color_system is not None and not self.console.no_color
        unicode = (self.console.encoding or "").lower().startswith("utf")
        self.plain = not (sys.stdin.isatty() and self.console.is_terminal and colours and unicode)

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(printable(text), markup=False)

    def show(self, board: Board) -> None:
        """Print a board."""
        self.console.print(plain_board(board) if self.plain else coloured_board(board), markup=False)

    def thinking(self, name: str) -> AbstractContextManager[object]:
        """A status line while an agent thinks; only a terminal shows it."""
        dots, spinner = ("...", "line") if self.plain else ("…", "dots")
        return self.console.status(f"{escape(printable(name))} is thinking{dots}", spinner=spinner)

    def ask(self, question: str) -> str | None:
        """An input line, cut where it is very long; None at the end of the input."""
        if self.plain:
            line = sys.stdin.readline()
            typed = _typed(line).encode("ascii", "replace").decode()
            self.say(f"{question}> {typed}")
            return typed if line else None
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401  # so that lines can be edited
        try:
            return _typed(input(f"{question}> "))
        except EOFError:
            self.say("")
            return None


def _typed(line: str) -> str:
    return "".join(c for c in line[: 2 * LONGEST_LINE] if c.isprintable()).strip()[:LONGEST_LINE]


def plain_board(board: Board) -> str:
    """The board as `ascii` writes it, the last move in brackets."""
    lines = board.ascii().split("\n")
    last = _last(board)
    if last is not None:
        row, column = divmod(last, board.size)
        place = len(str(board.size)) + 1 + 2 * column
        line = lines[row + 1]
        lines[row + 1] = f"{line[: place - 1]}({line[place]}){line[place + 2 :]}"
    return "\n".join(lines)


def coloured_board(board: Board) -> Text:
    """The board with its lines, on wood; the last move is a stone with a hole."""
    size, last, stones = board.size, _last(board), board.stones
    stars, width = star_points(size), len(str(size))
    text, letters = Text(), f"{'':{width}}  {' '.join(COLUMNS[:size])}\n"
    text.append(letters, "dim")
    for row in range(size):
        text.append(f"{size - row:{width}} ", "dim")
        text.append(" ", WOOD)
        for column in range(size):
            stone = int(stones[row, column])
            if stone:
                symbol = "◉" if row * size + column == last else "●"
                text.append(symbol, f"{STONES[stone]} {WOOD}")
            else:
                edge = row in (0, size - 1) or column in (0, size - 1)
                line = ("┌┬┐", "├┼┤", "└┴┘")[(row > 0) + (row == size - 1)]
                symbol = "╋" if (row, column) in stars else line[(column > 0) + (column == size - 1)]
                text.append(symbol, f"{EDGE if edge else LINE} {WOOD}")
            text.append("─" if column < size - 1 else " ", f"{EDGE if row in (0, size - 1) else LINE} {WOOD}")
        text.append(f" {size - row}\n", "dim")
    text.append(letters, "dim")
    text.append(board.ascii().split("\n")[-1])
    return text


def _last(board: Board) -> int | None:
    """The last move, unless it was a pass."""
    return board.moves[-1][1] if board.moves and board.moves[-1][1] < board.size**2 else None
