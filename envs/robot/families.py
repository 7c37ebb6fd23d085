"""What all families of levels share: the arguments that every robot world takes, and how they become a `Definition`.

A family is a file in `layouts`: a kernel that makes a level, and a function, marked with `family`, that people call.
"""

from __future__ import annotations

import functools
import inspect
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from gymnasium import spaces

from rl_lab.envs import Definition
from rl_lab.envs.robot import dynamics, maps_writer, missions, options, planner, render, tabular, tasks, validation
from rl_lab.envs.robot.looking import Looking, with_looking
from rl_lab.envs.robot.observations import KINDS, MOST_FRAMES, ObservationRequest, observed
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
        for name, allowed in (("observation", KINDS), ("reward", REWARDS)):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in allowed:
                raise LabError(f"{name}={value!r} is not allowed; it must be one of {', '.join(allowed)}")
        if self.max_steps is not None:
            check_number("max_steps", self.max_steps, 1, 2**31 - 1)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What layout kernels read from the config, beside the size.

    Every world has all of it, so that worlds of one capacity share the machine code of everything but their layouts.
    """

    random_start: bool = False
    """Whether the robot starts anywhere."""
    objects: int = 0
    """How many things lie around."""
    obstacles: int = 0
    """How many balls move by themselves."""
    barrier: int = 0
    """The cell that rivers and gaps are made of."""
    crossings: int = 0
    """How many rivers there are."""
    strip: int = 0
    """The row of the second strip of lava."""
    rooms: int = 0
    """How many rooms are strung together."""
    room_size: int = 0
    """The side of a room with its walls; the largest where they vary."""
    rows: int = 0
    """Of rooms."""
    columns: int = 0
    """Of rooms."""
    boxed: bool = False
    """Whether there is a box: to find, or around each key."""
    blocked: bool = False
    """Whether balls lie before locked doors."""
    quarters: int = 0
    """How many side rooms of the obstructed maze have doors."""
    keys_last: bool = False
    """Whether keys come after all doors and balls, so that no ball replaces one."""
    start_column: int = 0
    """The column of the room in which the robot starts."""
    random_length: bool = False
    """Whether the hallway ends anywhere."""
    braid: float = 0.0
    """The share of dead ends that is opened."""
    hazards: float = 0.0
    """The share of cells off the safe ways that are lava."""
    period: int = 0
    """Steps after which doors on a clock begin again."""


REWARDS = {
    "minigrid": {"haste": 0.9, "collision": -1.0},
    "sparse": {"haste": 0.0, "collision": 0.0},
}  # what is lost by the last step; what an obstacle costs
Definer = Callable[..., Definition]


def family(definer: Definer) -> Definer:
    """Let a family's function take the settings of all robot worlds by name, beside its own arguments."""
    own = [p for p in inspect.signature(definer).parameters.values() if p.name != "settings"]
    shared = [inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default) for f in fields(Settings)]
    names = {parameter.name for parameter in shared}

    @functools.wraps(definer)
    def define(**arguments: Any) -> Definition:
        settings = Settings(**{name: value for name, value in arguments.items() if name in names})
        rest = {name: value for name, value in arguments.items() if name not in names}
        return definer(**rest, settings=settings)

    define.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    return define


