"""MiniGrid's own package as the oracle of the robot gridworld: one position in both, then step by step.

A position goes over either way. What MiniGrid knows of its mission and ours keeps in the state is worked out from the
mission's words and the grid, not from our own bookkeeping, so that this is tested too.
"""

from __future__ import annotations

import itertools
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from benchmarks.proofs import entry
from rl_lab.envs.robot import cells, missions
from rl_lab.envs.robot.world import NOWHERE, cells_of, place

try:
    from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX
    from minigrid.core.grid import Grid
    from minigrid.core.world_object import Ball, Door, WorldObj
    from minigrid.minigrid_env import MiniGridEnv
except ModuleNotFoundError:
    entry.missing("MiniGrid", "minigrid")

LEFT, RIGHT, FORWARD, PICKUP, DROP, TOGGLE, DONE = range(7)
Pilot = Callable[[Any, np.random.Generator], int]
Start = Callable[[Any, Any, int], tuple[dict[str, Any], dict[str, Any]]]


def their_id(id: str) -> str:
    """MiniGrid's id for one of ours."""
    return id.replace("rl_lab/Robot-", "MiniGrid-")


def theirs_of(id: str, **arguments: Any) -> Any:
    """MiniGrid's own environment for one of our ids, without wrappers."""
    with warnings.catch_warnings():  # of versions that are out of date, and meant
        warnings.simplefilter("ignore")
        return gym.make(their_id(id), **arguments).unwrapped


def numbers(thing: WorldObj) -> tuple[int, int]:
    """Object and colour of a thing."""
    return OBJECT_TO_IDX[thing.type], COLOR_TO_IDX[thing.color]


