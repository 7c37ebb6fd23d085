"""A* over the modelled part of a level (P. Hart, N. Nilsson and B. Raphael, 1968), with `bound` as the heuristic.

The bound never says too much and falls by one an action at most, so the first plan found is a shortest one of the
modelled level. Open nodes are in buckets by steps plus bound, the last one in first out.

Only these actions are tried; others never shorten a plan:

- no door is closed: an open one is in nobody's way, so without that action all others do the same;
- nothing is dropped unless there is another thing that could be taken: a robot that carries something loses nothing,
  and to drop and take the same thing again are two actions too many;
- no box that was picked up is opened, but for one that was carried at the start or holds a floor: to open it where it
  lay and to take and drop what was in it instead takes as many actions.

Of things that are not `exact` it is known that they were dropped, not where: they are in nobody's way and can be taken
up anywhere, which again is a relaxation.
"""

import numpy as np

from rl_lab.envs.robot.cells import BOX, EMPTY, FLOOR, GOAL, KIND, LAVA, PORTABLE, WALL
from rl_lab.envs.robot.dynamics import DONE, DROP, FORWARD, PICKUP, TOGGLE
from rl_lab.envs.robot.planning.bound import assign_slots, begin_bound, bound_at, is_beside, is_near, situation
from rl_lab.envs.robot.planning.level import GONE, HAND, LIMBO, NO_WAY, NONE, TOO_MANY, is_shut, stays_shut, step_of
from rl_lab.envs.robot.planning.memory import (
    LONGEST,
    PLACES,
    POSE,
    POSE_BITS,
    SMALLEST_TABLE,
    clear_table,
    close_node,
    find,
    move,
    new_node,
    open_node,
    unpack,
    widen_table,
)
from rl_lab.envs.robot.tasks import FETCH, GO_TO, IN_ORDER, MATCH, OPEN, PICK_UP, PUT_NEAR

NO_ACTION = np.int64(-1)


def begin(level, memory):
    """Forget the last search, and open the start."""
    assign_slots(level)
    begin_bound(level, memory)
    for k in range(memory.highest + 1):
        memory.bucket[k] = -1
    memory.length = 1 + (level.items + PLACES - 1) // PLACES
    memory.nodes = 0
    memory.lowest = 0
    memory.highest = 0
    memory.steps = NO_WAY
    memory.rounds += 1
    clear_table(memory, SMALLEST_TABLE)
    for k in range(memory.length):
        memory.current[k] = 0
    memory.current[0] = np.uint64(level.start)
    for item in range(level.items):
        move(memory, np.int64(item), level.item_start[item])
    new_node(memory, np.int64(0))
    memory.taken[0] = 0
    open_node(memory, np.int64(0))


def next_node(memory):
    """Close an open node that may be on the shortest way, and return its number; NONE when the search is over."""
    while memory.lowest <= memory.highest and memory.steps == NO_WAY:
        number = np.int64(memory.bucket[memory.lowest])
        if number >= 0:
            close_node(memory, number)
            return number
        memory.lowest += 1
    return NONE


def add(level, memory, parent, taken, action):
    """Put the state at hand into its bucket, unless it was reached as soon or leads nowhere."""
    pose, doors = np.int64(memory.current[0] & POSE), np.int64(memory.current[0] >> POSE_BITS)
    bound = bound_at(level, memory, situation(level, doors, memory.places), pose)
    if bound == 0 or memory.steps == TOO_MANY:
        return
    slot = find(memory)
    number = np.int64(memory.table[slot])
    if number < 0:
        if memory.nodes == memory.most or taken + bound >= LONGEST:
            memory.steps = TOO_MANY
            return
        number = memory.nodes
        new_node(memory, bound)
        memory.table[slot] = number
    elif memory.taken[number] <= taken:
        return
    elif memory.closed[number] == 0:
        close_node(memory, number)
    memory.parent[number] = parent
    memory.taken[number] = taken
    memory.action[number] = action
    open_node(memory, number)
    if 2 * memory.nodes > memory.mask and memory.mask + 1 < memory.table.shape[0]:
        widen_table(memory)


def expand(level, memory, number):
    """Try every action that may help."""
    memory.expanded += 1
    unpack(memory, number, level.items)
    pose, doors = np.int64(memory.current[0] & POSE), np.int64(memory.current[0] >> POSE_BITS)
    ahead, taken = (pose >> 2) + step_of(level, pose & 3), np.int64(memory.taken[number]) + 1
    hand, item = NONE, NONE  # numbers of what is carried and of what is ahead
    for k in range(level.items):
        if memory.places[k] == HAND:
            hand = np.int64(k)
        elif memory.places[k] == ahead:
            item = np.int64(k)
    last = last_action(level, pose, doors, ahead, hand, item)
    if last != NO_ACTION:
        memory.steps = taken
        memory.last = number
        memory.last_action = last
        return
    for choice in range(TOGGLE + 1 + level.items):
        if choice <= FORWARD:
            changed = walk(level, memory, choice, pose, doors, ahead, item)
        else:
            changed = handle(level, memory, choice, pose, doors, ahead, hand, item)
        if changed:
            add(level, memory, number, taken, min(choice, np.int64(PICKUP)) if choice > TOGGLE else choice)
            unpack(memory, number, level.items)