def robot_world(
    name: str,
    reset: Callable[..., Any],
    *,
    mission: str,
    width: int,
    height: int | None = None,
    max_steps: int,
    settings: Settings,
    task: int = tasks.REACH,
    see_through_walls: bool = False,
    layout: Layout | None = None,
    actions: int = len(dynamics.ACTIONS),
    code: tabular.Code | None = None,
    level: Mapping[str, Any] | None = None,
) -> Definition:
    """A family's definition: its layout with the robot's step, camera, options and drawing.

    Args:
        name: what people call it.
        reset: layout kernel.
        mission: its text, with slots where levels differ; see `missions.template`.
        width: of the world in cells.
        height: of the world in cells; default as wide.
        max_steps: of an episode, unless the settings say otherwise.
        settings: what all robot worlds take.
        task: one of those in `tasks`.
        see_through_walls: unless the settings say otherwise.
        layout: what else the layout reads from the config.
        actions: how many of `dynamics.ACTIONS` there are.
        code: how states are numbered, where the name does not say it.
        level: what a custom layout reads from the config.

    Raises:
        LabError: an argument is not allowed.
    """
    limit = max_steps if settings.max_steps is None else settings.max_steps
    through = see_through_walls if settings.see_through_walls is None else settings.see_through_walls
    check_number("tile_size", settings.tile_size, 4, 256)
    check_odd("view_size", settings.view_size, 3, LARGEST_VIEW)
    check_number("frame_stack", settings.frame_stack, 1, MOST_FRAMES)
    check_flags(see_through_walls=through, planner=settings.planner)
    height = height or width
    capacity = capacity_for(width, height)
    looking = Looking(**{field.name: getattr(settings, field.name) for field in fields(Looking)})
    request = ObservationRequest(
        settings.observation,
        settings.view_size,
        settings.frame_stack,
        name,
        width,
        height,
        capacity,
        code,
        max_steps=limit,
        look=looking.look,
    )
    shown = observed(request)
    makes = {"width": width, "height": height, **asdict(layout or Layout()), **(level or {})}
    definition = Definition(
        name=name,
        state=state_dtype(capacity, shown.seen, shown.memory),
        config={
            "variant": _variant(name, task, shown.variant, makes),
            "capacity": capacity,
            "stride": stride_for(capacity),
            "max_steps": limit,
            "see_through_walls": through,
            "task": task,
            "mission": missions.template(mission),
            "tile_size": settings.tile_size,
            "view_size": settings.view_size,
            "frame_stack": settings.frame_stack,
            "seen_cells": shown.cells,
            "numbers": shown.numbers,
            "whole": shown.whole,
            **REWARDS[settings.reward],
            **makes,
        },
        reset=reset,
        step=tasks.step,
        action_space=spaces.Discrete(actions),
        inject=options.inject,
        starting_info=planner.starting_info if settings.planner else None,
        render=render.render,
        render_modes=("rgb_array", "ansi", "human"),
        render_lanes=render.draw,
        caption=render.caption,
        ascii=maps_writer.write,
        validate=validation.validate,
        expert=_expert,
        expert_names=("planner", "explorer"),
        **shown.parts,
    )
    return with_looking(definition, looking)


def _expert(name: str) -> Callable[..., Any] | None:
    from rl_lab.envs.robot.exploration import Explorer

    kinds: dict[str, Callable[[], Callable[..., Any]]] = {"planner": planner.Planner, "explorer": Explorer}
    return kinds[name]() if name in kinds else None


def _variant(name: str, task: int, shown: str, parts: Mapping[str, Any]) -> int:
    """A number that tells apart variants whose states have the same fields, but are not for each other."""
    plain = {part: np.asarray(value).tolist() for part, value in parts.items()}
    return zlib.crc32(f"{name} {task} {shown} {plain}".encode())


def check_number(name: str, value: Any, low: int, high: int) -> None:
    """Refuse an argument that is no whole number from `low` to `high`.

    Raises:
        LabError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise LabError(f"{name}={value!r} is not allowed; it must be a whole number from {low} to {high}")


def check_odd(name: str, value: Any, low: int, high: int) -> None:
    """Refuse an argument that is no odd number from `low` to `high`.

    Raises:
        LabError: it is not.
    """
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_whole or not low <= value <= high or value % 2 == 0:
        raise LabError(f"{name}={value!r} is not allowed; it must be an odd number from {low} to {high}")


def check_flags(**values: Any) -> None:
    """Refuse arguments that are neither True nor False.

    Raises:
        LabError: one is not.
    """
    for name, value in values.items():
        if not isinstance(value, (bool, np.bool_)):
            raise LabError(f"{name}={value!r} is not allowed; it must be True or False")


def check_share(name: str, value: Any) -> None:
    """Refuse an argument that is no number from 0 to 1.

    Raises:
        LabError: it is not.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)) or not 0 <= value <= 1:
        raise LabError(f"{name}={value!r} is not allowed; it must be a number from 0 to 1")
