"""Our rules of Go beside other people's: `python -m benchmarks.proofs.go_rules` writes what it found beside this file.

Random games are played in lock step, and every position is compared: legal moves, stones, captures, at the end the
score. The tests run small samples of the same functions.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.proofs import entry
from benchmarks.proofs.go_reference import Reference
from benchmarks.proofs.go_search import can_reach
from rl_lab import jit, random
from rl_lab.envs.definition import config_record
from rl_lab.envs.go import board as kernels
from rl_lab.envs.go.engine import EngineProcess, find_gnugo
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.layout import EMPTY, LEGAL, NO_POINT, PASS, state_dtype
from rl_lab.envs.go.rules import KO_RULES, Rules
from rl_lab.envs.go.vertices import action_at, vertex
from rl_lab.files import write_text

LEGAL_POSITIONS = {2: 57, 3: 12_675, 4: 24_318_165}  # J. Tromp and G. Farnebäck, "Combinatorics of Go", 2007
COMPARED = ("compared", "superko", "superko without capture", "disagreements")
CODES = {"simple": "--simple-ko", "positional": "--positional-superko", "situational": "--situational-superko"}


def random_action(game: Board, rng: np.random.Generator, passing: float = 0.02) -> int:
    """A random legal move, now and then a pass."""
    legal = game.legal()
    return int(rng.choice(legal[:-1])) if len(legal) > 1 and rng.random() >= passing else legal[-1]


def beside_reference(size: int, ko: str, suicide: bool, games: int, seed: int, longest: int = 0) -> Counter[str]:
    """Random games beside the plain reference.

    Returns:
        What was seen: positions, moves that (super)ko forbids, suicides, captured stones.

    Raises:
        AssertionError: the two differ.
    """
    rng, seen = np.random.default_rng(seed), Counter[str]()
    for _ in range(games):
        ours = Board(size, ko=ko, suicide=suicide, max_moves=longest or min(500, 5 * size**2))
        theirs = Reference(size, ko, suicide)
        while not ours.is_over:
            legal = {divmod(action, size) for action in ours.legal()[:-1]}
            wanted = {p: theirs.problem(p) for p in np.ndindex(size, size)}
            assert legal == {point for point, problem in wanted.items() if not problem}, (ours.ascii(), ours.moves)
            assert ours.stones.tolist() == list(map(list, theirs.grid)), (ours.ascii(), ours.moves)
            assert tuple(ours.captures) == (theirs.captures[1], theirs.captures[-1]), (ours.ascii(), ours.moves)
            assert tuple(ours.area()) == theirs.area(), ours.ascii()
            seen["positions"] += 1
            seen["forbidden by ko"] += sum("ko" in problem for problem in wanted.values())
            action = random_action(ours, rng)
            if action < size**2:
                seen["suicides"] += theirs.after(divmod(action, size))[2] > 0
            ours.play(action)
            theirs.play(divmod(action, size) if action < size**2 else None)
        seen["captures"] += sum(ours.captures)
    return seen


def beside_gnugo(size: int, ko: str, positions: int, seed: int) -> Counter[str]:
    """Random games beside GNU Go: legal moves, stones and captures at every move."""
    rng, seen = np.random.default_rng(seed), Counter[str]()
    with EngineProcess([find_gnugo(), "--mode", "gtp", CODES[ko], "--forbid-suicide"]) as engine:
        engine.ask(f"boardsize {size}")
        while seen["positions"] < positions:
            ours = Board(size, ko=ko, max_moves=min(450, 5 * size**2))  # GNU Go remembers 500 moves
            engine.ask("clear_board")
            before: list[str] = []
            while not ours.is_over:
                questions = [f"all_legal {ours.to_play}", "list_stones black", "list_stones white"]
                questions += ["captures black", "captures white"]
                answers = engine.ask(*before, *questions)[len(before) :]
                legal, black, white = ({action_at(name, size) for name in answer.split()} for answer in answers[:3])
                grid = ours.stones.reshape(-1)
                assert legal == set(ours.legal()[:-1]), (ko, ours.ascii(), ours.moves)
                assert (black, white) == ({*np.flatnonzero(grid == 1)}, {*np.flatnonzero(grid == -1)}), ours.ascii()
                assert tuple(map(int, answers[3:])) == tuple(ours.captures), ours.ascii()
                seen["positions"] += 1
                seen["forbidden by ko"] += sum("ko" in ours.problem(action) for action in range(size**2))
                action = random_action(ours, rng)
                before = [f"play {ours.to_play} {vertex(action, size)}"]
                ours.play(action)
            seen["games"] += 1
            seen["captures"] += sum(ours.captures)
    return seen


def beside_openspiel(size: int, positions: int, seed: int) -> Counter[str]:
    """Random games beside OpenSpiel: legal moves under simple ko, stones, and at the end the score.

    OpenSpiel ends a game in a draw where a position comes back; those games are counted and go no further.
    Its returns are who won, so the score is asked for with two komis around ours.
    """
    try:
        import pyspiel
    except ModuleNotFoundError:
        entry.missing("OpenSpiel", "bench")

    rng, seen = np.random.default_rng(seed), Counter[str]()
    longest = 4 * size**2

    def start(komi: float) -> Any:
        return pyspiel.load_game(f"go(board_size={size},komi={komi},max_game_length={longest})").new_initial_state()

    def number(action: int) -> int:  # theirs count rows from below
        row, column = divmod(action, size)
        return action if action == size * size else (size - 1 - row) * size + column

    while seen["positions"] < positions:
        ours, theirs = Board(size, ko="simple", max_moves=longest), start(7.5)
        while not theirs.is_terminal() and not ours.is_over:
            assert {*theirs.legal_actions()} == {number(action) for action in ours.legal()}, ours.ascii()
            tensor = np.array(theirs.observation_tensor()).reshape(-1, size, size)[:2, ::-1]
            assert np.array_equal(ours.stones, tensor[0] - tensor[1]), ours.ascii()
            seen["positions"] += 1
            action = random_action(ours, rng)
            ours.play(action)
            theirs.apply_action(number(action))
        seen["games"] += 1
        if theirs.is_terminal() and theirs.returns() == [0.0, 0.0]:  # with half a point of komi nothing else draws
            assert has_repeated(ours), ours.ascii()
            seen["drawn by repetition"] += 1
            continue
        black, white = ours.area()
        for komi, winner in ((black - white - 0.5, 1.0), (black - white + 0.5, -1.0)):
            state = start(komi)
            for _, action in ours.moves:
                state.apply_action(number(action))
            assert state.returns()[0] == winner, (ours.ascii(), black, white)
        seen["scores"] += 1
    return seen


def has_repeated(game: Board) -> bool:
    """Whether the position after the last move was there before."""
    before, now = game.copy(), game.stones
    for _ in game.moves:
        before.undo()
        if np.array_equal(before.stones, now):
            return True
    return False


def compiled(function: Any, size: int) -> Any:
    """A kernel of this file for boards of a size."""
    return jit.specialize(function, exact=True)


def superko_slowly(states, streams, config, moves, counts):
    """Play random moves and test superko of every empty point by playing it and looking through the whole history.

    Args:
        states: records `(2,)`: a game that was begun, and a place to try moves.
        streams: uint64 `(1, 1)`.
        config: record `(1,)`.
        moves: how many to play; new games begin when one is over.
        counts: int64 `(4,)`, added to: verdicts compared, superko, superko without a capture, disagreements.
    """
    state, trial, rules = states[0], states[1], config[0]
    for _ in range(moves):
        if state.passes >= 2 or state.moves >= rules.max_moves:
            kernels.clear(state, rules)
        colour, chosen, legal = np.int64(state.to_play), PASS, 0
        for index in range(state.empties):
            point = np.int64(state.empty[index])
            quick = kernels.verdict(state, point, colour, rules)
            if kernels.has_liberty(state, point, colour, rules.width + 1) or rules.suicide:
                states[1] = states[0]
                trial.ko = NO_POINT
                kernels.play(trial, point, rules)
                slow, found = trial.history[state.positions], False
                for past in range(state.positions):
                    found |= state.history[past] == slow
                counts[0] += 1
                counts[1] += found
                counts[2] += found and trial.empties == state.empties - 1
                counts[3] += found != (quick != LEGAL)
            if quick == LEGAL:
                legal += 1
                if random.integers(streams[0], 0, legal) == 0:
                    chosen = point
        kernels.play(state, chosen if random.integers(streams[0], 0, 32) > 0 else PASS, rules)


def superko_beside_slow_way(size: int, ko: str, suicide: bool, moves: int, seed: int) -> dict[str, int]:
    """How often the shortcut to superko was compared with the slow way, and how often they differed."""
    rules = Rules(size, ko=ko, suicide=suicide, max_moves=min(500, 12 * size**2))
    states, streams = np.zeros(2, state_dtype(9)), np.zeros((1, 1), np.uint64)
    config, counts = config_record("Go", rules.config()), np.zeros(4, np.int64)
    random.seed_stream(streams[0], np.random.SeedSequence(seed))
    states["passes"] = 2
    compiled(superko_slowly, size)(states, streams, config, moves, counts)
    return dict(zip(COMPARED, counts.tolist(), strict=True))


def count_legal(states, config):
    """How many legal positions a board has, by filling it point by point with the kernels of the rules.

    While the points after the present one are empty, a chain without liberties stays without; so a stone that
    captures, or that has no liberty, ends the branch.

    Args:
        states: records `(points + 1,)`; the first is an empty board.
        config: record `(1,)`.
    """
    points, stride = config[0].width * config[0].width, config[0].width + 1
    total, depth = 0, 0
    states[0].moves = 0  # what to put on the point of this depth next: nothing, black, white
    while depth >= 0:
        if depth == points:
            total += 1
            depth -= 1
            continue
        choice = np.int64(states[depth].moves)
        if choice == 3:
            depth -= 1
            continue
        states[depth].moves = choice + 1
        point = kernels.point_of(depth, config[0])
        if choice > 0 and not stands(states[depth], point, choice - 1, stride):
            continue
        states[depth + 1] = states[depth]
        states[depth + 1].moves = 0
        if choice > 0:
            kernels.place(states[depth + 1], point, choice - 1, stride)
        depth += 1
    return total


def stands(state, point, colour, stride):
    """Whether a stone has a liberty without capturing, and captures nothing."""
    alive = kernels.near_count(state, point, EMPTY) > 0
    for beside in kernels.around(point, stride):
        stone = state.stones[beside]
        if stone < EMPTY:
            atari = kernels.in_atari_at(state, beside, point)
            if stone != colour and atari:
                return False
            alive |= stone == colour and not atari
    return alive


def legal_positions(size: int) -> int:
    """The number of legal positions of a small board."""
    config = config_record("Go", Rules(size, ko="simple").config())
    states = np.zeros(size * size + 1, state_dtype(9))
    states[0] = Board(size, ko="simple").state()[0]
    return int(compiled(count_legal, size)(states, config))


def solved(depth: int = 14) -> dict[str, Any]:
    """The values of 2x2 and 3x3 by full search; on 3x3 nothing is more than all nine points."""
    found: dict[str, Any] = {}
    for ko in ("positional", "situational"):
        for margin in (1, 2):
            found[f"2x2 {ko}, Black is sure of {margin}"] = can_reach(
                margin, Board(2, ko=ko, max_moves=500), 499
            )._asdict()
    game = Board(3, max_moves=500)
    game.play("B2")
    found["3x3 positional after B2, Black is sure of 9"] = can_reach(9, game, depth)._asdict()
    return found


def main() -> None:
    """Compare 20,000 positions and more with each of the oracles; about two minutes of an idle core."""
    sizes, started, found = range(2, 10), time.perf_counter(), {}
    found["GNU Go"] = {ko: {n: beside_gnugo(n, ko, 1000, n) for n in sizes} for ko in KO_RULES}
    found["OpenSpiel"] = {n: beside_openspiel(n, 5000, n) for n in (2, 3, 5, 7, 9)}
    found["plain reference"] = {
        f"{ko}{', suicide' * suicide}": {n: beside_reference(n, ko, suicide, 2000 // n**2, n) for n in (2, 3, 4, 5, 7)}
        for ko in KO_RULES
        for suicide in (False, True)
    }
    found["superko beside the slow way"] = {
        f"{ko}{', suicide' * suicide}": {n: superko_beside_slow_way(n, ko, suicide, 1_000_000, n) for n in (2, 3, 4)}
        for ko in KO_RULES[1:]
        for suicide in (False, True)
    }
    found["legal positions"] = {n: legal_positions(n) for n in LEGAL_POSITIONS}
    assert found["legal positions"] == LEGAL_POSITIONS
    found["solved"] = solved()
    write_text(Path(__file__).with_suffix(".json"), json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))
    print(f"{time.perf_counter() - started:.0f} seconds")


if __name__ == "__main__":
    entry.run(main)
