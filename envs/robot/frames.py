"""Observations that remember: the last few things that were seen, shown together, each in the form that was asked for.

`state.frames` is a ring of as many frames as are stacked. The frame of a step has a place of its own, so that to
observe twice changes nothing; frames from before the episode are its first one, as in Gymnasium's
`FrameStackObservation`. A frame is the bytes of `state.seen`, then the direction and what is carried.

Each function here makes the kernel of an observation out of the kernel that fills `state.seen`.
"""

from collections.abc import Callable

import numpy as np

from rl_lab.envs.robot.camera import encode
from rl_lab.envs.robot.cells import AGENT, CLOSED_DOOR, DOOR, EMPTY, KEY, KIND, OBJECTS

Kernel = Callable[..., None]
BITS_OF_OBJECT, BITS_OF_COLOUR = len(OBJECTS), 6  # of a cell in one-hot; its state has three more
BITS = BITS_OF_OBJECT + BITS_OF_COLOUR + 3
CARRIED = 1 + 3 * BITS_OF_COLOUR  # nothing, or a key, a ball or a box in a colour


def first_step(state):
    """The step before which nothing was seen in this episode; it began there, or was put there by options."""
    if state.steps == 0:
        state.first_frame = 0
    return np.int64(state.first_frame)


def slot(state, k, config):
    """The place in the ring of the k-th frame that is shown, the oldest first."""
    step = np.int64(state.steps) - (config.frame_stack - 1) + k
    first = np.int64(state.first_frame)
    return (step if step > first else first) % config.frame_stack


def remember(state, config):
    """Put what is seen now into the ring."""
    first_step(state)
    frame = state.frames[np.int64(state.steps) % config.frame_stack]
    for k in range(config.seen_cells):
        frame[k] = state.seen[k]
    frame[config.seen_cells] = state.direction
    frame[config.seen_cells + 1] = state.carrying


def flat(take: Kernel) -> Kernel:
    """Every frame's image and direction one-hot, `(frame_stack, numbers)` or `(numbers,)`."""

    def observe(state, observation, config):
        take(state, config)
        remember(state, config)
        numbers, cells = observation.reshape(observation.size), config.seen_cells
        for k in range(config.frame_stack):
            show_flat(state.frames[slot(state, k, config)], numbers, k * (3 * cells + 4), cells)

    return observe


def show_flat(frame, numbers, start, cells):
    """Write a frame of so many cells into `numbers`, from `start` on: its image, then the direction one-hot."""
    encode(frame, numbers, start, cells)
    direction = np.int64(frame[cells])
    for d in range(4):
        numbers[start + 3 * cells + d] = 1 if d == direction else 0


def parts(take: Kernel, picture: Kernel, feel: Kernel) -> Kernel:
    """A Dict of images, what else is sensed, and the mission's tokens.

    `take` fills `state.seen`, `picture` is one of the functions below that show a frame, `feel` fills the other fields.
    """

    def observe(state, observation, config):
        take(state, config)
        remember(state, config)
        image = observation.image.reshape(observation.image.size)
        for k in range(config.frame_stack):
            picture(state.frames[slot(state, k, config)], image, k, config)
        feel(state, observation, config)
        for k in range(state.mission.shape[0]):
            observation.mission[k] = state.mission[k]

    return observe


def show_numbers(frame, image, k, config):
    """Object, colour and state of every cell, into the k-th image."""
    encode(frame, image, 3 * k * config.seen_cells, config.seen_cells)


def show_world(frame, image, k, config):
    """The same of a whole world, the robot in it: its colour is red, its state where it faces."""
    start = 3 * k * config.seen_cells
    encode(frame, image, start, config.seen_cells)
    for n in range(config.seen_cells):
        if frame[n] & KIND == AGENT:
            image[start + 3 * n + 2] = image[start + 3 * n + 1]
            image[start + 3 * n + 1] = 0


def show_bits(frame, image, k, config):
    """Object, colour and state of every cell one-hot, as MiniGrid's `OneHotPartialObsWrapper` has them."""
    start = BITS * k * config.seen_cells
    for n in range(BITS * config.seen_cells):
        image[start + n] = 0
    for n in range(config.seen_cells):
        cell = np.int64(frame[n])
        kind, first = cell & KIND, start + BITS * n
        shut = kind >= CLOSED_DOOR
        image[first + (DOOR if shut else kind)] = 1
        image[first + BITS_OF_OBJECT + (cell >> 4 & 7)] = 1
        image[first + BITS_OF_OBJECT + BITS_OF_COLOUR + (kind - (CLOSED_DOOR - 1) if shut else 0)] = 1


def feel_direction(state, observation, config):
    """Where the robot faces."""
    observation.direction = np.int64(state.direction)


def feel_directions(state, observation, config):
    """Where it faced in every frame."""
    for k in range(config.frame_stack):
        observation.direction[k] = state.frames[slot(state, k, config), config.seen_cells]


def feel_hands(state, observation, config):
    """Where the robot faces, and the number of what it carries."""
    observation.direction = np.int64(state.direction)
    observation.carrying = number_of(np.int64(state.carrying))


def feel_all_hands(state, observation, config):
    """The same in every frame."""
    for k in range(config.frame_stack):
        frame = state.frames[slot(state, k, config)]
        observation.direction[k] = frame[config.seen_cells]
        observation.carrying[k] = number_of(np.int64(frame[config.seen_cells + 1]))


def number_of(cell):
    """The number of a thing that is carried: 0 nothing, then keys, balls and boxes, each in six colours."""
    kind = cell & KIND
    return np.int64(0) if kind == EMPTY else 1 + BITS_OF_COLOUR * (kind - KEY) + (cell >> 4 & 7)


def tabular(index: Callable[..., int]) -> Kernel:
    """Numbers of states; `index(state, config)` is that of the present one."""

    def observe(state, observation, config):
        first_step(state)
        state.codes[np.int64(state.steps) % config.frame_stack] = index(state, config)
        for k in range(config.frame_stack):
            observation[k] = state.codes[slot(state, k, config)]

    return observe
