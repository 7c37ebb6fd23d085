"""Programs that are named on the command line, such as "gnugo --mode gtp"."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from rl_lab.errors import LabError


def command_of(text: str) -> list[str]:
    """The words of a command line, with the program's path.

    GNU Go is also found where Debian puts it, and rl-lab beside the Python that runs.

    Raises:
        LabError: there is no such program.
    """
    from rl_lab.envs.go.engine import find_gnugo

    try:
        words = shlex.split(text)
    except ValueError as error:
        raise LabError(f"{text!r} is not a command line: {error}") from None
    if not words:
        raise LabError("a player's name is empty; give mcts:500, the folder of a run, or a command line")
    if words[0] == "gnugo":
        return [find_gnugo(), *words[1:]]
    path = shutil.which(words[0]) or shutil.which(words[0], path=str(Path(sys.executable).parent))
    if path is None:
        raise LabError(
            f"{words[0]!r} is neither a player nor a program; give random, greedy, mcts:N, gnugo:LEVEL, the folder of "
            "a run, or a command line that speaks GTP"
        )
    return [path, *words[1:]]
