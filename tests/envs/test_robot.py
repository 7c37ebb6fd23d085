"""The robot gridworld as people use it: observations, spaces, drawing, arguments, memory."""

import doctest
import warnings

import gymnasium as gym
import minigrid
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st

from rl_lab.envs import robot
from rl_lab.envs.robot import cells, missions
from rl_lab.envs.robot.registration import ENVIRONMENTS
from rl_lab.errors import LabError

assert minigrid  # importing it registers its environments
DOOR_KEY, RANDOM = "rl_lab/Robot-DoorKey-8x8-v0", "rl_lab/Robot-Empty-Random-6x6-v0"
SMALL = "rl_lab/Robot-DoorKey-5x5-v0"


@pytest.mark.parametrize("module", [robot, missions])
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0
    assert doctest.testmod(module).attempted > 0


def test_ids_are_those_of_minigrid():
    wanted = {id for id in gym.registry if id.startswith(("MiniGrid-Empty", "MiniGrid-DoorKey"))}
    assert {id.replace("rl_lab/Robot-", "MiniGrid-") for id in ENVIRONMENTS} == wanted


def test_registering_imports_no_kernels(python):
    python("import rl_lab, sys; assert not {'rl_lab.envs.robot.camera', 'numba', 'torch'} & set(sys.modules)")


@pytest.mark.parametrize("id", [DOOR_KEY, RANDOM])
def test_flat_is_the_image_and_the_direction_of_dict(id):
    flat, parts = (gym.make_vec(id, num_envs=16, observation=kind, max_steps=50) for kind in ("flat", "dict"))
    rows, fields = flat.reset(seed=3)[0], parts.reset(seed=3)[0]
    actions = np.random.default_rng(0).integers(0, 7, (200, 16))
    for action in actions:
        assert np.array_equal(rows[:, :147], fields["image"].reshape(16, 147))
        assert np.array_equal(rows[:, 147:], np.eye(4)[fields["direction"]])
        assert rows in flat.observation_space
        assert fields in parts.observation_space
        rows, fields = flat.step(action)[0], parts.step(action)[0]


def test_missions_are_text_in_one_environment_and_tokens_in_a_batch():
    one, batch = gym.make(DOOR_KEY, observation="dict"), gym.make_vec(DOOR_KEY, num_envs=2, observation="dict")
    mission = one.reset(seed=0)[0]["mission"]
    assert mission == gym.make("MiniGrid-DoorKey-8x8-v0").reset()[0]["mission"]
    for row in batch.reset(seed=0)[0]["mission"]:
        assert row.tolist() == missions.tokens(mission).tolist()


@pytest.mark.parametrize("observation", ["flat", "dict"])
@pytest.mark.parametrize("id", [DOOR_KEY, RANDOM])
def test_gymnasiums_checker_passes(id, observation):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(id, observation=observation, render_mode="ansi").unwrapped)


@pytest.mark.parametrize("id", [DOOR_KEY, RANDOM])
def test_stable_baselines_checker_passes(id):
    from stable_baselines3.common.env_checker import check_env as check_for_sb3

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_for_sb3(gym.make(id).unwrapped)


@pytest.mark.parametrize("observation", ["flat", "dict"])
@pytest.mark.parametrize(("id", "arguments"), [(SMALL, {"max_steps": 60}), (RANDOM, {})])
def test_plain_python_is_the_same_program(id, arguments, observation):
    plain, machine = (
        gym.make_vec(id, num_envs=1, observation=observation, debug=debug, **arguments).unwrapped
        for debug in (True, False)
    )
    for env in (plain, machine):
        env.reset(seed=1)
    for action in np.random.default_rng(1).integers(0, 7, (1_000, 1)):
        plain.step(action)
        machine.step(action)
        assert plain.save_state().tobytes() == machine.save_state().tobytes()
        assert plain.lanes.observations.tobytes() == machine.lanes.observations.tobytes()


