"""A level as the planner reads it, and how much of it the search looks at.

Cells are numbered row by row with a margin of wall around them, so that the cell ahead is a number away. What lies in
them is in `things`, what is below, and what is built, in `ground`. Shut doors and things are *modelled*, that is part
of the search's states, only when they have a number in `doors` or `items`; `refine` says when that happens. To leave
one out relaxes the level: a door that is left out can be walked through, a thing that is left out is not there.
"""

import numpy as np

from rl_lab.envs.robot import cells
from rl_lab.envs.robot.cells import CLOSED_DOOR, DOOR, EMPTY, KIND, LOCKED_DOOR, PORTABLE, WALL
from rl_lab.envs.robot.dynamics import DROP, FORWARD, PICKUP, TOGGLE, TURN_LEFT
from rl_lab.envs.robot.tasks import DODGE, FETCH, GO_TO, IN_ORDER, MATCH, OPEN, PICK_UP, PUT_NEAR, SCOUT
from rl_lab.envs.robot.world import CAPACITIES, FORWARD_X, FORWARD_Y, NOWHERE, place

MOST_CELLS = (CAPACITIES[-1] + 2) ** 2
MOST_ITEMS, MOST_DOORS, MOST_SLOTS = 24, 40, 3
HAND, LIMBO, GONE, INSIDE = 2044, 2045, 2046, 2047  # places that are no cells: carried, dropped, opened, in a box
NONE = np.int64(-1)
NO_WAY, TOO_MANY, CHANCE = -1, -2, -3  # instead of a number of steps: none exists, the search gave up, unknown
FEW = 6  # so many doors and things are modelled from the start

LEVEL = np.dtype(
    [
        ("line", np.int64),  # cells from one row to the next
        ("cells", np.int64),  # how many there are
        ("start", np.int64),  # pose: cell * 4 + direction
        ("task", np.int64),
        ("target", np.int64),  # the thing that the mission is about
        ("target_cell", np.int64),
        ("other_cell", np.int64),
        ("hand", np.int64),  # what is carried, as a byte
        ("hand_inside", np.int64),  # what is in that
        ("bytes", np.uint8, (MOST_CELLS,)),
        ("inside", np.uint8, (MOST_CELLS,)),  # what is in boxes, as bytes
        ("ground", np.uint8, (MOST_CELLS,)),  # kinds, things left out
        ("things", np.uint8, (MOST_CELLS,)),  # bytes
        ("door_at", np.int16, (MOST_CELLS,)),  # number of the modelled door, or NONE
        ("item_at", np.int16, (MOST_CELLS,)),  # number of the modelled thing that lies here at the start, or NONE
        ("doors", np.int64),  # how many are modelled
        ("door_cell", np.int64, (MOST_DOORS,)),
        ("door_key", np.int64, (MOST_DOORS,)),  # the key that it needs, as a byte, or EMPTY
        ("door_slot", np.int64, (MOST_DOORS,)),  # which of the bound's locks this is, or NONE
        ("items", np.int64),  # how many are modelled
        ("item_byte", np.int64, (MOST_ITEMS,)),  # bytes
        ("item_start", np.int64, (MOST_ITEMS,)),  # a cell, HAND or INSIDE
        ("item_home", np.int64, (MOST_ITEMS,)),  # the cell where it, or its box, lies at the start; NONE if carried
        ("item_holds", np.int64, (MOST_ITEMS,)),  # number of the item in this box, or NONE
        ("item_exact", np.int64, (MOST_ITEMS,)),  # whether the search knows where it was dropped
        ("item_slot", np.int64, (MOST_ITEMS,)),  # which of the bound's locks this key opens, or NONE
        ("slots", np.int64),  # how many locks the bound knows, by colour
        ("slot_key", np.int64, (MOST_SLOTS,)),  # the key of each, as a byte
        ("first_actions", np.int64),  # how often `first_action` is forced before there is a choice
        ("first_action", np.int64),
        ("over", np.int64),  # what is known before the search: 1 if the first action succeeds, NO_WAY, CHANCE, or 0
        ("blind", np.int64),  # whether the bound knows nothing
        ("overflow", np.int64),  # whether more would have to be modelled than there is room for
    ],
    align=True,
)


