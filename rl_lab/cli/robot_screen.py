"""Worlds of the robot on a terminal, in a pipe and in a window, and the keys that come from each."""

import contextlib
import os
import select
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.control import Control
from rich.text import Text

from rl_lab.cli.robot_drive import DriveScreen, Scene
from rl_lab.envs.robot import cells, render
from rl_lab.envs.robot.cells import UNSEEN
from rl_lab.envs.robot.tiles import RGB
from rl_lab.envs.robot.world import cells_of
from rl_lab.errors import printable

GAP = "    "  # between the world and what the camera sees of it
HIGHEST = 820  # pixels of a world in a window, so that a screen has room for it
HIDDEN = ".."  # what the camera does not see, in letters
ESCAPES = {"[A": "up", "[B": "down", "[C": "right", "[D": "left", "OA": "up", "OB": "down", "OC": "right", "OD": "left"}
CHARACTERS = {" ": "blank", "\r": "enter", "\n": "enter", "\x03": "q", "\x04": "q"}
NAMES = {"space": "blank", "return": "enter", "escape": "q", "quit": "q"}  # of pygame's keys
THINGS = {"key": "o¬", "ball": "● ", "box": "[]"}
ROBOT = ("▶ ", "▼ ", "◀ ", "▲ ")
DARK, LIT, WALL, WALL_LIT = "#000000", "#3a3a3a", "#646464", "#929292"


@contextlib.contextmanager
def screen_for(window: bool) -> Iterator[DriveScreen]:
    """The screen of a drive, for as long as it is used; a LabError where no window can be opened."""
    if window:
        pane = Pane()
        try:
            yield pane
        finally:
            pane.window.close()
        return
    console = Console(highlight=False, soft_wrap=True)
    if not (sys.stdin.isatty() and console.is_terminal):
        with contextlib.suppress(AttributeError):  # another stream that took its place
            sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]
        yield Pipe(console)
        return
    try:
        import termios
        import tty
    except ImportError:  # no such terminals here: letters, and Enter after them
        yield Pipe(console)
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    terminal = Terminal(console)
    try:
        with console.screen():
            yield terminal
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        for line in terminal.last_words:
            console.print(line, markup=False)


