"""Opponents that play without learning: what each of them plays, and never plays."""

import sys
from pathlib import Path

import numpy as np
import pytest

from rl_lab import random
from rl_lab.envs.definition import config_record
from rl_lab.envs.go.board import action_of, is_eye, point_of
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.greedy import greedy_move

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.proofs.go_reference import Reference

COLOURS = ("black", "white")


def stream(seed=0):
    numbers = np.zeros(1, np.uint64)
    random.seed_stream(numbers, np.random.SeedSequence(seed))
    return numbers


def greedy_action(board, numbers):
    """What `greedy_move` plays, as plain Python."""
    config = config_record("Go", board.rules.config()).view(np.recarray)[0]
    return action_of(greedy_move(board.state().view(np.recarray)[0], numbers, config), config)


def worth(game, point):
    """Stones that a move takes, and those that it saves, by the plain reference: floods and counts."""
    grid, me = [list(row) for row in game.grid], game.to_play
    endangered = set()
    for beside in game.around(point):
        if grid[beside[0]][beside[1]] == me:
            stones, edge = game.region(grid, beside)
            if sum(grid[r][c] == 0 for r, c in edge) == 1:
                endangered |= set(stones)
    after, taken, _ = game.after(point)
    _, edge = game.region([list(row) for row in after], point)
    free = sum(after[r][c] == 0 for r, c in edge)
    return taken, len(endangered) if free > 1 else 0


def greedy_choices(game):
    """The points that greedy chooses among, None for a pass, and what kind of move they are."""
    gains = {point: worth(game, point) for point in game.legal()}
    for index, kind in enumerate(("takes", "saves")):
        most = max((gains[point][index] for point in gains), default=0)
        if most:
            return kind, {point for point in gains if gains[point][index] == most}
    return "else", None


@pytest.mark.parametrize(("size", "ko"), [(3, "positional"), (5, "situational"), (7, "simple")])
def test_greedy_takes_the_most_or_saves_the_most(size, ko):
    rng, numbers, kinds = np.random.default_rng(size), stream(), []
    for _ in range(6):
        board, game = Board(size, ko=ko, max_moves=60), Reference(size, ko)
        while not board.is_over:
            kind, choices = greedy_choices(game)
            action = greedy_action(board, numbers)
            assert board.is_legal(action)
            if choices is not None:
                assert divmod(action, size) in choices, (board.ascii(), action)
            kinds.append(kind)
            legal = board.legal()
            action = action if rng.random() < 0.3 else int(rng.choice(legal[:-1] or legal))
            board.play(action)
            game.play(divmod(action, size) if action < size**2 else None)
    assert min(kinds.count(kind) for kind in ("takes", "saves", "else")) > 5


def test_greedy_draws_lots_among_equals():
    board = Board(5)
    for move in ("A2", "A1", "E2", "E1", "C3", None):  # two single stones in the corners can be taken
        board.play(move)
    numbers = stream()
    drawn = [greedy_action(board, numbers) for _ in range(200)]
    assert {*drawn} == {21, 23}  # B1 and D1
    assert 70 < drawn.count(21) < 130


def test_greedy_fills_no_eye_of_its_own_and_passes_where_nothing_else_is_left():
    rng, numbers, passes = np.random.default_rng(1), stream(), 0
    for _ in range(10):
        board = Board(5, max_moves=120)
        while not board.is_over:
            action = greedy_action(board, numbers)
            if action < 25:
                state, config = board.state().view(np.recarray)[0], config_record("Go", board.rules.config())
                colour = COLOURS.index(board.to_play)
                assert not is_eye(state, point_of(action, config.view(np.recarray)[0]), colour, 6)
            passes += action == 25
            board.play(action if rng.random() < 0.9 else None)
    assert passes > 10
