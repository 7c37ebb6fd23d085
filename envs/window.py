"""A window made with pygame, which is an extra: `pip install -e '.[window]'`."""

import importlib.util
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from rl_lab.errors import LabError

PAPER, INK, FAINT = (255, 255, 255), (20, 20, 20), (110, 110, 110)
MARGIN, LINE, LETTERS = 12, 26, 22  # pixels: around everything, from one line of text to the next, their size
DRIVER = "SDL_VIDEODRIVER"
NARROWEST = 420  # so that a mission has room


def is_installed() -> bool:
    """Whether pygame is there; whether there is a screen shows when a window opens."""
    return importlib.util.find_spec("pygame") is not None


def check_installed() -> None:
    """See that a window can be made here at all; a `LabError` where pygame is not installed."""
    if not is_installed():
        raise LabError(
            "a window needs pygame, which is not installed; run pip install -e '.[window]', "
            'or use render_mode="rgb_array" or "ansi"'
        )


def _no_screen(why: str) -> LabError:
    return LabError(
        f'no window can be opened here: {why}; use render_mode="rgb_array" or "ansi", or rl-lab drive without '
        f"--window, or set {DRIVER}=dummy to show it nowhere"
    )


class Window:
    """Shows images, so many a second at most, with lines of text below them, and hears keys.

    Raises:
        LabError: pygame is not installed, or there is no screen.
    """

    def __init__(self, title: str, fps: float = 0) -> None:
        check_installed()
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        import pygame

        self._pygame: Any = pygame
        self.fps, self.closed = fps, False
        self._surface: Any = None
        try:
            pygame.display.init()
        except pygame.error as error:
            raise _no_screen(str(error)) from None
        driver = pygame.display.get_driver()
        if driver == "offscreen" and DRIVER not in os.environ:  # SDL's choice where there is nothing else
            pygame.display.quit()
            raise _no_screen("there is no screen")
        pygame.font.init()
        pygame.display.set_caption(title)
        self._font, self._clock = pygame.font.Font(None, LETTERS), pygame.time.Clock()

    def show(self, image: np.ndarray, lines: Sequence[str] = ()) -> None:
        """Show an image, uint8 `(height, width, 3)`, with lines of text below; the first is the strongest."""
        pygame = self._pygame
        if not self.closed and pygame.event.peek(pygame.QUIT):
            self.close()
        if self.closed:
            return
        wrapped = [(row, number == 0) for number, line in enumerate(lines) for row in self._wrapped(line, image)]
        width = max(image.shape[1], NARROWEST if wrapped else 0) + 2 * MARGIN
        height = image.shape[0] + 2 * MARGIN + (len(wrapped) * LINE + MARGIN // 2 if wrapped else 0)
        if self._surface is None or self._surface.get_size() != (width, height):
            self._surface = pygame.display.set_mode((width, height))
        self._surface.fill(PAPER)
        picture = pygame.surfarray.make_surface(np.ascontiguousarray(image.transpose(1, 0, 2)))
        self._surface.blit(picture, ((width - image.shape[1]) // 2, MARGIN))
        for number, (row, strong) in enumerate(wrapped):
            text = self._font.render(row, True, INK if strong else FAINT)
            self._surface.blit(text, (MARGIN, image.shape[0] + MARGIN * 3 // 2 + number * LINE + 4))
        pygame.display.flip()
        pygame.event.pump()
        if self.fps:
            self._clock.tick(self.fps)

    def keys(self) -> list[str]:
        """Names of the keys pressed since the last call, after waiting for the first; "quit" when it was closed."""
        pygame, names = self._pygame, list[str]()
        while not names and not self.closed:
            for event in [pygame.event.wait(), *pygame.event.get()]:
                if event.type == pygame.QUIT:
                    self.close()
                elif event.type == pygame.KEYDOWN:
                    names.append(pygame.key.name(event.key))
        return names or ["quit"]

    def picture(self) -> np.ndarray:
        """What the window shows, uint8 `(height, width, 3)`."""
        return np.ascontiguousarray(self._pygame.surfarray.array3d(self._surface).transpose(1, 0, 2))

    def close(self) -> None:
        """Close the window."""
        if not self.closed:
            self._pygame.display.quit()
        self.closed = True

    def _wrapped(self, line: str, image: np.ndarray) -> list[str]:
        """A line as rows that fit."""
        room, rows = max(image.shape[1], NARROWEST), [""]
        for word in line.split():
            longer = f"{rows[-1]} {word}".strip()
            if self._font.size(longer)[0] <= room or not rows[-1]:
                rows[-1] = longer
            else:
                rows.append(word)
        return rows
