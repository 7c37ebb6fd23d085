"""GoToObject, Fetch and PutNear: things that lie around in a room, and one that the mission is about."""

import numpy as np

from rl_lab.envs.robot import missions, tasks
from rl_lab.envs.robot.cells import KEY, KIND, PORTABLE
from rl_lab.envs.robot.families import Layout, World, family
from rl_lab.envs.robot.layouts.building import (
    COLOUR_COUNT,
    ONE,
    THREE,
    TWO,
    below,
    build_room,
    free_place,
    mention,
    place_robot_anywhere,
    put_anywhere,
)
from rl_lab.envs.robot.world import CAPACITIES, MISSION_LENGTH, place, put
from rl_lab.errors import LabError
from rl_lab.validation import whole_number

KINDS_TO_FETCH, ALL_KINDS = TWO, THREE  # keys and balls; and boxes
SENTENCES = np.stack(
    [missions.template(f"{words} a {{0}} {{1}}") for words in ("get", "go get", "fetch", "go fetch", "you must fetch")]
)
SENTENCE_COUNT = np.int64(len(SENTENCES))


def any_thing(state, kinds):
    """Draw a kind, of the first so many of key, ball and box, and a colour."""
    return KEY + below(state, kinds) | below(state, COLOUR_COUNT) << 4


def new_thing(state, used):
    """Draw a thing whose bit is not set yet; see `bit`."""
    while True:
        thing = any_thing(state, ALL_KINDS)
        if used & bit(thing) == 0:
            return thing


def bit(thing):
    """A bit of its own for every kind and colour of thing."""
    return 1 << (thing >> 4) * 3 + (thing & KIND) - KEY


def reset_go_to(state, config):
    """Draw things that all differ, and which to go to."""
    build_room(state, config)
    chosen, used = below(state, config.objects), 0
    for k in range(config.objects):
        thing = new_thing(state, used)
        used |= bit(thing)
        x, y = put_anywhere(state, thing, config)
        if k == chosen:
            state.target_x = x
            state.target_y = y
            mention(state, thing, thing)
    place_robot_anywhere(state, config)


def reset_fetch(state, config):
    """Draw keys and balls, two of them alike now and then, which to fetch, and the words to say so."""
    build_room(state, config)
    chosen, sentence = below(state, config.objects), below(state, SENTENCE_COUNT)
    for k in range(config.objects):
        thing = any_thing(state, KINDS_TO_FETCH)
        put_anywhere(state, thing, config)
        if k == chosen:
            state.target = thing
    place_robot_anywhere(state, config)
    for k in range(MISSION_LENGTH):
        state.mission[k] = SENTENCES[sentence, k]
    mention(state, np.int64(state.target), np.int64(state.target))


def reset_put_near(state, config):
    """Draw things that all differ and do not touch, which to move, and to which other."""
    build_room(state, config)
    chosen, goal = below(state, config.objects), below(state, config.objects - 1)
    if goal >= chosen:
        goal += 1
    used, moved, near = 0, 0, 0
    for k in range(config.objects):
        thing = new_thing(state, used)
        used |= bit(thing)
        x, y = lonely_place(state, config)
        put(state, x, y, thing, config.stride)
        if k == chosen:
            moved = thing
        elif k == goal:
            near = thing
            state.target_x = x
            state.target_y = y
    state.target = moved
    mention(state, moved, near)
    place_robot_anywhere(state, config)


def lonely_place(state, config):
    """Draw a free cell with no thing around it."""
    while True:
        x, y = free_place(state, ONE, ONE, config.width - 2, config.height - 2, config)
        around = 0
        for beside in range(9):
            cell = np.int64(state.cells[place(x + beside % 3 - 1, y + beside // 3 - 1, config.stride)])
            around += PORTABLE[cell & KIND]
        if around == 0:
            return x, y


@family
def go_to_object(size: int = 6, objects: int = 2) -> World:
    """Things in a room: stand next to the one that the mission names, and say `done` (MiniGrid's GoToObject).

    Args:
        size: side of the world in cells with its walls, 5 to 41.
        objects: how many things there are, 1 to 18, fewer than there are cells.
    """
    return with_things("Robot-GoToObject", reset_go_to, "go to the {0} {1}", tasks.GO_TO, size, objects)


@family
def fetch(size: int = 8, objects: int = 3) -> World:
    """Keys and balls in a room: pick up the one that the mission names and no other (MiniGrid's Fetch).

    Args:
        size: side of the world in cells with its walls, 5 to 41.
        objects: how many things there are, 1 to 18, fewer than there are cells.
    """
    return with_things("Robot-Fetch", reset_fetch, "fetch a {0} {1}", tasks.FETCH, size, objects)


@family
def put_near(size: int = 6, objects: int = 2) -> World:
    """Things in a room: put one of them next to another (MiniGrid's PutNear).

    Args:
        size: side of the world in cells with its walls, 5 to 41.
        objects: how many things there are, 2 to 18; there must be room for all of them with a cell between.
    """
    whole_number("size", size, 5, CAPACITIES[-1])
    whole_number("objects", objects, 2, 18)
    if 9 * (objects - 1) >= (size - 2) ** 2:  # then the last may find all cells taken or touched
        raise LabError(f"objects={objects} is not allowed with size={size}; so many may not find room apart")
    mission = "put the {0} {1} near the {2} {3}"
    return with_things("Robot-PutNear", reset_put_near, mission, tasks.PUT_NEAR, size, objects, 5 * size)


def with_things(name: str, reset, mission: str, task: int, size: int, objects: int, max_steps: int = 0) -> World:
    """What the three families share."""
    whole_number("size", size, 5, CAPACITIES[-1])
    whole_number("objects", objects, 1, min(18, (size - 2) ** 2 - 1))
    return World(
        name,
        reset,
        mission,
        size,
        max_steps=max_steps or 5 * size**2,
        task=task,
        see_through_walls=True,
        layout=Layout(objects=objects),
    )
