"""Small environments that use what the framework offers: masks, records, dicts, several spaces, every kind of end."""

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete

from rl_lab import random
from rl_lab.envs import Definition

ITEM = np.dtype([("kind", "i1"), ("weight", "f8")], align=True)
GATHER = np.dtype([("place", "i1"), ("cells", "u1", (3, 4)), ("items", ITEM, (2,)), ("bag", ITEM)], align=True)
WEIGHTS = np.array([0.5, 1.25, 2.0])


def gather_reset(state, config):
    state.place = random.integers(state.random, 0, 3)
    for row in range(3):
        for column in range(4):
            state.cells[row, column] = random.integers(state.random, 0, 3)
    for i in range(2):
        state.items[i].kind = random.integers(state.random, 0, 3)
        state.items[i].weight = WEIGHTS[state.items[i].kind]
    state.bag.kind = 0
    state.bag.weight = 0.0


def gather_step(state, action, config):
    if action == 3:
        return -1.5, random.random(state.random) < config.danger
    place = min(max(np.int64(state.place) + action - 1, 0), 2)
    state.place = place
    found = np.int64(state.cells[place, state.steps % 4])
    state.bag.kind = found
    state.bag.weight += state.items[found % 2].weight
    return found, state.bag.weight > config.capacity


def gather_observe(state, observation, config):
    observation.place = state.place
    for row in range(3):
        for column in range(4):
            observation.cells[row, column] = state.cells[row, column]
    observation.weights[0] = state.bag.weight
    observation.weights[1] = state.items[0].weight


def gather_mask(state, mask, config):
    mask[0] = state.place > 0
    mask[1] = True
    mask[2] = state.place < 2
    mask[3] = state.steps > 2


def gather(max_steps=12, capacity=14.0, danger=0.3):
    """Walk among cells; the mask knows the ends of the row, the bag or the danger ends the episode."""
    return Definition(
        name="Gather",
        state=GATHER,
        config={"max_steps": max_steps, "capacity": capacity, "danger": danger},
        reset=gather_reset,
        step=gather_step,
        observe=gather_observe,
        observation_space=Dict(
            place=Discrete(3), cells=Box(0, 2, (3, 4), np.uint8), weights=Box(0.0, 100.0, (2,), np.float32)
        ),
        action_space=Discrete(4),
        action_mask=gather_mask,
        render=lambda state, config, mode: f"at {state.place}",
        render_modes=("ansi",),
    )


def glide_reset(state, config):
    for i in range(2):
        state.position[i] = random.normal(state.random)


def glide_step(state, action, config):
    for i in range(2):
        state.position[i] += 0.5 * action[i]
    distance = abs(state.position[0]) + abs(state.position[1])
    return -distance, distance > 3.0


def glide_observe(state, observation, config):
    observation[0] = state.position[0]
    observation[1] = state.position[1]


def glide_inject(state, config, options):
    state.position[:] = options["position"]


def glide(max_steps=7):
    """A point in the plane, pushed by two numbers."""
    return Definition(
        name="Glide",
        state=np.dtype([("position", "f8", (2,))]),
        config={"max_steps": max_steps},
        reset=glide_reset,
        step=glide_step,
        observe=glide_observe,
        observation_space=Box(-np.inf, np.inf, (2,), np.float32),
        action_space=Box(-1.0, 1.0, (2,), np.float32),
        inject=glide_inject,
    )


def dice_reset(state, config):
    state.value = 0


def dice_step(state, action, config):
    state.value = random.integers(state.random, 0, 1 + action[0] + action[1])
    return 1.0 if state.value else 0.0, state.value == 0


def dice_observe(state, observation, config):
    observation[0] = state.value


def dice():
    """An observation that is one integer, and an action of two."""
    return Definition(
        name="Dice",
        state=np.dtype([("value", "i4")]),
        config={"max_steps": 0},
        reset=dice_reset,
        step=dice_step,
        observe=dice_observe,
        observation_space=Discrete(9),
        action_space=MultiDiscrete([4, 5]),
    )


ALL = {"gather": gather, "glide": glide, "dice": dice}


def allowed_actions(vector, info, rng):
    """Random actions for all lanes, `(lanes, ...)`, allowed by the mask where there is one."""
    if "action_mask" in info:
        return np.array([rng.choice(np.flatnonzero(mask)) for mask in info["action_mask"]])
    space = vector.single_action_space
    if isinstance(space, Discrete):
        return rng.integers(space.start, space.start + space.n, vector.num_envs)
    if isinstance(space, MultiDiscrete):
        return rng.integers(0, space.nvec, (vector.num_envs, len(space.nvec)))
    return rng.uniform(space.low, space.high, (vector.num_envs, *space.shape)).astype(np.float32)
