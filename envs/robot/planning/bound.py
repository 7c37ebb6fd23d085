"""How many actions are left at least: the exact distances in a level that is easier, from every pose to success.

In the easier level things are never in the way and dropped ones lie wherever they are wanted; doors that are not
locked are open; one kind of lock a colour counts, for up to three colours. A state of it is a pose and a *situation*:

- for each lock, whether its key is still in a box (0), lies where it was at the start (1), was taken (2), or a lock of
  its colour was opened (3);
- whether the hands are full;
- in RedBlueDoors, whether the first door is open.

Every action of the search is an action here, or changes nothing here; so the distances never say too much, and fall by
one an action at most. They are found from success backwards, breadth first.
"""

import numpy as np

from rl_lab.envs.robot.cells import EMPTY, GOAL, KIND, LAVA, WALL
from rl_lab.envs.robot.planning.level import HAND, INSIDE, MOST_CELLS, MOST_SLOTS, NONE, is_shut, step_of
from rl_lab.envs.robot.tasks import FETCH, GO_TO, IN_ORDER, MATCH, OPEN, PICK_UP, PUT_NEAR

IN_BOX, LYING, TAKEN, OPENED = range(4)  # what is known of a lock
SITUATIONS = 4**MOST_SLOTS * 4
BASIC_WAYS = 5  # kinds of actions that lead to a state, beside those about locks
BOUNDS = SITUATIONS * MOST_CELLS * 4  # room for all distances


def assign_slots(level):
    """Give each colour of modelled locks a number, as far as they go."""
    level.slots = 0
    for door in range(level.doors):
        level.door_slot[door] = NONE
        if level.door_key[door] != EMPTY:
            level.door_slot[door] = slot_for(level, level.door_key[door])
    for item in range(level.items):
        level.item_slot[item] = NONE
        for slot in range(level.slots):
            if level.slot_key[slot] == level.item_byte[item]:
                level.item_slot[item] = slot


def slot_for(level, key):
    """The number of the locks that a key opens."""
    for slot in range(level.slots):
        if level.slot_key[slot] == key:
            return np.int64(slot)
    if level.slots == MOST_SLOTS:
        return NONE
    level.slot_key[level.slots] = key
    level.slots += 1
    return level.slots - 1


def situation(level, doors, where):
    """What the bound sees of a state: bits of modelled doors that were opened, and the items' places."""
    locks, full, stage = np.int64(0), np.int64(0), np.int64(0)
    for item in range(level.items):
        at, slot = where[item], level.item_slot[item]
        if at == HAND:
            full = np.int64(1)
        if slot != NONE:
            known = np.int64(TAKEN)
            if level.item_home[item] != NONE:
                known = np.int64(IN_BOX if at == INSIDE else LYING if at == level.item_home[item] else TAKEN)
            if known > locks >> 2 * slot & 3:
                locks += (known - (locks >> 2 * slot & 3)) << 2 * slot
    for door in range(level.doors):
        if doors >> door & 1:
            slot = level.door_slot[door]
            if slot != NONE:
                locks |= np.int64(OPENED) << 2 * slot
    if level.task == IN_ORDER:
        first = np.int64(level.door_at[level.target_cell])
        stage = np.int64(1) if first == NONE else doors >> first & 1
    return (locks * 2 + full) * 2 + stage


def begin_bound(level, memory):
    """Forget all distances, and begin with the states from which one action succeeds."""
    situations = 4 << 2 * level.slots
    for k in range(situations * level.cells * 4):
        memory.distances[k] = level.blind
    memory.head = 0
    memory.tail = 0
    start = situation(level, np.int64(0), level.item_start)
    if not level.blind:
        for now in range(situations):
            if can_follow(level, start, now):
                seed(level, memory, now)


def can_follow(level, start, now):
    """Whether a situation may come after the first: what is known of a lock never grows less."""
    for slot in range(level.slots):
        if now >> 2 + 2 * slot & 3 < start >> 2 + 2 * slot & 3:
            return False
    return True


def bound_at(level, memory, now, pose):
    """At least so many actions are left; 0 if there is no way. Distances are found when they are asked for."""
    state = now * (level.cells * 4) + pose
    while memory.distances[state] == 0 and memory.head < memory.tail:
        memory.head += 1
        go_back(level, memory, np.int64(memory.queue[memory.head - 1]))
    return np.int64(memory.distances[state])


def seed(level, memory, now):
    """Begin with the poses from which one action succeeds in a situation."""
    poses = level.cells * 4
    for pose in range(poses):
        cell = pose >> 2
        if level.ground[cell] != WALL:
            done = level.task == GO_TO and is_beside(level, cell)
            if done or ends_well(level, cell + step_of(level, pose & 3), now):
                memory.distances[now * poses + pose] = 1
                memory.queue[memory.tail] = now * poses + pose
                memory.tail += 1


