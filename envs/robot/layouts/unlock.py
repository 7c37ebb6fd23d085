"""Unlock and its kin: two rooms, a locked door between them, and the key beside the robot."""

from __future__ import annotations

from rl_lab.envs import Definition
from rl_lab.envs.robot import tasks
from rl_lab.envs.robot.cells import BALL, BOX, KEY
from rl_lab.envs.robot.families import Layout, Settings, family, robot_world
from rl_lab.envs.robot.layouts.building import COLOUR_COUNT, ONE, ZERO, below, locked_door, mention
from rl_lab.envs.robot.layouts.rooms import build_rooms, place_robot_in_room, put_door, put_in_room
from rl_lab.envs.robot.world import put

ROOM_SIZE = 6


def reset(state, config):
    """Draw the door and the key of its colour; with `boxed` a box to find, with `blocked` a ball before the door."""
    build_rooms(state, config)
    if config.boxed:
        box = BOX | below(state, COLOUR_COUNT) << 4
        put_in_room(state, ONE, ZERO, box, config)
        state.target = box
        mention(state, box, box)
    colour = below(state, COLOUR_COUNT)
    x, y = put_door(state, ZERO, ZERO, ZERO, locked_door(colour), config)
    state.target_x = x
    state.target_y = y
    if config.blocked:
        put(state, x - 1, y, BALL | below(state, COLOUR_COUNT) << 4, config.stride)
    put_in_room(state, ZERO, ZERO, KEY | colour << 4, config)
    place_robot_in_room(state, ZERO, ZERO, config)


def two_rooms(
    name: str, mission: str, task: int, steps: int, settings: Settings, boxed: bool, blocked: bool
) -> Definition:
    """The definition that the three families share; `steps` are for each cell of a room."""
    return robot_world(
        name,
        reset,
        mission=mission,
        width=2 * ROOM_SIZE - 1,
        height=ROOM_SIZE,
        max_steps=steps * ROOM_SIZE**2,
        task=task,
        layout=Layout(room_size=ROOM_SIZE, columns=2, rows=1, boxed=boxed, blocked=blocked),
        settings=settings,
    )


@family
def unlock(*, settings: Settings) -> Definition:
    """Two rooms: fetch the key and open the door (MiniGrid's Unlock).

    Args:
        settings: what all robot worlds take.

    Raises:
        LabError: an argument is not allowed.
    """
    return two_rooms("Robot-Unlock", "open the door", tasks.OPEN, 8, settings, boxed=False, blocked=False)


@family
def unlock_pickup(*, settings: Settings) -> Definition:
    """Two rooms: unlock the door and pick up the box behind it (MiniGrid's UnlockPickup).

    Args:
        settings: what all robot worlds take.

    Raises:
        LabError: an argument is not allowed.
    """
    mission = "pick up the {0} {1}"
    return two_rooms("Robot-UnlockPickup", mission, tasks.PICK_UP, 8, settings, boxed=True, blocked=False)


@family
def blocked_unlock_pickup(*, settings: Settings) -> Definition:
    """The same with a ball in front of the door, to be moved first (MiniGrid's BlockedUnlockPickup).

    Args:
        settings: what all robot worlds take.

    Raises:
        LabError: an argument is not allowed.
    """
    mission = "pick up the {0} {1}"
    return two_rooms("Robot-BlockedUnlockPickup", mission, tasks.PICK_UP, 16, settings, boxed=True, blocked=True)
