"""Loads damaged states and plays on from those that are accepted; a program of its own, since a crash would end it.

    python fuzzed_states.py ID SEED [ARGUMENT=VALUE ...]

prints how many states were refused and how many accepted, and ends with an error where an accepted one cannot be
played or saved and loaded again.
"""

import ast
import sys

import gymnasium as gym
import numpy as np

import rl_lab  # noqa: F401  registers the environments
from rl_lab.errors import LabError

LANES, PLAYED, AFTER = 4, 15, 25
FOUND = {"refused": 0, "accepted": 0}


def damaged(values, rng):
    """A field with one of its numbers changed, or all of its bytes."""
    raw = np.ascontiguousarray(values).view(np.uint8).reshape(-1).copy()
    width, kind = values.dtype.itemsize, rng.integers(6)
    first = int(rng.integers(len(raw) // width)) * width
    if kind == 0:
        raw[:] = rng.integers(0, 256, len(raw))
    elif kind == 1:
        raw[first : first + width] = 255  # -1, the largest, or NaN
    elif kind == 2:
        raw[first : first + width] = [0] * (width - 1) + [127]  # huge
    elif kind == 3:
        raw[first : first + width] = rng.integers(0, 256, width)
    elif kind == 4:
        raw[first] ^= np.uint8(1 << rng.integers(8))
    else:
        raw[first : first + width] = 0
    return raw.view(values.dtype).reshape(values.shape)


def leaves(records, path=()):
    """Paths of all fields, those of records inside records too."""
    for name in records.dtype.names:
        if records[name].dtype.names:
            yield from leaves(records[name], (*path, name))
        else:
            yield (*path, name)


def play(env, rng, steps):
    """Play at random; the action mask is kept to."""
    for _ in range(steps):
        masks = env.unwrapped.lanes.masks
        actions = env.action_space.sample()
        if masks.shape[1]:
            actions = np.array([rng.choice(np.flatnonzero(mask)) for mask in masks])
        env.step(actions)


def main(name, seed, *arguments):
    rng = np.random.default_rng(int(seed))
    kwargs = {key: ast.literal_eval(value) for key, value in (argument.split("=") for argument in arguments)}
    tries = kwargs.pop("tries", 8)
    env = gym.make_vec(name, num_envs=LANES, autoreset_mode="SameStep", **kwargs)
    env.reset(seed=int(seed))
    play(env, rng, PLAYED)
    honest = env.unwrapped.save_state()
    for path in leaves(honest):
        for _ in range(tries):
            states, lane = honest.copy(), int(rng.integers(LANES))
            record = states[lane : lane + 1]
            for part in path[:-1]:
                record = record[part]
            record[path[-1]] = damaged(record[path[-1]], rng)
            before = env.unwrapped.save_state().tobytes()
            try:
                env.unwrapped.load_state(states)
            except LabError:
                FOUND["refused"] += 1
                assert env.unwrapped.save_state().tobytes() == before, "a refused state changed something"
                continue
            FOUND["accepted"] += 1
            print(f"accepted {'.'.join(path)}", file=sys.stderr, flush=True)
            play(env, rng, AFTER)
            env.unwrapped.load_state(env.unwrapped.save_state())
    print(FOUND)


if __name__ == "__main__":
    main(*sys.argv[1:])
