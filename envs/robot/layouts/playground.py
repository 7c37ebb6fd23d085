"""Playground: nine rooms with doors and things, and nothing to do."""

from rl_lab.envs.robot.cells import GREY_WALL
from rl_lab.envs.robot.families import World, family
from rl_lab.envs.robot.layouts.building import (
    COLOUR_COUNT,
    DIRECTIONS,
    ONE,
    below,
    build_room,
    closed_door,
    fill,
    place_robot_anywhere,
    put_anywhere,
)
from rl_lab.envs.robot.layouts.things import ALL_KINDS, any_thing
from rl_lab.envs.robot.world import put

SIZE, ROOM, THINGS = 19, 6, 12


def reset(state, config):
    """Draw a door in every wall between two rooms, where the robot is, and a dozen things."""
    build_room(state, config)
    for wall in range(ROOM, 2 * ROOM + 1, ROOM):
        fill(state, wall, ONE, ONE, config.height - 2, GREY_WALL, config)
        fill(state, ONE, wall, config.width - 2, ONE, GREY_WALL, config)
    for number in range(12):  # two walls across and two down, three doors in each
        wall, along = ROOM * (1 + number % 2), ROOM * (number // 4) + 1 + below(state, DIRECTIONS)
        x, y = (wall, along) if number & 2 else (along, wall)
        put(state, x, y, closed_door(below(state, COLOUR_COUNT)), config.stride)
    place_robot_anywhere(state, config)
    for _ in range(THINGS):
        put_anywhere(state, any_thing(state, ALL_KINDS), config)


@family
def playground() -> World:
    """Nine rooms with doors and things to play with; no reward (MiniGrid's Playground)."""
    return World("Robot-Playground", reset, "", SIZE, max_steps=100)