def last_action(level, pose, doors, ahead, hand, item):
    """The action that succeeds at once; NO_ACTION if none does."""
    task = level.task
    if task == MATCH and (ahead == level.other_cell or ahead == level.target_cell):
        is_there = ahead == level.target_cell and (level.ground[ahead] == LAVA or passable(level, ahead, item, doors))
        return np.int64(FORWARD) if is_there else NO_ACTION
    if level.ground[ahead] == GOAL or (item != NONE and level.item_byte[item] & KIND == GOAL):
        return np.int64(FORWARD)
    if task == GO_TO and is_beside(level, pose >> 2):
        return np.int64(DONE)
    if task == PICK_UP or task == FETCH:
        if hand == NONE and item != NONE and level.item_byte[item] == level.target:
            return np.int64(PICKUP)
    elif task == PUT_NEAR:
        if hand != NONE and level.ground[ahead] == EMPTY and item == NONE and is_near(level, ahead):
            return np.int64(DROP)
    elif task == OPEN:
        is_open = not is_shut(level.ground[level.target_cell])
        if is_open != (ahead == level.target_cell) and (is_open or unlocks(level, doors, ahead, hand)):
            return np.int64(TOGGLE)
    elif task == IN_ORDER and ahead == level.other_cell:
        first = np.int64(level.door_at[level.target_cell])
        if (first == NONE or doors >> first & 1) and unlocks(level, doors, ahead, hand):
            return np.int64(TOGGLE)
    return NO_ACTION


def unlocks(level, doors, ahead, hand):
    """Whether toggling opens a modelled door."""
    door = np.int64(level.door_at[ahead])
    if door == NONE or doors >> door & 1:
        return False
    key = level.door_key[door]
    return key == EMPTY or (hand != NONE and level.item_byte[hand] == key)


def walk(level, memory, action, pose, doors, ahead, item):
    """Make `memory.current` the state after a turn or a step; tells whether it is another one."""
    direction = pose & 3
    after = pose - direction + (direction + 3 + 2 * action & 3)  # 3 to the left, 1 to the right
    if action == FORWARD:
        is_trap = level.task == MATCH and ahead == level.other_cell
        if is_trap or not passable(level, ahead, item, doors):
            return False
        after = 4 * ahead + direction
    memory.current[0] = np.uint64(doors) << POSE_BITS | np.uint64(after)
    return True


def passable(level, ahead, item, doors):
    """Whether a step forward gets there, and the episode goes on."""
    base = np.int64(level.ground[ahead])
    if base == WALL or base == LAVA:
        return False
    if is_shut(base):
        door = np.int64(level.door_at[ahead])
        return door == NONE or doors >> door & 1 == 1
    return item == NONE or level.item_byte[item] & KIND == FLOOR


def handle(level, memory, choice, pose, doors, ahead, hand, item):
    """Make `memory.current` the state after an action on what is ahead; tells whether it is another state.

    A choice after TOGGLE picks up one of the things that were dropped somewhere.
    """
    is_free = level.ground[ahead] == EMPTY and item == NONE
    if choice == PICKUP or choice > TOGGLE:
        thing = item if choice == PICKUP else choice - TOGGLE - 1
        lost = choice > TOGGLE and (not is_free or memory.places[thing] != LIMBO)
        if hand != NONE or thing == NONE or lost or not can_take(level, thing):
            return False
        move(memory, thing, np.int64(HAND))
        return True
    if choice == DROP:
        if hand == NONE or not is_free or not should_drop(level, memory, hand):
            return False
        known = level.item_exact[hand] or ahead == level.item_home[hand]
        move(memory, hand, ahead if known else np.int64(LIMBO))
        return True
    if level.task == GO_TO:
        return False
    if is_shut(level.ground[ahead]):
        if not unlocks(level, doors, ahead, hand) or (level.task == IN_ORDER and ahead == level.other_cell):
            return False
        opened = doors | np.int64(1) << np.int64(level.door_at[ahead])
        memory.current[0] = np.uint64(opened) << POSE_BITS | np.uint64(pose)
        return True
    return item != NONE and open_box(level, memory, ahead, item)


def can_take(level, item):
    """Whether a thing can be picked up, and the episode goes on."""
    task, is_wanted = level.task, level.item_byte[item] == level.target
    if not PORTABLE[level.item_byte[item] & KIND] or task == MATCH or task == FETCH:
        return False
    return task != PUT_NEAR or is_wanted


def should_drop(level, memory, hand):
    """Whether there is another thing that could be taken, or one in the box that is carried from the start on."""
    if level.item_home[hand] == NONE and level.item_holds[hand] != NONE:
        return level.task != PUT_NEAR
    for other in range(level.items):
        if other != hand and memory.places[other] != GONE and can_take(level, np.int64(other)):
            return level.task != PUT_NEAR  # there, it ends the episode
    return False


def open_box(level, memory, ahead, item):
    """Turn a box into what it holds; tells whether it is one, and may help."""
    if level.item_byte[item] & KIND != BOX or (ahead != level.item_home[item] and stays_shut(level, item)):
        return False
    move(memory, item, np.int64(GONE))
    if level.item_holds[item] != NONE:
        move(memory, level.item_holds[item], ahead)
    return True
