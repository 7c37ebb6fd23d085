"""The rules of Go as kernels: which moves are legal, and what a move does to the board.

All of them are plain Python that `rl_lab.jit` compiles, and see one game, a record of `layout.state_dtype`. They
trust their caller: `play` plays whatever point it is given. `rules.Rules.config` makes the config, `score` counts
the area, `game.Board` is the same with checks and coordinates for people.
"""

import numpy as np

from rl_lab.envs.go import layout
from rl_lab.envs.go.layout import BLACK, EMPTY, KEYS, NEAR_EMPTY, NEIGHBOUR_BITS, NO_POINT, OFF, PASS, UNITS, WHITE


def around(point, stride):
    """The four neighbours of a point."""
    return point - stride, point - 1, point + 1, point + stride


def diagonals(point, stride):
    """The four points diagonally beside a point."""
    return point - stride - 1, point - stride + 1, point + stride - 1, point + stride + 1


def point_of(action, config):
    """The point of an action: points from the upper left by rows, then the pass."""
    size = config.width
    return PASS if action == size * size else (action // size + 1) * (size + 1) + action % size + 1


def action_of(point, config):
    """The action of a point."""
    size, stride = config.width, config.width + 1
    return size * size if point == PASS else (point // stride - 1) * size + point % stride - 1


def clear(state, config):
    """Begin a game: an empty board, or one with Black's handicap stones and White to play."""
    size, stride = config.width, config.width + 1
    for point in range(state.stones.shape[0]):
        state.stones[point] = OFF
        state.near[point] = 4 * NEAR_EMPTY  # what the border counts is read by nobody
        state.stood[point] = 0
        state.chains[point] = NO_POINT
    state.empties = 0
    for action in range(size * size):
        point = point_of(action, config)
        state.stones[point] = EMPTY
        add_empty(state, point)
    for action in range(size * size):
        point = point_of(action, config)
        near = 0
        for beside in around(point, stride):
            near += NEAR_EMPTY if state.stones[beside] == EMPTY else layout.NEAR_BORDER
        state.near[point] = near
    state.position = np.uint64(0)
    state.moves = 0
    state.captures[BLACK] = 0
    state.captures[WHITE] = 0
    state.last[0] = PASS
    state.last[1] = PASS
    state.passes = 0
    state.ko = NO_POINT
    state.to_play = BLACK
    for stone in range(config.handicap):
        place(state, config.handicap_points[stone], BLACK, stride)
        state.to_play = WHITE
    start_history(state, config)


def start_history(state, config):
    """Make the present position the first that superko knows."""
    for word in range(state.seen.shape[0]):
        state.seen[word] = 0
    state.positions = 0
    remember(state, situation(state.position, state.to_play, config))


def play(state, point, config):
    """Play a legal move, or PASS, for the side to play."""
    colour = np.int64(state.to_play)
    state.ko = NO_POINT
    if point == PASS:
        state.passes += 1
    else:
        state.passes = 0
        place(state, point, colour, config.width + 1)
    state.last[1] = state.last[0]
    state.last[0] = point
    state.moves += 1
    state.to_play = 1 - colour
    # A pass makes no new position, but a new situation.
    if config.ko == layout.SITUATIONAL or (config.ko == layout.POSITIONAL and point != PASS):
        remember(state, situation(state.position, state.to_play, config))


def verdict(state, point, colour, config):
    """Whether a stone may be put on a point: LEGAL, or OCCUPIED, SUICIDE, KO or SUPERKO.

    Superko is cheap: if the stone stays, then the position repeats an earlier one only where that had a stone of
    this colour on this point too, which was taken since. (It is not enough to look at moves that capture: who
    has two stones taken, takes one back and puts the other beside it has repeated a position without a capture.)
    """
    if state.stones[point] != EMPTY:
        return layout.OCCUPIED
    if point == state.ko and near_count(state, point, 1 - colour) == 4:
        return layout.KO
    stays = has_liberty(state, point, colour, config.width + 1)
    if not stays and not config.suicide:
        return layout.SUICIDE
    if config.ko != layout.SIMPLE and (not stays or (np.int64(state.stood[point]) >> colour) & 1):
        position = position_after(state, point, colour, stays, config.width + 1)
        if remembers(state, situation(position, 1 - colour, config)):
            return layout.SUPERKO
    return layout.LEGAL


def has_liberty(state, point, colour, stride):
    """Whether a stone on an empty point would have a liberty, by itself, by its friends or by capturing."""
    if near_count(state, point, EMPTY) > 0:
        return True
    for beside in around(point, stride):
        stone = np.int64(state.stones[beside])
        # A friend with another liberty, or an enemy without.
        if stone != OFF and (stone == colour) != in_atari_at(state, beside, point):
            return True
    return False


def in_atari_at(state, stone, point):
    """Whether `point` is the only liberty of the chain of a stone beside it."""
    word = state.liberties[state.chains[stone]]
    return word == (word & layout.COUNT) * UNITS[point]


def is_first(state, stone, point, stride):
    """Whether a stone beside a point is the first there of its chain, which must count only once."""
    first, second, third, _ = around(point, stride)
    chain = state.chains[stone]
    return not (
        (stone > first and state.chains[first] == chain)
        or (stone > second and state.chains[second] == chain)
        or (stone > third and state.chains[third] == chain)
    )


def near_count(state, point, colour):
    """How many neighbours of a point are of a colour, the border counted as both."""
    return (np.int64(state.near[point]) >> (NEIGHBOUR_BITS * colour)) & layout.MANY


def is_eye(state, point, colour, stride):
    """Whether an empty point is an eye that neither side should fill, as playouts see it.

    All neighbours are of the colour, and of the diagonals at most one is the enemy's, or none at the edge.
    """
    if near_count(state, point, colour) != 4:
        return False
    enemies, edge = 0, 0
    for corner in diagonals(point, stride):
        stone = state.stones[corner]
        enemies += stone == 1 - colour
        edge |= stone == OFF
    return enemies + edge < 2


def place(state, point, colour, stride):
    """Put a stone on an empty point and take off the board what it leaves without liberties."""
    drop_empty(state, point)
    state.stones[point] = colour
    state.position ^= KEYS[colour, point]
    state.chains[point] = point
    state.next[point] = point
    state.sizes[point] = 1
    change = (1 << (NEIGHBOUR_BITS * colour)) - NEAR_EMPTY
    liberties = np.uint64(0)
    for beside in around(point, stride):
        state.near[beside] = np.int64(state.near[beside]) + change
        stone = state.stones[beside]
        if stone == EMPTY:
            liberties += UNITS[beside]
        elif stone != OFF:
            state.liberties[state.chains[beside]] -= UNITS[point]
    state.liberties[point] = liberties
    taken, last_taken = 0, NO_POINT
    for beside in around(point, stride):
        stone = state.stones[beside]
        if stone == colour:
            join(state, point, beside)
        elif stone == 1 - colour and state.liberties[state.chains[beside]] == 0:
            taken += take(state, beside, stride)
            last_taken = beside
    state.captures[colour] += taken
    chain = np.int64(state.chains[point])
    if state.liberties[chain] == 0:
        state.captures[1 - colour] += take(state, point, stride)
    elif taken == 1 and state.sizes[chain] == 1 and near_count(state, point, EMPTY) == 1:
        state.ko = last_taken


def join(state, stone, friend):
    """Make one chain of two, unless they are one."""
    large, small = np.int64(state.chains[stone]), np.int64(state.chains[friend])
    if large == small:
        return
    if state.sizes[large] < state.sizes[small]:
        large, small = small, large
    state.sizes[large] += state.sizes[small]
    state.liberties[large] += state.liberties[small]
    member = small
    state.chains[member] = large
    member = np.int64(state.next[member])
    while member != small:
        state.chains[member] = large
        member = np.int64(state.next[member])
    after = state.next[large]
    state.next[large] = state.next[small]
    state.next[small] = after


def take(state, stone, stride):
    """Take a chain off the board; returns how many stones it had."""
    colour = np.int64(state.stones[stone])
    change = NEAR_EMPTY - (1 << (NEIGHBOUR_BITS * colour))
    count, point = 0, stone
    while count == 0 or point != stone:
        state.stones[point] = EMPTY
        state.chains[point] = NO_POINT
        state.position ^= KEYS[colour, point]
        state.stood[point] |= np.uint8(1 << colour)
        add_empty(state, point)
        for beside in around(point, stride):
            state.near[beside] = np.int64(state.near[beside]) + change
            if state.stones[beside] < EMPTY:
                state.liberties[state.chains[beside]] += UNITS[point]
        count += 1
        point = np.int64(state.next[point])
    return count


def add_empty(state, point):
    """Add a point to the list of empty ones."""
    count = np.int64(state.empties)
    state.empty[count] = point
    state.places[point] = count
    state.empties = count + 1


def drop_empty(state, point):
    """Take a point off the list of empty ones; the last of them moves to its place."""
    count = np.int64(state.empties) - 1
    place, moved = np.int64(state.places[point]), state.empty[count]
    state.empty[place] = moved
    state.places[moved] = place
    state.empties = count


def set_aside(state, index, left):
    """Let an empty point change places with the last of the `left` first ones, so that draws among fewer miss it."""
    point, last = np.int64(state.empty[index]), np.int64(state.empty[left - 1])
    state.empty[index] = last
    state.places[last] = index
    state.empty[left - 1] = point
    state.places[point] = left - 1


def position_after(state, point, colour, stays, stride):
    """The key of the position after a stone, which stays on the board or takes its own chain with it."""
    position = state.position ^ KEYS[colour, point] if stays else state.position
    dying = 1 - colour if stays else colour
    for beside in around(point, stride):
        taken = state.stones[beside] == dying and in_atari_at(state, beside, point)
        if taken and is_first(state, beside, point, stride):
            position ^= chain_key(state, beside, dying)
    return position


def chain_key(state, stone, colour):
    """The key of a chain."""
    key, point = KEYS[colour, stone], np.int64(state.next[stone])
    while point != stone:
        key ^= KEYS[colour, point]
        point = np.int64(state.next[point])
    return key


def situation(position, to_play, config):
    """What may not come back: the position, and under situational superko who plays next."""
    return position ^ layout.WHITE_TO_PLAY if config.ko == layout.SITUATIONAL and to_play == WHITE else position


def remember(state, key):
    """Add a position to the history."""
    state.history[state.positions] = key
    state.positions += 1
    word, bit = seen_at(state, key)
    state.seen[word] |= bit


def remembers(state, key):
    """Whether a position is in the history; most that are not are told apart by one bit."""
    word, bit = seen_at(state, key)
    if (state.seen[word] & bit) == 0:
        return False
    for index in range(state.positions):  # noqa: SIM110  kernels know no generators
        if state.history[index] == key:
            return True
    return False


def seen_at(state, key):
    """The word of `state.seen` for a key, and the bit in it."""
    word = np.int64(key >> np.uint64(6)) & (state.seen.shape[0] - 1)
    return word, np.uint64(1) << (key & np.uint64(63))
