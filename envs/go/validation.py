"""What the saved states of Go must be: all that is kept beside the stones is worked out again from them, and compared.

What superko remembers no longer stands on the board. Its number of positions, the present one and the bits that find
them are checked; whether older ones led here cannot be known.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rl_lab.envs.go import layout
from rl_lab.envs.go.layout import BLACK, EMPTY, KEYS, NO_POINT, OFF, PASS, UNITS, WHITE, WHITE_TO_PLAY
from rl_lab.envs.validation import Rule

# By stone: what it is as a neighbour.
NEAR = np.array([1 << layout.NEIGHBOUR_BITS * kind for kind in (BLACK, WHITE, EMPTY)] + [layout.NEAR_BORDER])
CONNECTED = np.array([[[0, 0, 0]] * 3, [[0, 1, 0], [1, 1, 1], [0, 1, 0]], [[0, 0, 0]] * 3])  # no game with the next
MOST_CAPTURES = 2**30
JUMPS = 9  # 2**9 steps go once around any chain
Numbers = NDArray[np.int64]


def validate(states: NDArray[Any], config: Any) -> Iterator[Rule]:
    """What must hold; see `Definition.validate`. Every rule may rely on those before it."""
    size, points = int(config.width), states["stones"].shape[1]
    board = np.zeros(points, np.bool_)
    board.reshape(-1)[(np.arange(1, size + 1)[:, None] * (size + 1) + np.arange(1, size + 1)).ravel()] = True
    stones = states["stones"]
    yield "stones", np.where(board, stones <= EMPTY, stones == OFF), "0 black, 1 white or 2 empty, and 3 off the board"
    yield "to_play", states["to_play"] <= WHITE, "0 for Black or 1 for White"
    yield from _clocks(states, config)
    last = states["last"]
    yield "last", (last == PASS) | board[np.minimum(last, points - 1)] & (last < points), "points of the board, or 0"
    yield "stood", states["stood"] <= 3, "0 to 3"
    yield "captures", (states["captures"] >= 0) & (states["captures"] <= MOST_CAPTURES), f"0 to {MOST_CAPTURES}"
    position = np.bitwise_xor.reduce(
        np.where(stones == BLACK, KEYS[BLACK, :points], 0) ^ np.where(stones == WHITE, KEYS[WHITE, :points], 0), axis=1
    )
    yield "position", states["position"] == position, "the key of the stones on the board"
    yield from _empties(states, board)
    game = Games(states, size)
    yield from game.chains()
    yield from _history(states, config)
    yield from game.legality(config)
    yield "opponent", states["opponent"] < config.opponents, f"0 to {config.opponents - 1}"
    yield "answer", states["answer"] <= size * size, f"an action, 0 to {size * size}"


def _clocks(states: NDArray[Any], config: Any) -> Iterator[Rule]:
    """Moves, and how many more there may be: superko must remember all of them."""
    going = ~states["done"]
    yield "passes", states["passes"] <= np.where(going, 1, 2), "0 or 1, or 2 where the game is over"
    room = states["history"].shape[1] - 1
    left = np.maximum(config.max_steps - states["steps"].astype(np.int64), 1) * (2 - (config.alone == 0)) * going
    fine = (states["moves"] >= 0) & (states["moves"] + left <= room)
    yield "moves", fine, f"0 to {room}, less what may still be played with max_moves={config.max_moves}"
    most = np.where(config.ko == layout.SIMPLE, 1, states["moves"] + 1)
    least = most if config.ko == layout.SITUATIONAL else 1
    yield "positions", (states["positions"] >= least) & (states["positions"] <= most), "1 to one more than the moves"


def _empties(states: NDArray[Any], board: NDArray[np.bool_]) -> Iterator[Rule]:
    """The list of empty points."""
    empty = states["stones"] == EMPTY
    yield "empties", states["empties"] == empty.sum(axis=1), "the number of empty points"
    listed = np.arange(states["empty"].shape[1]) < states["empties"][:, None]
    fine = states["empty"] < len(board)
    where = np.where(listed & fine, states["empty"], 0).astype(np.int64)
    fine &= np.take_along_axis(empty, where, 1)
    yield "empty", ~listed | fine, "empty points"
    places = np.take_along_axis(states["places"], where, 1)
    yield "places", (~listed | (places == np.arange(listed.shape[1]))).all(axis=1), "where each empty point is listed"


def _history(states: NDArray[Any], config: Any) -> Iterator[Rule]:
    """The present position is the last that superko knows, and a bit stands for each."""
    games, words = len(states), states["seen"].shape[1]
    history, count = states["history"], states["positions"]
    if config.ko != layout.SIMPLE:
        key = states["position"] ^ np.where(
            (config.ko == layout.SITUATIONAL) & (states["to_play"] == WHITE), WHITE_TO_PLAY, np.uint64(0)
        )
        yield "history", history[np.arange(games), count - 1] == key, "positions, the present one last"
    known = np.arange(history.shape[1]) < count[:, None]
    game, keys = np.nonzero(known)[0], history[known]
    bits = np.zeros((games, 64 * words), np.uint8)
    bits[game, (keys & np.uint64(64 * words - 1)).astype(np.int64)] = 1
    seen = np.packbits(bits, axis=1, bitorder="little").view("<u8")
    yield "seen", (states["seen"] == seen).all(axis=1), "a bit for each position of the history"


class Games:
    """Chains and empty points of games `(games,)` whose stones are on their boards, each as a flat list of all."""

    def __init__(self, states: NDArray[Any], size: int) -> None:
        self.states, self.stones = states, states["stones"]
        self.around = np.array([-size - 1, -1, 1, size + 1])[:, None]
        grid = self.stones[:, : (size + 1) * (size + 2)].reshape(len(states), size + 2, size + 1)
        black, count = ndimage.label(grid == BLACK, CONNECTED)
        white, more = ndimage.label(grid == WHITE, CONNECTED)
        self.labels = np.zeros(self.stones.shape, np.int64)  # by point: the number of a chain, 0 for none
        self.labels[:, : grid[0].size] = np.where(white > 0, white + count, black).reshape(len(states), -1)
        self.count = count + more + 1
        self.game, self.point = np.nonzero(self.labels)  # of all stones
        self.label = self.labels[self.game, self.point]

    def chains(self) -> Iterator[Rule]:
        """Chains and what is kept of them, and of what is near a point."""
        states, game, label = self.states, self.game, self.label
        chains = states["chains"]
        yield "chains", (self.labels > 0) | (chains == NO_POINT), f"{NO_POINT} where there is no stone"
        root = chains[self.labels > 0].astype(np.int64)
        named = np.zeros(self.count, np.int64)
        named[label] = root
        fine = root < chains.shape[1]
        fine[fine] = self.labels[game[fine], root[fine]] == label[fine]
        yield "chains", self._by_game(fine & (named[label] == root)), "one of its stones for every chain"
        yield "next", self._by_game(self._rings()), "a ring through the stones of every chain"
        sizes = np.bincount(label, minlength=self.count)
        yield "sizes", self._by_game(states["sizes"][game, root] == sizes[label]), "the number of stones of a chain"
        beside = self.stones[game, self.point + self.around] == EMPTY
        place = np.broadcast_to(self.point + self.around, beside.shape)
        words = np.zeros(self.count, np.uint64)
        np.add.at(words, np.broadcast_to(label, beside.shape)[beside], UNITS[place[beside]])
        fine = (states["liberties"][game, root] == words[label]) & (words[label] > 0)
        yield "liberties", self._by_game(fine), "those of each chain, which has one at least"
        pairs = np.unique((label * self.stones.shape[1] + place)[beside])
        counts = np.bincount(pairs // self.stones.shape[1], minlength=self.count)
        fine = (states["counts"][game, root] == counts[label]) & (states["counts"][game, NO_POINT] == 0)
        yield "counts", self._by_game(fine) & (states["counts"][:, NO_POINT] == 0), "the number of liberties of a chain"
        on = np.flatnonzero(self.stones[0] != OFF)
        near = NEAR[self.stones[:, on + self.around]].sum(axis=1)
        yield "near", (states["near"][:, on] == near).all(axis=1), "what is beside each point"

    def legality(self, config: Any) -> Iterator[Rule]:
        """What ko and superko forbid, and what the rules say of each point."""
        states, ko = self.states, self.states["ko"].astype(np.int64)
        game, point = np.nonzero(self.stones == EMPTY)
        colour = states["to_play"][game].astype(np.int64)
        beside = point + self.around
        stone, chain = self.stones[game, beside], states["chains"][game, beside].astype(np.int64)
        words = states["liberties"][game, chain]
        own, foe = stone == colour, stone == 1 - colour
        held = (foe | (stone == OFF)).all(axis=0)
        barred = held & (point == ko[game])
        fine = ko == NO_POINT
        fine[game[barred]] = True
        yield "ko", fine, f"{NO_POINT} or an empty point that the other side surrounds"
        last = (own | foe) & (words == (words & layout.COUNT) * UNITS[point])  # chains whose only liberty is the point
        stays = ((stone == EMPTY) | (own & ~last) | (foe & last)).any(axis=0)
        verdicts = np.where(barred, layout.KO, np.where(stays | bool(config.suicide), layout.LEGAL, layout.SUICIDE))
        asked = (verdicts == layout.LEGAL) & (~stays | (states["stood"][game, point] >> colour & 1 > 0))
        asked &= config.ko != layout.SIMPLE
        dies = np.where(stays, foe & last, own & last)[:, asked]
        keys = self._keys_after(game[asked], point[asked], colour[asked], stays[asked], dies)
        if config.ko == layout.SITUATIONAL:
            keys = keys ^ np.where(colour[asked] == BLACK, WHITE_TO_PLAY, np.uint64(0))
        known = np.arange(states["history"].shape[1]) < states["positions"][game[asked], None]
        repeats = ((states["history"][game[asked]] == keys[:, None]) & known).any(axis=1)
        verdicts[np.flatnonzero(asked)[repeats]] = layout.SUPERKO
        expected = np.full(self.stones.shape, layout.OCCUPIED)
        expected[game, point] = verdicts
        yield "verdicts", states["verdicts"] == expected, "what the rules say of a move there"

    def _keys_after(
        self, game: Numbers, point: Numbers, colour: Numbers, stays: NDArray[np.bool_], dies: NDArray[np.bool_]
    ) -> NDArray[np.uint64]:
        """The keys of positions after moves; `dies` says which neighbours, `(4, moves)`, are then taken."""
        chain_keys = np.zeros(self.count, np.uint64)
        np.bitwise_xor.at(chain_keys, self.label, KEYS[self.stones[self.game, self.point], self.point])
        keys: Any = self.states["position"][game] ^ np.where(stays, KEYS[colour, point], np.uint64(0))
        labels: Numbers = np.where(dies, self.labels[game, point + self.around], 0)
        for side in range(4):
            again = (labels[:side] == labels[side]).any(axis=0)
            keys = np.bitwise_xor(keys, np.where(again, np.uint64(0), chain_keys[labels[side]]))
        return keys

    def _rings(self) -> NDArray[np.bool_]:
        """For each stone, whether `next` goes once around its chain."""
        after = self.states["next"][self.labels > 0].astype(np.int64)
        fine = after < self.stones.shape[1]
        fine[fine] = self.labels[self.game[fine], after[fine]] == self.label[fine]
        if not fine.all():
            return fine
        follows = self._numbers[self.game, after]
        lowest = np.arange(len(after))
        fine = np.bincount(follows, minlength=len(after)) == 1
        for _ in range(JUMPS):
            lowest = np.minimum(lowest, lowest[follows])
            follows = follows[follows]
        firsts = np.full(self.count, len(after))
        np.minimum.at(firsts, self.label, np.arange(len(after)))
        return fine & (lowest == firsts[self.label])

    @cached_property
    def _numbers(self) -> Numbers:
        """By game and point: the place of a stone in the flat lists."""
        numbers = np.zeros(self.stones.shape, np.int64)
        numbers[self.game, self.point] = np.arange(len(self.game))
        return numbers

    def _by_game(self, fine: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether a rule holds for all stones of each game."""
        return np.bincount(self.game[~fine], minlength=len(self.states)) == 0
