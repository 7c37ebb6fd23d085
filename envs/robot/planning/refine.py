"""Plans of the modelled level tried in the environment itself, and what they stumble over modelled, too.

The modelled level is easier than the real one, so that a shortest plan of it which succeeds in the real one is a
shortest plan there. Otherwise the first thing or door that was not known to be in the way is added to the model, or the
place where a thing was dropped, and the search starts again (E. Clarke and others, "Counterexample-guided abstraction
refinement", 2000). In the end all is modelled.
"""

import numpy as np

from rl_lab.envs.robot.cells import EMPTY, FLOOR, GOAL, KIND
from rl_lab.envs.robot.dynamics import DROP, FORWARD, PICKUP
from rl_lab.envs.robot.planning.level import (
    GONE,
    HAND,
    NONE,
    TOO_MANY,
    is_shut,
    model,
    model_door,
    model_hand,
    model_thing,
    step_of,
)
from rl_lab.envs.robot.planning.memory import POSE, place_in
from rl_lab.envs.robot.planning.search import begin, expand, next_node

LOST, STUMBLED, GOOD = np.int64(-1), np.int64(0), np.int64(1)


def solve_levels(count, levels, memories, found):
    """Find the fewest actions to success in the first `count` levels; `memories` is one record.

    `found`, int64 `(levels, 3)`, is filled with the number of actions, NO_WAY, TOO_MANY or CHANCE, the states that were
    expanded, and the searches that were made.
    """
    memory = memories[0]
    for k in range(count):
        level = levels[k]
        memory.expanded = 0
        memory.rounds = 0
        model(level)
        memory.steps = level.over
        memory.plan[0] = level.first_action
        outcome = GOOD if level.over else STUMBLED
        while outcome == STUMBLED:  # in few functions: Numba optimises each again in all that call it
            begin(level, memory)
            number = next_node(memory)
            while number != NONE:
                expand(level, memory, number)
                number = next_node(memory)
            outcome = finish(level, memory)
        found[k, 0] = memory.steps
        found[k, 1] = memory.expanded
        found[k, 2] = memory.rounds


def finish(level, memory):
    """Try the plan of a search, and say whether to search again."""
    if memory.steps < 0:
        return GOOD
    trace(level, memory)
    outcome = attempt(level, memory)
    if outcome == LOST or level.overflow:
        memory.steps = TOO_MANY
        return LOST
    memory.steps += level.first_actions
    return outcome


def trace(level, memory):
    """Write down the plan that was found, and the nodes on its way."""
    number = memory.last
    for k in range(level.first_actions):
        memory.plan[k] = level.first_action
    memory.plan[level.first_actions + memory.steps - 1] = memory.last_action
    for k in range(memory.steps - 1, -1, -1):
        memory.way[k] = number
        if k > 0:
            memory.plan[level.first_actions + k - 1] = memory.action[number]
            number = np.int64(memory.parent[number])


def attempt(level, memory):
    """Do the plan with all that is there: GOOD, STUMBLED over what is now modelled, or LOST, a mistake of ours."""
    for item in range(level.items):
        memory.actual[item] = level.item_start[item]
    outcome = GOOD
    for k in range(memory.steps):
        action = np.int64(memory.plan[level.first_actions + k])
        pose = np.int64(memory.words[memory.way[k] * memory.length] & POSE)
        ahead = (pose >> 2) + step_of(level, pose & 3)
        item = moved(level, memory, k)
        here = GOOD
        if item != NONE and action != DROP and memory.actual[item] != ahead:
            here = blame(level, item)
        elif action == PICKUP and lacks_hand(level):
            model_hand(level)
            here = STUMBLED
        elif action == FORWARD or action == DROP:
            here = blame_cell(level, memory, ahead, action)
        if here != GOOD:
            outcome = STUMBLED if outcome == STUMBLED else here
            if action != FORWARD:  # after a step look for more, as if nothing had been in the way
                return outcome
        if item != NONE:
            follow(level, memory, item, action, ahead)
    return outcome


def lacks_hand(level):
    """Whether the robot carries something from the start on that the search does not know of."""
    for item in range(level.items):
        if level.item_start[item] == HAND:
            return False
    return level.hand != EMPTY


def moved(level, memory, k):
    """The item that an action of the plan moves or opens; NONE if there is none."""
    if k == memory.steps - 1:
        return NONE
    one, other = memory.way[k] * memory.length, memory.way[k + 1] * memory.length
    for item in range(level.items):
        if place_in(memory, one, np.int64(item)) != place_in(memory, other, np.int64(item)):
            return np.int64(item)
    return NONE


def follow(level, memory, item, action, ahead):
    """Note where an item really is after an action."""
    if action == PICKUP:
        memory.actual[item] = HAND
    elif action == DROP:
        memory.actual[item] = ahead
    else:
        memory.actual[item] = GONE
        if level.item_holds[item] != NONE:
            memory.actual[level.item_holds[item]] = ahead


def blame(level, item):
    """Follow from now on where an item is dropped."""
    if level.item_exact[item]:
        return LOST
    level.item_exact[item] = 1
    return STUMBLED


def blame_cell(level, memory, cell, action):
    """Model what is in the way of a step or a drop; GOOD if nothing is."""
    for item in range(level.items):
        is_floor = level.item_byte[item] & KIND == FLOOR or level.item_byte[item] & KIND == GOAL
        in_way = memory.actual[item] == cell and not (action == FORWARD and is_floor)
        if in_way and not level.item_exact[item]:
            return blame(level, np.int64(item))
    if is_shut(level.ground[cell]) and level.door_at[cell] == NONE:
        model_door(level, cell)
        return STUMBLED
    if level.things[cell] != EMPTY and level.item_at[cell] == NONE:
        model_thing(level, cell)
        return STUMBLED
    return GOOD
