"""What all families of levels share: the arguments that every robot world takes, and how they become a `Definition`.

A family is a file in `layouts`: a kernel that makes a level, and a function, marked with `family`, that users call.
"""

import functools
import inspect
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field, fields
from typing import Any

import numpy as np
from gymnasium import spaces

from rl_lab import validation
from rl_lab.envs import Definition
from rl_lab.envs.robot import dynamics, maps_writer, missions, options, planner, render, tabular, tasks
from rl_lab.envs.robot.exploration import Explorer
from rl_lab.envs.robot.looking import BETWEEN, with_looking
from rl_lab.envs.robot.observations import KINDS, MOST_FRAMES, ObservationRequest, observed
from rl_lab.envs.robot.validation import validate
from rl_lab.envs.robot.wide_camera import LARGEST_VIEW
from rl_lab.envs.robot.world import capacity_for, state_dtype, stride_for
from rl_lab.errors import LabError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every robot world can be asked for."""

    observation: str = "flat"
    """"flat", uint8 `(151,)`, the image and the direction one-hot; "dict", MiniGrid's `image` `(7, 7, 3)`,
    `direction` and `mission` (text, in batches uint8 tokens `(20,)`); "onehot", "full" or "state", for which see
    `observations`."""
    view_size: int = 7
    """How many cells the camera sees ahead and across, odd, 3 to 63."""
    frame_stack: int = 1
    """How many of the last observations are shown together, 1 to 64."""
    reward: str = "minigrid"
    """"minigrid", `1 - 0.9 * steps / max_steps` for success, so that the step counts; or "sparse", 1 for success and
    otherwise 0, which the state alone decides."""
    max_steps: int | None = None
    """Of an episode; the family's by default."""
    see_through_walls: bool | None = None
    """Whether walls and doors hide nothing; as the family has it by default."""
    look: bool = False
    """Whether the camera sees only when the robot looks, which is an action of its own; see `looking`."""
    between_looks: str = "frozen"
    """What the image is between looks: "frozen", what was seen last, or "blank"."""
    look_cost: float = 0.0
    """What a look costs, beside its step."""
    first_look: bool = True
    """Whether the first image of an episode is free."""
    tile_size: int = 32
    """Pixels of a cell's side in "rgb_array"."""
    planner: bool = False
    """Whether `info["optimal_steps"]` says at each reset what the fewest actions to success are, -1 where there is no
    way or it is not known; see `planner`."""

    def __post_init__(self) -> None:
        validation.choice("observation", self.observation, KINDS)
        validation.choice("reward", self.reward, REWARDS)
        if self.max_steps is not None:
            validation.whole_number("max_steps", self.max_steps, 1, 2**31 - 1)
        validation.whole_number("tile_size", self.tile_size, 4, 256)
        if not validation.whole(self.view_size, 3, LARGEST_VIEW) or self.view_size % 2 == 0:
            raise LabError(
                f"view_size={self.view_size!r} is not allowed; it must be an odd number from 3 to {LARGEST_VIEW}"
            )
        validation.whole_number("frame_stack", self.frame_stack, 1, MOST_FRAMES)
        if self.see_through_walls is not None:
            validation.switches(see_through_walls=self.see_through_walls)
        validation.switches(planner=self.planner, look=self.look, first_look=self.first_look)
        validation.choice("between_looks", self.between_looks, BETWEEN)
        if not validation.real(self.look_cost, 0, sys.float_info.max):
            raise LabError(f"look_cost={self.look_cost!r} is not allowed; it must be a finite number of at least 0")
        for name in ("between_looks", "look_cost", "first_look"):
            value = getattr(self, name)
            if not self.look and value != getattr(Settings, name):
                raise LabError(f"{name}={value!r} says how looking works, but look is False; add look=True")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What layout kernels read from the config, beside the size.

    Every world has all of it, so that worlds of one capacity share the machine code of everything but their layouts.
    """

    random_start: bool = False  # whether the robot starts anywhere
    objects: int = 0  # how many things lie around
    obstacles: int = 0  # how many balls move by themselves
    barrier: int = 0  # the cell that rivers and gaps are made of
    crossings: int = 0  # how many rivers there are
    strip: int = 0  # the row of the second strip of lava
    rooms: int = 0  # how many rooms are strung together
    room_size: int = 0  # the side of a room with its walls; the largest where they vary
    rows: int = 0  # of rooms
    columns: int = 0  # of rooms
    boxed: bool = False  # whether there is a box: to find, or around each key
    blocked: bool = False  # whether balls lie before locked doors
    quarters: int = 0  # how many side rooms of the obstructed maze have doors
    keys_last: bool = False  # whether keys come after all doors and balls, so that no ball replaces one
    start_column: int = 0  # the column of the room in which the robot starts
    random_length: bool = False  # whether the hallway ends anywhere
    braid: float = 0.0  # the share of dead ends that is opened
    hazards: float = 0.0  # the share of cells off the safe ways that are lava
    period: int = 0  # steps after which doors on a clock begin again


@dataclass(frozen=True)
class World:
    """What a family says of a world; `family` makes a `Definition` of it."""

    name: str
    reset: Callable[..., Any]  # layout kernel
    mission: str  # its text, with slots where levels differ; see `missions.template`
    width: int  # in cells
    height: int = 0  # as the width, unless it is given
    _: KW_ONLY
    max_steps: int  # of an episode, unless the settings say otherwise
    task: int = tasks.REACH
    see_through_walls: bool = False  # unless the settings say otherwise
    layout: Layout = field(default_factory=Layout)
    actions: int = len(dynamics.ACTIONS)  # how many of them there are
    code: Callable[[], tabular.Code] | None = None  # how states are numbered, where the name does not say it
    level: Mapping[str, Any] = field(default_factory=dict)  # what a custom layout reads from the config


EXPERTS: dict[str, Callable[[], Callable[..., Any]]] = {"planner": planner.Planner, "explorer": Explorer}
REWARDS = {
    "minigrid": {"haste": 0.9, "collision": -1.0},
    "sparse": {"haste": 0.0, "collision": 0.0},
}  # what is lost by the last step; what an obstacle costs


def family(makes: Callable[..., World]) -> Callable[..., Definition]:
    """Make a family of a function that returns a world: called, it takes the settings of all robot worlds by name, too.

    Raises:
        LabError: when it is called with an argument that is not allowed.
    """
    own = inspect.signature(makes).parameters.values()
    shared = [inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default) for f in fields(Settings)]
    names = {parameter.name for parameter in shared}

    @functools.wraps(makes)
    def define(**arguments: Any) -> Definition:
        settings = Settings(**{name: value for name, value in arguments.items() if name in names})
        return _defined(makes(**{name: value for name, value in arguments.items() if name not in names}), settings)

    define.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    return define


def _defined(world: World, settings: Settings) -> Definition:
    """The definition of a world: its layout with the robot's step, camera, options and drawing."""
    limit = world.max_steps if settings.max_steps is None else settings.max_steps
    through = world.see_through_walls if settings.see_through_walls is None else settings.see_through_walls
    width, height = world.width, world.height or world.width
    capacity = capacity_for(width, height)
    shown = observed(
        ObservationRequest(
            kind=settings.observation,
            view_size=settings.view_size,
            frame_stack=settings.frame_stack,
            name=world.name,
            width=width,
            height=height,
            capacity=capacity,
            code=world.code,
            max_steps=limit,
            look=settings.look,
        )
    )
    makes = {"width": width, "height": height, **asdict(world.layout), **world.level}
    definition = Definition(
        name=world.name,
        state=state_dtype(capacity, shown.seen, shown.memory),
        config={
            "variant": _variant(world, shown.variant, makes),
            "capacity": capacity,
            "stride": stride_for(capacity),
            "max_steps": limit,
            "see_through_walls": through,
            "task": world.task,
            "mission": missions.template(world.mission),
            "tile_size": settings.tile_size,
            "view_size": settings.view_size,
            "frame_stack": settings.frame_stack,
            "seen_cells": shown.cells,
            "numbers": shown.numbers,
            "whole": shown.whole,
            **REWARDS[settings.reward],
            **makes,
        },
        reset=world.reset,
        step=tasks.step,
        action_space=spaces.Discrete(world.actions),
        inject=options.inject,
        starting_info=planner.starting_info if settings.planner else None,
        render=render.render,
        render_modes=("rgb_array", "ansi", "human"),
        render_lanes=render.draw,
        caption=render.caption,
        ascii=maps_writer.write,
        validate=validate,
        expert=_expert,
        expert_names=tuple(EXPERTS),
        **shown.parts,
    )
    if not settings.look:
        return definition
    return with_looking(definition, settings.between_looks, settings.look_cost, settings.first_look)


def _expert(name: str) -> Callable[..., Any] | None:
    return EXPERTS[name]() if name in EXPERTS else None


def _variant(world: World, shown: str, parts: Mapping[str, Any]) -> int:
    """A number that tells apart variants whose states have the same fields, but are not for each other."""
    plain = {part: np.asarray(value).tolist() for part, value in parts.items()}
    return zlib.crc32(f"{world.name} {world.task} {shown} {plain}".encode())