def read_level(state, config, level):
    """Read a state."""
    width, height, stride = np.int64(state.width), np.int64(state.height), config.stride
    line = width + 2
    level.line = line
    level.cells = line * (height + 2)
    level.task = config.task
    level.hand = np.int64(state.carrying)
    level.hand_inside = np.int64(state.carrying_contents)
    level.target = np.int64(state.target)
    level.target_cell = cell_of(level, np.int64(state.target_x), np.int64(state.target_y))
    level.other_cell = cell_of(level, np.int64(state.other_x), np.int64(state.other_y))
    level.start = cell_of(level, np.int64(state.x), np.int64(state.y)) * 4 + np.int64(state.direction)
    for cell in range(level.cells):
        level.bytes[cell] = cells.GREY_WALL
    for y in range(height):
        for x in range(width):
            here, there = place(x, y, stride), (y + 1) * line + x + 1
            level.bytes[there] = state.cells[here]
            level.inside[there] = state.contents[here]


def model(level):
    """Tell things, doors and the ground apart, and model what is few or what the mission is about."""
    level.doors = 0
    level.items = 0
    level.blind = 0
    level.overflow = 0
    count = np.int64(level.hand != EMPTY)
    for cell in range(level.cells):
        byte = np.int64(level.bytes[cell])
        kind = byte & KIND
        is_thing = PORTABLE[kind]
        stays_shut = is_shut(kind) and level.task == GO_TO  # there, to open a door ends the episode
        level.ground[cell] = EMPTY if is_thing else WALL if stays_shut else kind
        level.things[cell] = byte if is_thing else EMPTY
        level.door_at[cell] = NONE
        level.item_at[cell] = NONE
        count += is_thing or is_shut(np.int64(level.ground[cell]))
    force_start(level)
    model_needed(level, count <= FEW)


def cell_of(level, x, y):
    """The number of a cell; NONE for NOWHERE."""
    return NONE if x == NOWHERE else (y + 1) * level.line + x + 1


def force_start(level):
    """Say what comes first in positions that only reset options lead to, where all other actions end the episode."""
    task, cell = level.task, level.start >> 2
    ahead = cell + step_of(level, level.start & 3)
    level.first_actions = 0
    level.over = 0
    if task in (DODGE, SCOUT):
        level.over = CHANCE
    elif task == PICK_UP and level.hand == level.target:
        finish(level, PICKUP)
    elif task == FETCH and level.hand == level.target:
        finish(level, TURN_LEFT)
    elif task == FETCH and level.hand != EMPTY:
        first(level, DROP, is_empty(level, ahead))
        if level.over == 0:
            level.things[ahead] = level.hand
            level.inside[ahead] = level.hand_inside
            level.hand = EMPTY
    elif task == MATCH and cell == level.other_cell:
        kind = np.int64(level.ground[ahead])
        is_way = kind == cells.FLOOR or kind == DOOR or is_empty(level, ahead)
        if kind == cells.GOAL or (ahead == level.target_cell and (is_way or kind == cells.LAVA)):
            finish(level, FORWARD)
        else:
            first(level, FORWARD, is_way)
            level.start += 4 * (ahead - cell)
    elif task == MATCH and cell == level.target_cell:
        finish(level, TURN_LEFT)
    elif task == IN_ORDER and level.ground[level.other_cell] == DOOR:
        if level.ground[level.target_cell] == DOOR:
            finish(level, TURN_LEFT)
        else:
            first(level, TOGGLE, ahead == level.other_cell)
            level.ground[level.other_cell] = CLOSED_DOOR


def finish(level, action):
    """Note that an action succeeds at once."""
    level.first_action = action
    level.first_actions = 1
    level.over = 1


def first(level, action, is_possible):
    """Note that an action must come first, or that all is lost."""
    level.first_action = action
    level.first_actions = 1
    level.over = 0 if is_possible else NO_WAY


