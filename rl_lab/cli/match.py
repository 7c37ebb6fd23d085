"""`rl-lab match`: two players of Go, and who is better."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from rl_lab.cli.app import app, know_env
from rl_lab.errors import LabError, printable

if TYPE_CHECKING:
    from rl_lab.cli.match_folder import MatchFolder
    from rl_lab.cli.match_report import Match
    from rl_lab.envs.go.gtp.thinking import Agent
    from rl_lab.envs.go.matches.series import Entry
    from rl_lab.envs.go.matches.sides import Side
    from rl_lab.envs.go.rules import Rules

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
    as_json: Annotated[bool, arg(name="json")] = False,
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
    from rl_lab.cli.match_folder import MatchFolder
    from rl_lab.cli.match_report import Match
    from rl_lab.envs.go.matches.series import Series
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
    with _sides([first, second], kept, seconds, seed) as sides:
        _warn(sides, series.rules)
        _try(sides, series.rules)
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


def _warn(sides: list[Side], rules: Rules) -> None:
    """Report agents that were trained with another komi."""
    from rl_lab.envs.go.gtp.thinking import komi_advice
    from rl_lab.envs.go.matches.sides import AgentSide

    for side in sides:
        if isinstance(side, AgentSide) and (advice := komi_advice(side.agent, rules.komi_in_force)):
            log.warning("rl-lab: %s", advice)


def _try(sides: list[Side], rules: Rules) -> None:
    """Check before the first game that the sides play on such a board; other failures lose games later.

    Raises:
        LabError: one does not.
    """
    from rl_lab.envs.go.game import Board
    from rl_lab.envs.go.matches.sides import Failure

    for side in sides:
        try:
            with _news_of_waiting(side.name):
                side.begin(Board.of(rules))
        except Failure:
            side.restart()


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


@contextmanager
def _sides(specs: list[str], kept: Mapping[str, Agent], seconds: float | None, seed: int) -> Iterator[list[Side]]:
    """The players, closed at the end."""
    made: list[Side] = []
    try:
        for index, spec in enumerate(specs):
            made.append(_side(spec, kept.get(spec), seconds, seed + index))
        yield made
    finally:
        for side in made:
            side.close()


def _side(spec: str, kept: Agent | None, seconds: float | None, seed: int) -> Side:
    """A player: the agent of a run, a program where there is one of this name, or an agent by its name."""
    from rl_lab.cli.go_players import is_named, player_for
    from rl_lab.cli.programs import command_of
    from rl_lab.envs.go.matches.sides import AgentSide, EngineSide

    patience = PATIENCE if seconds is None else seconds
    if kept is not None:
        return AgentSide(lambda: kept, patience)
    if not is_named(spec):
        command = command_of(spec)
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
