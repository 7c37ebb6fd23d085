"""What an agent sees of a game: planes as large as the board, from the side that is to play."""

from __future__ import annotations

import numpy as np

from rl_lab.envs.go.board import around, verdict
from rl_lab.envs.go.layout import BLACK, KO, LEGAL, NO_POINT, OCCUPIED, PASS

PLANES = (
    "own stones",
    "opposing stones",
    "last move",
    "move before that",
    "chains with 1 liberty",
    "chains with 2 liberties",
    "chains with 3 or more liberties",
    "points barred by ko or superko",
    "Black is to play",
    "komi for the side to play",
)  # `envs/go/README.md` says what each holds
OWN, OPPOSING, LAST, BEFORE, ONE, TWO, MANY, BARRED, BLACK_PLAYS, KOMI = range(len(PLANES))


def look(state, config):
    """Find out what the rules say of each point, for `observe` and `action_mask`, in `state.verdicts`."""
    colour = np.int64(state.to_play)
    for any_point in range(state.verdicts.shape[0]):
        state.verdicts[any_point] = OCCUPIED
    for index in range(state.empties):
        point = np.int64(state.empty[index])
        state.verdicts[point] = verdict(state, point, colour, config)


def observe(state, planes, config):
    """Fill the planes, float32 `(10, size, size)`, the first row uppermost.

    Boards are as good as random to a processor, which would guess wrong at every second branch; so there are none.
    """
    size, stride, colour = config.width, config.width + 1, np.int64(state.to_play)
    komi = config.komi / (size * size)
    count_liberties(state, stride)
    for row in range(size):
        first = (row + 1) * stride + 1
        for column in range(size):
            point = first + column
            stone, liberties = np.int64(state.stones[point]), np.int64(state.work[state.chains[point]])
            planes[OWN, row, column] = stone == colour
            planes[OPPOSING, row, column] = stone == 1 - colour
            planes[LAST, row, column] = 0.0
            planes[BEFORE, row, column] = 0.0
            planes[ONE, row, column] = liberties == 1
            planes[TWO, row, column] = liberties == 2
            planes[MANY, row, column] = liberties > 2
            planes[BARRED, row, column] = state.verdicts[point] >= KO
            planes[BLACK_PLAYS, row, column] = colour == BLACK
            planes[KOMI, row, column] = -komi if colour == BLACK else komi
    mark(planes[LAST], np.int64(state.last[0]), stride)
    mark(planes[BEFORE], np.int64(state.last[1]), stride)


def mark(plane, point, stride):
    """Mark a move, unless it was a pass."""
    if point != PASS:
        plane[point // stride - 1, point % stride - 1] = 1.0


def action_mask(state, mask, config):
    """Allow what the rules allow; the pass always."""
    size, stride = config.width, config.width + 1
    for row in range(size):
        first = (row + 1) * stride + 1
        for column in range(size):
            mask[row * size + column] = state.verdicts[first + column] == LEGAL
    mask[size * size] = True


def count_liberties(state, stride):
    """Count the liberties of every chain, in `state.work` by chain; NO_POINT, the chain of no stone, has none.

    What is no chain, or the same one again, is counted on the border: in a place of its own for each side, since
    one addition to a place waits for the one before.
    """
    for point in range(state.work.shape[0]):
        state.work[point] = 0
    for index in range(state.empties):
        up, left, right, down = around(np.int64(state.empty[index]), stride)
        first, second = np.int64(state.chains[up]), np.int64(state.chains[left])
        third, fourth = np.int64(state.chains[right]), np.int64(state.chains[down])
        second *= second != first
        third *= (third != first) & (third != second)
        fourth *= (fourth != first) & (fourth != second) & (fourth != third)
        second += second == NO_POINT
        third += 2 * (third == NO_POINT)
        fourth += 3 * (fourth == NO_POINT)
        state.work[first] += 1
        state.work[second] += 1
        state.work[third] += 1
        state.work[fourth] += 1
    state.work[NO_POINT] = 0