def is_empty(level, cell):
    """Whether there is nothing in a cell."""
    return level.ground[cell] == EMPTY and level.things[cell] == EMPTY


def step_of(level, direction):
    """From a cell to the one ahead."""
    return FORWARD_X[direction] + FORWARD_Y[direction] * level.line


def model_needed(level, everything):
    """Model what the mission is about, goals in boxes, and all doors and things if there are few."""
    task = level.task
    about_thing = task == PICK_UP or task == FETCH or task == PUT_NEAR
    if (
        everything
        or task == PUT_NEAR
        or level.hand_inside & KIND == cells.GOAL
        or (about_thing and level.hand_inside == level.target)
    ):
        model_hand(level)
    if task == OPEN and not is_shut(level.ground[level.target_cell]):
        level.blind = 1
    for cell in range(level.cells):
        kind = np.int64(level.ground[cell])
        if kind == CLOSED_DOOR or kind == LOCKED_DOOR:
            named = (task == OPEN or task == IN_ORDER) and (cell == level.target_cell or cell == level.other_cell)
            if everything or named:
                model_door(level, cell)
        elif level.things[cell] != EMPTY:
            thing, inside = np.int64(level.things[cell]), np.int64(level.inside[cell])
            wanted = about_thing and (thing == level.target or inside == level.target)
            if everything or wanted or inside & KIND == cells.GOAL:
                model_thing(level, cell)


def model_door(level, cell):
    """Make a shut door part of the search, and with a locked one all keys of its colour."""
    if level.door_at[cell] != NONE:
        return
    if level.doors == MOST_DOORS:
        level.overflow = 1
        return
    number = level.doors
    level.doors = number + 1
    level.door_at[cell] = number
    level.door_cell[number] = cell
    level.door_key[number] = EMPTY
    if level.ground[cell] == LOCKED_DOOR:
        key = cells.KEY | np.int64(level.bytes[cell]) & cells.COLOUR
        level.door_key[number] = key
        if level.hand == key or level.hand_inside == key:
            model_hand(level)
        for other in range(level.cells):
            if level.things[other] == key or (level.things[other] != EMPTY and level.inside[other] == key):
                model_thing(level, other)


def model_thing(level, cell):
    """Make a thing, with what is in it, part of the search."""
    if level.item_at[cell] == NONE:
        add_item(level, np.int64(level.things[cell]), np.int64(level.inside[cell]), cell, cell)


def model_hand(level):
    """The same for what is carried at the start."""
    for k in range(level.items):
        if level.item_start[k] == HAND:
            return
    if level.hand != EMPTY:
        add_item(level, level.hand, level.hand_inside, np.int64(HAND), NONE)


def add_item(level, thing, inside, start, home):
    """Number a thing and what is in it."""
    full = thing & KIND == cells.BOX and inside != EMPTY
    if level.items + 1 + full > MOST_ITEMS:
        level.overflow = 1
        return
    number = level.items
    set_item(level, number, thing, start, home)
    if home != NONE:
        level.item_at[home] = number
    if full:
        level.item_holds[number] = number + 1
        set_item(level, number + 1, inside, np.int64(INSIDE), home)
        level.item_exact[number] = home == NONE or inside & KIND == cells.FLOOR  # it may be opened anywhere
        if home == NONE and (inside & KIND == cells.GOAL or inside == level.target):
            level.blind = 1
    level.items = number + 1 + full


def set_item(level, number, thing, start, home):
    """Write down an item."""
    level.item_byte[number] = thing
    level.item_start[number] = start
    level.item_home[number] = home
    level.item_holds[number] = NONE
    level.item_exact[number] = 0


def stays_shut(level, number):
    """Whether opening a box after it was moved never helps; see `search`."""
    inside = level.item_holds[number]
    holds_floor = inside != NONE and level.item_byte[inside] & KIND == cells.FLOOR
    return level.item_home[number] != NONE and not holds_floor


def is_shut(kind):
    """Whether a base is a door that was not open at the start."""
    return kind == CLOSED_DOOR or kind == LOCKED_DOOR
