"""Custom: a level of your own, from a file or a text; see `maps` for its format."""

import functools
import os
from types import SimpleNamespace
from typing import Any

import numpy as np

from rl_lab.envs.robot import cells, maps, options, tabular
from rl_lab.envs.robot.cells import COLOURS, EMPTY, GOAL, KIND
from rl_lab.envs.robot.families import World, family
from rl_lab.envs.robot.layouts.building import build_solid
from rl_lab.envs.robot.mission_parser import understood
from rl_lab.envs.robot.world import (
    CAPACITIES,
    MISSION_LENGTH,
    MOST_OBSTACLES,
    NOWHERE,
    capacity_for,
    state_dtype,
    stride_for,
)
from rl_lab.errors import LabError
from rl_lab.validation import whole_number

EXAMPLE = """
###########
#>   #  ~ #
#  k D    #
#    #~ ~ #
#o   #  ~G#
###########
"""
SCALARS = (
    *("width", "height", "x", "y", "direction", "carrying", "carrying_contents"),
    *("target", "target_x", "target_y", "other_x", "other_y"),
)


def reset(state, config):
    """Nothing is drawn at random."""
    build_solid(state, config)
    for k in range(state.cells.shape[0]):
        state.cells[k] = config.level_cells[k]
    for k in range(state.contents.shape[0]):
        state.contents[k] = config.level_contents[k]
    for k in range(MISSION_LENGTH):
        state.mission[k] = config.mission[k]
    for k in range(MOST_OBSTACLES):
        state.obstacles[k, 0] = NOWHERE
        state.obstacles[k, 1] = NOWHERE
    state.width = config.level_width
    state.height = config.level_height
    state.x = config.level_x
    state.y = config.level_y
    state.direction = config.level_direction
    state.carrying = config.level_carrying
    state.carrying_contents = config.level_carrying_contents
    state.target = config.level_target
    state.target_x = config.level_target_x
    state.target_y = config.level_target_y
    state.other_x = config.level_other_x
    state.other_y = config.level_other_y


@family
def custom(layout: str | os.PathLike[str] | None = None, size: int | None = None) -> World:
    """A level of your own.

    What its mission asks for decides when it is over: MiniGrid's sentences, such as "pick up the red ball", "go to the
    blue box", "open the grey door" or "put the red ball near the blue box", mean what they mean there (see
    `mission_parser`); everything else, such as "go to the goal", means to reach a goal.

    Args:
        layout: a file, or the text itself, which has more than one line; by default an example.
        size: the longest side of other layouts that `reset(options={"layout": text})` may bring, 3 to 41; by default
            this layout's own.
    """
    if size is not None:
        whole_number("size", size, 3, CAPACITIES[-1])
    level = read(layout, size)
    mission, task = mission_of(level)
    width, height = (size, size) if size else level.grid.shape[:2]
    max_steps = 10 * width * height
    state = laid_out(level, task, capacity_for(width, height), max_steps)
    doors = [(int(x), int(y)) for x, y in np.argwhere(level.grid[..., 0] == cells.DOOR)]
    grid = cells.pack(level.grid)
    carried = [int(state.carrying)] if state.carrying != EMPTY else []
    things = sorted([*grid[cells.PORTABLE[grid & KIND]].tolist(), *carried])
    return World(
        "Robot-Custom",
        reset,
        mission,
        width,
        height,
        max_steps=max_steps,
        task=task,
        code=functools.partial(tabular.code_of_layout, doors, things),
        level={
            "level_cells": state.cells,
            "level_contents": state.contents,
            **{f"level_{name}": int(state[name]) for name in SCALARS},
            **tabular.config_of_layout(doors, things),
        },
    )


def read(layout: str | os.PathLike[str] | None, size: int | None) -> maps.Map:
    """A layout's map, from a file, a text or the example."""
    if layout is not None:
        return maps.load(layout, size or CAPACITIES[-1])
    example = maps.read(EXAMPLE, CAPACITIES[-1])
    longest = max(example.grid.shape)
    if size is not None and size < longest:
        raise LabError(
            f"size={size} is too small for the example, which is played without a layout; give a layout, or a size of "
            f"at least {longest}"
        )
    return example


def mission_of(level: maps.Map) -> tuple[str, int]:
    """The mission of a layout, by default to reach its goal, and the task that it is."""
    grid = cells.pack(level.grid)
    if "mission" not in level.more:
        goals = grid[grid & KIND == GOAL]
        if not len(goals):
            raise LabError(
                f"{level.source} has no goal G and no mission; add one, such as mission = pick up the red key"
            )
        level.more["mission"] = f"get to the {COLOURS[goals[0] >> 4]} goal square"
    mission = str(level.more["mission"])
    return mission, understood(mission).task


def laid_out(level: maps.Map, task: int, capacity: int, max_steps: int) -> Any:
    """The record of a state in which an episode of a layout begins; it is closed and can be solved."""
    state = np.zeros(1, state_dtype(capacity, memory=[("steps", np.int32)])).view(np.recarray)[0]
    config = SimpleNamespace(
        task=task, capacity=capacity, stride=stride_for(capacity), max_steps=max_steps, whole=False
    )
    state.target_x = state.target_y = state.other_x = state.other_y = NOWHERE
    options.apply(state, config, level.options(), level)
    return state
