"""What the robot is shown, by argument: the spaces of every kind of observation, and the kernels that fill them.

- "flat": uint8 `(3 v² + 4,)`, the image and the direction one-hot.
- "dict", MiniGrid's: `image` uint8 `(v, v, 3)`, `direction`, `mission`.
- "onehot": the same with `image` uint8 `(v, v, 20)` of zeros and ones, 11 objects, 6 colours and 3 states.
- "full": `image` uint8 `(width, height, 3)` of the whole world, the robot (10, 0, direction) in it, `direction`,
  `carrying` and `mission`. What is in boxes, it does not say.
- "state": the number of the state, see `tabular`.

`v` is `view_size`, 7 as in MiniGrid. `mission` is text in a single environment and tokens in a batch; `carrying` is 0
for nothing, then `1 + 6 * (object - 5) + colour`. With `frame_stack=n` above 1, all but the mission have a leading
axis of the last n steps, the oldest first, and the first of an episode in place of those before it, as Gymnasium's
`FrameStackObservation` has them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from rl_lab.envs.robot import camera, frames, looking, missions, tabular, wide_camera
from rl_lab.envs.robot.cells import OBJECTS
from rl_lab.envs.robot.world import MISSION_LENGTH
from rl_lab.errors import LabError

VIEW_SIZE, MOST_FRAMES = 7, 64


@dataclass(frozen=True, kw_only=True)
class ObservationRequest:
    """What was asked for, checked."""

    kind: str
    view_size: int
    frame_stack: int
    name: str  # of the family
    width: int
    height: int
    capacity: int  # the longest side that the state has room for
    code: Callable[[], tabular.Code] | None  # how states are numbered, where the family's name does not say it
    max_steps: int
    look: bool  # whether the camera sees only when the robot looks; see `looking`

    @property
    def usual(self) -> bool:
        """Whether this is MiniGrid's camera, without a memory."""
        return self.view_size == VIEW_SIZE and self.frame_stack == 1 and not self.look

    def stacked(self, space: gym.Space) -> gym.Space:
        """The space of one frame, or of all that are shown."""
        return space if self.frame_stack == 1 else batch_space(space, self.frame_stack)


@dataclass(frozen=True)
class Observed:
    """The parts of a definition that belong to a kind of observation."""

    parts: dict[str, Any]  # arguments of `Definition`
    cells: int = 49  # of a frame
    seen: int = 56  # bytes of `state.seen`
    memory: list[tuple[Any, ...]] = field(default_factory=list)  # fields of the state that frames are kept in
    numbers: int = 0  # how many numbers states have; 0 unless they are numbered
    whole: bool = False  # whether the whole world is shown
    variant: str = ""  # what a state must have in common with the environment that shows it, beside the family


def observed(request: ObservationRequest) -> Observed:
    """Spaces, kernels and memory for what was asked for, or a `LabError` where the family does not offer it."""
    if request.look and request.kind in SEES_ALL:
        raise LabError(
            f"observation={request.kind!r} is not offered with look=True, since it needs no camera; "
            "leave one of them out"
        )
    return KINDS[request.kind](request)


def _flat(request: ObservationRequest) -> Observed:
    """Image and direction in one vector."""
    cells = request.view_size**2
    if request.look:
        observe = looking.flat(_camera(request))
        return _remembered(request, cells, observe, request.stacked(looking.flat_space(cells)))
    space = request.stacked(spaces.Box(0, 255, (3 * cells + 4,), np.uint8))
    if request.usual:
        return Observed({"observe": camera.observe_flat, "observation_space": space})
    return _remembered(request, cells, frames.flat(_camera(request)), space)


def _dict(request: ObservationRequest) -> Observed:
    """MiniGrid's observation."""
    size = request.view_size
    shown = {"image": spaces.Box(0, 255, (size, size, 3), np.uint8), "direction": spaces.Discrete(4)}
    if request.usual:
        return Observed({"observe": camera.observe_dict} | _with_mission(request, shown))
    return _seen(request, frames.show_numbers, shown)


