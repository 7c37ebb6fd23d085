"""Looking as an action: between looks the camera shows what it saw last, or nothing, and the robot feels its way.

With `look=True` there is an action 7, `look`. It takes a step like any other, in which the world goes on, and may cost
`look_cost`; after it the image is what the camera sees there and then. Until the next look the image stays as it was
("frozen") or is all unseen ("blank"), and so it is before the first, if the first is not free. What is felt at every
step, without looking:

| part        | space                          | meaning                                                             |
| ----------- | ------------------------------ | ------------------------------------------------------------------- |
| `direction` | Discrete(4)                    | where the robot faces, as always                                    |
| `age`       | int32 `(1,)`, 0 to `max_steps` | steps since the look, or since the episode began where none was yet |
| `bump`      | Discrete(2)                    | whether it has just walked against something                        |
| `carrying`  | Discrete(19)                   | 0 nothing, then `1 + 6 * (object - 5) + colour`                     |
| `moved`     | int16 `(2,)`                   | cells walked since the look, ahead and to the right as it faced then |
| `turned`    | Discrete(4)                    | quarter turns to the right since the look                           |

In "flat", which is int16 then, ten numbers follow the direction: age, bump, object and colour of what is carried as in
an image, moved, and turned one-hot.
"""

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rl_lab.envs import Definition
from rl_lab.envs.robot import dynamics, tasks
from rl_lab.envs.robot.cells import COLOURS, KIND, OBJECTS, UNSEEN
from rl_lab.envs.robot.frames import CARRIED, Kernel, number_of, remember, show_flat, slot
from rl_lab.envs.robot.world import CAPACITIES, FORWARD_X, FORWARD_Y

LOOK = len(dynamics.ACTIONS)
ACTIONS = (*dynamics.ACTIONS, "look")
BETWEEN = ("frozen", "blank")
AGE, BUMP, CARRYING, AHEAD, ASIDE, TURNED = range(6)  # what is felt, in the state
FELT = 6
FLAT_NUMBERS = 10  # what is felt, in "flat"
OLDEST = 2**15 - 1  # the highest age in "flat"


def with_looking(definition: Definition, between_looks: str, look_cost: float, first_look: bool) -> Definition:
    """A world with the action `look`, whose cost comes beside its step; its observation must have been made for it.

    `between_looks` is one of `BETWEEN`, and `first_look` says whether the first image of an episode is free.
    """
    reset, inject = definition.reset, definition.inject
    assert inject is not None

    def reset_and_begin(state, config):
        reset(state, config)
        begin(state, config)

    def inject_and_begin(state: Any, config: Any, options: dict[str, Any]) -> None:
        inject(state, config, options)
        begin(state, config)

    how = {"blank": between_looks == "blank", "look_cost": float(look_cost), "first_look": bool(first_look)}
    return replace(
        definition,
        config=dict(definition.config) | how,
        reset=reset_and_begin,
        step=step,
        action_space=spaces.Discrete(len(ACTIONS)),
        inject=inject_and_begin,
    )


def memory(frame_stack: int) -> list[tuple[Any, ...]]:
    """Fields of the state that looking needs."""
    return [
        ("felt", np.int32, (frame_stack, FELT)),  # a ring like that of the frames
        ("age", np.int32),
        ("has_looked", np.bool_),
        ("bump", np.bool_),
        ("look_x", np.uint8),  # where the robot stood when it looked, or when the episode began
        ("look_y", np.uint8),
        ("look_direction", np.uint8),
    ]


def felt_spaces(max_steps: int) -> dict[str, gym.Space]:
    """The spaces of what is felt beside the direction."""
    far = CAPACITIES[-1]
    return {
        "age": spaces.Box(0, max_steps, (1,), np.int32),
        "bump": spaces.Discrete(2),
        "carrying": spaces.Discrete(CARRIED),
        "moved": spaces.Box(-far, far, (2,), np.int16),
        "turned": spaces.Discrete(4),
    }


def flat_space(cells: int) -> spaces.Box:
    """The space of one frame in "flat": image, direction, and what is felt."""
    far = CAPACITIES[-1]
    low = [0] * (3 * cells + 8) + [-far] * 2 + [0] * 4
    felt = [OLDEST, 1, len(OBJECTS) - 1, len(COLOURS) - 1, far, far, 1, 1, 1, 1]
    high = [255] * (3 * cells) + [1] * 4 + felt
    return spaces.Box(np.array(low, np.int16), np.array(high, np.int16), dtype=np.int16)