def things(theirs: MiniGridEnv) -> dict[tuple[int, int], WorldObj]:
    """All that lies in MiniGrid's grid, by place."""
    width = theirs.width
    return {(k % width, k // width): thing for k, thing in enumerate(theirs.grid.grid) if thing is not None}


def position(theirs: Any) -> dict[str, Any]:
    """Reset options for ours that make it what theirs is."""
    hands, lying = theirs.carrying, things(theirs)
    options = {
        "grid": theirs.grid.encode(),
        "agent": (*(int(n) for n in theirs.agent_pos), int(theirs.agent_dir)),
        "carrying": numbers(hands) if hands else None,
        "carrying_contents": numbers(hands.contains) if hands and hands.contains else None,
        "mission": theirs.mission,
        "contents": {where: numbers(thing.contains) for where, thing in lying.items() if thing.contains},
        "step": theirs.step_count,
    }
    for name, attribute in (("target", "target_pos"), ("target", "success_pos"), ("other", "failure_pos")):
        if hasattr(theirs, attribute):
            options[name] = tuple(int(n) for n in getattr(theirs, attribute))
    for name, attribute in (("target", "door"), ("target", "red_door"), ("other", "blue_door")):
        if hasattr(theirs, attribute):
            options[name] = next(where for where, thing in lying.items() if thing is getattr(theirs, attribute))
    if hasattr(theirs, "obstacles"):
        options["obstacles"] = [tuple(int(n) for n in ball.cur_pos) for ball in theirs.obstacles]
    return options


def from_theirs(theirs: Any, ours: Any, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Start both from a level of MiniGrid's; returns what both see."""
    observation, _ = theirs.reset(seed=seed)
    return observation, ours.reset(options=position(theirs))[0]


def from_cluttered(theirs: Any, ours: Any, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Start both from a level of MiniGrid's in which other things lie around, too."""
    theirs.reset(seed=seed)
    clutter(theirs, np.random.default_rng(seed))
    return theirs.gen_obs(), ours.reset(options=position(theirs))[0]


def clutter(theirs: Any, rng: np.random.Generator, most: int = 8) -> None:
    """Put all sorts of things on free cells, but none like those that the mission is about."""
    words = theirs.mission.split()
    for _ in range(int(rng.integers(1, most + 1))):
        x, y = int(rng.integers(1, theirs.width - 1)), int(rng.integers(1, theirs.height - 1))
        if theirs.grid.get(x, y) is None and (x, y) != tuple(theirs.agent_pos):
            thing = any_thing(rng, range(6))
            if thing.color not in words:
                theirs.grid.set(x, y, thing)


def any_thing(rng: np.random.Generator, palette: Sequence[int]) -> WorldObj:
    """A wall, floor, door, key, ball, box (most with something in it), goal or lava."""
    names = ["wall", "floor", "door", "door", "door", "key", "key", "key", "ball", "box", "goal", "lava"]
    name, colour = names[rng.integers(len(names))], int(rng.choice(palette))
    thing = WorldObj.decode(OBJECT_TO_IDX[name], colour, int(rng.integers(3)))
    assert thing is not None
    if name == "box" and rng.random() < 0.7:
        inside = ["key", "ball", "box", "floor", "goal", "lava"][rng.integers(6)]
        thing.contains = WorldObj.decode(OBJECT_TO_IDX[inside], int(rng.integers(6)), 0)
    return thing


def from_ours(theirs: Any, ours: Any, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Start both from a level of ours."""
    observation, _ = ours.reset(seed=seed)
    return copied(theirs, ours), observation


def copied(theirs: Any, ours: Any) -> dict[str, Any]:
    """Make theirs what ours is at the start of an episode; returns what it sees."""
    state = ours.lanes.states.view(np.recarray)[0]
    theirs.reset(seed=0)
    theirs.grid, _ = Grid.decode(cells.unpack(cells_of(state, ours.lanes.config.view(np.recarray)[0])))
    theirs.agent_pos, theirs.agent_dir = (int(state.x), int(state.y)), int(state.direction)
    theirs.mission = missions.text(state.mission)
    stride = int(ours.lanes.config["stride"][0])
    lying = things(theirs)
    for where, thing in lying.items():
        thing.cur_pos = where
        inside = int(state.contents[place(*where, stride)])
        if inside != cells.EMPTY:
            thing.contains = WorldObj.decode(*(int(n) for n in cells.unpack(inside)))
    _tell_mission(theirs, lying)
    if hasattr(theirs, "obstacles"):
        places = [tuple(int(n) for n in pair) for pair in state.obstacles if pair[0] != NOWHERE]
        theirs.obstacles = [lying[where] for where in places]
        assert sorted(places) == sorted(where for where, thing in lying.items() if isinstance(thing, Ball))
    return theirs.gen_obs()


def _tell_mission(theirs: Any, lying: dict[tuple[int, int], WorldObj]) -> None:
    """Set what MiniGrid's families remember of their mission, from its words and the grid."""
    pairs = itertools.pairwise(theirs.mission.split())
    named = [(colour, kind) for colour, kind in pairs if colour in COLOR_TO_IDX and kind in OBJECT_TO_IDX]
    places = [[where for where, thing in lying.items() if (thing.color, thing.type) == name] for name in named]
    doors = {thing.color: thing for thing in lying.values() if isinstance(thing, Door)}
    if hasattr(theirs, "move_type"):
        (theirs.moveColor, theirs.move_type), ((theirs.move_pos,), (theirs.target_pos,)) = named[0], places
    elif hasattr(theirs, "target_pos"):
        ((theirs.target_pos,),) = places
    elif hasattr(theirs, "targetType"):
        ((theirs.targetColor, theirs.targetType),) = named
    elif hasattr(theirs, "success_pos"):
        middle, right = theirs.height // 2, max(x for (x, _), thing in lying.items() if thing.type in ("key", "ball"))
        above = lying[right, middle - 2].type == lying[1, middle - 1].type
        theirs.success_pos, theirs.failure_pos = (right, middle - 1), (right, middle + 1)
        if not above:
            theirs.success_pos, theirs.failure_pos = theirs.failure_pos, theirs.success_pos
    elif hasattr(theirs, "red_door"):
        theirs.red_door, theirs.blue_door = doors["red"], doors["blue"]
    elif hasattr(theirs, "door"):
        (theirs.door,) = doors.values()
    elif hasattr(theirs, "obj"):
        ((where,),) = places
        theirs.obj = lying[where]


def assert_equal(theirs: dict[str, Any], ours: dict[str, Any], where: str) -> None:
    """Both see the same."""
    assert np.array_equal(theirs["image"], ours["image"]), where
    assert theirs["direction"] == ours["direction"], where
    assert theirs["mission"] == ours["mission"], where


def step_both(theirs: Any, ours: Any, action: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """One step in both; obstacles move as ours did, and as MiniGrid's own would be allowed to."""
    if not hasattr(theirs, "obstacles"):
        return theirs.step(action)[:4], ours.step(action)[:4]
    mine = ours.step(action)[:4]
    moved = ours.lanes.states["obstacles"][0]

    def place_obj(ball: Ball, top: Any = None, size: Any = None, **_: Any) -> tuple[int, int]:
        where = tuple(int(n) for n in moved[next(k for k, other in enumerate(theirs.obstacles) if other is ball)])
        if where == tuple(ball.cur_pos):
            raise RecursionError("ours found no place")
        assert all(top[k] <= where[k] < top[k] + size[k] for k in (0, 1)), "an obstacle moved too far"
        assert theirs.grid.get(*where) is None, "an obstacle moved onto something"
        assert where != tuple(theirs.agent_pos), "an obstacle moved onto the robot"
        theirs.grid.set(*where, ball)
        ball.cur_pos = where
        return where

    theirs.place_obj = place_obj
    try:
        return theirs.step(action)[:4], mine
    finally:
        del theirs.place_obj


def play(theirs: Any, ours: Any, pilot: Pilot, seed: int, start: Start = from_theirs) -> Counter[str]:
    """One episode in lock-step; now and then ours is moved over to a fresh copy of theirs.

    Returns:
        What happened in it.

    Raises:
        AssertionError: the two differ.
    """
    rng, seen = np.random.default_rng(seed), Counter[str]()
    assert_equal(*start(theirs, ours, seed), f"seed {seed}, start")
    while True:
        action, hands = pilot(theirs, rng), theirs.carrying
        ahead = theirs.grid.get(*theirs.front_pos)
        before = ahead.encode() if ahead is not None else None
        (image, *result), (picture, *same) = step_both(theirs, ours, action)
        where = f"seed {seed}, step {theirs.step_count}, action {action}"
        assert result == same, where
        assert_equal(image, picture, where)
        seen["steps"] += 1
        seen["pickups"] += hands is None and theirs.carrying is not None
        seen["drops"] += hands is not None and theirs.carrying is None
        if before is not None and action == TOGGLE:
            seen["doors"] += ahead.type == "door" and ahead.encode() != before
            seen["unlocked"] += ahead.type == "door" and before[2] == 2 and ahead.encode()[2] == 0
            seen["boxes"] += ahead.type == "box"
        reward, terminated, truncated = result
        if terminated or truncated:
            ending = "successes" if reward > 0 else "failures" if terminated else "truncated"
            return seen + Counter({ending: 1, "episodes": 1, "terminated": int(terminated)})
        if rng.random() < 0.05:
            seen["moved over"] += 1
            assert_equal(image, ours.reset(options=position(theirs))[0], where + ", moved over")
