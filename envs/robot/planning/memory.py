"""The search's memory: what is allocated once and used for level after level.

A state of the search is some words: first the pose, and a bit for each modelled door that was opened; then the places
of the modelled things, five of 11 bits in a word. States are found again through a table of their numbers, by a hash
and then by all of their words, so that two are never taken for one.
"""

import numpy as np

from rl_lab.envs.robot.planning.bound import BOUNDS
from rl_lab.envs.robot.planning.level import MOST_ITEMS

PLACE_BITS, PLACES = 11, 5  # bits of a place, and how many are in a word
PLACE = np.uint64(2**PLACE_BITS - 1)
POSE_BITS = np.uint64(13)
POSE = np.uint64(2**13 - 1)
MOST_WORDS = 1 + -(-MOST_ITEMS // PLACES)
LONGEST = 8192  # plans are shorter than this
SMALLEST_TABLE = 1024
MULTIPLIER = np.uint64(0x9E3779B1)  # the prime next to 2**32 divided by the golden ratio
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


def memory_dtype(cap: int) -> np.dtype:
    """The search's memory for so many states, one record; a thread needs one of its own."""
    table = 1 << max(SMALLEST_TABLE.bit_length(), (2 * cap - 1).bit_length())
    return np.dtype(
        [
            # What was found
            ("steps", np.int64),  # of the plan, or NO_WAY or TOO_MANY
            ("expanded", np.int64),  # states, in all rounds
            ("rounds", np.int64),  # searches, each with more of the level modelled
            ("plan", np.uint8, (LONGEST,)),  # actions
            # States
            ("most", np.int64),  # how many a search may find
            ("nodes", np.int64),  # how many were found
            ("length", np.int64),  # words of each
            ("words", np.uint64, (cap * MOST_WORDS,)),
            ("parent", np.int32, (cap,)),  # the node that it was reached from
            ("action", np.int8, (cap,)),  # the one that led here
            ("taken", np.int16, (cap,)),  # steps from the start
            ("bound", np.int16, (cap,)),  # on the steps left
            ("closed", np.int8, (cap,)),  # whether it is in no list
            # Open ones, in lists by steps taken and bound
            ("bucket", np.int32, (LONGEST,)),  # the first of each, or -1
            ("next", np.int32, (cap,)),
            ("previous", np.int32, (cap,)),
            ("lowest", np.int64),  # bucket that may not be empty
            ("highest", np.int64),
            # The table: numbers of nodes by hash, or -1
            ("table", np.int32, (table,)),
            ("mask", np.int64),  # the length in use, less one
            # The state at hand
            ("current", np.uint64, (MOST_WORDS,)),
            ("places", np.int64, (MOST_ITEMS,)),
            # The plan while it is tried
            ("last", np.int64),  # node before its last action
            ("last_action", np.int64),
            ("way", np.int32, (LONGEST,)),  # its nodes
            ("actual", np.int64, (MOST_ITEMS,)),  # where things really are
            # The bound; see there
            ("distances", np.int16, (BOUNDS,)),
            ("queue", np.int32, (BOUNDS,)),
            ("head", np.int64),
            ("tail", np.int64),
        ],
        align=True,
    )


def hashed(memory):
    """A hash of the state at hand: products of 32 bits by 32, which never overflow, their halves folded together."""
    mixed = np.uint64(0)
    for k in range(memory.length):
        word = memory.current[k]
        mixed = (mixed ^ word & LOW) * MULTIPLIER
        mixed = (mixed >> HALF ^ mixed & LOW ^ word >> HALF) * MULTIPLIER
        mixed = mixed >> HALF ^ mixed & LOW
    return np.int64(mixed)


def find(memory):
    """The place in the table for the state at hand, where its number is or will be."""
    slot = hashed(memory) & memory.mask
    while True:
        number = np.int64(memory.table[slot])
        if number < 0 or is_same(memory, number * memory.length):
            return slot
        slot = slot + 1 & memory.mask


def is_same(memory, first):
    """Whether the state whose words begin there is the one at hand."""
    for k in range(memory.length):
        if memory.words[first + k] != memory.current[k]:
            return False
    return True


def new_node(memory, bound):
    """Number the state at hand."""
    first = memory.nodes * memory.length
    for k in range(memory.length):
        memory.words[first + k] = memory.current[k]
    memory.bound[memory.nodes] = bound
    memory.nodes += 1


def load(memory, number):
    """Make a node's state the one at hand."""
    for k in range(memory.length):
        memory.current[k] = memory.words[number * memory.length + k]


def unpack(memory, number, items):
    """The same, with the places of the things."""
    load(memory, number)
    for item in range(items):
        memory.places[item] = place_in(memory, number * memory.length, np.int64(item))


def place_in(memory, first, item):
    """Where a thing is in the state whose words begin there."""
    word = memory.words[first + 1 + item // PLACES]
    return np.int64(word >> np.uint64(item % PLACES * PLACE_BITS) & PLACE)


def move(memory, item, to):
    """Change the place of a thing in the state at hand."""
    shift = np.uint64(item % PLACES * PLACE_BITS)
    rest = memory.current[1 + item // PLACES] & ~(PLACE << shift)
    memory.current[1 + item // PLACES] = rest | np.uint64(to) << shift
    memory.places[item] = to


def clear_table(memory, length):
    """Use so much of the table, and find nothing in it."""
    memory.mask = length - 1
    for k in range(length):
        memory.table[k] = -1


def widen_table(memory):
    """Use twice as much of the table for the nodes that there are."""
    clear_table(memory, 2 * (memory.mask + 1))
    for number in range(memory.nodes):
        load(memory, number)
        memory.table[find(memory)] = number


def open_node(memory, number):
    """Put a node into its list."""
    at = np.int64(memory.taken[number]) + memory.bound[number]
    second = np.int64(memory.bucket[at])
    memory.next[number] = second
    memory.previous[number] = -1
    if second >= 0:
        memory.previous[second] = number
    memory.bucket[at] = number
    memory.closed[number] = 0
    memory.lowest = min(memory.lowest, at)
    memory.highest = max(memory.highest, at)


def close_node(memory, number):
    """Take a node out of its list."""
    at = np.int64(memory.taken[number]) + memory.bound[number]
    before, after = np.int64(memory.previous[number]), np.int64(memory.next[number])
    if before < 0:
        memory.bucket[at] = after
    else:
        memory.next[before] = after
    if after >= 0:
        memory.previous[after] = before
    memory.closed[number] = 1