def begin(state, config):
    """Forget what was seen, and look once where that is free; the world has just begun."""
    state.has_looked = config.first_look != 0
    state.bump = False
    stand(state)


def stand(state):
    """Count time and movement from here."""
    state.age = 0
    state.look_x = state.x
    state.look_y = state.y
    state.look_direction = state.direction


def step(state, action, config):
    """One step in any family, and what is felt of it; an action that the family has not is `done`."""
    x, y = np.int64(state.x), np.int64(state.y)
    if config.task == tasks.DODGE and dynamics.FORWARD < action < LOOK:
        action = dynamics.DONE
    reward, ended = tasks.step(state, action, config)
    state.bump = action == dynamics.FORWARD and state.x == x and state.y == y
    if action == LOOK:
        stand(state)
        state.has_looked = True
        return reward - config.look_cost, ended
    state.age += 1
    return reward, ended


def glance(take: Kernel) -> Kernel:
    """A kernel that fills `state.seen` when the robot has just looked, from one that always does."""

    def seen(state, config):
        if state.has_looked and state.age == 0:
            take(state, config)
        elif config.blank or not state.has_looked:
            for k in range(state.seen.shape[0]):
                state.seen[k] = UNSEEN

    return seen


def feel(state, config):
    """Put what is felt now into the ring."""
    felt = state.felt[np.int64(state.steps) % config.frame_stack]
    direction = np.int64(state.look_direction)
    right = (direction + 1) & 3
    x, y = np.int64(state.x) - np.int64(state.look_x), np.int64(state.y) - np.int64(state.look_y)
    felt[AGE] = state.age
    felt[BUMP] = state.bump
    felt[CARRYING] = state.carrying
    felt[AHEAD] = x * FORWARD_X[direction] + y * FORWARD_Y[direction]
    felt[ASIDE] = x * FORWARD_X[right] + y * FORWARD_Y[right]
    felt[TURNED] = (np.int64(state.direction) - direction) & 3


def with_felt(base: Kernel, frame_stack: int) -> Kernel:
    """A kernel that fills the fields of a Dict with what is felt, from one that fills the direction."""

    def tell(state, observation, config):
        base(state, observation, config)
        feel(state, config)
        felt = state.felt[0]
        observation.age[0] = felt[AGE]
        observation.bump = np.int64(felt[BUMP])
        observation.carrying = number_of(np.int64(felt[CARRYING]))
        observation.moved[0] = felt[AHEAD]
        observation.moved[1] = felt[ASIDE]
        observation.turned = np.int64(felt[TURNED])

    def tell_all(state, observation, config):
        base(state, observation, config)
        feel(state, config)
        for k in range(config.frame_stack):
            felt = state.felt[slot(state, k, config)]
            observation.age[k, 0] = felt[AGE]
            observation.bump[k] = felt[BUMP]
            observation.carrying[k] = number_of(np.int64(felt[CARRYING]))
            observation.moved[k, 0] = felt[AHEAD]
            observation.moved[k, 1] = felt[ASIDE]
            observation.turned[k] = felt[TURNED]

    return tell if frame_stack == 1 else tell_all


def flat(take: Kernel) -> Kernel:
    """Every frame's image, direction one-hot and what is felt, `(frame_stack, numbers)` or `(numbers,)`."""

    def observe(state, observation, config):
        take(state, config)
        remember(state, config)
        feel(state, config)
        numbers, cells = observation.reshape(observation.size), config.seen_cells
        for k in range(config.frame_stack):
            place = slot(state, k, config)
            start = k * (3 * cells + 4 + FLAT_NUMBERS)
            show_flat(state.frames[place], numbers, start, cells)
            tell_flat(state.felt[place], numbers, start + 3 * cells + 4)

    return observe


def tell_flat(felt, numbers, start):
    """Write what was felt in a step as ten numbers."""
    carried = np.int64(felt[CARRYING])
    numbers[start] = min(np.int64(felt[AGE]), OLDEST)
    numbers[start + 1] = felt[BUMP]
    numbers[start + 2] = carried & KIND
    numbers[start + 3] = carried >> 4 & 7
    numbers[start + 4] = felt[AHEAD]
    numbers[start + 5] = felt[ASIDE]
    for k in range(4):
        numbers[start + 6 + k] = 1 if k == felt[TURNED] else 0