class Pipe:
    """Plain text; every character of the input is a key, blanks and ends of lines between them are not."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def show(self, scene: Scene) -> None:
        """Print the world, what the camera sees, and the lines."""
        text = "\n".join([*scene.lines[:2], *plain(scene), f"> {scene.lines[2]}", ""])
        self.console.print(printable(text), markup=False)

    def key(self) -> str | None:
        """The next character that is no blank."""
        while character := sys.stdin.read(1):
            if not character.isspace():
                return character
        return None

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(text, markup=False)


class Terminal:
    """A terminal of its own page, with colours where it has them, and single keys."""

    def __init__(self, console: Console) -> None:
        self.console, self.last_words = console, list[str]()
        unicode = (console.encoding or "").lower().startswith("utf")
        self.colours = bool(console.color_system) and not console.no_color and unicode

    def show(self, scene: Scene) -> None:
        """Redraw the page."""
        mission, stand, message = scene.lines
        page = Text(f"{printable(mission)}\n\n", "bold")
        page.append(coloured(scene) if self.colours else Text("\n".join(plain(scene))))
        page.append(f"\n\n{stand}\n")
        page.append(message, "dim")
        self.console.control(Control.clear(), Control.home())
        self.console.print(page, end="")

    def key(self) -> str | None:
        """Wait for a key."""
        return key_named(self._read(), self._more)

    def say(self, text: str) -> None:
        """Keep a line for when the page is gone."""
        self.last_words.append(text)

    def _read(self) -> str:
        return os.read(sys.stdin.fileno(), 1).decode("ascii", "replace")

    def _more(self) -> str:
        """What followed at once, as arrows send more than one character."""
        ready, _, _ = select.select([sys.stdin], [], [], 0.02)
        return os.read(sys.stdin.fileno(), 8).decode("ascii", "replace") if ready else ""


def key_named(character: str, more: Any) -> str | None:
    """A key of a terminal by name, from its first character, none at the end, and what gives those sent at once."""
    if not character:
        return None
    if character == "\x1b":
        followed = more()
        return ESCAPES.get(followed, "another key") if followed else "q"
    return CHARACTERS.get(character, character.lower())


class Pane:
    """A window."""

    def __init__(self) -> None:
        from rl_lab.envs.window import Window

        self.window = Window("rl-lab drive")
        self._waiting: list[str] = []

    def show(self, scene: Scene) -> None:
        """Draw the world beside what the camera sees."""
        self.window.show(picture(scene), scene.lines)

    def key(self) -> str | None:
        """Wait for a key."""
        while not self._waiting:
            self._waiting = self.window.keys()
        key = self._waiting.pop(0)
        return NAMES.get(key, key)

    def say(self, text: str) -> None:
        """Print a line, since the window goes."""
        print(text)


def picture(scene: Scene) -> NDArray[np.uint8]:
    """The world beside what the camera sees, uint8 `(height, width, 3)`."""
    longest = max(int(scene.state.width), int(scene.state.height))
    gap = side = min(int(scene.config.tile_size), HIGHEST // longest)
    whole = render.draw(np.asarray(scene.state).reshape(1), scene.config, side)[0]
    seen = render.camera_image(scene.state, scene.config, side)
    both = np.full((max(len(whole), len(seen)), whole.shape[1] + gap + seen.shape[1], 3), 255, np.uint8)
    both[: len(whole), : whole.shape[1]] = whole
    both[: len(seen), whole.shape[1] + gap :] = seen
    return both


def plain(scene: Scene) -> list[str]:
    """The world in letters, beside what the camera sees with the robot below in the middle."""
    state, config = scene.state, scene.config
    whole = render.write(state, config).split("\n")[:-1]
    seen = render.camera_cells(state, config)
    view = [[HIDDEN if cell == UNSEEN else render.letters(int(cell)) for cell in row] for row in seen.T]
    if view[-1][len(view) // 2] == "  ":
        view[-1][len(view) // 2] = "^^"
    return beside(whole, ["".join(row) for row in view])


def beside(left: list[str], right: list[str]) -> list[str]:
    """Two blocks of lines side by side."""
    width = max(map(len, left))
    count = max(len(left), len(right))
    rows = zip(left + [""] * (count - len(left)), right + [""] * (count - len(right)), strict=True)
    return [f"{a:{width}}{GAP}{b}".rstrip() for a, b in rows]


def coloured(scene: Scene) -> Text:
    """The world in colours, two characters a cell, beside what the camera sees."""
    state, config = scene.state, scene.config
    grid, seen = cells_of(state, config), render.camera_cells(state, config)
    visible = render.visible_cells(np.asarray(state).reshape(1), config)[0]
    text = Text()
    for row in range(max(grid.shape[1], seen.shape[1])):
        for x in range(grid.shape[0]):
            here = (x, row) == (int(state.x), int(state.y))
            if row < grid.shape[1]:
                text.append(*block(int(grid[x, row]), bool(visible[x, row]), int(state.direction) if here else None))
            else:
                text.append("  ")
        text.append(GAP)
        if row < seen.shape[1]:
            for column in range(seen.shape[0]):
                cell = int(seen[column, row])
                alone = (column, row) == (len(seen) // 2, len(seen) - 1) and cell == cells.EMPTY
                text.append(*block(cell, cell != UNSEEN, render.UP if alone else None))
        text.append("\n")
    return text[:-1]


def block(cell: int, visible: bool, facing: int | None) -> tuple[str, str]:
    """Two characters for a cell, lighter where the camera sees it, and their style; a robot on it is `facing`."""
    thing, colour, state = (int(number) for number in cells.unpack(cell))
    name, ink = cells.OBJECTS[thing], "#{:02x}{:02x}{:02x}".format(*RGB[cells.COLOURS[colour]])
    ground = LIT if visible else DARK
    shapes = {
        "unseen": ("░░", f"#2a2a2a on {DARK}"),
        "wall": ("  ", f"on {WALL_LIT if visible else WALL}"),
        "floor": ("░░", f"{ink} on {ground}"),
        "goal": ("  ", f"on {ink}"),
        "lava": ("≈≈", "#000000 on #ff8000"),
        "door": (("▏▕", f"{ink} on {ground}"), (" ◦", f"#000000 on {ink}"), ("╳╳", f"#000000 on {ink}"))[state],
    }
    letters, style = shapes.get(name, (THINGS.get(name, "  "), f"bold {ink} on {ground}"))
    if facing is not None:
        return ROBOT[facing], f"bold #ff4040 {style[style.index('on ') :]}"
    return letters, style
