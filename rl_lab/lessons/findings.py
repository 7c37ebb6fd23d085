"""What a lesson found, in figures, lines of text, pictures and the page that shows them; and what it is doing."""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rl_lab.files import make_folder, write_bytes, write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPLATE = Path(__file__).with_name("findings.html")


class Picture(NamedTuple):
    """A drawing, and what it shows."""

    name: str  # of its file, without the suffix
    caption: str
    figure: Figure


class PageTable(NamedTuple):
    """Rows of a table; the first column names the row."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Findings:
    """What a lesson found."""

    name: str
    """Of its files: `name.json`, `name.html`."""
    question: str
    """What was asked, as a title."""
    lines: Sequence[str]
    """The answer, line by line, as the terminal prints it."""
    figures: Mapping[str, Any]
    """Every number behind it, as JSON can say it."""
    command: str = ""
    """That makes it again."""
    tables: Sequence[PageTable] = ()
    pictures: Sequence[Picture] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What else is kept, by file name: sounds, texts, weights."""

    @property
    def text(self) -> str:
        """The answer as text."""
        return "\n".join(self.lines)

    @property
    def json(self) -> str:
        """Every number as JSON."""
        return json.dumps(self.figures, indent=1)

    def write(self, folder: Path) -> Path:
        """Write the page, which needs no other file, the numbers, pictures and other files; returns the page's path."""
        make_folder(folder)
        drawn = {picture.name: png(picture.figure) for picture in self.pictures}
        for name, content in drawn.items():
            write_bytes(folder / f"{name}.png", content)
        for name, content in self.files.items():
            write_bytes(folder / name, content)
        write_text(folder / f"{self.name}.json", self.json + "\n")
        page = folder / f"{self.name}.html"
        write_text(page, self._page(drawn))
        return page

    def _page(self, drawn: Mapping[str, bytes]) -> str:
        from jinja2 import Environment as Templates

        template = Templates(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
            TEMPLATE.read_text("utf-8")
        )
        encoded = {name: base64.b64encode(content).decode() for name, content in drawn.items()}
        sounds = {
            name: base64.b64encode(content).decode() for name, content in self.files.items() if name.endswith(".wav")
        }
        return template.render(findings=self, pictures=encoded, sounds=sounds)


def png(figure: Figure) -> bytes:
    """A matplotlib figure as a PNG, the same bytes each time."""
    file = io.BytesIO()
    figure.savefig(file, dpi=120, metadata={"Software": None})
    return file.getvalue()


@contextmanager
def telling(name: str) -> Iterator[Callable[[str], None]]:
    """What shows a line of text about a lesson on a terminal, and nothing elsewhere."""
    from rich.console import Console

    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield lambda text: None
        return
    with console.status(name) as status:
        yield lambda text: status.update(f"{name}: {text}")
