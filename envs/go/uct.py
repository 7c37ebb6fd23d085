"""Monte Carlo tree search: UCT (L. Kocsis and C. Szepesvári, "Bandit based Monte-Carlo planning", 2006), as kernels.

A tree is an array of nodes that somebody else made; every playout adds one, until the array is full. Children of a
node are a linked list. What a new leaf is worth, `evaluate` says, which is bound to `search`: here random playouts.
"""

import functools
import math
from typing import Any

import numpy as np

from rl_lab import random
from rl_lab.envs.go.board import is_eye, play, set_aside, verdict
from rl_lab.envs.go.layout import BLACK, LEGAL, PASS, POSITIONS, point_count, state_dtype
from rl_lab.envs.go.playouts import playout
from rl_lab.envs.go.score import margin

ROOT = 0  # the first node
NO_NODE = 0  # where a child is kept, and there is none: the root is nobody's child
NOTHING = -1  # as a point: there is none left to try
EXPLORATION = 0.4  # of the upper confidence bound; `benchmarks.proofs.go_opponents` has others beside it

NODE = np.dtype(
    [
        ("value", np.float64),  # sum of results for Black: 1 won, 0.5 drawn, 0 lost
        ("lead", np.float64),  # sum of Black's margins after komi
        ("visits", np.int32),
        ("first", np.int32),  # the youngest child
        ("next", np.int32),  # the child of the same node that is next older
        ("point", np.int16),  # the move that leads here
        ("full", np.bool_),  # whether all moves worth trying have become children
    ],
    align=True,
)


def tree_dtype(capacity: int) -> np.dtype:
    """What a search needs beside its nodes, on boards up to `capacity`."""
    points, fields = point_count(capacity), state_dtype(capacity).fields
    assert fields is not None
    # With `longest` first it is no game with more fields behind, for which Numba would take it.
    game = np.dtype([("longest", np.int64), *((name, field[0]) for name, field in fields.items())], align=True)
    return np.dtype(
        [
            ("game", game),  # that a playout goes on
            ("path", np.int32, (POSITIONS[capacity],)),  # nodes from the root to the leaf
            ("tried", np.uint8, (points,)),  # by point: the workspace of `untried`
            ("nodes", np.int32),  # in use
        ],
        align=True,
    )


def lane_fields(capacity: int, playouts: int) -> list[tuple[str, Any]]:
    """Fields of a game that has a tree beside it, for the opponent; powers of two, to share machine code."""
    nodes: Any = NODE, (1 << max(playouts, 127).bit_length(),)
    return [("tree", tree_dtype(capacity)), ("nodes", *nodes)]


def plant(tree, nodes):
    """Begin a tree with its root alone."""
    tree.nodes = 0
    sprout(tree, nodes, PASS)


def sprout(tree, nodes, point):
    """Add a node; its number."""
    number = np.int64(tree.nodes)
    node = nodes[number]
    node.value = 0.0
    node.lead = 0.0
    node.visits = 0
    node.first = NO_NODE
    node.next = NO_NODE
    node.point = point
    node.full = False
    tree.nodes = number + 1
    return number


def search(evaluate, game, tree, nodes, stream, config, playouts):
    """Add playouts to a tree that `plant` has begun, for the game at its root, which is left as it is.

    `evaluate(game, stream, config) -> (value, lead)` says what a leaf is worth to Black: 1 won, 0 lost, and points
    ahead. It may play on; of a finished game it returns the result.
    """
    for _ in range(playouts):
        copy(game, tree.game, config)
        length = descend(tree, nodes, stream, config)
        value, lead = evaluate(tree.game, stream, config)
        for index in range(length):
            node = nodes[tree.path[index]]
            node.visits += 1
            node.value += value
            node.lead += lead


def best_point(nodes):
    """The move that most playouts tried at the root, the one tried first of equals; PASS if none was."""
    best, most = np.int64(PASS), np.int64(0)
    child = np.int64(nodes[ROOT].first)
    while child != NO_NODE:
        node = nodes[child]
        if node.visits >= most:  # the youngest child comes first
            best, most = np.int64(node.point), np.int64(node.visits)
        child = np.int64(node.next)
    return best