def _onehot(request: ObservationRequest) -> Observed:
    """MiniGrid's observation, every cell's object, colour and state one-hot."""
    size = request.view_size
    shown = {"image": spaces.Box(0, 1, (size, size, frames.BITS), np.uint8), "direction": spaces.Discrete(4)}
    return _seen(request, frames.show_bits, shown)


def _seen(request: ObservationRequest, picture: frames.Kernel, shown: dict[str, gym.Space]) -> Observed:
    """A Dict of what the camera shows."""
    felt = looking.felt_spaces(request.max_steps) if request.look else {}
    feel = frames.feel_direction if request.frame_stack == 1 else frames.feel_directions
    feel = looking.with_felt(feel, request.frame_stack) if request.look else feel
    observe = frames.parts(_camera(request), picture, feel)
    return _remembered(request, request.view_size**2, observe, _with_mission(request, shown | felt))


def _full(request: ObservationRequest) -> Observed:
    """The whole world and what is carried."""
    shape = request.width, request.height, 3
    shown = {
        "image": spaces.Box(0, len(OBJECTS) - 1, shape, np.uint8),
        "direction": spaces.Discrete(4),
        "carrying": spaces.Discrete(frames.CARRIED),
    }
    feel = frames.feel_hands if request.frame_stack == 1 else frames.feel_all_hands
    observe = frames.parts(wide_camera.survey, frames.show_world, feel)
    cells = request.width * request.height
    made = _remembered(request, cells, observe, _with_mission(request, shown), request.capacity**2)
    return replace(made, whole=True, variant=f"{request.width}x{request.height}")


def _state(request: ObservationRequest) -> Observed:
    """The number of the state."""
    code = request.code() if request.code else tabular.code_of(request.name)
    count = code.total(request.width, request.height)
    if count > tabular.MOST_STATES:
        raise LabError(
            f"observation='state' is not offered here, where there would be {count:.2e} states, more than "
            f"{tabular.MOST_STATES}; choose a smaller world or another observation"
        )
    memory = [("codes", np.int64, (request.frame_stack,)), ("first_frame", np.int32)]
    parts = {"observe": frames.tabular(code.index), "observation_space": request.stacked(spaces.Discrete(count))}
    variant = f"{request.width}x{request.height} {code.variant}"
    return Observed(parts, memory=memory, numbers=count, variant=variant)


KINDS: dict[str, Callable[[ObservationRequest], Observed]] = {
    "flat": _flat,
    "dict": _dict,
    "onehot": _onehot,
    "full": _full,
    "state": _state,
}


SEES_ALL = ("full", "state")


def _camera(request: ObservationRequest) -> frames.Kernel:
    take = camera.look if request.view_size == VIEW_SIZE else wide_camera.look
    return looking.glance(take) if request.look else take


def _remembered(
    request: ObservationRequest, cells: int, observe: frames.Kernel, shown: gym.Space | dict[str, Any], seen: int = 0
) -> Observed:
    """An observation made of frames in the state."""
    parts = shown if isinstance(shown, dict) else {"observation_space": shown}
    seen = max(56, cells, seen)
    memory = [("frames", np.uint8, (request.frame_stack, seen + 2)), ("first_frame", np.int32)]
    memory += looking.memory(request.frame_stack) if request.look else []
    return Observed({"observe": observe} | parts, cells, seen, memory)


def _with_mission(request: ObservationRequest, shown: dict[str, gym.Space]) -> dict[str, Any]:
    """The spaces of a Dict, with the mission as tokens and as text."""
    stacked = {name: request.stacked(space) for name, space in shown.items()}
    tokens = spaces.Box(0, len(missions.VOCABULARY) - 1, (MISSION_LENGTH,), np.uint8)
    text = spaces.Text(missions.TEXT_LENGTH, min_length=0, charset=missions.ALPHABET)
    return {
        "observation_space": spaces.Dict(stacked | {"mission": tokens}),
        "single_observation_space": spaces.Dict(stacked | {"mission": text}),
        "single_observation": with_text,
    }


def with_text(observation: dict[str, Any]) -> dict[str, Any]:
    """An observation of one lane with its mission as text."""
    return observation | {"mission": missions.text(observation["mission"])}
