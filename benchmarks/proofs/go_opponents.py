"""How strong the opponents of Go are: `python -m benchmarks.proofs.go_opponents` plays each against the next one.

Colours alternate, games begin on the empty board, all players draw lots. Komi leaves out half a point of the default,
so that all games are decided: on 5x5 Black has to take the whole board. Searches with other constants of exploration
play against the one in use, too. A few minutes on one core; what was found is written beside this file, shares of the
points with Wilson's interval at 95 %.
"""

from __future__ import annotations

import functools
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.proofs import entry
from rl_lab import jit
from rl_lab.compare.statistics import elo, share
from rl_lab.envs.definition import config_record
from rl_lab.envs.go import uct
from rl_lab.envs.go.board import play
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.greedy import greedy_move
from rl_lab.envs.go.layout import state_dtype
from rl_lab.envs.go.matches import series
from rl_lab.envs.go.matches.series import Series
from rl_lab.envs.go.matches.sides import AgentSide
from rl_lab.envs.go.players import Player, Searcher, player
from rl_lab.envs.go.rules import Rules, default_komi
from rl_lab.envs.go.search import Search, kernels
from rl_lab.files import write_text

PLAYERS = ("random", "greedy", "mcts:100", "mcts:500", "mcts:2000", "gnugo:1")
GAMES = {5: 100, 9: 40}  # by size, for each pair
CONSTANTS = (0.2, 0.7, 1.4)  # beside uct.EXPLORATION
PATIENCE = 600.0  # seconds for a move, of a machine that others use too


def rules(size: int) -> Rules:
    """Rules whose games are decided, and long enough to be played out."""
    return Rules(size, komi=default_komi(size) - 0.5, max_moves=min(500, 6 * size**2))


def match(first: Callable[[], Player], second: Callable[[], Player], size: int, games: int) -> dict[str, Any]:
    """Games between two players.

    Returns:
        How many, the points of the first, his share of them with Wilson's interval at 95 %, the difference in Elo,
        how often Black won, how many games were different ones, and how long they were in the mean.
    """
    sides = AgentSide(first, PATIENCE), AgentSide(second, PATIENCE)
    try:
        entries = list(series.play(Series(rules(size), games, opening_moves=0), *sides))
    finally:
        for side in sides:
            side.close()
    assert all(entry.failed is None for entry in entries)
    boards = [entry.played.board for entry in entries]
    score = share(sum(entry.points for entry in entries), games)
    return {
        "games": games,
        "share": [round(end, 3) for end in score],
        "elo": round(elo(score).value) if 0 < score.value < 1 else None,
        "won by Black": sum(entry.played.winner == "black" for entry in entries),
        "distinct": len({tuple(board.moves) for board in boards}),
        "moves": round(float(np.mean([len(board.moves) for board in boards])), 1),
    }


def rates(seconds: float = 2.0) -> dict[str, float]:
    """Playouts a second of a search, how long a move of `mcts:2000` takes, and games a second of greedy players."""
    found: dict[str, float] = {}
    for size in (5, 9, 19):
        search = Search(size, 2000)
        search.think(10)  # which compiles
        moves, begun = 0, time.process_time()
        while time.process_time() < begun + seconds:
            search.start(Board(size))
            search.think(2000)
            moves += 1
        taken = (time.process_time() - begun) / moves
        found[f"{size}x{size}: playouts a second of a search from the start"] = round(2000 / taken)
        found[f"{size}x{size}: milliseconds for the first move of mcts:2000"] = round(1000 * taken, 1)
        found[f"{size}x{size}: games a second of greedy against greedy"] = round(greedy_games(size, seconds))
    return found


def greedy_games(size: int, seconds: float) -> float:
    """Whole games a second between greedy players."""
    states, config = np.zeros(1, state_dtype(9 if size <= 9 else 19)), config_record("Go", Rules(size).config())
    streams, games = np.ones((1, 1), np.uint64), 0
    kernel = jit.specialize(play_greedily, name="greedy games", exact=True)
    start = np.repeat(Board(size).state(), 100)
    kernel(start, states, streams, config)
    begun = time.process_time()
    while time.process_time() < begun + seconds:
        kernel(start, states, streams, config)
        games += len(start)
    return games / (time.process_time() - begun)


def play_greedily(starts, states, streams, config):
    """Play a game from each start."""
    for index in range(starts.shape[0]):
        states[0] = starts[index]
        while states[0].passes < 2 and states[0].moves < config[0].max_moves:
            play(states[0], greedy_move(states[0], streams[0], config[0]), config[0])


def exploration(playouts: int = 500) -> dict[str, Any]:
    """Searches with other constants of exploration against the one in use, on each board."""
    found: dict[str, Any] = {}
    for (size, games), constant in itertools.product(GAMES.items(), CONSTANTS):
        name = f"{size}x{size}, mcts:{playouts}: exploration {constant} against {uct.EXPLORATION}"
        other = functools.partial(explorer, constant, playouts, size)
        found[name] = match(other, functools.partial(player, f"mcts:{playouts}", 1), size, games)
        print(name, found[name], flush=True)
    return found


def explorer(constant: float, playouts: int, size: int) -> Player:
    """A search with another constant of exploration; machine code keeps those that it was made with."""
    usual, uct.EXPLORATION = uct.EXPLORATION, constant
    kernels.cache_clear()
    try:
        somebody = Searcher(playouts)
        somebody(Board(size))
    finally:
        uct.EXPLORATION = usual
        kernels.cache_clear()
    return somebody


def ladder() -> dict[str, Any]:
    """Each player against the one before, on each board."""
    found: dict[str, Any] = {}
    for (size, games), (weak, strong) in itertools.product(GAMES.items(), itertools.pairwise(PLAYERS)):
        name = f"{size}x{size}, komi {rules(size).komi:g}: {strong} against {weak}"
        found[name] = match(functools.partial(player, strong), functools.partial(player, weak, 1), size, games)
        print(name, found[name], flush=True)
    return found


def main() -> None:
    """Play all matches, and measure speeds."""
    found = {"rates": rates()}
    print(json.dumps(found, indent=1), flush=True)
    found |= {"exploration": exploration(), "each against the one before": ladder()}
    write_text(Path(__file__).with_suffix(".json"), json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    entry.run(main)