def descend(tree, nodes, stream, config):
    """Play from the root to a new leaf, or to the end of the game; the number of nodes on `tree.path`.

    Every move of a node is tried once before one is tried twice.
    """
    game, number, length = tree.game, ROOT, 1
    tree.path[0] = ROOT
    known = True
    while known and game.passes < 2 and length < tree.path.shape[0] and game.moves < game.longest:
        point = np.int64(NOTHING)
        if not nodes[number].full:
            if tree.nodes == nodes.shape[0]:
                return length
            point = untried(game, tree, nodes, number, stream, config)
            nodes[number].full = point == NOTHING
        if point == NOTHING:
            best = favourite(nodes, number, np.int64(game.to_play))
        else:
            best, known = sprout(tree, nodes, point), False
            nodes[best].next = nodes[number].first
            nodes[number].first = best
        play(game, np.int64(nodes[best].point), config)
        tree.path[length] = best
        length += 1
        number = best
    return length


def favourite(nodes, number, colour):
    """The child with the highest upper confidence bound."""
    best, highest = np.int64(NO_NODE), -1.0
    child, wide = np.int64(nodes[number].first), EXPLORATION * math.sqrt(math.log(nodes[number].visits + 1.0))
    while child != NO_NODE:
        node = nodes[child]
        mean = node.value / node.visits
        bound = (mean if colour == BLACK else 1.0 - mean) + wide / math.sqrt(node.visits)
        if bound > highest:
            best, highest = child, bound
        child = np.int64(node.next)
    return best


def untried(game, tree, nodes, number, stream, config):
    """A random legal move that fills no eye and has no node yet; NOTHING if there is none.

    A pass comes first in answer to a pass, since that ends the game, and else last.
    """
    for any_point in range(tree.tried.shape[0]):
        tree.tried[any_point] = 0
    child = np.int64(nodes[number].first)
    while child != NO_NODE:
        tree.tried[nodes[child].point] = 1
        child = np.int64(nodes[child].next)
    if game.passes > 0 and not tree.tried[PASS]:
        return PASS
    colour, left = np.int64(game.to_play), np.int64(game.empties)
    while left > 0:
        index = random.integers(stream, 0, left)
        point = np.int64(game.empty[index])
        fine = not tree.tried[point] and not is_eye(game, point, colour, config.width + 1)
        if fine and verdict(game, point, colour, config) == LEGAL:
            return point
        set_aside(game, index, left)
        left -= 1
    return NOTHING if tree.tried[PASS] else PASS


def candidates(game, config):
    """How many moves the root may try."""
    colour, count = np.int64(game.to_play), 1
    for index in range(game.empties):
        point = np.int64(game.empty[index])
        count += not is_eye(game, point, colour, config.width + 1) and verdict(game, point, colour, config) == LEGAL
    return count


def random_result(game, stream, config):
    """What random moves to the end of the game make of it: `evaluate` of `search`.

    The game's own `max_moves` does not count here, or games near it would not be played out.
    """
    playout(game, game.longest, stream, config)
    lead = margin(game, config)
    return 1.0 if lead > 0 else 0.0 if lead < 0 else 0.5, lead


def searched_move(think, state, stream, config):
    """The move of an opponent that searches from scratch, with the tree that lies in its game's record.

    `think` is `search` with its `evaluate`, and the state has `lane_fields`.
    """
    plant(state.tree, state.nodes)
    think(state, state.tree, state.nodes, stream, config, config.playouts[state.opponent])
    return best_point(state.nodes)


def copy(source, target, config):
    """Copy what there is of a game on a board of this size; it may go on for as long as superko's memory lasts."""
    target.longest = min(source.moves + 4 * config.width * config.width, source.history.shape[0] - 1)
    for word in range(source.seen.shape[0]):
        target.seen[word] = source.seen[word]
    for index in range(source.positions):
        target.history[index] = source.history[index]
    for point in range((config.width + 1) * (config.width + 2) + 1):
        target.liberties[point] = source.liberties[point]
        target.near[point] = source.near[point]
        target.sizes[point] = source.sizes[point]
        target.stones[point] = source.stones[point]
        target.stood[point] = source.stood[point]
        target.chains[point] = source.chains[point]
        target.next[point] = source.next[point]
        target.places[point] = source.places[point]
    for index in range(source.empties):
        target.empty[index] = source.empty[index]
    for index in range(2):
        target.captures[index] = source.captures[index]
        target.last[index] = source.last[index]
    target.position = source.position
    target.positions = source.positions
    target.moves = source.moves
    target.empties = source.empties
    target.ko = source.ko
    target.to_play = source.to_play
    target.passes = source.passes


random_search = functools.partial(search, random_result)
mcts_move = functools.partial(searched_move, random_search)
