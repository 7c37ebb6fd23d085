"""The robot gridworld does what MiniGrid's own package does, step by step.

`python -m benchmarks.proofs.robot_parity` plays 240 episodes of every id.
"""

from collections import Counter

import gymnasium as gym
import numpy as np
import pytest
from minigrid_oracle import (
    FORWARD,
    MINIGRIDS,
    ONE_EACH,
    Ours,
    Pilot,
    RandomWorld,
    at_random,
    numbers,
    oracle,
    play,
    position,
    theirs_of,
)

EPISODES, LONGEST = 4, 150
ROOM = "rl_lab/Robot-Empty-8x8-v0"


@pytest.mark.parametrize("id", [id for id in ONE_EACH if id in MINIGRIDS])
def test_episodes_in_lock_step(id):
    limit = min(theirs_of(id).max_steps, LONGEST)
    theirs, ours, pilot, seen = theirs_of(id, max_steps=limit), Ours(id, max_steps=limit), Pilot(), Counter()
    for start in (oracle.from_theirs, oracle.from_cluttered, oracle.from_ours):
        seen += sum((play(theirs, ours, pilot, seed, start) for seed in range(EPISODES)), Counter())
    assert seen["successes"] >= (3 if "Playground" not in id else 0)


@pytest.mark.parametrize("id", MINIGRIDS)
def test_limits_and_occlusion_default_to_minigrids(id):
    theirs, ours = theirs_of(id), Ours(id)
    config = ours.lanes.config[0]
    assert (config["width"], config["height"]) == (theirs.width, theirs.height)
    assert config["max_steps"] == theirs.max_steps
    assert config["see_through_walls"] == theirs.see_through_walls
    assert ours.action_space.n == theirs.action_space.n


@pytest.mark.parametrize("see_through_walls", [False, True])
def test_worlds_in_which_anything_lies_anywhere(see_through_walls):
    seen = Counter()
    for width, height in [(5, 5), (9, 7), (7, 9), (18, 12), (25, 25), (23, 41)]:
        theirs = RandomWorld(width, height, see_through_walls, max_steps=80)
        ours = Ours(ROOM, size=max(width, height), max_steps=80, see_through_walls=see_through_walls)
        seen += sum((play(theirs, ours, at_random, seed) for seed in range(15)), Counter())
    assert min(seen[event] for event in ("unlocked", "pickups", "drops", "terminated", "truncated")) >= 5, seen


def test_a_goal_in_the_last_step_ends_twice():
    id = "rl_lab/Robot-Empty-5x5-v0"
    theirs, ours = theirs_of(id), Ours(id)
    theirs.reset(seed=0)
    theirs.agent_pos, theirs.agent_dir, theirs.step_count = (2, 3), 0, theirs.max_steps - 1
    ours.reset(options=position(theirs))
    assert theirs.step(FORWARD)[1:4] == ours.step(FORWARD)[1:4] == (pytest.approx(0.1), True, True)


def test_a_carried_box_keeps_what_is_in_it():
    theirs, ours = RandomWorld(7, 7, False, max_steps=1000), Ours(ROOM, size=7, see_through_walls=False)
    for seed in range(1000):
        theirs.reset(seed=seed)
        ahead = theirs.grid.get(*theirs.front_pos)
        if ahead is not None and ahead.contains is not None and theirs.grid.get(*theirs.agent_pos) is None:
            break
    inside = numbers(ahead.contains)
    ours.reset(options=position(theirs))
    for action in (3, 0, 0, 0, 0, 4, 5):  # pick up, turn around, drop, toggle
        observation, image = theirs.step(action)[0], ours.step(action)[0]["image"]
        assert np.array_equal(observation["image"], image)
    assert tuple(image[3, 5, :2]) == inside


def test_text_and_picture_are_those_of_minigrid():
    theirs = RandomWorld(9, 7, False, max_steps=60)
    arguments = {"size": 9, "see_through_walls": False, "observation": "dict"}
    text = gym.make(ROOM, render_mode="ansi", **arguments).unwrapped
    image = gym.make(ROOM, render_mode="rgb_array", **arguments).unwrapped
    for seed in range(5):
        theirs.reset(seed=seed)
        text.reset(options=position(theirs))
        image.reset(options=position(theirs))
        assert text.render().split("\n")[:-1] == theirs.pprint_grid().split("\n")
        frame, wanted = image.render(), theirs.get_frame(tile_size=32)
        assert frame.shape == wanted.shape
        tiles = np.abs(frame.astype(float) - wanted).reshape(7, 32, 9, 32, 3).mean(axis=(1, 3, 4))
        assert tiles.max() < 4  # of 255, in every tile: drawn in our own way, and as light where the robot sees
