"""`rl-lab match`: two players of Go, and who is better."""

from __future__ import annotations

import json
import logging
import shlex
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from rl_lab.cli.app import Json, app, know_env, ready
from rl_lab.errors import LabError, printable
from rl_lab.files import make_folder, write_text

if TYPE_CHECKING:
    from rl_lab.cli.match_report import Match
    from rl_lab.envs.go.game import Board
    from rl_lab.envs.go.gtp.thinking import Agent
    from rl_lab.envs.go.matches.series import Entry
    from rl_lab.envs.go.matches.sides import Side

log = logging.getLogger("rl_lab")
PATIENCE = 60.0  # seconds for an answer, where no option gives them
NEWS_SECONDS = 3.0  # that a program may take to start before the wait is reported


@app.command
def match(
    first: Positional[str],
    second: Positional[str],
    games: int = 20,
    size: int | None = None,
    komi: float | None = None,
    ko: Literal["positional", "situational", "simple"] = "positional",
    suicide: bool = False,
    max_moves: int | None = None,
    openings: int | None = None,
    opening_moves: int = 4,
    seconds: float | None = None,
    out: Path | None = None,
    seed: int = 0,
    env: str | None = None,
    as_json: Json = False,
) -> None:
    """Play a match of Go and print the score with its interval, the Elo difference, and the failures of each side.

    Our board is the referee: an illegal move, an answer after the time limit, an invalid answer or a crash loses the
    game, and the program is restarted. Colours alternate; each random opening is played twice, with colours swapped.
    After `max-moves` moves a game is stopped and scored as the board stands. Every game is scored by area without
    removing dead stones, so a program should capture them before it passes.

    Examples: rl-lab match mcts:500 greedy --games 40 --size 7;
    rl-lab match mcts:2000 "gnugo --mode gtp --level 1 --chinese-rules --positional-superko --capture-all-dead";
    rl-lab match runs/go5 mcts:500 --games 100 --out results/go5-against-mcts

    Args:
        first: random, greedy, mcts:N, gnugo:LEVEL, the folder of a run, or a command line that speaks GTP.
        second: the other player, in the same forms.
        games: number of games.
        size: board size; by default the size that a run's agent was trained on, or 9.
        komi: komi for White; by default the komi that a run's agent was trained with, or Black's margin under best
            play, or 7 where that is unknown.
        ko: ko rule.
        suicide: whether suicide is legal.
        max_moves: maximum number of moves of a game; by default twice the number of points.
        openings: number of different openings; by default half the games, so that each is played twice.
        opening_moves: random moves of each opening; 0 starts from the empty board.
        seconds: time limit for a move; a player that exceeds it loses the game. mcts:N plays the best move found by
            then, and programs that support time_settings receive the limit. By default 60, which is not sent. To
            start, a program has ten times as long as for a move, but at least 10 seconds, and no more than 60 unless a
            move may take longer.
        out: folder of the results; by default results/match- and the time.
        seed: seed of the openings, and of all random numbers of the players.
        env: a run's environment as module:id, where a module of yours registers it.
        as_json: print JSON.
    """
    from rl_lab.cli.go_players import TrainedAgent, is_kept, terms
    from rl_lab.cli.match_report import Match
    from rl_lab.envs.go.game import Board
    from rl_lab.envs.go.gtp.thinking import komi_advice
    from rl_lab.envs.go.matches.series import Series
    from rl_lab.envs.go.matches.sides import AgentSide, Failure
    from rl_lab.envs.go.rules import Rules

    know_env(env)
    kept = {spec: TrainedAgent(Path(spec)) for spec in dict.fromkeys((first, second)) if is_kept(spec)}
    agreed = terms(kept.values(), size, komi)
    rules = Rules(agreed.size, agreed.komi, ko, suicide, 0, max_moves)
    series = Series(rules, games, openings, opening_moves, seed)
    if seconds is not None and not 0 < seconds <= 86_400:
        raise LabError(f"seconds={seconds} is not allowed; a move may take up to 86400 seconds, and more than 0")
    folder = MatchFolder(out or Path("results") / time.strftime("match-%Y%m%d-%H%M%S"))
    if agreed.said:
        log.info("rl-lab: %s", agreed.said)
    sides: list[Side] = []
    with ExitStack() as stack:
        for index, spec in enumerate((first, second)):
            sides.append(_side(spec, kept.get(spec), seconds, seed + index))
            stack.callback(sides[-1].close)
        for side in sides:
            if isinstance(side, AgentSide) and (advice := komi_advice(side.agent, rules.komi_in_force)):
                log.warning("rl-lab: %s", advice)
        for side in sides:  # which must play on such a board; other failures lose games later
            try:
                with _news_of_waiting(side.name):
                    side.begin(Board.of(rules))
            except Failure:
                side.restart()
        found = Match((first, second), (sides[0].name, sides[1].name), series)
        try:
            _play(found, sides, folder)
        finally:
            folder.keep_figures(found)
            print(json.dumps(found.as_json()) if as_json else printable(f"{found.text}\ngames: {folder.path}"))


def _play(found: Match, sides: list[Side], folder: MatchFolder) -> None:
    """Play the games; each is kept as soon as it is over, and the one that Ctrl-C ends as far as it went."""
    from rl_lab.envs.go.matches import series
    from rl_lab.envs.go.matches.referee import Stopped

    with _telling(found) as tell:
        try:
            for entry in series.play(found.series, sides[0], sides[1]):
                found.add(entry, folder.keep_game(found, entry))
                tell(entry)
        except Stopped as stop:
            folder.keep_unfinished(found, stop.board)
            raise


@contextmanager
def _news_of_waiting(program: str) -> Iterator[None]:
    """Report the program that the match waits for, if it takes long to start."""
    news = threading.Timer(NEWS_SECONDS, log.info, ("rl-lab: waiting for %s to start", program))
    news.daemon = True
    news.start()
    try:
        yield
    finally:
        news.cancel()


def _side(spec: str, kept: Agent | None, seconds: float | None, seed: int) -> Side:
    """A player: the agent of a run, a program where there is one of this name, or an agent by its name."""
    from rl_lab.cli.go_players import is_named, player_for
    from rl_lab.envs.go.matches.sides import AgentSide, EngineSide

    patience = PATIENCE if seconds is None else seconds
    if kept is not None:
        return AgentSide(lambda: kept, patience)
    if not is_named(spec):
        command = _command_of(spec)
        with _news_of_waiting(command[0]):
            return EngineSide(command, patience, timed=seconds is not None)
    return AgentSide(lambda: player_for(spec, seed), patience)


@contextmanager
def _telling(found: Match) -> Iterator[Callable[[Entry], None]]:
    """A bar on a terminal, with the score so far; nothing elsewhere."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        title = escape(printable(" – ".join(found.labels)))
        task = progress.add_task(title, total=found.series.games)

        def tell(entry: Entry) -> None:
            games = len(found.entries)
            score = f"{found.points():g}:{games - found.points():g}"
            progress.update(task, advance=1, description=f"{title}  {score}")

        yield tell


def _command_of(text: str) -> list[str]:
    """The words of a command line; GNU Go is found where Debian puts it, rl-lab beside the Python that runs."""
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


class MatchFolder:
    """A folder for one match, which must hold none yet; nothing is written before the first game."""

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
