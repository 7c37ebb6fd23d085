"""What people make: a function for each family of levels, which gives its `Definition`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces

from rl_lab.envs import Definition
from rl_lab.envs.robot import camera, dynamics, missions, options
from rl_lab.envs.robot.layouts import doorkey
from rl_lab.envs.robot.layouts import empty as empty_room
from rl_lab.envs.robot.render import render
from rl_lab.envs.robot.world import CAPACITIES, MISSION_LENGTH, capacity_for, state_dtype, stride_for
from rl_lab.errors import LabError


def empty(
    size: int = 8,
    random_start: bool = False,
    observation: str = "flat",
    max_steps: int | None = None,
    see_through_walls: bool = True,
    tile_size: int = 32,
) -> Definition:
    """An empty room: walk to the goal in the lower right corner (MiniGrid's Empty).

    Args:
        size: side of the world in cells with its walls, 4 to 41.
        random_start: start anywhere, facing anywhere, instead of in the upper left corner facing right.
        observation: "flat", uint8 `(151,)`, the image and the direction one-hot; or "dict", MiniGrid's
            `image` `(7, 7, 3)`, `direction` and `mission` (text, in batches uint8 tokens `(20,)`).
        max_steps: of an episode; default `4 * size**2`.
        see_through_walls: whether walls and doors hide nothing.
        tile_size: pixels of a cell's side in "rgb_array".

    Raises:
        LabError: an argument is not allowed.
    """
    _check_number("size", size, 4, CAPACITIES[-1])
    return robot_world(
        "Robot-Empty",
        reset=empty_room.reset,
        mission="get to the green goal square",
        width=size,
        height=size,
        observation=observation,
        max_steps=4 * size**2 if max_steps is None else max_steps,
        see_through_walls=see_through_walls,
        tile_size=tile_size,
        random_start=random_start,
    )


def door_key(
    size: int = 8,
    observation: str = "flat",
    max_steps: int | None = None,
    see_through_walls: bool = False,
    tile_size: int = 32,
) -> Definition:
    """Two rooms: fetch the key, unlock the door, walk to the goal (MiniGrid's DoorKey).

    Args:
        size: side of the world in cells with its walls, 5 to 41.
        observation: "flat" or "dict"; see `empty`.
        max_steps: of an episode; default `10 * size**2`.
        see_through_walls: whether walls and doors hide nothing.
        tile_size: pixels of a cell's side in "rgb_array".

    Raises:
        LabError: an argument is not allowed.
    """
    _check_number("size", size, 5, CAPACITIES[-1])
    return robot_world(
        "Robot-DoorKey",
        reset=doorkey.reset,
        mission="use the key to open the door and then get to the goal",
        width=size,
        height=size,
        observation=observation,
        max_steps=10 * size**2 if max_steps is None else max_steps,
        see_through_walls=see_through_walls,
        tile_size=tile_size,
    )


def robot_world(
    name: str,
    *,
    reset: Callable[..., Any],
    mission: str,
    width: int,
    height: int,
    observation: str,
    max_steps: int,
    see_through_walls: bool,
    tile_size: int,
    **flags: bool,
) -> Definition:
    """A family's definition: its layout with the robot's step, camera, options and drawing.

    Args:
        name: what people call it.
        reset: layout kernel.
        mission: the text of the mission.
        width: of the world in cells.
        height: of the world in cells.
        observation: "flat" or "dict".
        max_steps: of an episode, at least 1.
        see_through_walls: whether walls and doors hide nothing.
        tile_size: pixels of a cell's side in "rgb_array".
        flags: what else the layout reads from the config.

    Raises:
        LabError: an argument is not allowed.
    """
    _check_number("max_steps", max_steps, 1, 2**31 - 1)
    _check_number("tile_size", tile_size, 4, 256)
    for argument, value in {"see_through_walls": see_through_walls, **flags}.items():
        if not isinstance(value, (bool, np.bool_)):
            raise LabError(f"{argument}={value!r} is not allowed; it must be True or False")
    if observation not in OBSERVATIONS:
        raise LabError(f"observation={observation!r} is not allowed; it must be one of {', '.join(OBSERVATIONS)}")
    capacity = capacity_for(width, height)
    return Definition(
        name=name,
        state=state_dtype(capacity),
        config={
            "width": width,
            "height": height,
            "capacity": capacity,
            "stride": stride_for(capacity),
            "max_steps": max_steps,
            "see_through_walls": see_through_walls,
            "mission": missions.tokens(mission),
            "tile_size": tile_size,
            **flags,
        },
        reset=reset,
        step=dynamics.step,
        action_space=spaces.Discrete(len(dynamics.ACTIONS)),
        inject=options.inject,
        render=render,
        render_modes=("rgb_array", "ansi"),
        **OBSERVATIONS[observation](),
    )


def flat_observation() -> dict[str, Any]:
    """The parts of a definition that belong to `observation="flat"`."""
    space = spaces.Box(0, 255, (camera.IMAGE_BYTES + 4,), np.uint8)
    return {"observe": camera.observe_flat, "observation_space": space}


def dict_observation() -> dict[str, Any]:
    """The parts of a definition that belong to `observation="dict"`."""
    parts = {"image": spaces.Box(0, 255, (7, 7, 3), np.uint8), "direction": spaces.Discrete(4)}
    tokens = spaces.Box(0, len(missions.VOCABULARY) - 1, (MISSION_LENGTH,), np.uint8)
    text = spaces.Text(missions.TEXT_LENGTH, min_length=0, charset=missions.ALPHABET)
    return {
        "observe": camera.observe_dict,
        "observation_space": spaces.Dict(parts | {"mission": tokens}),
        "single_observation_space": spaces.Dict(parts | {"mission": text}),
        "single_observation": with_text,
    }


OBSERVATIONS: dict[str, Callable[[], dict[str, Any]]] = {"flat": flat_observation, "dict": dict_observation}


def with_text(observation: dict[str, Any]) -> dict[str, Any]:
    """An observation of one lane with its mission as text."""
    return observation | {"mission": missions.text(observation["mission"])}


def _check_number(name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise LabError(f"{name}={value!r} is not allowed; it must be a whole number from {low} to {high}")
