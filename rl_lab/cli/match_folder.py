"""Results of a Go match: a folder with every game as SGF, and the figures as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rl_lab.cli.app import ready
from rl_lab.errors import LabError
from rl_lab.files import make_folder, write_text

if TYPE_CHECKING:
    from rl_lab.cli.match_report import Match
    from rl_lab.envs.go.game import Board
    from rl_lab.envs.go.matches.series import Entry


class MatchFolder:
    """A folder for one match; nothing is written before the first game.

    Args:
        path: of the folder.

    Raises:
        LabError: it cannot be written to, holds a match already, or there is nothing that writes SGF.
    """

    def __init__(self, path: Path) -> None:
        from rl_lab.envs.go import sgf_reader

        sgf_reader.sgfmill_sgf()
        if (path / "match.json").exists():
            raise LabError(f"{path} holds a match already; name another folder with --out")
        ready(path)
        self.path = path

    def keep_game(self, found: Match, entry: Entry) -> str:
        """Write a game; returns the name of its file."""
        from rl_lab.envs.go import sgf

        played, file = entry.played, f"{_stem(found, entry.number)}.sgf"
        moves = len(played.board.moves)
        comments = {moves: f"broken off after {moves} moves" if played.ended == "length" else played.failure}
        make_folder(self.path)
        names = _names(found, entry.number)
        sgf.write(self.path / file, played.board, players=names, result=played.result, comments=comments)
        return file

    def keep_unfinished(self, found: Match, board: Board) -> None:
        """Write the game that was stopped, which does not count, if there was a move in it."""
        from rl_lab.envs.go import sgf

        number = len(found.entries) + 1
        if board.moves:
            make_folder(self.path)
            sgf.write(self.path / f"{_stem(found, number)}-unfinished.sgf", board, players=_names(found, number))

    def keep_figures(self, found: Match) -> None:
        """Write the figures over all games."""
        make_folder(self.path)
        write_text(self.path / "match.json", json.dumps(found.as_json(), indent=1) + "\n")


def _stem(found: Match, number: int) -> str:
    """The name of a game's file without its end, in as many digits as the last game needs."""
    return f"game-{number:0{len(str(found.series.games))}}"


def _names(found: Match, number: int) -> tuple[str, str]:
    """Black and White, as they were asked for."""
    first, second = found.names
    return (first, second) if found.series.colour_of_first(number) == "black" else (second, first)
