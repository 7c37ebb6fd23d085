"""What an agent sees of a game: planes as large as the board, from the side that is to play."""

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

FULL = 2  # what a point of komi fills a point of the board with


def look(state, config):
    """Find out what the rules say of each point, for `observe` and `action_mask`, in `state.verdicts`."""
    colour = np.int64(state.to_play)
    for any_point in range(state.verdicts.shape[0]):
        state.verdicts[any_point] = OCCUPIED
    for index in range(state.empties):
        point = np.int64(state.empty[index])
        state.verdicts[point] = verdict(state, point, colour, config)


def observe(state, planes, config):
    """Fill the planes, int8 `(10, size, size)`, the first row uppermost.

    Boards are as good as random to a processor, which would guess wrong at every second branch; so there are none.
    What lies scattered is gathered into three of the planes first, and they are told apart in loops without gaps.
    """
    gather(state, planes, config)
    points, colour = config.width * config.width, np.int64(state.to_play)
    cells = planes.reshape(-1)
    own, opposing = cells[OWN * points : OPPOSING * points], cells[OPPOSING * points :]
    one, two, many = cells[ONE * points : TWO * points], cells[TWO * points : MANY * points], cells[MANY * points :]
    for point in range(points):
        stone, liberties = own[point], one[point]
        own[point] = stone == colour
        opposing[point] = stone == 1 - colour
        one[point] = liberties == 1
        two[point] = liberties == 2
        many[point] = liberties > 2
    fill(cells[LAST * points : (BEFORE + 1) * points], 0)
    fill(cells[BLACK_PLAYS * points : KOMI * points], colour == BLACK)
    komi = -config.komi if colour == BLACK else config.komi
    halves, sign = round(FULL * abs(komi)), -1 if komi < 0 else 1
    for point in range(points):  # a point of komi fills a point with 2, half a point with 1; what is paid is negative
        cells[KOMI * points + point] = sign * min(max(halves - FULL * point, 0), FULL)
    mark(planes[LAST], np.int64(state.last[0]), config.width + 1)
    mark(planes[BEFORE], np.int64(state.last[1]), config.width + 1)


def gather(state, planes, config):
    """Collect from the points of the board what stands there, how many liberties it has, and what ko bars."""
    size, stride = config.width, config.width + 1
    for row in range(size):
        first = (row + 1) * stride + 1
        for column in range(size):
            point = first + column
            planes[OWN, row, column] = state.stones[point]
            planes[ONE, row, column] = min(np.int64(state.counts[state.chains[point]]), 3)
            planes[BARRED, row, column] = state.verdicts[point] >= KO


def fill(cells, value):
    """Set all cells to one value."""
    for point in range(cells.shape[0]):
        cells[point] = value


def mark(plane, point, stride):
    """Mark a move, unless it was a pass."""
    if point != PASS:
        row = point // stride
        plane[row - 1, point - row * stride - 1] = 1


def action_mask(state, mask, config):
    """Allow what the rules allow; the pass always."""
    size, stride = config.width, config.width + 1
    for row in range(size):
        first = (row + 1) * stride + 1
        for column in range(size):
            mask[row * size + column] = state.verdicts[first + column] == LEGAL
    mask[size * size] = True


def count_liberties(state, config):
    """Count the liberties of every chain, in `state.counts`; NO_POINT, the chain of no stone, has none."""
    for point in range(state.counts.shape[0]):
        state.counts[point] = 0
    for index in range(state.empties):
        add_beside(state, np.int64(state.empty[index]), 1, config)


def recount_liberties(state, point, config):
    """Count again after a stone that took nothing: its neighbours lose its point, and its own chain is new."""
    stride, own, liberties = config.width + 1, state.chains[point], 0
    add_beside(state, point, -1, config)
    for index in range(state.empties):
        up, left, right, down = around(np.int64(state.empty[index]), stride)
        beside = (state.chains[up] == own) | (state.chains[left] == own)
        liberties += beside | (state.chains[right] == own) | (state.chains[down] == own)
    state.counts[own] = liberties


def add_beside(state, point, liberties, config):
    """Add to the liberties of every chain beside a point, once each."""
    up, left, right, down = around(point, config.width + 1)
    first, second = np.int64(state.chains[up]), np.int64(state.chains[left])
    third, fourth = np.int64(state.chains[right]), np.int64(state.chains[down])
    state.counts[first] += liberties
    state.counts[second] += liberties * (second != first)
    state.counts[third] += liberties * ((third != first) & (third != second))
    state.counts[fourth] += liberties * ((fourth != first) & (fourth != second) & (fourth != third))
    state.counts[NO_POINT] = 0