def is_beside(level, cell):
    """Whether a cell is next to the target."""
    for direction in range(4):
        if cell + step_of(level, direction) == level.target_cell:
            return True
    return False


def ends_well(level, cell, now):
    """Whether one action succeeds when this cell is ahead."""
    task, full, stage = level.task, now >> 1 & 1, now & 1
    item = np.int64(level.item_at[cell])
    if level.ground[cell] == GOAL:
        return task != MATCH or cell != level.other_cell
    if item != NONE and holds_goal(level, item):
        return True
    if task == MATCH:
        return cell == level.target_cell
    if task == PICK_UP or task == FETCH:
        return full == 0 and item != NONE and is_target(level, item)
    if task == PUT_NEAR:
        return full == 1 and level.ground[cell] == EMPTY and is_near(level, cell)
    if task == OPEN and cell == level.target_cell:
        return can_open(level, cell, now, full)
    if task == IN_ORDER and cell == level.other_cell and stage == 1:
        return can_open(level, cell, now, full)
    return False


def holds_goal(level, item):
    """Whether there is a goal in a box."""
    inside = level.item_holds[item]
    return inside != NONE and level.item_byte[inside] & KIND == GOAL


def is_target(level, item):
    """Whether a thing, or what is in it, is what the mission is about."""
    inside = level.item_holds[item]
    return level.item_byte[item] == level.target or (inside != NONE and level.item_byte[inside] == level.target)


def is_near(level, cell):
    """Whether a cell is the target's, or around it."""
    column = abs(cell % level.line - level.target_cell % level.line)
    row = abs(cell // level.line - level.target_cell // level.line)
    return column <= 1 and row <= 1


def can_open(level, cell, now, full):
    """Whether a shut door can be opened."""
    door = np.int64(level.door_at[cell])
    if door == NONE or level.door_slot[door] == NONE:
        return True
    return full == 1 and now >> 2 + 2 * level.door_slot[door] & 3 >= TAKEN


def enterable(level, cell, now):
    """Whether the robot can go on from a cell, once it is there."""
    base = np.int64(level.ground[cell])
    if base == WALL or base == LAVA or base == GOAL:
        return False
    if level.task == MATCH and (cell == level.target_cell or cell == level.other_cell):
        return False
    if is_shut(base):
        if level.task == IN_ORDER and cell == level.other_cell:
            return False
        door = np.int64(level.door_at[cell])
        if door != NONE and level.door_slot[door] != NONE:
            return now >> 2 + 2 * level.door_slot[door] & 3 == OPENED
    return True


def go_back(level, memory, state):
    """Note all states from which one action leads to this one."""
    poses = level.cells * 4
    now, pose = state // poses, state % poses
    cell, direction, full = pose >> 2, pose & 3, now >> 1 & 1
    step = step_of(level, direction)
    base, item = np.int64(level.ground[cell + step]), np.int64(level.item_at[cell + step])
    distance = np.int64(memory.distances[state]) + 1
    for way in range(BASIC_WAYS + level.slots):
        before = NONE
        if way < 2:
            before = state - direction + (direction + 1 + 2 * way & 3)
        elif way == 2:
            behind = cell - step
            if enterable(level, cell, now) and (enterable(level, behind, now) or behind == level.start >> 2):
                before = state - 4 * step
        elif way == 3:
            if level.task == PUT_NEAR:
                if full == 1 and item != NONE and is_target(level, item):
                    before = state - 2 * poses
            elif level.task != FETCH and base == EMPTY:  # drop, or pick up what was dropped
                before = state + (2 - 4 * full) * poses
        elif way == 4:
            if level.task == IN_ORDER and now & 1 and cell + step == level.target_cell:
                before = state - poses
        else:
            slot = way - BASIC_WAYS
            known, lower = now >> 2 + 2 * slot & 3, (np.int64(4) << 2 * slot) * poses
            if known == LYING and item != NONE and holds_key(level, item, slot):
                before = state - lower
            elif known == TAKEN and full == 1 and item != NONE and is_key(level, item, slot):
                before = state - lower - 2 * poses
            elif known == OPENED and full == 1 and is_lock(level, cell + step, slot):
                is_first = level.task == IN_ORDER and cell + step == level.target_cell
                before = state - lower - poses * (now & 1) * is_first
        if before != NONE and memory.distances[before] == 0:
            memory.distances[before] = distance
            memory.queue[memory.tail] = before
            memory.tail += 1


def holds_key(level, item, slot):
    """Whether the key of a lock is in a box."""
    inside = level.item_holds[item]
    return inside != NONE and level.item_slot[inside] == slot


def is_key(level, item, slot):
    """Whether a thing, or what is in it, is the key of a lock."""
    return level.item_slot[item] == slot or holds_key(level, item, slot)


def is_lock(level, cell, slot):
    """Whether there is such a lock in a cell."""
    door = np.int64(level.door_at[cell])
    return door != NONE and level.door_slot[door] == slot
