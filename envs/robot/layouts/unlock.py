"""Unlock and its kin: two rooms, a locked door between them, and the key beside the robot."""

from rl_lab.envs.robot import tasks
from rl_lab.envs.robot.cells import BALL, BOX, KEY
from rl_lab.envs.robot.families import Layout, World, family
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


@family
def unlock() -> World:
    """Two rooms: fetch the key and open the door (MiniGrid's Unlock)."""
    return two_rooms("Robot-Unlock", "open the door", tasks.OPEN, 8, boxed=False, blocked=False)


@family
def unlock_pickup() -> World:
    """Two rooms: unlock the door and pick up the box behind it (MiniGrid's UnlockPickup)."""
    return two_rooms("Robot-UnlockPickup", "pick up the {0} {1}", tasks.PICK_UP, 8, boxed=True, blocked=False)


@family
def blocked_unlock_pickup() -> World:
    """The same with a ball in front of the door, to be moved first (MiniGrid's BlockedUnlockPickup)."""
    return two_rooms("Robot-BlockedUnlockPickup", "pick up the {0} {1}", tasks.PICK_UP, 16, boxed=True, blocked=True)


def two_rooms(name: str, mission: str, task: int, steps: int, boxed: bool, blocked: bool) -> World:
    """What the three families share; `steps` are for each cell of a room."""
    layout = Layout(room_size=ROOM_SIZE, columns=2, rows=1, boxed=boxed, blocked=blocked)
    width, max_steps = 2 * ROOM_SIZE - 1, steps * ROOM_SIZE**2
    return World(name, reset, mission, width, ROOM_SIZE, max_steps=max_steps, task=task, layout=layout)