def test_four_thousand_lanes_take_under_50_mb():
    for size in (8, 16, 41):
        lanes = gym.make_vec(DOOR_KEY, num_envs=4096, size=size).unwrapped.lanes
        arrays = [value for value in vars(lanes).values() if isinstance(value, np.ndarray)]
        assert sum(array.nbytes for array in arrays) < 50e6


def test_frames_have_the_size_that_was_asked_for_and_lighten_what_is_seen():
    env = gym.make(DOOR_KEY, render_mode="rgb_array", tile_size=8)
    env.reset(seed=0)
    frame = env.render()
    assert frame.shape == (64, 64, 3)
    assert frame.dtype == np.uint8
    through = gym.make(DOOR_KEY, render_mode="rgb_array", tile_size=8, see_through_walls=True)
    through.reset(seed=0)
    lighter = through.render() != frame
    assert lighter.any()
    assert (through.render()[lighter] > frame[lighter]).all()


def test_text_shows_mission_and_hands():
    env = gym.make(DOOR_KEY, render_mode="ansi")
    env.reset(seed=0)
    *rows, status = env.render().split("\n")
    assert [len(row) for row in rows] == [16] * 8
    assert status == "use the key to open the door and then get to the goal; carrying nothing; step 0"


def test_episodes_are_recorded_as_video(tmp_path):
    env = gym.make(RANDOM, render_mode="rgb_array", max_steps=5)
    env = gym.wrappers.RecordVideo(env, str(tmp_path / "videos"), episode_trigger=lambda episode: True)
    env.reset(seed=0)
    for _ in range(5):
        env.step(0)
    env.close()
    assert [file.stat().st_size > 1000 for file in tmp_path.glob("videos/*.mp4")] == [True]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": 4}, "size=4 .* from 5 to 41"),
        ({"size": 42}, "size=42"),
        ({"size": 8.0}, "size=8.0"),
        ({"size": True}, "size=True"),
        ({"max_steps": 0}, "max_steps=0"),
        ({"max_steps": -5}, "max_steps=-5"),
        ({"observation": "pixels"}, "observation='pixels' .* flat, dict"),
        ({"see_through_walls": "no"}, "see_through_walls='no' .* True or False"),
        ({"tile_size": 0}, "tile_size=0"),
        ({"colour": "red"}, "'colour'"),
    ],
)
def test_arguments_that_are_not_allowed(arguments, words):
    with pytest.raises(LabError, match=words):
        gym.make(DOOR_KEY, **arguments)


def test_empty_rooms_have_their_own_smallest_size_and_flag():
    with pytest.raises(LabError, match=r"size=3 .* from 4 to 41"):
        gym.make(RANDOM, size=3)
    with pytest.raises(LabError, match=r"random_start=1 .* True or False"):
        gym.make(RANDOM, random_start=1)
    env = gym.make_vec(RANDOM, num_envs=50, size=4)
    env.reset(seed=0)
    poses = env.unwrapped.lanes.states[["x", "y"]]
    assert {tuple(int(n) for n in pose) for pose in poses} == {(1, 1), (2, 1), (1, 2)}


VALID = st.one_of(
    st.just((cells.EMPTY, 0, 0)),
    st.tuples(st.sampled_from([2, 3, 5, 6, 7, 8, 9]), st.integers(0, 5), st.just(0)),
    st.tuples(st.just(cells.DOOR), st.integers(0, 5), st.integers(0, 2)),
)


@given(st.lists(VALID, min_size=1))
def test_a_byte_holds_a_cell(encoding):
    packed = cells.pack(np.array(encoding))
    assert packed.dtype == np.uint8
    assert cells.unpack(packed).tolist() == [list(cell) for cell in encoding]


@given(st.lists(st.sampled_from(missions.VOCABULARY[1:]), max_size=20))
def test_tokens_hold_a_mission(words):
    assert missions.text(missions.tokens(" ".join(words))) == " ".join(words)
