"""What all families of levels share: the arguments that every robot world takes, and how they become a `Definition`.

A family is a file in `layouts`: a kernel that makes a level, and a function, marked with `family`, that people call.
"""

from __future__ import annotations

import functools
import inspect
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from gymnasium import spaces

from rl_lab.envs import Definition
from rl_lab.envs.robot import camera, dynamics, missions, options, planner, tasks
from rl_lab.envs.robot.render import render
from rl_lab.envs.robot.world import MISSION_LENGTH, capacity_for, state_dtype, stride_for
from rl_lab.errors import LabError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every robot world can be asked for."""

    observation: str = "flat"
    """"flat", uint8 `(151,)`, the image and the direction one-hot; or "dict", MiniGrid's `image` `(7, 7, 3)`,
    `direction` and `mission` (text, in batches uint8 tokens `(20,)`)."""
    max_steps: int | None = None
    """Of an episode; the family's by default."""
    see_through_walls: bool | None = None
    """Whether walls and doors hide nothing; as the family has it by default."""
    tile_size: int = 32
    """Pixels of a cell's side in "rgb_array"."""
    planner: bool = False
    """Whether `info["optimal_steps"]` says at each reset what the fewest actions to success are, -1 where there is no
    way or it is not known; see `planner`."""


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

    Raises:
        LabError: an argument is not allowed.
    """
    limit = max_steps if settings.max_steps is None else settings.max_steps
    through = see_through_walls if settings.see_through_walls is None else settings.see_through_walls
    check_number("max_steps", limit, 1, 2**31 - 1)
    check_number("tile_size", settings.tile_size, 4, 256)
    check_flags(see_through_walls=through, planner=settings.planner)
    if settings.observation not in OBSERVATIONS:
        allowed = ", ".join(OBSERVATIONS)
        raise LabError(f"observation={settings.observation!r} is not allowed; it must be one of {allowed}")
    height = height or width
    capacity = capacity_for(width, height)
    return Definition(
        name=name,
        state=state_dtype(capacity),
        config={
            "variant": zlib.crc32(name.encode()),
            "width": width,
            "height": height,
            "capacity": capacity,
            "stride": stride_for(capacity),
            "max_steps": limit,
            "see_through_walls": through,
            "task": task,
            "mission": missions.template(mission),
            "tile_size": settings.tile_size,
            **asdict(layout or Layout()),
        },
        reset=reset,
        step=tasks.step,
        action_space=spaces.Discrete(actions),
        inject=options.inject,
        starting_info=planner.starting_info if settings.planner else None,
        render=render,
        render_modes=("rgb_array", "ansi"),
        **OBSERVATIONS[settings.observation](),
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


def check_number(name: str, value: Any, low: int, high: int) -> None:
    """Refuse an argument that is no whole number from `low` to `high`.

    Raises:
        LabError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise LabError(f"{name}={value!r} is not allowed; it must be a whole number from {low} to {high}")


def check_flags(**values: Any) -> None:
    """Refuse arguments that are neither True nor False.

    Raises:
        LabError: one is not.
    """
    for name, value in values.items():
        if not isinstance(value, (bool, np.bool_)):
            raise LabError(f"{name}={value!r} is not allowed; it must be True or False")
